"""Rollouts as Markdown, for an incident or a pull request, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from modelctl.domain.comparing import Answer
from modelctl.domain.observations import CANARY, STABLE, Counts, figures_of
from modelctl.domain.rollout_view import RolloutView, ab_verdict
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm, rollout_words as told, words
from modelctl.report.json import dumps, instant, place
from modelctl.report.rollout import NONE
from modelctl.report.rollout_explain import reason_data

SCHEMA = 1
_BARS = 20
_MARKS = {
    Outcome.FAIL: "❌",
    Outcome.PASS: "✅",
    Outcome.INCONCLUSIVE: "❔",
    Outcome.WAIVED: "🔎",
}


def markdown(views: Sequence[RolloutView], at: datetime) -> str:
    """All rollouts as a table."""
    if not views:
        return f"{NONE} · {words.instant(at)}\n"
    lines = [
        gfm.row("model", "environment", "versions", "share", "step", "errors", "waits", "so far"),
        gfm.row(*("---" for _ in range(8))),
        *(_row(view) for view in views),
    ]
    return "\n".join([*lines, "", f"<sub>{words.instant(at)}</sub>"]) + "\n"


def _row(view: RolloutView) -> str:
    cells = (
        told.versions(view),
        f"{view.state.weight} %",
        told.step(view),
        told.errors(view),
        told.waits(view),
        told.verdict(view)[1],
    )
    model = f"**{gfm.plain(view.model)}**"
    return gfm.row(model, gfm.plain(view.environment), *(gfm.plain(cell) for cell in cells))


def detail_markdown(view: RolloutView) -> str:
    """One rollout: a bar of the share, its figures, and each condition."""
    filled = round(view.state.weight * _BARS / 100)
    share = f"`{'█' * filled}{'░' * (_BARS - filled)}` {view.state.weight} %"
    step = f", step {told.step(view)}" if told.step(view) else ""
    wait = f" · waits {gfm.plain(told.waits(view))}" if told.waits(view) else ""
    lines = [
        f"### {gfm.plain(told.title(view))}",
        "",
        f"{share}{step} · {gfm.plain(told.verdict(view)[1])}{wait}",
        *_test(view),
        *_figures(view),
        *_conditions(view.answers),
        *_reasons(view),
    ]
    return "\n".join([*lines, "", f"<sub>{words.instant(view.at)}</sub>"]) + "\n"


def _test(view: RolloutView) -> Iterator[str]:
    if text := told.test(view):
        yield ""
        yield f"A/B test: {gfm.plain(text)}"


def _figures(view: RolloutView) -> Iterator[str]:
    rows = [(name, mine, theirs) for name, mine, theirs in told.measured(view)]
    if not rows:
        return
    rows.append(("requests", told.answered(view, CANARY), told.answered(view, STABLE)))
    yield ""
    yield gfm.row("since the step began", f"new {gfm.plain(view.version)}",
                  f"now {gfm.plain(view.stable or 'nothing')}")  # fmt: skip
    yield gfm.row("---", "--:", "--:")
    yield from (gfm.row(name, mine, theirs) for name, mine, theirs in rows)


def _conditions(answers: Sequence[Answer]) -> Iterator[str]:
    if not answers:
        return
    yield ""
    yield gfm.row("", "condition", "says", "figures", "sure", "then")
    yield gfm.row(*("---" for _ in range(6)))
    for one in answers:
        yield gfm.row(
            _MARKS[told.outcome(one)],
            gfm.code(one.name, cell=True),
            gfm.plain(told.says(one)),
            "<br>".join(gfm.code(value, cell=True) for value in told.values(one)) or "–",
            told.sure(one.confidence) or "–",
            gfm.plain(one.trigger.action),
        )


def _reasons(view: RolloutView) -> Iterator[str]:
    if view.decision is None or not view.open:
        return
    yield ""
    yield f"**Now: {gfm.plain(view.decision.action)}**"
    yield ""
    yield from (f"- {gfm.plain(told.because(one))}" for one in view.decision.reasons)
    yield from (f"- note: {gfm.plain(told.because(one))}" for one in view.decision.notes)


def json(views: Sequence[RolloutView], at: datetime) -> str:
    """All rollouts for programs, each with everything that is known of it."""
    return dumps(
        {"schema": SCHEMA, "at": instant(at), "rollouts": [document(view) for view in views]}
    )


def document(view: RolloutView) -> dict[str, Any]:
    """One rollout as plain values."""
    outcome, text = told.verdict(view)
    decision = view.decision
    return {
        "model": view.model,
        "environment": view.environment,
        "version": view.version,
        "stable": view.stable,
        "strategy": view.plan,
        "phase": view.state.phase,
        "step": view.state.step + 1 if view.steps else None,
        "steps": view.steps,
        "weight": view.state.weight,
        "started": instant(view.started),
        "since": instant(view.state.since),
        "until": instant(view.until),
        "waits": told.waits(view) or None,
        "outcome": outcome.value,
        "verdict": text,
        "problem": view.problem,
        **({"controller": view.controller} if view.controller else {}),
        **_experiment(view),
        "by": list(view.by),
        "sides": {side: side_data(side, counts) for side, counts in view.state.tally.items()},
        "conditions": [_answer(one) for one in view.answers],
        "decision": decision.action if decision else None,
        "reasons": [reason_data(one) for one in decision.reasons] if decision else [],
        "notes": [reason_data(one) for one in decision.notes] if decision else [],
    }


def _experiment(view: RolloutView) -> dict[str, Any]:
    """What its A/B test says by now; nothing where it is none."""
    test, found = view.strategy.experiment if view.strategy else None, ab_verdict(view)
    if test is None or found is None:
        return {}
    return {
        "experiment": {
            "primary": test.primary,
            "method": test.method,
            "minimum_sample": test.minimum_sample,
            "outcome": found.outcome,
            "message": found.message,
            "confidence": found.confidence,
            "effect": found.effect,
            "lower": found.lower,
            "upper": found.upper,
            "guardrails": [
                {"metric": rail.metric, **_answer(one)}
                for rail in test.guardrails
                for one in view.answers
                if one.trigger is rail.trigger
            ],
        }
    }


def side_data(side: str, counts: Counts) -> dict[str, Any]:
    """The counts of a side as plain values, and the figures that they make."""
    figures = figures_of(side, counts)
    return {
        "requests": counts.requests,
        "errors": counts.errors,
        "labelled": counts.labelled,
        "correct": counts.correct,
        **{
            name: figures.get(f"{side}.{name}")
            for name in (*told.FIGURES,)
        },
    }  # fmt: skip


def _answer(one: Answer) -> dict[str, Any]:
    return {
        "name": one.name,
        "when": one.trigger.when.source,
        "action": one.trigger.action,
        "holds": None if one.undecided is not None else one.holds,
        "undecided": one.undecided,
        "values": dict(one.values),
        "confidence": one.confidence,
        "policy": place(one.trigger.location),
    }

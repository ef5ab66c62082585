"""What all formats say of a rollout: how it stands, what it waits for, what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from modelctl.domain.comparing import Answer, sureness
from modelctl.domain.observations import CANARY, STABLE, Counts, figures_of
from modelctl.domain.rollout_events import PAUSED as PAUSED_EVENT, Rollout, event_told
from modelctl.domain.rollout_state import (
    DONE,
    GOING_BACK,
    PAUSED,
    ROLL_BACK,
    ROLLED_BACK,
    SUPERSEDED,
    WAITING,
    Reason,
)
from modelctl.domain.rollout_view import (
    Awaited,
    RolloutView,
    ab_verdict,
    awaited,
    earliest,
    silent_for,
)
from modelctl.domain.triggers import ADVANCE
from modelctl.domain.verdict import Outcome
from modelctl.report import words

ROLLBACK_FILE = "rollback.yaml"
PLANS_OWN = frozenset({"duration", "requests", "patience", "pause"})
"""Reasons that are no condition's: the plan itself asks for time, requests, data or a person."""

FIGURES = {
    "error_rate": "errors",
    "latency_p50_ms": "p50",
    "latency_p95_ms": "p95",
    "latency_p99_ms": "p99",
    "accuracy": "accuracy",
}
_ENDED = {
    GOING_BACK: (Outcome.FAIL, "going back"),
    ROLLED_BACK: (Outcome.FAIL, "rolled back"),
    SUPERSEDED: (Outcome.WAIVED, "superseded"),
    DONE: (Outcome.PASS, "finished"),
}
_STILL = timedelta(minutes=1)


def verdict(view: RolloutView) -> tuple[Outcome, str]:
    """How it goes so far, in a few words."""
    if view.state.phase in _ENDED:
        return _ENDED[view.state.phase]
    if view.problem is not None and view.controller is None:
        return Outcome.INCONCLUSIVE, "its figures can't be had"
    if view.decision is not None and view.decision.action == ROLL_BACK:
        return Outcome.FAIL, f"to be rolled back: {_names(view.decision.reasons)}"
    if view.controller is not None:
        return Outcome.INCONCLUSIVE, view.controller
    if view.counts(CANARY) is None:
        silent = silent_for(view)
        still = f" for {words.span(silent)}" if silent and silent >= _STILL else " yet"
        return Outcome.INCONCLUSIVE, f"no figures{still}"
    return _held(view) or (Outcome.PASS, "nothing is wrong so far")


def _held(view: RolloutView) -> tuple[Outcome, str] | None:
    """What keeps it where it is beside its plan; None where nothing does."""
    reasons = view.decision.reasons if view.decision else ()
    held = [one for one in reasons if one.name not in PLANS_OWN]
    if held:
        return Outcome.INCONCLUSIVE, f"held: {_names(held)}"
    if view.state.phase in (PAUSED, WAITING):
        return Outcome.PENDING, "paused" if view.state.phase == PAUSED else "waits for a person"
    return None


def _names(reasons: Sequence[Reason]) -> str:
    return words.names(list(dict.fromkeys(one.name for one in reasons))) or "by its plan"


def waits(view: RolloutView) -> str:
    """`until 14:05 UTC, in 3 h; for 188 more requests`; empty where it waits for nothing."""
    someone = person(view)
    told = [someone] if someone is not None else []
    others = (one for one in awaited(view) if not one.what.startswith("a person"))
    return "; ".join((*told, *(_wait(one, view) for one in others)))


def _wait(one: Awaited, view: RolloutView) -> str:
    if one.until is not None:
        return f"until {words.deadline(one.until, view.at)}"
    if one.of is not None:
        return f"for {words.count(round(one.of - (one.done or 0)), 'more request')}"
    return f"for {one.what}"


def step(view: RolloutView) -> str:
    """`2/4`; empty where there are no steps."""
    number = view.steps
    return f"{min(view.state.step + 1, number)}/{number}" if number else ""


def versions(view: RolloutView) -> str:
    """`1.0.0 → 1.1.0`."""
    return f"{view.stable or 'nothing'} → {view.version}"


def title(view: RolloutView) -> str:
    """`tumor-classifier in production: 1.0.0 → 1.1.0`."""
    return f"{view.model} in {view.environment}: {versions(view)}"


def measured(view: RolloutView) -> Iterator[tuple[str, str, str]]:
    """Each figure that either side has since the step began: its name, the new version's, and what
    it takes over from."""
    for name, short in FIGURES.items():
        mine, theirs = (figure(side, view.counts(side), name) for side in (CANARY, STABLE))
        if mine is not None or theirs is not None:
            yield short, shown(name, mine), shown(name, theirs)


def shown(name: str, value: float | None) -> str:
    """A figure with its unit: `0.31 %`, `64 ms`; `–` where nobody measured it."""
    if value is None:
        return "–"
    if name.endswith("_ms"):
        return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"
    return f"{100 * value:.3g} %"


def errors(view: RolloutView) -> str:
    """`0.31 % | 0.29 %`: the new version's share of failed requests, and the other's."""
    found = {name: (mine, theirs) for name, mine, theirs in measured(view)}
    return " against ".join(found.get("errors", ("–", "–")))


def answered(view: RolloutView, side: str) -> str:
    """How many requests were counted on a side: `12,345`."""
    counts = view.counts(side)
    return f"{round(counts.requests):,}" if counts else "–"


def outcome(answer: Answer) -> Outcome:
    """How a condition stands: what holds is a finding, to act on or to look into."""
    if answer.trigger.action == ADVANCE and answer.undecided is None:  # it must hold to go on
        return Outcome.PASS if answer.holds is True else Outcome.INCONCLUSIVE
    if answer.holds is True:
        return Outcome.FAIL if answer.trigger.holds_when_undecided else Outcome.WAIVED
    return Outcome.PASS if answer.holds is False else Outcome.INCONCLUSIVE


def says(answer: Answer) -> str:
    """What a condition says, in words."""
    if answer.undecided is not None:
        return answer.undecided
    told = "holds" if answer.holds is True else "not met"
    return f"{told}: {answer.trigger.because}" if answer.trigger.because else told


def by_whom(answer: Answer) -> str:
    """What a condition comes to, or the file that has it for whatever serves."""
    file = answer.trigger.location.file
    return ROLLBACK_FILE if file.endswith(f"/{ROLLBACK_FILE}") else answer.trigger.action


def resume(view: RolloutView) -> str:
    """What a person types to have it go on."""
    return f"modelctl rollout resume {view.model} --env {view.environment} --reason …"


def person(view: RolloutView) -> str | None:
    """`paused by ben, 2 min ago: looking`; None where it waits for nobody."""
    phase, last = view.state.phase, view.last
    if phase not in (PAUSED, WAITING):
        return None
    told = "paused" if phase == PAUSED else "for a person"
    if phase == PAUSED and last is not None and last.kind == PAUSED_EVENT:
        by = f" by {last.by}" if last.by else ""
        why = f": {last.reason}" if last.reason else ""
        return f"{told}{by}, {words.age(last.at, view.at)}{why}"
    return told


def test(view: RolloutView) -> str:
    """`undecided: canary has seen 400 of 10,000 requests`; empty where nothing is tested."""
    found = ab_verdict(view)
    if found is None:
        return ""
    return found.message if found.effect is not None else f"{found.outcome}: {found.message}"


def course(view: RolloutView) -> Iterator[tuple[str, bool]]:
    """The weights of its plan, each with whether it stands there: `5 ✓`, `25 ✓`, `50`, `100`."""
    for index, one in enumerate(view.strategy.steps if view.strategy else ()):
        here = index == view.state.step
        yield f"{one.weight} ✓" if index < view.state.step else f"{one.weight}", here


def pace(view: RolloutView) -> str:
    """`1 min at this step; ends 14:05 UTC, in 3 h at the earliest`; empty where it is over."""
    if not view.open or not view.steps:
        return ""
    here = f"{words.span(view.at - view.state.since)} at this step"
    end = earliest(view)
    return f"{here}; ends {words.deadline(end, view.at)} at the earliest" if end else here


def outcome_of(rollout: Rollout, at: datetime) -> str:
    """`production: tumor-classifier 1.2.0 rolled back 4 min ago, see modelctl rollout explain …`"""
    last = rollout.end or rollout.last
    when = words.age(rollout.until or last.at, at)
    told = event_told(last.kind, last.weight) if rollout.end is not None else "superseded"
    return (
        f"{rollout.environment}: {rollout.model} {rollout.version} {told} {when}, see modelctl "
        f"rollout explain {rollout.model} --env {rollout.environment}"
    )


def sure(confidence: float | None) -> str:
    """`95 %`; empty where chance has no part."""
    return "" if confidence is None else f"{100 * float(sureness(confidence)):.12g} %"


def values(answer: Answer) -> Iterator[str]:
    """`canary.error_rate 0.031 (0.026 to 0.037)`, …"""
    yield from (f"{name} {text}" for name, text in answer.values.items())


def because(reason: Reason) -> str:
    """A reason as one text: `error-rate: canary.error_rate is 0.031 (…), at 0.95 confidence`."""
    return f"{reason.name}: {reason.message}"


def figure(side: str, counts: Counts | None, metric: str) -> float | None:
    """A figure of a side's counts; None where nobody measured it."""
    value = figures_of(side, counts).get(f"{side}.{metric}") if counts is not None else None
    return value if isinstance(value, float) else None

"""A rollout told from the ledger: each event with its reasons, and whether they come out again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelctl.domain.rollout_events import Rollout
from modelctl.domain.rollout_state import Reason
from modelctl.domain.rollout_view import OTHER, SAME, Explanation, Retold
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm, rollout_words as told, words
from modelctl.report.json import dumps, instant, place
from modelctl.report.look import Look, indent, ink, paint
from modelctl.report.rollout import reasons

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SCHEMA = 1
_STYLES = {
    "started": "cyan",
    "advanced": "green",
    "finished": "green",
    "resumed": "green",
    "paused": "yellow",
    "waiting": "yellow",
    "going-back": "red",
    "rolled-back": "bold red",
}
_AGAIN = {
    SAME: (Outcome.PASS, "recomputed: the same"),
    OTHER: (Outcome.FAIL, "recomputed: something else comes out"),
    None: (Outcome.WAIVED, "nothing to recompute"),
}


def terminal(explanation: Explanation, look: Look | None = None) -> str:
    """The whole story as text for `look`."""
    look = look or Look()
    rollout = explanation.rollout
    head = ink(look, (title(rollout), "bold"), (f"  {rollout.strategy}", "dim"))
    parts: list[RenderableType] = [head]
    for one in explanation.events:
        parts += ["", *_event(one, look)]
    return paint(look, [*parts, "", ink(look, (summary(explanation), "bold"))])


def title(rollout: Rollout) -> str:
    """`tumor-classifier in production: 1.0.0 → 1.1.0`."""
    return f"{rollout.model} in {rollout.environment}: {rollout.stable.version} → {rollout.version}"


def summary(explanation: Explanation) -> str:
    """How many decisions come out again."""
    found = [one.again for one in explanation.events if one.again is not None]
    other = found.count(OTHER)
    if not found:
        return "no decision of it can be recomputed: people made them all"
    if other:
        return f"{other} of {words.count(len(found), 'decision')} come out otherwise"
    return f"{words.count(len(found), 'decision')} recomputed, all the same"


def _event(one: Retold, look: Look) -> Iterator[RenderableType]:
    event = one.event
    line = ink(look, (f"{words.instant(event.at)}  ", "dim"))
    line.append_text(ink(look, (event.kind, _STYLES.get(event.kind, "bold"))))
    line.append_text(ink(look, f"  {event.weight} %", (f"  #{event.seq}", "dim")))
    yield line
    if event.by or event.reason:
        yield indent(ink(look, _person(one)), 2)
    if event.reasons:
        yield indent(reasons(event.reasons, look), 2)
    for note in event.notes:
        yield indent(ink(look, ("note ", "yellow"), told.because(note)), 2)
    if event.judged is not None:
        yield indent(_again(one, look), 2)
        if one.differs:
            yield indent(reasons(one.differs, look), 4)


def _again(one: Retold, look: Look) -> Text:
    outcome, text = _AGAIN[one.again]
    by = f", by the rules of {one.event.policy[:12]}"
    return ink(look, look.mark(outcome), " ", text, (by, "dim"))


def _person(one: Retold) -> str:
    by = f"by {one.event.by}" if one.event.by else ""
    return ": ".join(part for part in (by, one.event.reason or "") if part)


def markdown(explanation: Explanation) -> str:
    """The same as Markdown, for an incident or a pull request."""
    rollout = explanation.rollout
    lines = [
        f"### {gfm.plain(title(rollout))}",
        "",
        gfm.row("when", "event", "share", "why", "recomputed"),
        gfm.row(*("---" for _ in range(5))),
    ]
    for one in explanation.events:
        event = one.event
        why = [gfm.plain(told.because(reason)) for reason in event.reasons]
        why += [gfm.plain(_person(one))] if event.by or event.reason else []
        again = one.again or "–"
        lines.append(
            gfm.row(
                words.instant(event.at),
                gfm.plain(event.kind),
                f"{event.weight} %",
                "<br>".join(why) or "–",
                again,
            )
        )
    return "\n".join([*lines, "", gfm.plain(summary(explanation))]) + "\n"


def json(explanation: Explanation) -> str:
    """The same for programs."""
    rollout = explanation.rollout
    return dumps(
        {
            "schema": SCHEMA,
            "id": rollout.id,
            "model": rollout.model,
            "environment": rollout.environment,
            "version": rollout.version,
            "stable": rollout.stable.version,
            "strategy": rollout.strategy,
            "events": [_json_event(one) for one in explanation.events],
        }
    )


def _json_event(one: Retold) -> dict[str, Any]:
    event = one.event
    return {
        "event": event.kind,
        "entry": event.seq,
        "at": instant(event.at),
        "step": event.step,
        "weight": event.weight,
        "policy": event.policy,
        "by": event.by,
        "reason": event.reason,
        "reasons": [reason_data(reason) for reason in event.reasons],
        "notes": [reason_data(note) for note in event.notes],
        "recomputed": one.again,
        "differs": [reason_data(reason) for reason in one.differs],
    }


def reason_data(reason: Reason) -> dict[str, Any]:
    """A reason as plain values."""
    return {
        "name": reason.name,
        "message": reason.message,
        "because": reason.because or None,
        "values": dict(reason.values),
        "confidence": reason.confidence,
        "policy": place(reason.location),
    }

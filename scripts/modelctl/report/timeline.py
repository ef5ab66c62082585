"""A model's history: what serves where now, and what happened, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from modelctl.domain.timeline import Event, Now, Result, Timeline, What
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm, words
from modelctl.report.json import dumps, instant
from modelctl.report.look import GLUE, Look, fits, grid, indent, ink, paint, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SCHEMA = 1
_OLD = timedelta(days=100)
_STYLES = {
    What.SUBMISSION: "cyan",
    What.EVIDENCE: "",
    What.DEPLOYMENT: "green",
    What.AGAIN: "green",
    What.ROLLBACK: "yellow",
    What.ROLLOUT: "cyan",
    What.QUARANTINE: "red",
    What.DEPRECATION: "yellow",
    What.REJECTION: "magenta",
    What.ARCHIVAL: "magenta",
    What.RETIREMENT: "magenta",
    What.REINSTATEMENT: "green",
    What.UNPROVED: "bold red",
}
_RESULTS = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.INCONCLUSIVE}


def terminal(timeline: Timeline, look: Look | None = None) -> str:
    """The timeline as text for `look`: what serves now, then what happened."""
    look = look or Look()
    number = words.count(len(timeline.events) + timeline.older, "event")
    head = ink(look, (timeline.model, "bold"), f"  {number}")
    head.append_text(ink(look, (f"  {words.instant(timeline.at)}", "dim")))
    parts: list[RenderableType] = [head, ""]
    if timeline.now:
        parts += [indent(_now(timeline, look), 2), ""]
    if not timeline.events:
        return paint(look, [*parts, ink(look, "the ledger tells nothing of it yet")])
    heads, rows = _wide(timeline, look)
    if not fits(look, heads, rows):
        heads, rows = _narrow(timeline, look)
    parts.append(table(look, heads, rows))
    return paint(look, [*parts, *_older(timeline, look)])


def _older(timeline: Timeline, look: Look) -> list[RenderableType]:
    if not timeline.older:
        return []
    return ["", ink(look, (left_out(timeline), "dim"))]


def left_out(timeline: Timeline) -> str:
    """How many older events aren't shown, and how to see them."""
    return f"{words.count(timeline.older, 'older event')} left out (--limit 0 shows all)"


def _now(timeline: Timeline, look: Look) -> RenderableType:
    rows = grid(None, None)
    for now in timeline.now:
        said = ink(look, (now.version, "bold green"))
        rows.add_row(
            ink(look, (now.environment, "cyan")),
            said.append_text(ink(look, (f"  {serving(now, timeline)}", "dim"))),
        )
    return rows


def serving(now: Now, timeline: Timeline) -> str:
    """`since 2026-11-20 10:41 UTC, 12 min ago, by grace and linus`."""
    since = f"since {words.instant(now.since)}, {words.age(now.since, timeline.at)}"
    return f"{since}, by {words.names(now.by)}" if now.by else since


def _wide(timeline: Timeline, look: Look) -> tuple[Sequence[str], list[list[Text]]]:
    """A line for each event, and one beneath it for what is to be known of it."""
    heads = ("when", "age", "where", "version", "what")
    return heads, [
        [
            ink(look, (words.instant(event.at) if event.at else "", "dim")),
            ink(look, (_age(event, timeline), "dim")),
            ink(look, (event.environment or "", "cyan")),
            ink(look, (event.version or "", "bold")),
            _said(event, look),
        ]
        for event in timeline.events
    ]


def _narrow(timeline: Timeline, look: Look) -> tuple[Sequence[str], list[list[Text]]]:
    """The same in two columns."""
    rows = []
    for event in timeline.events:
        when = ink(look, (words.instant(event.at) if event.at else "", "dim"))
        if ago := _age(event, timeline):
            when.append("\n").append_text(ink(look, (ago, "dim")))
        what = ink(look, (f"{event.version} " if event.version else "", "bold"))
        what.append_text(ink(look, (f"{event.environment} " if event.environment else "", "cyan")))
        rows.append([when, what.append_text(_said(event, look))])
    return ("when", "what"), rows


def _age(event: Event, timeline: Timeline) -> str:
    """How long ago it was, as long as that says more than the date."""
    if event.at is None or timeline.at - event.at >= _OLD:
        return ""
    return words.age(event.at, timeline.at)


def _said(event: Event, look: Look) -> Text:
    """What happened in the colour of its kind, results with their marks, and then the rest."""
    text = ink(look, (event.what.value, _STYLES[event.what]))
    for result in event.results:
        text.append_text(ink(look, "  ", look.mark(_RESULTS[result.passed])))
        text.append(GLUE).append_text(ink(look, result.kind))
    for line in details(event):
        text.append("\n").append_text(ink(look, (line, "dim")))
    return text


def details(event: Event) -> Iterator[str]:
    """What is to be known of an event beside what happened, a line each."""
    move = [f"was {event.was}"] if event.was and event.was != event.version else []
    move += [f"until {words.instant(event.until)}"] if event.until else []
    if event.until and event.at:
        move += [f"for {words.span(event.until - event.at)}"]
    by = [f"by {words.names(event.by)}"] if event.by else []
    by += [f"pull request #{event.pull_request}"] if event.pull_request else []
    by += [event.strategy] if event.strategy else []
    yield from (", ".join(parts) for parts in (by, move) if parts)
    if event.detail:
        yield event.detail
    if event.use:
        yield f"use {event.use}"
    for one in event.waivers:
        yield f"{one.gate} was waived until {one.expires} by {one.approved_by}: {one.reason}"


def markdown(timeline: Timeline) -> str:
    """The timeline as GitHub-flavoured Markdown."""
    lines = [f"## {gfm.plain(timeline.model)}", ""]
    lines += [
        f"- {gfm.plain(now.environment)}: {gfm.code(now.version)} "
        f"{gfm.plain(serving(now, timeline))}"
        for now in timeline.now
    ]
    heads = ("when", "where", "version", "what")
    lines += ["", gfm.row(*heads), gfm.row(*("---" for _ in heads))]
    lines += [_row(event) for event in timeline.events]
    older = f", {left_out(timeline)}" if timeline.older else ""
    return "\n".join([*lines, "", f"<sub>{words.instant(timeline.at)}{older}</sub>"]) + "\n"


def _row(event: Event) -> str:
    results = (gfm.plain(f"{result.kind} {_word(result)}") for result in event.results)
    said = "<br>".join((gfm.plain(event.what.value), *results, *map(gfm.plain, details(event))))
    return gfm.row(
        words.instant(event.at) if event.at else "–",
        gfm.plain(event.environment or ""),
        gfm.code(event.version or "", cell=True),
        said,
    )


def _word(result: Result) -> str:
    return {True: "passed", False: "failed", None: ""}[result.passed]


def json(timeline: Timeline) -> str:
    """The timeline as JSON, newest first."""
    return dumps(
        {
            "schema": SCHEMA,
            "model": timeline.model,
            "at": instant(timeline.at),
            "now": [
                {
                    "environment": now.environment,
                    "version": now.version,
                    "since": instant(now.since),
                    "by": list(now.by),
                }
                for now in timeline.now
            ],
            "events": [_document(event) for event in timeline.events],
            "older": timeline.older,
        }
    )


def _document(event: Event) -> dict[str, Any]:
    return {
        "what": event.what.value,
        "kind": event.kind,
        "at": instant(event.at),
        "until": instant(event.until),
        "environment": event.environment,
        "version": event.version,
        "was": event.was,
        "use": event.use,
        "by": list(event.by),
        "pull_request": event.pull_request,
        "strategy": event.strategy,
        "detail": event.detail or None,
        "results": [
            {"kind": r.kind, "environment": r.environment, "passed": r.passed}
            for r in event.results
        ],
        "waivers": [waiver.as_data() for waiver in event.waivers],
        "seq": event.seq,
    }

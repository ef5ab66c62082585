"""How long versions are kept: when each one expires, and what keeps it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelctl.domain.keeping import Kept
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm, words
from modelctl.report.json import dumps, instant
from modelctl.report.look import Look, ink, paint, table

if TYPE_CHECKING:
    from rich.text import Text

SCHEMA = 1
_ALIKE = (
    (re.compile("it serves in (.+)"), "serves in"),
    (re.compile("it is kept warm in (.+)"), "kept warm in"),
    (re.compile("(.+) releases it"), "released by"),
    (re.compile("it is the rollback target of (.+)"), "rollback target of"),
)
"""Reasons that several environments or branches give, and how they are told in one."""

_HEADS = ("version", "stage", "since", "expires", "kept because")


def terminal(rows: Sequence[Kept], now: datetime, look: Look | None = None) -> str:
    """The versions as a table for `look`; those that are due are marked."""
    look = look or Look()
    if not rows:
        return paint(look, [ink(look, "no version is known")])
    lines = [[ink(look, *pieces) for pieces in _pieces(one, now, look)] for one in rows]
    return paint(look, [table(look, _HEADS, lines), "", _total(rows, now, look)])


def _pieces(one: Kept, now: datetime, look: Look) -> tuple[tuple[str | tuple[str, str], ...], ...]:
    due = one.due(now)
    mark = look.mark(Outcome.PENDING if due else Outcome.PASS)
    return (
        (mark, (f" {one.standing.name}", "bold")),
        (one.standing.stage,),
        ((_day(one.standing.since), "dim"),),
        ((_expiry(one, now), "yellow" if due else ""),),
        ((_reasons(one), "dim"),),
    )


def _total(rows: Sequence[Kept], now: datetime, look: Look) -> Text:
    due = sum(one.due(now) for one in rows)
    total = words.count(len(rows), "version")
    if due:
        what = "1 has" if due == 1 else f"{due:,} have"
        return ink(look, f"{total}, ", (f"{what} expired", "bold yellow"))
    return ink(look, f"{total}, ", ("none has expired", "green"))


def _expiry(one: Kept, now: datetime) -> str:
    """`archive on 2026-12-04`, `retire now`, `never`; `not yet` where it doesn't count down."""
    if one.rule is None:
        return "never"
    if one.expires is None:
        return "not yet" if one.standing.guards else "never"
    return f"{one.rule.then} now" if one.due(now) else f"{one.rule.then} on {_day(one.expires)}"


def _reasons(one: Kept) -> str:
    """`serves in dev and staging; released by ml; one of the newest 3`: alike ones together."""
    told: dict[str, list[str]] = {}
    for guard in one.standing.guards:
        found = ((said, pattern.fullmatch(guard)) for pattern, said in _ALIKE)
        said, names = next(
            ((said, [match[1]]) for said, match in found if match),
            (guard.removeprefix("it is "), []),
        )
        told.setdefault(said, []).extend(names)
    return "; ".join(f"{said} {words.names(n, len(n))}".rstrip() for said, n in told.items())


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else "–"


def markdown(rows: Sequence[Kept], now: datetime) -> str:
    """The versions as a table of GitHub-flavoured Markdown."""
    lines = [gfm.row(*_HEADS), gfm.row(*("---" for _ in _HEADS))]
    lines += [gfm.row(*_markdown_cells(one, now)) for one in rows]
    return "\n".join(lines) + "\n"


def _markdown_cells(one: Kept, now: datetime) -> tuple[str, ...]:
    return (
        gfm.code(one.standing.name, cell=True),
        gfm.plain(one.standing.stage),
        _day(one.standing.since),
        gfm.plain(_expiry(one, now)),
        gfm.plain(_reasons(one)),
    )


def json(rows: Sequence[Kept], now: datetime) -> str:
    """The versions as JSON."""
    return dumps(
        {
            "schema": SCHEMA,
            "at": instant(now),
            "versions": [document(one, now) for one in rows],
        }
    )


def document(one: Kept, now: datetime) -> dict[str, Any]:
    """One version as plain values."""
    standing, ending = one.standing, one.standing.ending
    return {
        "model": standing.model,
        "version": standing.version,
        "digest": standing.digest,
        "stage": standing.stage,
        "since": instant(standing.since),
        "ended": {"how": ending.end, "reason": ending.reason, "by": ending.by} if ending else None,
        "then": one.rule.then if one.rule else None,
        "expires": instant(one.expires),
        "due": one.due(now),
        "kept_because": list(standing.guards),
    }


def applied(due: Sequence[Kept], *, dry_run: bool, look: Look | None = None) -> str:
    """What was ended, one line each."""
    look = look or Look()
    if not due:
        return paint(look, [ink(look, look.mark(Outcome.PASS), " nothing has expired")])
    would = "would be " if dry_run else ""
    return paint(
        look,
        [
            ink(
                look,
                look.mark(Outcome.PASS),
                (f" {one.standing.name}", "bold"),
                f" {would}{one.rule.then}d" if one.rule else "",
                (f"  {one.predicate('')['reason']}", "dim"),
            )
            for one in due
        ],
    )

"""What an examination found, as rows for people or as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelctl.domain.diagnosis import Health, Row, exit_code
from modelctl.report.json import dumps
from modelctl.report.look import Look, ink, paint

SCHEMA = 1
_MARKS = {
    Health.WELL: ("✓", "+", "bold green"),
    Health.ILL: ("✗", "x", "bold red"),
    Health.UNKNOWN: ("?", "?", "bold yellow"),
    Health.SKIPPED: ("–", "-", "dim"),
}


def terminal(rows: Sequence[Row], look: Look | None = None) -> str:
    """A line for each check, with its mend below."""
    look = look or Look()
    width = max((len(row.check) for row in rows), default=0)
    lines = []
    for row in rows:
        sign, plain, style = _MARKS[row.health]
        mark = (sign if look.unicode else plain, style)
        lines.append(ink(look, mark, f" {row.check:<{width}}  ", row.message))
        if row.mend and row.health is not Health.WELL:
            lines.append(ink(look, " " * (width + 4), (f"mend: {row.mend}", "dim")))
    return paint(look, [*lines, ink(look, ""), ink(look, (summary(rows), "bold"))])


def json(rows: Sequence[Row]) -> str:
    """The rows as data."""
    return dumps(
        {
            "schema": SCHEMA,
            "exit_code": exit_code(rows),
            "checks": [
                {
                    "check": row.check,
                    "health": row.health.value,
                    "message": row.message,
                    "mend": row.mend,
                }
                for row in rows
            ],
        }
    )


def summary(rows: Iterable[Row]) -> str:
    """`12 checks: 2 are wrong, 1 could not be decided`."""
    found = list(rows)
    counts = {health: sum(row.health is health for row in found) for health in Health}
    parts = [
        (counts[Health.ILL], "wrong"),
        (counts[Health.UNKNOWN], "undecided"),
        (counts[Health.SKIPPED], "not looked at"),
    ]
    told = ", ".join(f"{number} {word}" for number, word in parts if number)
    return f"{len(found)} checks: {told or 'all is well'}"

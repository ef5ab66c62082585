"""The list of waivers: which are in force, which end soon, which don't count and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelctl.domain.waivers import Waiver
from modelctl.report import gfm, words
from modelctl.report.json import dumps, instant
from modelctl.report.look import Look, grid, ink, paint, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SCHEMA = 1
_MARKS = {"in force": "✅", "expires soon": "⏳", "expired": "⌛", "does not count": "❌"}
_STYLES = {"in force": "green", "expires soon": "yellow", "expired": "dim", "does not count": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A waiver, where it stands (`in force`, `expires soon`, `expired`, `does not count`), and what
    keeps it from counting, each with what to do."""

    waiver: Waiver
    state: str
    reasons: tuple[tuple[str, str], ...] = ()


def terminal(
    rows: Sequence[Row],
    now: datetime,
    look: Look | None = None,
    rules: words.Rules | None = None,
) -> str:
    """The list as text for `look`: a table, then what is wrong with each that doesn't count."""
    look = look or Look()
    parts: list[RenderableType]
    if not rows:
        parts = [ink(look, "no waiver to tell of")]
        if rules is not None:
            none = rules.silent("policies/waivers/", "has none to tell of")
            parts = [ink(look, none), "", ink(look, (str(rules), "dim"))]
        return paint(look, parts)
    lines = [_line(row, now, look) for row in rows]
    parts = [table(look, ("version and gate", "standing", "by", "reason"), lines)]
    details = grid(1, None)
    for row in rows:
        for reason, mend in row.reasons if row.state != "expired" else ():
            said = ink(look, (f"{row.waiver.file}  ", "bold"), reason, (f"; {mend}", "dim"))
            details.add_row(ink(look, ("!", "bold red")), said)
    parts += ["", details] if details.row_count else []
    parts += ["", ink(look, (str(rules), "dim"))] if rules is not None else []
    return paint(look, parts)


def _line(row: Row, now: datetime, look: Look) -> list[Text]:
    waiver = row.waiver
    narrowed = f" → {', '.join(waiver.environments)}" if waiver.environments else ""
    what = ink(look, (waiver.name, "bold")).append("\n")
    stands = ink(look, (row.state, _STYLES[row.state])).append("\n")
    return [
        what.append_text(ink(look, (waiver.gate, "cyan"), narrowed)),
        stands.append_text(ink(look, (f"until {words.deadline(waiver.expires, now)}", "dim"))),
        ink(look, waiver.approved_by),
        ink(look, waiver.reason),
    ]


def markdown(rows: Sequence[Row], now: datetime) -> str:
    """The list as GitHub-flavoured Markdown."""
    heads = ("", "version", "gate", "standing", "until", "by", "reason")
    lines = ["## Waivers", "", gfm.row(*heads), gfm.row(*("---" for _ in heads))]
    for row in rows:
        waiver = row.waiver
        into = f" → {', '.join(waiver.environments)}" if waiver.environments else ""
        why = "; ".join(f"{reason} ({mend})" for reason, mend in row.reasons)
        lines.append(
            gfm.row(
                _MARKS[row.state],
                gfm.plain(waiver.name + into),
                gfm.code(waiver.gate, cell=True),
                gfm.plain(f"{row.state}: {why}" if why else row.state),
                gfm.plain(words.deadline(waiver.expires, now)),
                gfm.plain(waiver.approved_by),
                gfm.plain(waiver.reason),
            )
        )
    table_ = lines if rows else ["## Waivers", "", "No waiver to tell of."]
    return "\n".join([*table_, "", f"<sub>{words.instant(now)}</sub>"]) + "\n"


def json(rows: Sequence[Row], now: datetime) -> str:
    """The list as JSON."""
    listed = [_json_row(row) for row in rows]
    return dumps({"schema": SCHEMA, "at": instant(now), "waivers": listed})


def _json_row(row: Row) -> dict[str, Any]:
    waiver = row.waiver
    return {
        "file": waiver.file,
        "model": waiver.model,
        "version": waiver.version,
        "digest": waiver.digest,
        "gate": waiver.gate,
        "environments": list(waiver.environments),
        "reason": waiver.reason,
        "requested_by": waiver.requested_by,
        "approved_by": waiver.approved_by,
        "created_at": instant(waiver.created_at),
        "expires": instant(waiver.expires),
        "state": row.state,
        "counts": row.state in ("in force", "expires soon"),
        "objections": [{"reason": reason, "mend": mend} for reason, mend in row.reasons],
    }

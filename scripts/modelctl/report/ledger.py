"""The ledger as a listing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelctl.domain.board import LedgerRow
from modelctl.domain.verdict import Outcome
from modelctl.report import words
from modelctl.report.json import dumps, instant
from modelctl.report.look import Look, fits, ink, paint, table

if TYPE_CHECKING:
    from rich.text import Text

SCHEMA = 1


def terminal(rows: Sequence[LedgerRow], look: Look | None = None) -> str:
    """The entries as a table for `look`, then those that can't be believed, each with why."""
    look = look or Look()
    if not rows:
        return paint(look, [ink(look, "the ledger is empty")])
    heads, listed = _wide(rows, look)
    if not fits(look, heads, listed):
        heads, listed = _narrow(rows, look)
    return paint(look, [table(look, heads, listed), "", _total(rows, look)])


def _wide(rows: Sequence[LedgerRow], look: Look) -> tuple[Sequence[str], list[list[Text]]]:
    """One line for each entry."""
    heads = ("entry", "when", "kind", "environment", "version", "signed by", "what")
    several = _several(rows)
    return heads, [
        [
            _entry(row, look, several),
            _when(row, look),
            ink(look, row.kind),
            ink(look, row.environment or ""),
            ink(look, row.version or ""),
            ink(look, row.signer or ""),
            _said(row, look),
        ]
        for row in rows
    ]


def _narrow(rows: Sequence[LedgerRow], look: Look) -> tuple[Sequence[str], list[list[Text]]]:
    """What happened in two lines for each entry."""
    several, listed = _several(rows), []
    for row in rows:
        what = ink(look, " ".join(filter(None, (row.kind, row.version, row.environment))))
        if row.signer:
            what.append_text(ink(look, (f", signed by {row.signer}", "dim")))
        what.append("\n").append_text(_said(row, look))
        listed.append([_entry(row, look, several), _when(row, look), what])
    return ("entry", "when", "what"), listed


def _several(rows: Sequence[LedgerRow]) -> bool:
    return len({row.model for row in rows}) > 1


def _entry(row: LedgerRow, look: Look, several: bool) -> Text:
    """The mark and the number, with the model where the listing has more than one."""
    mark = look.mark(Outcome.PASS if row.ok else Outcome.FAIL)
    return ink(look, mark, (f" {row.model} {row.seq}" if several else f" {row.seq}", "bold"))


def _when(row: LedgerRow, look: Look) -> Text:
    return ink(look, (words.instant(row.at) if row.at else "", "dim"))


def _said(row: LedgerRow, look: Look) -> Text:
    return ink(look, (row.problem, "red")) if row.problem else ink(look, row.summary)


def _total(rows: Sequence[LedgerRow], look: Look) -> Text:
    broken = sum(not row.ok for row in rows)
    total = "1 entry" if len(rows) == 1 else f"{len(rows):,} entries"
    if broken:
        return ink(look, f"{total}, ", (f"{broken:,} can't be believed", "bold red"))
    return ink(look, f"{total}, ", ("all as signed", "green"))


def json(rows: Sequence[LedgerRow]) -> str:
    """The entries as JSON, in the order given."""
    return dumps({"schema": SCHEMA, "entries": [_document(row) for row in rows]})


def _document(row: LedgerRow) -> dict[str, Any]:
    return {
        "model": row.model,
        "seq": row.seq,
        "at": instant(row.at),
        "kind": row.kind,
        "environment": row.environment,
        "version": row.version,
        "signer": row.signer,
        "summary": row.summary,
        "ok": row.ok,
        "problem": row.problem,
    }

"""Freezes as text: what holds now, when it opens, which windows come next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelctl.domain.freeze_board import FreezeBoard, Place, Shown
from modelctl.domain.freezes import Emergency
from modelctl.domain.recurrence import Span
from modelctl.domain.verdict import Outcome
from modelctl.report import words
from modelctl.report.json import dumps, instant, place
from modelctl.report.look import Look, grid, indent, ink, paint, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SCHEMA = 1


def terminal(board: FreezeBoard, look: Look | None = None, rules: words.Rules | None = None) -> str:
    """The board as text for `look`, with the rules that say so."""
    look = look or Look()
    about = board.model or "every model"
    head = ink(look, (about, "bold"), (f"  {words.instant(board.at)}", "dim"))
    parts: list[RenderableType] = [head, "", *(_place(one, board, look) for one in board.places)]
    if board.windows:
        heads = ("window", "for", "now", "next")
        rows = [_window(one, look) for one in board.windows]
        parts += ["", table(look, heads, rows)]
    if board.emergencies:
        parts += ["", ink(look, ("emergencies", "bold"))]
        parts += [indent(_emergency(one, look), 2) for one in board.emergencies]
    if not board.windows and not board.emergencies:
        nothing = "no window and no emergency is declared for this"
        if rules is not None:
            narrowed = " for this" if board.model or len(board.places) == 1 else ""
            nothing = rules.silent("policies/freezes.yaml", f"declares nothing{narrowed}")
        parts += ["", ink(look, (nothing, "dim"))]
    if rules is not None:
        parts += ["", ink(look, (str(rules), "dim"))]
    return paint(look, parts)


def _place(one: Place, board: FreezeBoard, look: Look) -> RenderableType:
    rows = grid(1, None)
    if not one.holds:
        said = ink(look, (one.environment, "bold"), "  open")
        rows.add_row(ink(look, look.mark(Outcome.PASS)), said)
        return rows
    outcome = Outcome.PENDING if one.opens else Outcome.FAIL
    when = f"opens {words.deadline(one.opens, board.at)}" if one.opens else "doesn't open by itself"
    said = ink(look, (one.environment, "bold"), "  frozen  ", (when, "bold"))
    for hold in one.holds:
        said.append("\n").append_text(ink(look, f"{hold.message}: {hold.reason}"))
        said.append("  ").append_text(ink(look, (words.line_of(hold.location), "dim")))
    rows.add_row(ink(look, look.mark(outcome)), said)
    return rows


def _window(one: Shown, look: Look) -> list[Text]:
    deny = one.window.kind == "deny"
    now = ("closed" if deny else "open") + f" until {words.instant(one.now.end)}" if one.now else ""
    return [
        ink(look, (one.window.name, "bold"), f"\n{one.window.kind}"),
        ink(look, str(one.window.scope)),
        ink(look, now or ("–", "dim")),
        ink(look, _span(one.next) if one.next else ("–", "dim")),
    ]


def _span(span: Span) -> str:
    return f"{words.instant(span.start)}\nto {words.instant(span.end)}"


def _emergency(one: Emergency, look: Look) -> Text:
    until = f" until {words.instant(one.until)}" if one.until else ", until it is lifted"
    said = ink(look, f"{one.scope}: since {words.instant(one.since)}{until}: {one.reason}")
    return said.append("  ").append_text(ink(look, (words.line_of(one.location), "dim")))


def json(board: FreezeBoard) -> str:
    """The board as JSON."""
    return dumps(
        {
            "schema": SCHEMA,
            "at": instant(board.at),
            "model": board.model,
            "environments": {one.environment: _json_place(one) for one in board.places},
            "windows": [_json_window(one) for one in board.windows],
            "emergencies": [_json_emergency(one) for one in board.emergencies],
        }
    )


def _json_place(one: Place) -> dict[str, Any]:
    return {
        "frozen": bool(one.holds),
        "opens": instant(one.opens) if one.holds else None,
        "holds": [
            {
                "message": hold.message,
                "reason": hold.reason,
                "until": instant(hold.until),
                "policy": place(hold.location),
            }
            for hold in one.holds
        ],
    }


def _json_window(one: Shown) -> dict[str, Any]:
    window = one.window
    return {
        "name": window.name,
        "kind": window.kind,
        "applies": str(window.scope),
        "rrule": window.recurrence.rrule,
        "timezone": window.recurrence.timezone,
        "reason": window.reason,
        "now": dict(_ends(one.now)) if one.now else None,
        "next": dict(_ends(one.next)) if one.next else None,
        "policy": place(window.location),
    }


def _ends(span: Span) -> Iterator[tuple[str, str | None]]:
    yield "start", instant(span.start)
    yield "end", instant(span.end)


def _json_emergency(one: Emergency) -> dict[str, Any]:
    return {
        "applies": str(one.scope),
        "since": instant(one.since),
        "until": instant(one.until),
        "reason": one.reason,
        "policy": place(one.location),
    }

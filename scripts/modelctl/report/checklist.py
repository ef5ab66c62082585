"""A checklist as text: what is done, by which fact, and what is to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelctl.domain.checklists import AFTER, BEFORE, ROLLBACK, Checklist, State, Ticked
from modelctl.domain.verdict import Outcome
from modelctl.report import gfm
from modelctl.report.json import dumps, place
from modelctl.report.look import Look, grid, indent, ink, paint

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

SCHEMA = 1
TITLES = {
    BEFORE: "Before the promotion",
    AFTER: "After the promotion",
    ROLLBACK: "After the rollback",
}
_OUTCOMES = {
    State.DONE: Outcome.PASS,
    State.WAITING: Outcome.PENDING,
    State.OPEN: Outcome.FAIL,
}


def terminal(checklist: Checklist, look: Look | None = None) -> str:
    """The lists as text for `look`."""
    look = look or Look()
    name = f"{checklist.subject} → {checklist.environment}"
    parts: list[RenderableType] = [ink(look, (name, "bold"))]
    for key, ticked in checklist.lists.items():
        heading = ink(look, (TITLES[key], "bold"), (f"  {_count(checklist, key)}", "dim"))
        parts += ["", heading, indent(_rows(ticked, look), 2)]
    return paint(look, parts)


def _count(checklist: Checklist, key: str) -> str:
    items = checklist.lists[key]
    return f"{checklist.done(key)} of {len(items)} done" if items else "nothing to do"


def _rows(ticked: tuple[Ticked, ...], look: Look) -> Table:
    rows = grid(3, None)
    for one in ticked:
        said = ink(look, one.item.text)
        if one.tick.why:
            said.append("\n").append_text(ink(look, (one.tick.why, "dim")))
        rows.add_row(_box(one.tick.state, look), said)
    return rows


def _box(state: State, look: Look) -> Text:
    outcome = _OUTCOMES.get(state)
    mark = look.mark(outcome) if outcome else (" ", "")
    return ink(look, ("[", "dim"), mark, ("]", "dim"))


def markdown(checklist: Checklist) -> str:
    """The lists as Markdown: boxes that can be ticked in an issue or a pull request."""
    blocks = [f"## {gfm.plain(f'{checklist.subject} → {checklist.environment}')}"]
    for key, ticked in checklist.lists.items():
        blocks.append(f"### {TITLES[key]}\n\n{_count(checklist, key)}")
        if ticked:
            blocks.append("\n".join(task_lines(ticked)))
    return "\n\n".join(blocks) + "\n"


def task_lines(ticked: tuple[Ticked, ...]) -> Iterator[str]:
    """The items as boxes, each with why it is ticked or not."""
    for one in ticked:
        box = "x" if one.tick.state is State.DONE else " "
        why = f" ({gfm.plain(one.tick.why)})" if one.tick.why else ""
        yield f"- [{box}] {gfm.plain(one.item.text)}{why}"


def json(checklist: Checklist) -> str:
    """The lists as JSON."""
    return dumps(
        {
            "schema": SCHEMA,
            "subject": checklist.subject,
            "environment": checklist.environment,
            "lists": {
                key: [_json_item(one) for one in ticked] for key, ticked in checklist.lists.items()
            },
        }
    )


def _json_item(one: Ticked) -> dict[str, Any]:
    return {
        "text": one.item.text,
        "state": one.tick.state.value,
        "why": one.tick.why or None,
        "by": one.item.fact,
        "name": one.item.name,
        "policy": place(one.item.location),
    }

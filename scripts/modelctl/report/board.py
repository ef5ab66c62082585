"""The status board: which version is where, what is wrong with it, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelctl.domain.board import Board, Cell, Flag, FlagKind, Row
from modelctl.report import gfm, words
from modelctl.report.board_lines import lines
from modelctl.report.json import dumps, instant
from modelctl.report.look import Look, grid, indent, ink, paint, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

SCHEMA = 1
_MANY = 40  # models, from which on each has a line instead of a block
_NARROW = 17  # columns that an environment needs beside others


def terminal(board: Board, look: Look | None = None) -> str:
    """The board as text for `look`: a table, then what is wrong, then what stands in between."""
    look = look or Look()
    head = ink(look, (board.repository, "bold"), f"  {words.count(len(board.rows), 'model')}")
    head.append_text(ink(look, (f"  {words.instant(board.at)}", "dim")))
    parts: list[RenderableType] = [head, ""]
    if not board.rows:
        return paint(look, [*parts, ink(look, "no model yet; write one with `modelctl new`")])
    parts += _body(board, look)
    for section in (_attention(board, look), _next(board, look)):
        parts += ["", section] if section else []
    return paint(look, parts)


def _body(board: Board, look: Look) -> Iterator[RenderableType]:
    if len(board.rows) > _MANY:
        return lines(board, look)
    return iter([_wide(board, look)]) if _fits(board, look) else _long(board, look)


def _fits(board: Board, look: Look) -> bool:
    """Whether there is room for a column for each environment."""
    models = min(max(len(look.show(row.model)) for row in board.rows), look.columns // 3)
    return models + len(board.environments) * _NARROW <= look.columns


def _wide(board: Board, look: Look) -> Table:
    """A column for each environment, an empty line between models."""
    rows: list[list[Text]] = []
    heads = ("model", *board.environments)
    for row in board.rows:
        if rows:
            rows.append([ink(look) for _ in heads])
        name = ink(look, (row.model, "bold"))
        if row.owner:
            name.append("\n").append_text(ink(look, (row.owner, "dim")))
        cells = [_cell(row.cells.get(env), board.at, look) for env in board.environments]
        rows.append([name, *cells])
    return table(look, heads, rows)


def _cell(cell: Cell | None, now: datetime, look: Look) -> Text:
    if cell is None:
        return ink(look, ("–", "dim"))
    text = _version(cell, look)
    text.append("\n").append_text(ink(look, (_stage(cell, now), "dim")))
    if cell.by:
        text.append("\n").append_text(ink(look, (f"by {words.names(cell.by, 2)}", "dim")))
    return text


def _version(cell: Cell, look: Look) -> Text:
    text = ink(look, (cell.version, "bold red" if cell.flags else "bold green"))
    if cell.flags:
        text.append_text(ink(look, (" !", "bold red")))
    return text.append_text(ink(look, (f"  {_share(cell)}", "cyan"))) if cell.weight < 100 else text


def _share(cell: Cell) -> str:
    """`10 % beside 1.0.0`, while two versions share the traffic."""
    if cell.handed_over:
        return f"stepped by its controller beside {cell.beside}"
    return f"{cell.weight} %" + (f" beside {cell.beside}" if cell.beside else "")


def _stage(cell: Cell, now: datetime) -> str:
    return f"{cell.stage}, {words.age(cell.since, now)}" if cell.since else cell.stage


def _long(board: Board, look: Look) -> Iterator[RenderableType]:
    """A line for each version that serves, where the environments don't fit side by side."""
    shown = max(len(look.show(env)) for env in board.environments)
    for index, row in enumerate(board.rows):
        owner = f"  {row.owner}" if row.owner else ""
        if index:
            yield ""
        yield ink(look, (row.model, "bold"), (owner, "dim"))
        lines = grid(min(shown, look.columns // 3), None)
        for environment, cell in _served(board, row):
            said = _version(cell, look).append("  ")
            by = f", by {words.names(cell.by, 2)}" if cell.by else ""
            said.append_text(ink(look, (_stage(cell, board.at) + by, "dim")))
            lines.add_row(ink(look, (environment, "cyan")), said)
        yield indent(lines, 2)


def _served(board: Board, row: Row) -> Iterator[tuple[str, Cell]]:
    return ((env, row.cells[env]) for env in board.environments if env in row.cells)


def flags(board: Board) -> Iterator[tuple[Row, str, Cell, Flag]]:
    """Everything that is wrong, in the order of the board."""
    for row in board.rows:
        for environment, cell in _served(board, row):
            yield from ((row, environment, cell, flag) for flag in cell.flags)


def _attention(board: Board, look: Look) -> RenderableType | None:
    rows = grid(1, None)
    for row, environment, cell, flag in flags(board):
        what = ink(look, (f"{row.model}@{cell.version} in {environment}  ", "bold"))
        what.append_text(ink(look, (flag.kind.value, "red"), _detail(flag)))
        rows.add_row(ink(look, ("!", "bold red")), what)
    return rows if rows.row_count else None


def _detail(flag: Flag) -> str:
    """What follows its kind: `drift: main asks for 1.1.0`, `deprecated by lena`."""
    return f"{' ' if flag.kind is FlagKind.DEPRECATED else ': '}{flag.detail}"


def waiting(board: Board) -> Iterator[tuple[str, str, str]]:
    """Each `model@version` that isn't at the end, the environment it could go to, what it needs."""
    for row in board.rows:
        if row.newest and row.next:
            yield f"{row.model}@{row.newest}", board.after(None) or "", row.next
        for environment, cell in _served(board, row):
            if cell.next:
                yield f"{row.model}@{cell.version}", board.after(environment) or "", cell.next


def _next(board: Board, look: Look) -> Table | None:
    rows = [
        [ink(look, (name, "bold")), ink(look, (to, "cyan")), ink(look, needs)]
        for name, to, needs in waiting(board)
    ]
    return table(look, ("version", "next", "what stands in between"), rows) if rows else None


def markdown(board: Board) -> str:
    """The board as GitHub-flavoured Markdown."""
    heads = ("model", *(gfm.plain(env) for env in board.environments))
    rule = gfm.row(*("---" for _ in heads))
    lines = [f"## {gfm.plain(board.repository)}", "", gfm.row(*heads), rule]
    for row in board.rows:
        cells = (_markdown_cell(row.cells.get(env), board.at) for env in board.environments)
        lines.append(gfm.row(f"**{gfm.plain(row.model)}**", *cells))
    wrong = [
        f"- ❗ {gfm.plain(f'{row.model}@{cell.version} in {environment}')}: "
        f"{gfm.plain(flag.kind.value + _detail(flag))}"
        for row, environment, cell, flag in flags(board)
    ]
    todo = [
        f"- {gfm.plain(f'{name} → {to}')}: {gfm.plain(needs)}" for name, to, needs in waiting(board)
    ]
    lines += ["", *wrong] if wrong else []
    lines += ["", "**What stands in between**", "", *todo] if todo else []
    return "\n".join([*lines, "", f"<sub>{words.instant(board.at)}</sub>"]) + "\n"


def _markdown_cell(cell: Cell | None, now: datetime) -> str:
    if cell is None:
        return "–"
    share = f" ({gfm.plain(_share(cell))})" if cell.weight < 100 else ""
    by = f", by {words.names(cell.by, 2)}" if cell.by else ""
    mark = " ❗" if cell.flags else ""
    return f"{gfm.code(cell.version, cell=True)}{mark}{share}<br>" + gfm.plain(
        _stage(cell, now) + by
    )


def json(board: Board) -> str:
    """The board as JSON; a model's `environments` holds those that serve it, in order."""
    return dumps(
        {
            "schema": SCHEMA,
            "repository": board.repository,
            "at": instant(board.at),
            "environments": list(board.environments),
            "models": [_json_row(board, row) for row in board.rows],
        }
    )


def _json_row(board: Board, row: Row) -> dict[str, Any]:
    return {
        "model": row.model,
        "owner": row.owner,
        "newest": row.newest,
        "next": row.next,
        "environments": {env: _json_cell(cell) for env, cell in _served(board, row)},
    }


def _json_cell(cell: Cell) -> dict[str, Any]:
    return {
        "version": cell.version,
        "stage": cell.stage,
        "since": instant(cell.since),
        "by": list(cell.by),
        "strategy": cell.strategy,
        "weight": None if cell.handed_over else cell.weight,
        "beside": cell.beside,
        "flags": [{"kind": flag.kind.value, "detail": flag.detail} for flag in cell.flags],
        "next": cell.next,
    }

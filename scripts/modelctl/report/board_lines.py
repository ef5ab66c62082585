"""A board of many models: one line each, laid out by hand, since tables take their time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelctl.domain.board import Board, Cell, Row
from modelctl.report import words
from modelctl.report.look import Look, ink

if TYPE_CHECKING:
    from rich.text import Text

_GAP = "  "


def lines(board: Board, look: Look) -> Iterator[Text]:
    """A head and a line for each model: the version of each environment, and since when."""
    heads = ("model", *board.environments)
    shown = [[_name(row, look), *_cells(board, row, look)] for row in board.rows]
    widths = [
        max(len(look.show(head)), *(len(cells[index]) for cells in shown))
        for index, head in enumerate(heads)
    ]
    yield ink(
        look, *((look.show(head).ljust(w) + _GAP, "bold") for head, w in _pairs(heads, widths))
    )
    yield ink(look, (_GAP.join(("─" if look.unicode else "-") * width for width in widths), "dim"))
    for row, cells in zip(board.rows, shown, strict=True):
        styles = ("bold", *(_style(row.cells.get(name)) for name in board.environments))
        padded = (text.ljust(width) + _GAP for text, width in _pairs(cells, widths))
        yield ink(look, *zip(padded, styles, strict=True))


def _pairs(texts: list[str] | tuple[str, ...], widths: list[int]) -> Iterator[tuple[str, int]]:
    return zip(texts, widths, strict=True)


def _name(row: Row, look: Look) -> str:
    return look.show(row.model)


def _cells(board: Board, row: Row, look: Look) -> Iterator[str]:
    for environment in board.environments:
        cell = row.cells.get(environment)
        if cell is None:
            yield look.show("–")
            continue
        mark = " !" if cell.flags else ""
        weight = "on its way" if cell.handed_over else f"{cell.weight} %"
        share = f" {weight}" if cell.weight < 100 else ""
        age = f", {words.age(cell.since, board.at)}" if cell.since else ""
        yield look.show(f"{cell.version}{mark}{share}{age}")


def _style(cell: Cell | None) -> str:
    if cell is None:
        return "dim"
    return "red" if cell.flags else "green"

"""How a terminal wants its text, and the few marks and colours that all our reports use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from modelctl.domain.verdict import Outcome
from modelctl.report.clean import ascii_only, visible

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

MEASURE = 120
"""The widest that prose is set, in columns: longer lines are hard to read."""

GLUE = "\ue000"
"""A space in a `Text` that no line is broken at. A no-break space would be: it is space to rich."""

_NARROWEST = 40
_MARKS = {
    Outcome.PASS: ("✓", "+"),
    Outcome.FAIL: ("✗", "x"),
    Outcome.PENDING: ("…", "*"),
    Outcome.INCONCLUSIVE: ("?", "?"),
    Outcome.WAIVED: ("~", "~"),
}
STYLES = {
    Outcome.PASS: "green",
    Outcome.FAIL: "red",
    Outcome.PENDING: "cyan",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.WAIVED: "magenta",
}
"""One of the terminal's own sixteen colours each, so that the user's theme decides."""

_BARE = r"""(?:[^\s"']|"(?:\\.|[^"\\])*"|'[^']*'|["'])+"""
_WORD = re.compile(rf"--?\w[^\s=]* (?!-){_BARE}|{_BARE}")  # `--option value` is one word
_TRAILING = re.compile(r"(?: |\x1b\[[0-9;]*m)+$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a stream can show: its width in columns, whether it takes colour, whether it is UTF-8.

    Without colour the text is the same to the letter.
    """

    width: int = 80
    color: bool = False
    unicode: bool = True

    @property
    def columns(self) -> int:
        """The width, but never so narrow that nothing can be laid out."""
        return max(self.width, _NARROWEST)

    @property
    def measure(self) -> int:
        """The width for prose."""
        return min(self.columns, MEASURE)

    def show(self, text: str) -> str:
        """`text` without anything that a terminal would act on, in letters that it has."""
        return visible(text) if self.unicode else ascii_only(visible(text))

    def mark(self, outcome: Outcome) -> tuple[str, str]:
        """The mark of an outcome and its style, ready for `ink`."""
        return _MARKS[outcome][0 if self.unicode else 1], f"bold {STYLES[outcome]}"


def ink(look: Look, *pieces: str | tuple[str, str]) -> Text:
    """A line of text from plain pieces and pieces with a style."""
    from rich.text import Text

    line = Text()
    for piece in pieces:
        text, style = (piece, "") if isinstance(piece, str) else piece
        line.append(look.show(text), style or None)
    return line


def shell(look: Look, command: str, room: int) -> Text:
    """A command to copy, continued with `\\` where it is longer than `room` columns.

    An option stays with its value. A line breaks only between words, never inside quotes.
    """
    from rich.text import Text

    lines, line = [], ""
    for match in _WORD.finditer(look.show(command)):
        if line and len(line) + 1 + len(match[0]) > room:
            lines.append(line + " \\")
            line = "   "
        line = f"{line} {match[0]}" if line else match[0]
    return Text("\n").join(ink(look, (each, "bold")) for each in [*lines, line])


def grid(*widths: int | None) -> Table:
    """Columns without rules, each of a fixed width or, for None, as wide as there is room."""
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    for width in widths:
        table.add_column(width=width, no_wrap=width is not None, overflow="fold")
    return table


def table(look: Look, headers: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    """A table with a rule beneath its header and no others, folded to fit into the width."""
    from rich.table import Table

    made = Table(
        box=_box(look),
        header_style="bold",
        border_style="dim",
        padding=(0, 1, 0, 0),
        show_edge=False,
        pad_edge=False,
    )
    heads = [ink(look, header) for header in headers]
    for head, width in zip(heads, _fitted(_natural(heads, rows), look.columns), strict=True):
        made.add_column(head, width=width, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def fits(look: Look, headers: Sequence[str], rows: Sequence[Sequence[Text]]) -> bool:
    """Whether such a table needs no folding."""
    natural = _natural([ink(look, header) for header in headers], rows)
    return natural == _fitted(natural, look.columns)


def _natural(heads: Sequence[Text], rows: Sequence[Sequence[Text]]) -> list[int]:
    """How wide each column would be if there were no end to the right."""
    lines = [heads, *rows]
    return [max(1, *(_width(line[column]) for line in lines)) for column in range(len(heads))]


def _width(cell: Text) -> int:
    return max(line.cell_len for line in cell.split("\n", allow_blank=True))


def _fitted(widths: Sequence[int], columns: int) -> list[int]:
    """The widths, with the widest made narrower until all fit with two spaces between them."""
    fitted = list(widths)
    while sum(fitted) + 2 * (len(fitted) - 1) > columns and max(fitted) > 1:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _box(look: Look) -> Box:
    from rich.box import Box

    rule = "─" if look.unicode else "-"
    blank = "    \n"
    return Box(blank * 2 + f"{rule * 4}\n" + blank * 5, ascii=not look.unicode)


def indent(part: RenderableType, columns: int) -> RenderableType:
    """The same, moved to the right."""
    from rich.padding import Padding

    return Padding(part, (0, 0, 0, columns))


def paint(look: Look, parts: Iterable[RenderableType]) -> str:
    """The parts as one string, without trailing spaces, ending with a newline.

    The environment is kept out (`_environ`), so that the same values give the same bytes.
    """
    from rich.console import Console

    console = Console(
        file=StringIO(),
        width=look.columns,
        height=100,
        force_terminal=look.color,
        color_system="standard" if look.color else None,
        force_jupyter=False,
        force_interactive=False,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    text = capture.get().replace(GLUE, " ")
    return _TRAILING.sub(lambda match: match[0].replace(" ", ""), text)

"""What the audience sees: chapters, what is typed and what it prints. Plain but on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.text import Text

from modelctl.report.look import Look, shell

_PLAIN_WIDTH, _WIDEST = 110, 120
_TOLD_OF_A_FAILURE = 40
_GUTTER = "  │ "
_INDENT = "    "


class Voice(Protocol):
    """Something that tells the story: the screen itself, or what is told later."""

    def say(self, text: str) -> None:
        """A sentence of the narrator."""

    def typed(self, who: str, command: str) -> None:
        """A command as somebody types it."""

    def printed(self, text: str, first: int, last: int) -> None:
        """What a command printed: the first and the last lines of it, all of it for 0 and 0."""

    def working(self, label: str) -> AbstractContextManager[None]:
        """A context in which something takes its time."""


class Screen:
    """The terminal, or a file that is read later."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(highlight=False, emoji=False, markup=False)
        if not self.console.is_terminal:
            self.console.width = _PLAIN_WIDTH
        self._began = time.monotonic()
        self._chapters: list[tuple[str, float]] = []

    @property
    def report_width(self) -> int:
        """The columns that a command may fill, behind the gutter."""
        return self._width - len(_GUTTER)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody watches."""
        return self.console.is_terminal

    @property
    def color(self) -> bool:
        """Whether the terminal takes colour."""
        return self.console.is_terminal and not self.console.no_color

    @contextmanager
    def chapter(self, title: str, about: str) -> Iterator[None]:
        """A part of the story, with the time that it took."""
        number, began = len(self._chapters) + 1, time.monotonic()
        head = Text(f"━━ {number}  {title} ", "bold cyan")
        self.console.print()
        self._line(head.append("━" * max(2, self._width - head.cell_len), "cyan"))
        self.say(about)
        yield
        seconds = time.monotonic() - began
        self._chapters.append((title, seconds))
        self._line(Text(f"  {seconds:.0f} s", "dim"))

    def say(self, text: str) -> None:
        """A sentence of the narrator."""
        self.console.print()
        for line in Text(text).wrap(self.console, self._width):
            line.rstrip()
            self._line(line)

    def typed(self, who: str, command: str) -> None:
        """A command as somebody types it, continued with `\\` where it is too long for a line."""
        room = self.report_width - len(who) - 4
        lines = shell(Look(width=self.report_width), command, room).plain.split("\n")
        for index, line in enumerate(lines):
            prompt = f"  {who}$ " if index == 0 else " " * (len(who) + 4)
            self._line(Text.assemble((prompt, "dim"), (line, "bold")))

    def printed(self, text: str, first: int = 0, last: int = 0) -> None:
        """What a command printed, behind a gutter."""
        lines = [Text.from_ansi(line) for line in text.rstrip().splitlines()]
        for line in _excerpt(lines, first, last):
            for part in self._folded(line):
                self._line(Text.assemble((_GUTTER, "dim"), part))

    @contextmanager
    def working(self, label: str) -> Iterator[None]:
        """A spinner on a terminal, nothing elsewhere."""
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(Text(label, "dim"), spinner="dots"):
            yield

    def verbatim(self, command: str) -> None:
        """A command to paste, in one piece."""
        self._line(Text(f"    {command}", "bold"))

    def summary(self) -> None:
        """The chapters with their times."""
        self.console.print()
        for title, seconds in self._chapters:
            self._line(Text(f"  {seconds:5.1f} s  {title}", "dim"))
        total = time.monotonic() - self._began
        self._line(Text(f"  {total:5.1f} s  in all, and everything went as it should", "bold"))

    def failed(self, message: str, detail: str, log: Path) -> None:
        """The demo itself failed."""
        self.console.print()
        self._line(Text.assemble(("the demo failed: ", "bold red"), message))
        self.printed(detail, last=_TOLD_OF_A_FAILURE)
        if log.exists():
            self._line(Text(f"  every command and its output: {log}"))

    def _folded(self, line: Text) -> Sequence[Text]:
        """A line that is too long goes on in the next one, indented."""
        if line.cell_len <= self.report_width:
            return [line]
        parts = line.wrap(self.console, self.report_width - len(_INDENT))
        for part in parts:
            part.rstrip()
        return [parts[0], *(Text.assemble(_INDENT, part) for part in parts[1:])]

    @property
    def _width(self) -> int:
        return min(self.console.width, _WIDEST)

    def _line(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


class Later:
    """Remembers what happens beside the part that is seen, and tells it afterwards.

    When it is `brief` it leaves out what everybody has just seen: git, and all but a line of what a
    command prints.
    """

    def __init__(self, *, brief: bool = False):
        self._brief = brief
        self._told: list[Callable[[Voice], None]] = []

    def say(self, text: str) -> None:
        """A sentence of the narrator."""
        self._told.append(lambda voice: voice.say(text))

    def typed(self, who: str, command: str) -> None:
        """A command as somebody types it."""
        if not (self._brief and command.startswith("git ")):
            self._told.append(lambda voice: voice.typed(who, command))

    def printed(self, text: str, first: int = 0, last: int = 0) -> None:
        """What a command printed."""
        if self._brief:
            first, last = (0, 1) if last and not first else (1, 0)
        self._told.append(lambda voice: voice.printed(text, first, last))

    @contextmanager
    def working(self, label: str) -> Iterator[None]:
        """Nobody watches this."""
        yield

    def tell(self, voice: Voice) -> None:
        """Tell it now."""
        for line in self._told:
            line(voice)


def _excerpt(lines: Sequence[Text], first: int, last: int) -> Sequence[Text]:
    """The first and the last lines, with a note of how many were left out: behind the line where
    only one is shown, else in their place."""
    left_out = len(lines) - first - last
    if not (first or last) or left_out <= 0:
        return lines
    note = Text(f"⋯ {left_out} more line{'s' if left_out > 1 else ''}", "dim")
    head, tail = lines[:first], lines[len(lines) - last :]
    if len(head) + len(tail) == 1:
        return [Text.assemble(*head, *tail, "  ", note)]
    return [*head, note, *tail]

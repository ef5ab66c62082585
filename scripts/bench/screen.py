"""What people see: progress on stderr while it measures, and a table on stdout at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from bench.measure import RATIO, Measure, Result

_PLAIN_WIDTH, _WIDEST = 120, 140


class Steps(Protocol):
    """Somebody who is told how far it is."""

    def begin(self, name: str) -> None:
        """A measure begins."""

    def say(self, text: str) -> None:
        """What it does just now."""

    def end(self, result: Result) -> None:
        """A measure ended."""


class Screen:
    """Two streams: data on one, progress on the other."""

    def __init__(self, out: Console | None = None, err: Console | None = None):
        self.out = out or Console(highlight=False, emoji=False, markup=False)
        self.err = err or Console(stderr=True, highlight=False, emoji=False, markup=False)
        for console in (self.out, self.err):
            console.width = min(console.width, _WIDEST) if console.is_terminal else _PLAIN_WIDTH

    def listing(self, measures: Sequence[Measure]) -> None:
        """Every measure with its limit."""
        table = _table("name", "what", "against", "must reach")
        for one in measures:
            table.add_row(one.name, one.what, one.against, _limit(one))
        self.out.print(table)

    def table(self, results: Sequence[Result]) -> None:
        """What was measured; with the load, since a busy machine makes every figure worse."""
        table = _table("", "name", "what", "ours", "against", "theirs", "value", "must reach")
        for result in results:
            table.add_row(*_row(result))
        self.out.print(table)
        for result in results:
            if result.measure.note:
                self.out.print(Text(f"{result.measure.name}: {result.measure.note}", "dim"))
        load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
        self.out.print(
            Text(
                f"Each value is the median of its turns, with the lowest and the highest beside it."
                f" Load of the machine at the end: {load:.1f} on {cores} cores.",
                "dim",
            )
        )

    def failed(self, message: str, detail: str = "") -> None:
        """Nothing can be said about speed."""
        self.err.print(Text.assemble(("error: ", "bold red"), message))
        if detail:
            self.err.print(Text(detail, "dim"))

    @contextmanager
    def progress(self, count: int) -> Iterator[Steps]:
        """A bar on a terminal, a line for each measure elsewhere."""
        if not self.err.is_terminal:
            yield _Lines(self.err)
            return
        columns = (
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}", style="bold"),
            TextColumn("{task.fields[now]}", style="dim"),
        )
        with Progress(*columns, console=self.err, transient=True) as bar:
            yield _Bar(bar, bar.add_task("", total=count, now=""))


class _Bar:
    def __init__(self, bar: Progress, task: TaskID):
        self._bar = bar
        self._task = task

    def begin(self, name: str) -> None:
        self._bar.update(self._task, description=name, now="")

    def say(self, text: str) -> None:
        self._bar.update(self._task, now=text)

    def end(self, result: Result) -> None:
        self._bar.console.print(_told(result))
        self._bar.advance(self._task)


class _Lines:
    def __init__(self, console: Console):
        self._console = console
        self._began = 0.0

    def begin(self, name: str) -> None:
        self._began = time.monotonic()
        self._console.print(Text(f"{name} …"))

    def say(self, text: str) -> None:
        if text.startswith("generating"):
            self._console.print(Text(f"  {text}", "dim"))

    def end(self, result: Result) -> None:
        took = time.monotonic() - self._began
        self._console.print(Text.assemble("  ", _told(result), (f"  ({took:.0f} s)", "dim")))


def _table(*headers: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", border_style="dim", padding=(0, 1, 0, 0))
    right = ("ours", "theirs", "value", "must reach")
    for header in headers:
        wide = header in ("what", "against")
        justify = "right" if header in right else "left"
        table.add_column(header, justify=justify, no_wrap=not wide, overflow="fold")
    return table


def _row(result: Result) -> tuple[Text, ...]:
    style, measure = "green" if result.ok else "red", result.measure
    spread = f"{_figure(result.values[0])}–{_figure(result.values[-1])}"
    return (
        Text("✓" if result.ok else "✗", f"bold {style}"),
        Text(measure.name, "bold"),
        Text(measure.what),
        Text(_taken(_counted(measure), result.ours)),
        Text(measure.against),
        Text(_taken(measure.amount, result.other) if measure.against else ""),
        Text.assemble((_valued(measure, result.value), f"bold {style}"), (f"\n{spread}", "dim")),
        Text(_limit(measure)),
    )


def _told(result: Result) -> Text:
    mark, style = ("✓", "green") if result.ok else ("✗", "red")
    measure = result.measure
    figures = f"{measure.name}  {_valued(measure, result.value)}  {_limit(measure)}"
    return Text.assemble((f"{mark} ", f"bold {style}"), figures)


def _limit(measure: Measure) -> str:
    faster = " faster" if measure.direction.name == "AT_LEAST" and measure.unit == RATIO else ""
    worst = f", worst ≤ {measure.worst:g}" if measure.worst is not None else ""
    return f"{measure.direction} {measure.limit:g} {measure.unit}{faster}{worst}"


def _valued(measure: Measure, value: float) -> str:
    return f"{_figure(value)} {measure.unit}"


def _figure(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _counted(measure: Measure) -> str:
    """What our side is counted in."""
    return measure.amount if measure.unit == RATIO else measure.unit


def _taken(unit: str, amount: float) -> str:
    if unit != "s":
        return f"{amount:.0f} {unit}"
    return f"{amount * 1000:.0f} ms" if amount < 1 else f"{amount:.2f} s"

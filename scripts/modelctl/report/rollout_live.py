"""Rollouts as they move: drawn again and again on a terminal, told as lines anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from modelctl.domain.rollout_view import RolloutView
from modelctl.errors import DependencyError
from modelctl.report import rollout_words as told
from modelctl.report.json import instant
from modelctl.report.look import Look, ink
from modelctl.report.rollout import brief_parts, parts

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType

_LINES, _BELOW = 24, 4
"""How high a terminal is that doesn't say, and what stands beneath the rollouts."""

Ask = Callable[[], Sequence[RolloutView]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where rollouts are watched: the stream, what it can show now (its size may change), the time
    (UTC), and a way to let some of it pass: so many seconds."""

    stream: TextIO
    look: Callable[[], Look]
    now: Callable[[], datetime]
    wait: Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What was asked last, and why it couldn't be asked again since."""

    views: Sequence[RolloutView] = ()
    problem: str | None = None


def watch(ask: Ask, screen: Screen, every: float) -> None:
    """Shows what `ask` finds, again after each `every` seconds, until the rollouts that were under
    way are over, or somebody presses Ctrl-C: both are an ordinary end.

    A source that can't be reached for a while is said, and asked again.
    """
    try:
        if screen.stream.isatty():
            _draw(ask, screen, every)
        else:
            _tell(ask, screen, every)
    except KeyboardInterrupt:
        return


def _draw(ask: Ask, screen: Screen, every: float) -> None:
    from rich.live import Live

    seen, begun = _again(ask, _Seen()), False
    with Live(
        _drawn(seen, screen, _LINES),
        console=_console(screen),
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        while True:
            live.console.width = screen.look().columns
            live.update(_drawn(seen, screen, live.console.height), refresh=True)
            begun = begun or any(view.open for view in seen.views)
            if begun and _over(seen):
                return
            screen.wait(every)
            seen = _again(ask, seen)


def _tell(ask: Ask, screen: Screen, every: float) -> None:
    """A line for each rollout whenever what it says is new: for a log, or a pipe."""
    seen, begun = _Seen(), False
    lines: dict[tuple[str, str], str] = {}
    while True:
        seen = _again(ask, seen)
        at = instant(screen.now())
        if seen.problem is not None:
            screen.stream.write(f"{at} {screen.look().show(seen.problem)}\n")
        for view in seen.views:
            key, line = (view.model, view.environment), screen.look().show(_line(view))
            if lines.get(key) != line:
                screen.stream.write(f"{at} {line}\n")
            lines[key] = line
        screen.stream.flush()
        begun = begun or any(view.open for view in seen.views)
        if begun and _over(seen):
            return
        screen.wait(every)


def _again(ask: Ask, before: _Seen) -> _Seen:
    try:
        return _Seen(views=tuple(ask()))
    except DependencyError as error:  # what was seen stays on the screen, with what is wrong now
        return _Seen(views=before.views, problem=str(error))


def _over(seen: _Seen) -> bool:
    return seen.problem is None and not any(view.open for view in seen.views)


def _line(view: RolloutView) -> str:
    step = f" step {told.step(view)}" if told.step(view) else ""
    return (
        f"{view.model} {view.environment} {told.versions(view)} {view.state.weight} %{step}: "
        f"{told.verdict(view)[1]}"
    )


def _console(screen: Screen) -> Console:
    from rich.console import Console

    look = screen.look()
    return Console(
        file=screen.stream,
        width=look.columns,
        force_terminal=True,
        color_system="standard" if look.color else None,
        force_jupyter=False,
        legacy_windows=False,
        safe_box=False,  # ours are plain letters already where they have to be
        highlight=False,
        markup=False,
        emoji=False,
    )


def _drawn(seen: _Seen, screen: Screen, lines: int) -> Group:
    """One rollout with the conditions that there is room for, several with a line each."""
    from rich.console import Group

    look = screen.look()
    if len(seen.views) == 1:
        found: list[RenderableType] = brief_parts(seen.views[0], look, lines - _BELOW)
    else:
        found = parts(seen.views, screen.now(), look)
    if seen.problem is not None:
        found = [*found, "", ink(look, ("! ", "bold yellow"), seen.problem)]
    return Group(*found, "", ink(look, ("Ctrl-C ends it", "dim")))

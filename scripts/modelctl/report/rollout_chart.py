"""A picture of a rollout: weights, error rates and response times over one axis of time.

The same values give the same bytes, on every machine: nothing of the environment, no date and no
random name gets in, and the font is the one that comes with matplotlib. The colours are told apart
by colour-blind eyes, and both versions also by the shape of their lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any

from modelctl.domain import rollout_state as rollout
from modelctl.domain.observations import CANARY, QUANTILES, STABLE
from modelctl.domain.simulation import Course, Stay
from modelctl.errors import DependencyError
from modelctl.report import words
from modelctl.report.clean import shorten, visible
from modelctl.report.rollout_axes import name_ends, time_axis
from modelctl.report.rollout_colors import (
    BACK,
    COLORS,
    FAINT,
    LIMIT,
    PAPER,
    PAUSE,
    RULE,
    SETTINGS,
    themed,
)
from modelctl.report.rollout_series import (
    ERROR_RATE,
    Decided,
    Line,
    decided,
    hours,
    limit_line,
    lines,
    slot,
    taken_back,
    timed,
    weights,
)
from modelctl.report.rollout_words import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHADES = {
    rollout.GOING_BACK: BACK,
    rollout.ROLLED_BACK: BACK,
    rollout.PAUSED: PAUSE,
    rollout.WAITING: PAUSE,
}
_MARKS = {
    rollout.ADVANCE: ("^", COLORS[STABLE]),
    rollout.ROLL_BACK: ("v", BACK),
    rollout.FINISH: ("o", COLORS[STABLE]),
}
_STYLES: Mapping[str, tuple[Any, float, bool]] = {
    ERROR_RATE: ("-", 1.7, True),
    "latency_p50_ms": (":", 1.2, False),
    "latency_p95_ms": ((0, (4, 1.6)), 1.2, False),
    "latency_p99_ms": ("-", 1.7, True),
}
"""How a figure's line is drawn, how wide, and whether with its limits and with each stretch: for
all of them that would hide the lines."""
_FAR = 4.0
_MARGIN = 1.012  # so that what happens at the end lies within the picture
_NAME = 18
_LEAST_ROOM = 0.045  # of the width, that a word needs


class _Drawn:
    """How high a panel must reach, and what its lines are called where they end: the name, its
    colour, and the height."""

    def __init__(self, *, top: float):
        self.top = top
        self.ends: list[tuple[str, str, float]] = []

    def reach(self, values: Sequence[float], room: float) -> None:
        """Have the panel reach beyond these values."""
        self.top = max([self.top, *(value * room for value in values)])

    def end(self, line: Line, text: str, color: str) -> None:
        """Call a line so at its end; one that nobody saw has none."""
        if line.seen:
            self.ends.append((text, color, line.seen[-1]))


def png(courses: Sequence[Course]) -> bytes:
    """The courses side by side as a PNG for print.

    Raises:
        DependencyError: matplotlib isn't installed.
    """
    return _drawn(courses, "png")


def svg(courses: Sequence[Course]) -> bytes:
    """The same as an SVG that follows the reader's light or dark mode."""
    return themed(_drawn(courses, "svg").decode()).encode()


def _drawn(courses: Sequence[Course], format_: str) -> bytes:
    try:
        from matplotlib import rc_context, rcdefaults, rcParams
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise DependencyError(
            "matplotlib, which draws pictures, isn't installed",
            mend="pip install 'modelctl[charts]'",
        ) from None
    with rc_context():
        rcdefaults()  # nobody's own matplotlibrc
        rcParams.update(SETTINGS)
        panels = _PANELS if any(map(timed, courses)) else _PANELS[:-1]
        width = 9.6 if len(courses) == 1 else 7.4 * len(courses)
        figure = Figure(figsize=(width, _HEIGHTS[len(panels)]))
        FigureCanvasAgg(figure)
        _fill(figure, courses, panels)
        output = BytesIO()
        metadata = {"Date": None, "Creator": "modelctl"} if format_ == "svg" else {"Software": None}
        figure.savefig(output, format=format_, dpi=160, metadata=metadata)
    return output.getvalue()


def _fill(figure: Figure, courses: Sequence[Course], kinds: Sequence[_Panel]) -> None:
    panels: Any = figure.subplots(
        len(kinds),
        len(courses),
        squeeze=False,
        sharex="col",
        gridspec_kw={"height_ratios": (1, *[1.35] * (len(kinds) - 1))},
    )
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=0.075, right=0.905, top=1 - 1.0 / height, bottom=0.777 / height, hspace=0.13,
        wspace=0.32,
    )  # fmt: skip
    if len(courses) > 1:
        figure.subplots_adjust(left=0.05, right=0.935)
    for row, panel in enumerate(kinds):
        drawn = [panel(axes, course) for axes, course in zip(panels[row], courses, strict=True)]
        top = max(one.top for one in drawn)
        for axes, course, one in zip(panels[row], courses, drawn, strict=True):
            axes.set_ylim(0, top)
            _frame(axes, course)
            name_ends(axes, one.ends)
    for top_axes, bottom_axes, course in zip(panels[0], panels[-1], courses, strict=True):
        top_axes.set_xlim(0, _MARGIN * hours(course, course.until) or 1.0)
        time_axis(bottom_axes, course)
        _title(top_axes, course, _TITLE if len(courses) > 1 else None)
        _note(bottom_axes, course)
    figure.align_ylabels(panels[:, 0])


def _title(axes: Axes, course: Course, columns: int | None) -> None:
    """What it says, on as many lines of `columns` letters as it takes."""
    title, about = _SPANS.sub("\N{NO-BREAK SPACE}", visible(course.title)), visible(course.about)
    if columns is not None:
        title, about = fill(title, columns), fill(about, round(1.4 * columns))
    more = 12 * about.count("\n")
    _beside(axes, title, 36 + more, fontsize=12.5, fontweight="bold", va="bottom")
    _beside(axes, about, 21, color=FAINT, va="bottom")


_TITLE = 56
"""The letters of a title where pictures stand side by side."""
_SPANS = re.compile(r"(?<=\d) (?=(?:d|h|min|s|%)(?:\W|$))|(?<=\d [dh]) (?=\d)|(?<=\d min) (?=\d)")
"""The spaces within `1 h 32 min` and `25 %`, where a title mustn't be broken."""


def _note(axes: Axes, course: Course) -> None:
    """What a reader must know of the lines, beneath the axis of time."""
    width = words.span(slot(course))
    told = (
        f"lines: since the step began · bands: 95 %, however often one looks · dots: {width} each"
    )
    if any(decided(course)):
        told += " · diamonds: what took it back"
    axes.annotate(
        told,
        (0, 0),
        (0, -34),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7,
        color=FAINT,
        va="top",
    )


def _beside(axes: Axes, text: str, above: float, **look: Any) -> None:
    """Text above a panel, from its left edge on."""
    axes.annotate(
        text, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points", **look
    )


def _frame(axes: Axes, course: Course) -> None:
    """What all panels share: a quiet grid, the phases shaded, a thin line at each decision."""
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    for stay in course.stays:
        left, right = hours(course, stay.began), hours(course, stay.until)
        if stay.phase in _SHADES:
            axes.axvspan(left, right, color=_SHADES[stay.phase], alpha=0.09, linewidth=0)
        if stay.ended is not None:
            color = BACK if taken_back(stay) else RULE
            axes.axvline(right, color=color, linewidth=0.9, zorder=0.9)


def _weights(axes: Axes, course: Course) -> _Drawn:
    line = weights(course)
    axes.fill_between(line.hours, line.values, color=COLORS[CANARY], alpha=0.16, linewidth=0)
    axes.plot(line.hours, line.values, color=COLORS[CANARY], linewidth=1.8, solid_joinstyle="miter")
    axes.set_yticks([0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_ylabel("new version's share")
    for stay, text in _labels(course):
        middle = (hours(course, stay.began) + hours(course, stay.until)) / 2
        axes.annotate(
            text,
            (middle, stay.weight),
            (0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=COLORS[CANARY],
            fontweight="bold",
        )
    for stay in course.stays:
        _decision(axes, course, stay)
    return _Drawn(top=118.0)


def _labels(course: Course) -> Iterator[tuple[Stay, str]]:
    """The stays that are wide enough for a word."""
    whole = (course.until - course.began) or timedelta(hours=1)
    for stay in course.stays:
        if stay.lasted / whole >= _LEAST_ROOM:
            yield stay, f"{stay.weight} %"


def _decision(axes: Axes, course: Course, stay: Stay) -> None:
    """A mark where something was decided; what took it back is told in words."""
    if stay.ended not in _MARKS:
        return
    marker, color = _MARKS[stay.ended]
    x = hours(course, stay.until)
    axes.plot(
        [x], [stay.weight], marker, color=color, markersize=6.5, clip_on=False, zorder=5,
        markeredgecolor=PAPER, markeredgewidth=0.8,
    )  # fmt: skip
    if taken_back(stay):
        right_half = x > hours(course, course.until) / 2
        why = ", ".join(reason.name for reason in stay.reasons) or "rolled back"
        axes.annotate(
            why,
            (x, 1),
            (-6 if right_half else 6, 3),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if right_half else "left",
            va="bottom",
            color=BACK,
            fontweight="bold",
        )


def _errors(axes: Axes, course: Course) -> _Drawn:
    drawn = _Drawn(top=0.002)
    stable = {ERROR_RATE: _line(axes, course, STABLE, ERROR_RATE, drawn)}
    _line(axes, course, CANARY, ERROR_RATE, drawn)
    _deciding(axes, course, stable, drawn)
    _limits(axes, course, stable, drawn)
    drawn.top = min(drawn.top, 1.0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    axes.set_ylabel("failed requests")
    return drawn


def _latency(axes: Axes, course: Course) -> _Drawn:
    drawn = _Drawn(top=1.0)
    stable = {metric: _line(axes, course, STABLE, metric, drawn) for metric in QUANTILES}
    for metric in QUANTILES:
        _line(axes, course, CANARY, metric, drawn)
    _deciding(axes, course, stable, drawn)
    _limits(axes, course, stable, drawn)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} ms")
    axes.set_ylabel("response time")
    return drawn


def _line(axes: Axes, course: Course, side: str, metric: str, drawn: _Drawn) -> Line:
    """A figure of one side since each step began, with what it may truly be, and each stretch."""
    each, since = lines(course, side, metric)
    style, width, whole = _STYLES[metric]
    color = COLORS[side]
    if whole:
        _dots(axes, each, side)
        axes.fill_between(since.hours, since.low, since.high, color=color, alpha=0.14, linewidth=0)
    axes.plot(since.hours, since.values, color=color, linestyle=style, linewidth=width)
    drawn.reach(since.seen, 1.4 if metric == ERROR_RATE else 1.15)
    name = side if metric == ERROR_RATE else f"{metric.split('_')[1]} {side}"
    drawn.end(since, name, color)
    return since


def _dots(axes: Axes, line: Line, side: str) -> None:
    axes.plot(
        line.hours, line.values, ".", color=COLORS[side], alpha=0.4, markersize=3.2,
        markeredgewidth=0,
    )  # fmt: skip


def _limits(axes: Axes, course: Course, stable: Mapping[str, Line], drawn: _Drawn) -> None:
    """What the conditions hold the new version against, as far as a line can say it. What is far
    from anything that was measured would only press the rest flat."""
    far = max([drawn.top, *(_FAR * height for _, _, height in drawn.ends)])
    for limit in course.limits:
        line = limit_line(limit, stable[limit.metric]) if limit.metric in stable else Line()
        if line.seen and line.seen[-1] <= far:
            axes.plot(line.hours, line.values, color=LIMIT, linewidth=1.0, linestyle=(0, (2, 2)))
            drawn.reach(line.seen, 1.12)
            drawn.end(line, shorten(limit.name or "limit", _NAME), LIMIT)


def _deciding(axes: Axes, course: Course, metrics: Container[str], drawn: _Drawn) -> None:
    """The figures that took it back, which may be of a shorter span than the lines, with what they
    may truly be and what they were held against."""
    found = [one for one in decided(course) if one.metric in metrics]
    heights = [one.value for one in found if one.side == CANARY]
    for one in found:
        x, color = [one.hour], COLORS[one.side]
        axes.plot(x * 2, [one.low, one.high], color=color, linewidth=2.2, alpha=0.6, zorder=4)
        axes.plot(
            x, [one.value], "D", color=color, markersize=5.5, clip_on=False, zorder=5,
            markeredgecolor=PAPER, markeredgewidth=0.8,
        )  # fmt: skip
        drawn.reach([one.value], 1.25)
        if one.side == CANARY:
            if one.limit is not None:
                axes.plot(x, [one.limit], "_", color=LIMIT, markersize=13, zorder=6)
                drawn.reach([one.limit], 1.12)
            above = "bottom" if one.value == max(heights) else "top"
            _say(axes, course, one, above if len(heights) > 1 else "center")


def _say(axes: Axes, course: Course, one: Decided, va: str) -> None:
    """The figure that decided beside its mark, on the side where there is room."""
    right_half = one.hour > hours(course, course.until) / 2
    axes.annotate(
        f"{shown(one.metric, one.value)} {one.over}".rstrip(),
        (one.hour, one.value),
        (-8 if right_half else 8, 0),
        textcoords="offset points",
        ha="right" if right_half else "left",
        va=va,
        color=BACK,
        fontweight="bold",
    )


_Panel = Callable[["Axes", Course], _Drawn]
_PANELS: Sequence[_Panel] = (_weights, _errors, _latency)
_HEIGHTS = {3: 7.4, 2: 5.35}
"""How high a picture is, in inches, by how many panels it has."""

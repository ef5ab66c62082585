"""What is written around the panels of a picture: the names of its lines, and the marks of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from modelctl.domain.simulation import Course
from modelctl.report.rollout_series import hours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = (  # hours between two marks on the axis of time
    *(1 / 60, 2 / 60, 5 / 60, 10 / 60, 0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168),
)
_MARKS_WANTED = 8


def name_ends(axes: Axes, ends: Sequence[tuple[str, str, float]]) -> None:
    """Names the lines where they end, to the right, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.072
    height = low - gap
    placed = []
    for text, color, value in sorted(ends, key=lambda end: end[2]):
        height = max(height + gap, min(value, high))
        placed.append((text, color, height))
    over = max(placed[-1][2] - high, 0.0) if placed else 0.0
    ceiling = high
    for text, color, wanted in reversed(placed):
        height = min(wanted, ceiling) if over else wanted
        ceiling = height - gap
        axes.annotate(
            text,
            (1, height),
            (5, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=7.5,
            annotation_clip=False,
        )


def time_axis(axes: Axes, course: Course) -> None:
    """The marks of time: hours since the beginning, or the time of day with the date where it
    changes."""
    whole = max((course.until - course.began) / timedelta(hours=1), 1 / 60)
    step = next((s for s in _STEPS if whole / s <= _MARKS_WANTED), _STEPS[-1])
    if course.elapsed:
        found = [index * step for index in range(int(whole / step) + 1)]
        axes.set_xticks(found, [passed(hour) for hour in found])
        return
    began = course.began.astimezone(UTC)
    midnight = began.replace(hour=0, minute=0, second=0, microsecond=0)
    first = -(-(began - midnight) // timedelta(hours=step))
    times = [midnight + timedelta(hours=(first + index) * step) for index in range(64)]
    times = [at for at in times if at <= course.until]
    days = ["", *(f"{at:%Y-%m-%d}" for at in times)]
    labels = [
        f"{at:%H:%M}" + (f"\n{day}" if day != before else "")
        for at, day, before in zip(times, days[1:], days, strict=False)
    ]
    axes.set_xticks([hours(course, at) for at in times], labels)


def passed(hour: float) -> str:
    """`0`, `+30 min`, `+1:30 h`, `+6 h`."""
    hours_, minutes = divmod(round(hour * 60), 60)
    if hours_ and minutes:
        return f"+{hours_}:{minutes:02} h"
    if minutes:
        return f"+{minutes} min"
    return f"+{hours_} h" if hours_ else "0"

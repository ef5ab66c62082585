"""The numbers that a picture of a rollout is drawn from: hours, shares and milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from modelctl.domain.comparing import CONFIDENCE
from modelctl.domain.observations import Counts, figures_of
from modelctl.domain.sequential import Limits, limits_of, reach, samples_of
from modelctl.domain.simulation import Course, Limit, Stay, binned

ERROR_RATE = "error_rate"
SLOTS = 160
_MOST = 1e6  # what has no upper limit reaches out of the picture
_GAP = math.nan
"""A line is broken where nothing was measured: a value that nobody saw isn't drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: hours since the beginning, and values; both ends of a band where there is one."""

    hours: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def add(self, hour: float, value: Any, limits: Limits | None = None) -> None:
        """One more point; a gap where there is no number."""
        self.hours.append(hour)
        self.values.append(_GAP if value is None else value)
        self.low.append(limits.lower if limits else _GAP)
        self.high.append(min(limits.upper, _MOST) if limits else _GAP)

    @property
    def seen(self) -> list[float]:
        """The values without the gaps."""
        return [value for value in self.values if not math.isnan(value)]


def hours(course: Course, at: datetime) -> float:
    """An instant as hours since the beginning."""
    return (at - course.began) / timedelta(hours=1)


def weights(course: Course) -> Line:
    """The new version's share in percent, as steps."""
    line = Line()
    for stay in course.stays:
        line.add(hours(course, stay.began), float(stay.weight))
        line.add(hours(course, stay.until), float(stay.weight))
    return line


def slot(course: Course) -> timedelta:
    """How long a stretch is that can be seen: never shorter than those that were measured."""
    whole = course.until - course.began
    return max(whole / SLOTS, whole / max(len(course.points), 1), timedelta(seconds=1))


def slots(course: Course) -> Iterator[tuple[Stay, float, float, dict[str, Counts]]]:
    """The points by stretches that can be seen, each within one stay: the stay, its beginning and
    end in hours, and what was counted. What wasn't measured is a stretch without counts."""
    width = slot(course)
    for stay in course.stays:
        points = [p for p in course.points if stay.began < p.at <= stay.until]
        for one in binned(points, stay.began, width):
            yield stay, hours(course, one.began), hours(course, one.at), dict(one.sides)


def _since(course: Course, side: str) -> Iterator[tuple[float, Counts | None, Counts | None]]:
    """Each stretch of a side: its end in hours, what was counted in it, and since the step began;
    None where nothing was. Where a step begins, all begins anew; a way back is no step."""
    step: int | None = None
    total: Counts | None = None
    for stay, left, right, sides in slots(course):
        if stay.step != step:
            step, total = stay.step, None
            yield left, None, None
        counts = sides.get(side)
        if counts is None or not counts.requests:
            yield right, None, None
            continue
        total = total.plus(counts) if total else counts
        yield right, counts, total


def lines(course: Course, side: str, metric: str) -> tuple[Line, Line]:
    """A figure of each stretch, and since the step began, with the limits that it is decided by:
    they hold at every look at once (`modelctl.domain.sequential`)."""
    each, since = Line(), Line()
    for hour, counts, total in _since(course, side):
        each.add(hour, figures_of(side, counts).get(f"{side}.{metric}") if counts else None)
        limits = _limits(total, metric) if total else None
        since.add(hour, limits.value if limits else None, limits)
    return each, since


def _limits(counts: Counts, metric: str) -> Limits | None:
    samples = samples_of(counts, metric)
    return limits_of(counts, metric, reach(samples, CONFIDENCE)) if samples else None


def limit_line(limit: Limit, stable: Line) -> Line:
    """A limit as a line: level, or at its distance from stable's."""
    line = Line()
    for hour, value in zip(stable.hours, stable.values, strict=True):
        line.add(hour, limit.at(None if math.isnan(value) else value))
    return line

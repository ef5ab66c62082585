"""The numbers that a picture of a rollout is drawn from: hours, shares and milliseconds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from modelctl.domain.comparing import CONFIDENCE
from modelctl.domain.observations import CANARY, STABLE, Counts, figures_of
from modelctl.domain.rollout_state import GOING_BACK, ROLL_BACK, Reason
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A figure that took a version back, as its reason has it: when in hours, of which side, with
    the limits that it was sure of, over which span, and what it was held against."""

    hour: float
    side: str
    metric: str
    value: float
    low: float
    high: float
    over: str = ""
    limit: float | None = None


_DIGITS = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_FIGURE = re.compile(rf"({_DIGITS})(?: \((\S+) to (\S+)\))?")
_OVER = re.compile(r", (in the last \d[\w ]*)")
_SIDES = {CANARY: CANARY, "live": CANARY, STABLE: STABLE}


def taken_back(stay: Stay) -> bool:
    """Whether it ended by being taken back; what follows are only the weights of the way back."""
    return stay.ended == ROLL_BACK and stay.phase != GOING_BACK


def decided(course: Course) -> Iterator[Decided]:
    """The figures that took it back. Conditions are asked over the whole step and over a recent
    window, which may be far from what the lines show."""
    for stay in filter(taken_back, course.stays):
        for reason in stay.reasons:
            yield from _decided(course, reason, hours(course, stay.until))


def _decided(course: Course, reason: Reason, hour: float) -> Iterator[Decided]:
    over = _OVER.search(reason.message)
    limits = {limit.metric: limit for limit in course.limits if limit.name == reason.name}
    for name, text in reason.values.items():
        side, _, metric = name.partition(".")
        if side not in _SIDES or (read := _read(text)) is None:
            continue
        value, low, high = read
        stable = _read(reason.values.get(f"{STABLE}.{metric}", ""))
        held = limits[metric].at(stable[0] if stable else None) if metric in limits else None
        yield Decided(
            hour=hour,
            side=_SIDES[side],
            metric=metric,
            value=value,
            low=low,
            high=high,
            over=over[1] if over else "",
            limit=held,
        )


def _read(text: str) -> tuple[float, float, float] | None:
    """`0.0246 (0.01399 to 0.0429)`: the figure and its limits, which may be `anything`; where it
    has none, both are the figure."""
    if (found := _FIGURE.fullmatch(text)) is None:
        return None
    value, low, high = found.groups()
    if low is None:
        return float(value), float(value), float(value)
    return float(value), _end(low, 0.0), _end(high, _MOST)


def _end(text: str, otherwise: float) -> float:
    return float(text) if re.fullmatch(_DIGITS, text) else otherwise


def timed(course: Course) -> bool:
    """Whether anybody measured how long the answers took."""
    return any(
        counts.latency is not None and sum(counts.latency.counts) > 0
        for point in course.points
        for counts in point.sides.values()
    )

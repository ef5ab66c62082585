"""What a strategy would have done: the course of a rollout over figures that were recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby
from types import MappingProxyType

from modelctl.domain.observations import CANARY, STABLE, Counts
from modelctl.domain.rollout_state import Reason, State
from modelctl.domain.strategies import Strategy
from modelctl.domain.triggers import Trigger

Readings = Mapping[str, float | Mapping[str, float]]
_NONE: Mapping[str, Counts] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was counted in the stretch of time that ended `at`, while the new version had `weight`
    percent of the traffic. No sides where nothing was measured. `readings` are figures that don't
    add up, by their full names."""

    at: datetime
    weight: int
    sides: Mapping[str, Counts] = field(default_factory=lambda: _NONE)
    readings: Readings = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why it stayed where it was, for how long in all, and how that was last put. `last` says that
    it still kept it at the last look."""

    reason: Reason
    lasted: timedelta
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A finding that moves nothing, when it was first made, and in how much of the stay it held."""

    at: datetime
    reason: Reason
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A stretch in which nothing moved. `step` counts from 0. `ended` is by which action, None
    where the figures end first; `reasons` are those of the action, `emergency` is its own."""

    began: datetime
    until: datetime
    phase: str
    step: int
    weight: int
    waits: tuple[Wait, ...] = ()
    notes: tuple[Noted, ...] = ()
    ended: str | None = None
    reasons: tuple[Reason, ...] = ()
    emergency: bool = False

    @property
    def lasted(self) -> timedelta:
        """How long it was."""
        return self.until - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a condition holds a figure of the new version against: `value`, or stable's figure with
    `value` added (`+`) or multiplied (`*`). `name` is the condition's."""

    metric: str
    value: float
    sign: str | None = None
    name: str | None = None

    def at(self, stable: float | None) -> float | None:
        """The limit, where stable's figure is this; None where it needs one and there is none."""
        if self.sign is None:
            return self.value
        if stable is None:
            return None
        return stable + self.value if self.sign == "+" else stable * self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a rollout went, or would have gone: what a picture shows.

    `title` is what it says in one line, `about` of what and since when. `limits` are what the new
    version's figures are held against. `elapsed` asks for hours since the beginning instead of the
    time of day.
    """

    title: str
    began: datetime
    until: datetime
    points: tuple[Point, ...]
    stays: tuple[Stay, ...]
    about: str = ""
    limits: tuple[Limit, ...] = ()
    elapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A strategy over recorded figures. `state` is the last; `stretches` is how many were read,
    `every` how long one is; `thinned` is the least share of the recorded requests of a side that
    was kept, `short` how many stretches had fewer requests than the weight asks for."""

    strategy: Strategy
    model: str | None
    state: State
    course: Course
    stretches: int
    every: timedelta
    scenario: str | None = None
    thinned: float = 1.0
    short: int = 0

    @property
    def lasted(self) -> timedelta:
        """From the beginning to the end of the rollout, or of the figures."""
        return self.course.until - self.course.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Several points together: the counts of each side since `began`, the last weight, and the
    last readings."""

    began: datetime
    at: datetime
    weight: int
    sides: Mapping[str, Counts]
    readings: Readings


def binned(points: Sequence[Point], began: datetime, width: timedelta) -> Iterator[Bin]:
    """The points summed by stretches of `width` from `began` on; stretches without any are absent.

    What errors are the hundredth part of has to be summed before anybody can see it.
    """
    for index, group in groupby(points, key=lambda point: _slot(point.at - began, width)):
        found = list(group)
        sides = {
            side: total
            for side in (CANARY, STABLE)
            if (total := summed([p.sides[side] for p in found if side in p.sides])) is not None
        }
        yield Bin(
            began=began + width * index,
            at=found[-1].at,
            weight=found[-1].weight,
            sides=sides,
            readings=found[-1].readings,
        )


def _slot(passed: timedelta, width: timedelta) -> int:
    """A point ends its stretch, so one right at an edge belongs to what lies before it."""
    return max(0, -(-passed // width) - 1)


def summed(counts: Sequence[Counts]) -> Counts | None:
    """Counts of one side together; None where there are none."""
    return reduce(Counts.plus, counts) if counts else None


_NUMBER = r"(?P<value>\d+(?:\.\d+)?)"
_COMPARED = re.compile(
    r"(?:^|&&)\s*(?:canary|live)\.(?P<metric>error_rate|latency_p\d+_ms)\s*"
    r"(?P<beyond>-\s*stable\.(?P=metric)\s*)?>=?\s*"
    rf"(?(beyond)|(?:stable\.(?P=metric)\s*(?P<sign>[+*])\s*)?){_NUMBER}\s*(?:$|&&)"
)


def limits_of(triggers: Iterable[Trigger]) -> tuple[Limit, ...]:
    """The limits that can be drawn: of conditions that compare a figure of the new version, or how
    far it is beyond stable's, with a number, or with stable's and a number. What else they ask
    isn't drawn."""
    found = ((_COMPARED.search(one.when.source), one.name) for one in triggers)
    return tuple(
        Limit(
            metric=m["metric"],
            value=float(m["value"]),
            sign="+" if m["beyond"] else m["sign"],
            name=name,
        )
        for m, name in found
        if m is not None
    )

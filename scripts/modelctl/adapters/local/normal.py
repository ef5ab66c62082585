"""What is normal of what serves on this machine: its figures over a long time, from kept looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import Final

from modelctl.adapters.local.scrapes import Scrape, Scrapes
from modelctl.domain.counters import increase
from modelctl.domain.observations import (
    BASELINE,
    LIVE_SIDE,
    STABLE,
    Counts,
    Watched,
    figures_of,
)

_LEAST, _MOST, _PART = timedelta(seconds=5), timedelta(minutes=10), 10
"""How long figures are kept: a tenth of the time that they rest on, within these bounds."""

_NORMAL: Final = (BASELINE, STABLE, LIVE_SIDE)
"""Whose past is what is normal: the first of these sides that a model has."""

Figures = Mapping[str, float | Mapping[str, float]]


class Normal:
    """`baseline.…` of models over a `reference`, of looks by the same `failures` (RE2); nothing
    without a reference."""

    def __init__(self, scrapes: Scrapes, failures: str, reference: timedelta | None):
        self._scrapes, self._failures, self._reference = scrapes, failures, reference
        self._kept: dict[str, tuple[datetime, timedelta, Figures]] = {}

    def figures(self, watched: Sequence[Watched], until: datetime) -> Mapping[str, Figures]:
        """The figures by model; none of one that nothing was counted of."""
        if self._reference is None:
            return {}
        services = {
            one.model: one.sides[side].service
            for one in watched
            if (side := next((side for side in _NORMAL if side in one.sides), None)) is not None
        }
        missing = [name for name in services.values() if not self._knows(name, until)]
        if missing:
            looks = [
                one
                for one in self._scrapes.outline(until - self._reference)
                if one.failures == self._failures and one.at <= until
            ]
            self._kept |= {name: (until, *_normal(name, looks)) for name in missing}
        return {model: self._kept[name][2] for model, name in services.items()}

    def _knows(self, service: str, until: datetime) -> bool:
        if service not in self._kept:
            return False
        at, lasted, _ = self._kept[service]
        return timedelta() <= until - at < min(max(lasted / _PART, _LEAST), _MOST)


def _normal(service: str, looks: Sequence[Scrape]) -> tuple[timedelta, Figures]:
    """For how long the service was there, and the figures of all that it was asked then."""
    counted: list[Counts] = []
    lasted = timedelta()
    for before, now in pairwise(looks):
        after = now.services.get(service)
        if after is None:
            continue
        known = before.services.get(service) if before.router == now.router else None
        counted.append(increase(known, after))
        lasted += now.at - before.at
    if not counted:
        return lasted, {}
    return lasted, figures_of(BASELINE, reduce(Counts.plus, counted), lasted)

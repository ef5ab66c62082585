"""Made-up traffic, so that a strategy can be tried before there is anything recorded.

A scenario is `NAME[:key=value,…]`. Everything in it is by a seeded chance: the same words give the
same figures on every machine. It is a model of traffic, not traffic: requests come independently,
by a day's wave, and response times follow a log-normal curve.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import NormalDist
from typing import Any

from modelctl.domain.observations import CANARY, QUANTILES, Counts, Histogram, Observation
from modelctl.domain.rules import is_span, parse_span
from modelctl.domain.serving import WHOLE
from modelctl.errors import ModelctlError
from modelctl.services.chances import binomial, poisson, seeded

HEALTHY, ERRORS, SLOW, SILENT = "healthy", "errors", "slow", "silent"
NAMES: Mapping[str, str] = {
    HEALTHY: "both versions are alike",
    ERRORS: "from `at` on, `rate` of the new version's requests fail",
    SLOW: "from `at` on, the new version takes `by` times as long",
    SILENT: "from `at` on, nothing is heard of the new version",
}
_SPANS = {"at": "at", "for": "lasts", "every": "every"}
_NUMBERS = ("rate", "by", "rps", "seed")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_BOUNDS = (
    *(5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100),
    *(120, 150, 200, 300, 500, 1000),
)
_MEDIAN_MS, _SPREAD = 24.0, 0.42
_ERRORS = 0.002
_WAVE, _CALM = 0.3, 9  # how far a day's traffic swings, and at which hour it is as usual
_RARE = 1e-7

_READINGS: Mapping[str, float] = {
    "canary.failed_health_checks": 0.0,
    "live.failed_health_checks": 0.0,
    "baseline.error_rate": _ERRORS,
    **{
        f"baseline.{name}": _MEDIAN_MS * math.exp(_SPREAD * NormalDist().inv_cdf(share))
        for name, share in QUANTILES.items()
    },
}
"""What is read beside the requests: every health check answers, and what is normal is normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens, from `at` after the beginning on, for `lasts` in all, in stretches of `every`.

    `rps` are the requests a second to both versions together, on average over a day.
    """

    name: str
    at: timedelta = timedelta(hours=2)
    lasts: timedelta | None = None
    every: timedelta = timedelta(seconds=15)
    rate: float = 0.05
    by: float = 1.5
    rps: float = 100.0
    seed: int = 1

    def __str__(self) -> str:
        told = {"rate": f"{self.rate:g}"} if self.name == ERRORS else {}
        told |= {"by": f"{self.by:g}"} if self.name == SLOW else {}
        at = {} if self.name == HEALTHY else {"at": _span(self.at)}
        rest = {"rps": f"{self.rps:g}", "seed": str(self.seed)}
        return f"{self.name}:{','.join(f'{k}={v}' for k, v in {**at, **told, **rest}.items())}"


def parse_scenario(text: str) -> Scenario:
    """`errors:at=2h,rate=0.05` as a scenario.

    Raises:
        ModelctlError: it isn't one.
    """
    name, _, rest = text.partition(":")
    if name not in NAMES:
        raise ModelctlError(
            f"there is no scenario {name}", mend=f"choose one of {', '.join(NAMES)}"
        )
    made = Scenario(name=name)
    for part in (part for part in rest.split(",") if part):
        made = replace(made, **_part(name, part))
    if not 0.0 <= made.rate <= 1.0:
        raise ModelctlError(f"the rate {made.rate:g} is no share", mend="from 0 to 1")
    if made.rps <= 0.0 or made.by <= 0.0:
        raise ModelctlError("rps and by must be more than 0", mend="rps=100,by=1.5")
    return made


def _part(name: str, part: str) -> dict[str, Any]:
    key, _, value = part.partition("=")
    if key in _SPANS and is_span(value):
        return {_SPANS[key]: parse_span(value)}
    if key in _NUMBERS and _NUMBER.fullmatch(value):
        return {key: int(float(value)) if key == "seed" else float(value)}
    spans, numbers = ", ".join(_SPANS), ", ".join(_NUMBERS)
    raise ModelctlError(
        f"{part} is nothing that a scenario takes",
        mend=f"write {name}:at=2h; {spans} take a time such as 90s or 48h, {numbers} a number",
    )


class Synthetic:
    """A scenario as `Traffic`. Requests are made at the asked weight, so nothing is thinned."""

    def __init__(self, *, scenario: Scenario, began: datetime, lasts: timedelta):
        self.scenario, self.began, self.lasts = scenario, began, lasts
        self._chance = seeded(scenario)

    @property
    def every(self) -> timedelta:
        """How long a stretch is."""
        return self.scenario.every

    def moments(self) -> Iterator[datetime]:
        """The end of each stretch."""
        for index in range(self.lasts // self.every):
            yield self.began + (index + 1) * self.every

    def seen(self, at: datetime, shares: Mapping[str, int]) -> Observation:
        """What is made up for the stretch that ends `at`."""
        seconds = self.every.total_seconds()
        hour = at.hour + at.minute / 60
        wave = 1 + _WAVE * math.sin((hour - _CALM) / 24 * math.tau)
        traffic = self.scenario.rps * seconds * wave
        begun = at - self.began > self.scenario.at
        silent = begun and self._is(SILENT)
        sides = {
            side: self._side(traffic * share / WHOLE, begun and side == CANARY)
            for side, share in shares.items()
            if share > 0 and not (silent and side == CANARY)
        }
        return Observation(at=at, span=self.every, sides=sides, figures=_READINGS)

    def _side(self, requests: float, struck: bool) -> Counts:
        """So many requests to a version, on average; `struck` if it is the one that goes wrong."""
        failing = max(_ERRORS, self.scenario.rate) if struck and self._is(ERRORS) else _ERRORS
        slower = self.scenario.by if struck and self._is(SLOW) else 1.0
        chance = self._chance
        counts = [poisson(chance, requests * part) for part in _parts(slower)]
        answered = sum(counts)
        latency = Histogram(bounds_ms=tuple(map(float, _BOUNDS)), counts=tuple(map(float, counts)))
        errors = binomial(chance, answered, failing)
        return Counts(requests=float(answered), errors=errors, latency=latency)

    def _is(self, name: str) -> bool:
        return self.scenario.name == name


@cache
def _parts(slower: float) -> Sequence[float]:
    """Which part of the requests falls into each bucket."""
    normal = NormalDist(math.log(_MEDIAN_MS * slower), _SPREAD)
    ends = [0.0, *(normal.cdf(math.log(bound)) for bound in _BOUNDS), 1.0]
    parts = [after - before for before, after in pairwise(ends)]
    return [part if part > _RARE else 0.0 for part in parts]


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"

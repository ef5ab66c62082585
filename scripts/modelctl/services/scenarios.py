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
_OWN: Mapping[str, Sequence[str]] = {
    HEALTHY: (),
    ERRORS: ("at", "rate"),
    SLOW: ("at", "by"),
    SILENT: ("at",),
}
_COMMON = ("for", "every", "rps", "seed")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_AT_ONCE = re.compile(r"0[smhd]")
_BOUNDS = (
    *(5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100),
    *(120, 150, 200, 300, 500, 1000),
)
_MEDIAN_MS, _SPREAD = 24.0, 0.42
_ERRORS = 0.002
_WAVE, _CALM = 0.3, 9  # how far a day's traffic swings, and at which hour it is as usual
_RARE = 1e-7
_EVERY = timedelta(seconds=15)

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
    every: timedelta = _EVERY
    rate: float = 0.05
    by: float = 1.5
    rps: float = 100.0
    seed: int = 1

    def __str__(self) -> str:
        """In words that give the same traffic when they are typed again."""
        own = {"at": _span(self.at), "rate": _told(self.rate), "by": _told(self.by)}
        told = {key: own[key] for key in _OWN[self.name]}
        told |= {"for": _span(self.lasts)} if self.lasts is not None else {}
        told |= {"every": _span(self.every)} if self.every != _EVERY else {}
        told |= {"rps": _told(self.rps), "seed": str(self.seed)}
        return f"{self.name}:{','.join(f'{key}={value}' for key, value in told.items())}"

    def check_begins(self, lasts: timedelta) -> None:
        """Refuses traffic of this length in which nothing would be seen, or not what is named.

        Raises:
            ModelctlError: it ends before a stretch is over, or before the fault shows.
        """
        if lasts < self.every:
            raise ModelctlError(
                f"{self.name} ends after {_span(lasts)}, before a stretch of {_span(self.every)}",
                mend="write a longer for=, or a shorter every=",
            )
        if self.name != HEALTHY and self.at >= lasts // self.every * self.every:
            raise ModelctlError(
                f"{self.name} begins at {_span(self.at)}, when the traffic has ended: it lasts "
                f"{_span(lasts)}",
                mend=f"write an earlier at=, or a longer for=, such as for={_span(self.at * 2)}",
            )


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
    fields: dict[str, Any] = {}
    for part in (part for part in rest.split(",") if part):
        key, value = _part(name, part)
        if key in fields:
            raise ModelctlError(f"{text} names {part.partition('=')[0]} twice", mend="keep one")
        fields[key] = value
    made = Scenario(name=name, **fields)
    if not 0.0 <= made.rate <= 1.0:
        raise ModelctlError(f"the rate {made.rate:g} is no share", mend="from 0 to 1")
    if made.rps <= 0.0 or made.by <= 0.0:
        raise ModelctlError("rps and by must be more than 0", mend="rps=100,by=1.5")
    if made.lasts is not None:
        made.check_begins(made.lasts)
    return made


def _part(name: str, part: str) -> tuple[str, Any]:
    """One `key=value` as a field of `Scenario`, with its value."""
    key, _, value = part.partition("=")
    taken = (*_OWN[name], *_COMMON)
    if key not in taken and any(key in own for own in _OWN.values()):
        raise ModelctlError(
            f"{name} takes no {key}: it would change nothing",
            mend=f"leave {part} out; {name} takes {', '.join(taken)}",
        )
    if key in taken and key in _SPANS:
        if is_span(value):
            return _SPANS[key], parse_span(value)
        if key == "at" and _AT_ONCE.fullmatch(value):
            return key, timedelta()
    elif key in taken and (_WHOLE if key == "seed" else _NUMBER).fullmatch(value):
        return key, int(value) if key == "seed" else float(value)
    raise ModelctlError(
        f"{part} is nothing that a scenario takes",
        mend=f"{name} takes {', '.join(taken)}: times such as 90s or 48h for "
        f"{', '.join(one for one in taken if one in _SPANS)}, a whole number for seed, "
        "numbers for the others",
    )


class Synthetic:
    """A scenario as `Traffic`. Requests are made at the asked weight, so nothing is thinned."""

    def __init__(self, *, scenario: Scenario, began: datetime, lasts: timedelta):
        self.scenario, self.began, self.lasts = scenario, began, lasts
        self._chance = seeded(replace(scenario, lasts=None, every=_EVERY))

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
    if seconds == 0:
        return "0s"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _told(number: float) -> str:
    """As `_NUMBER` has it, without loss."""
    return f"{number:.9f}".rstrip("0").rstrip(".")

"""What was measured of the versions that share a model's traffic, as counts that add up.

A source of metrics hands over one observation for each stretch of time: what was counted in it, not
since the beginning. So stretches add up to whatever window somebody asks for, and a counter that
began anew was dealt with where it was read. What nobody measured is absent, never zero.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from operator import add
from types import MappingProxyType
from typing import Protocol

from modelctl.errors import ModelctlError

CANARY, STABLE, LIVE_SIDE, BASELINE = "canary", "stable", "live", "baseline"

_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Response times: `bounds_ms` are the upper bounds of the buckets, ascending; `counts` has one
    more, for what took longer than the last bound. Counts may be fractions: an increase that a
    server of metrics extrapolates is one."""

    bounds_ms: tuple[float, ...]
    counts: tuple[float, ...]

    @property
    def total(self) -> float:
        """How many requests it has."""
        return math.fsum(self.counts)

    def quantile(self, share: float) -> float | None:
        """See `quantiles`, of one."""
        return self.quantiles((share,))[0]

    def quantiles(self, shares: Sequence[float]) -> Sequence[float | None]:
        """The response times, in ms, that so large shares of the requests stay below.

        Linear inside a bucket, as Prometheus' `histogram_quantile`: no finer than the bounds. Where
        it lies beyond the last bound, that bound. None where there are no requests.
        """
        total = self.total
        if total <= 0 or not self.bounds_ms:
            return [None] * len(shares)
        return [self._ranked(share * total) for share in shares]

    def _ranked(self, rank: float) -> float:
        seen, below = 0.0, 0.0
        for bound, count in zip(self.bounds_ms, self.counts, strict=False):
            if count > 0 and seen + count >= rank:
                return below + (bound - below) * (rank - seen) / count
            seen, below = seen + count, bound
        return below


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A figure of one's own that is a share: `hits` of `trials`."""

    hits: float
    trials: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A figure of one's own that is a mean, by its sum, its sum of squares, and how many there
    were. Without the squares nobody can tell how sure it is."""

    total: float
    count: float
    squares: float | None = None


Measure = Ratio | Mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one version did in a stretch of time. `labelled` requests have a known outcome by now,
    `correct` of them were answered rightly; `own` are figures of one's own by name."""

    requests: float
    errors: float
    latency: Histogram | None = None
    labelled: float = 0.0
    correct: float = 0.0
    own: Mapping[str, Measure] = field(default_factory=lambda: MappingProxyType({}))

    def plus(self, other: Counts) -> Counts:
        """Both together.

        Response times in other buckets add up over the bounds that both have; where the longest of
        them isn't the same, nobody can tell them any more.

        Raises:
            ModelctlError: a figure of one's own is a share in one and a mean in the other.
        """
        return Counts(
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            latency=_latency(self.latency, other.latency),
            labelled=self.labelled + other.labelled,
            correct=self.correct + other.correct,
            own=_own(self.own, other.own) if self.own or other.own else self.own,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was counted in the `span` that ended `at` (UTC). `sides` has the counts of each side
    that could be measured (`canary`, `stable`, `live`, `baseline`). `figures` are readings that
    don't add up, by their full names: `canary.drift`, `live.cpu_percent`,
    `canary.failed_health_checks`, `baseline.latency_p99_ms`."""

    at: datetime
    span: timedelta
    sides: Mapping[str, Counts] = field(default_factory=lambda: MappingProxyType({}))
    figures: Mapping[str, float | Mapping[str, float]] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where requests of one side are counted: the version, and what the router, the mesh or the
    runtime calls its backend. `position` is its place among those of the route, from 0, None where
    no route shares requests with it."""

    version: str
    service: str
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One model in one environment whose figures are asked for, from `since` on (UTC). `sides` says
    which backend stands for which side."""

    model: str
    environment: str
    namespace: str
    since: datetime
    sides: Mapping[str, Endpoint]


class Source(Protocol):
    """Where figures come from: a Prometheus, the router of this machine, a recording."""

    def observe(
        self, watched: Sequence[Watched], until: datetime
    ) -> Mapping[str, Sequence[Observation]]:
        """The observations of each model since its `since`, the oldest first; none where nothing
        was measured. How many questions that takes doesn't grow with the models.

        Raises:
            DependencyError: the source can't be asked, or answers what nobody can read.
        """
        ...


_PERCENTILES = (("latency_p50_ms", 0.5), ("latency_p95_ms", 0.95), ("latency_p99_ms", 0.99))
QUANTILES: Mapping[str, float] = MappingProxyType(dict(_PERCENTILES))
"""The figures that are quantiles of the response time → the share of requests below them."""


def figures_of(
    side: str,
    counts: Counts,
    span: timedelta | None = None,
    wanted: Container[str] | None = None,
) -> dict[str, float | Mapping[str, float]]:
    """The live figures of one side's counts, by their full names (`modelctl.domain.triggers.LIVE`).

    What can't be told is left out: a share of no requests, a quantile of no histogram. `labelled`
    is a count, so 0 where no outcome is known. `span` is the time in which they were counted.
    Quantiles take time, so only those that are `wanted`, by their full names, where that is given.
    """
    found: dict[str, float | Mapping[str, float]] = {
        f"{side}.requests": float(round(counts.requests)),
        f"{side}.labelled": float(round(counts.labelled)),
    }
    if counts.requests > 0:
        found[f"{side}.error_rate"] = share(counts.errors, counts.requests)
    if counts.labelled > 0:
        found[f"{side}.accuracy"] = share(counts.correct, counts.labelled)
    if counts.latency is not None:
        named = _quantiles_of(side)
        asked = [one for one in named if one[0] in wanted] if wanted is not None else named
        values = counts.latency.quantiles([one[1] for one in asked]) if asked else ()
        for (name, _), value in zip(asked, values, strict=True):
            if value is not None:
                found[name] = value
    if span is not None and span > timedelta():
        found[f"{side}.throughput_rps"] = counts.requests / span.total_seconds()
    if counts.own:
        values_own = {name: own_value(one) for name, one in counts.own.items()}
        own = {name: value for name, value in values_own.items() if value is not None}
        found |= {f"{side}.metrics": own} if own else {}
    return found


@cache
def _quantiles_of(side: str) -> Sequence[tuple[str, float]]:
    return [(f"{side}.{name}", quantile) for name, quantile in _PERCENTILES]


def share(hits: float, trials: float) -> float:
    """`hits` of `trials`, which an extrapolated increase may have pushed a little beyond 0 or 1."""
    return min(max(hits / trials, 0.0), 1.0)


def own_value(measure: Measure) -> float | None:
    """What a figure of one's own says; None where nothing was measured."""
    if isinstance(measure, Ratio):
        return share(measure.hits, measure.trials) if measure.trials > 0 else None
    return measure.total / measure.count if measure.count > 0 else None


def _latency(one: Histogram | None, other: Histogram | None) -> Histogram | None:
    if one is None or other is None:
        return one or other
    if one.bounds_ms == other.bounds_ms:
        return Histogram(bounds_ms=one.bounds_ms, counts=tuple(map(add, one.counts, other.counts)))
    if one.bounds_ms[-1:] != other.bounds_ms[-1:]:
        return None  # what took longer than the shorter range would seem to be faster than it was
    common = tuple(bound for bound in one.bounds_ms if bound in other.bounds_ms)
    both = map(add, _within(one, common), _within(other, common))
    return Histogram(bounds_ms=common, counts=tuple(both))


def _within(one: Histogram, bounds: tuple[float, ...]) -> Sequence[float]:
    """Its counts in fewer buckets, of which each bound is one of its own."""
    counts = [0.0] * (len(bounds) + 1)
    for index, bound in enumerate((*one.bounds_ms, math.inf)):
        counts[bisect_left(bounds, bound)] += one.counts[index]
    return counts


def _own(one: Mapping[str, Measure], other: Mapping[str, Measure]) -> Mapping[str, Measure]:
    both = {name: _measure(name, one[name], other[name]) for name in one.keys() & other.keys()}
    return MappingProxyType({**one, **other, **both})


def _measure(name: str, one: Measure, other: Measure) -> Measure:
    if isinstance(one, Ratio) and isinstance(other, Ratio):
        return Ratio(hits=one.hits + other.hits, trials=one.trials + other.trials)
    if isinstance(one, Mean) and isinstance(other, Mean):
        known = one.squares is not None and other.squares is not None
        return Mean(
            total=one.total + other.total,
            count=one.count + other.count,
            squares=(one.squares or 0.0) + (other.squares or 0.0) if known else None,
        )
    raise ModelctlError(
        f"{name} is a share in one stretch of time and a mean in another, so it doesn't add up",
        mend=f"measure {name} in one way",
    )

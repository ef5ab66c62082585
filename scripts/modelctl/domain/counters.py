"""Counters that only grow, as a process shows them, and how much they grew between two looks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelctl.domain.observations import Counts, Histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What one backend has counted since its process began. `buckets` are upper bounds of response
    times in ms → how many requests took no longer (each bound holds those below it; the last is
    infinity), None where nobody measures them."""

    requests: float
    errors: float
    buckets: Mapping[float, float] | None = None


def increase(before: Counters | None, after: Counters) -> Counts:
    """What was counted from one look to the next. A counter that shrank began anew in between, so
    all that it has now was counted since; with nothing `before`, too."""
    if before is None or after.requests < before.requests:
        before = Counters(requests=0.0, errors=0.0)
    return Counts(
        requests=after.requests - before.requests,
        errors=grown(before.errors, after.errors),
        latency=_latency(before.buckets or {}, after.buckets),
    )


def grown(before: float, after: float) -> float:
    """How much a counter grew; all that it has where it shrank, as it began anew then."""
    return after if after < before else after - before


def histogram(cumulative: Mapping[float, float]) -> Histogram | None:
    """Counts up to each bound as counts between the bounds; None where they can't be: there is no
    last bucket (infinity), or a count isn't a number. Buckets that were read one after the other
    may be out of step by some requests: none holds less than nothing."""
    bounds = sorted(cumulative)
    if not bounds or bounds[-1] != math.inf or not all(map(math.isfinite, cumulative.values())):
        return None
    counts, below = [], 0.0
    for bound in bounds:
        counts.append(max(cumulative[bound] - below, 0.0))
        below = max(below, cumulative[bound])
    return Histogram(bounds_ms=tuple(bounds[:-1]), counts=tuple(counts))


def summed(parts: Iterable[Mapping[float, float]]) -> dict[float, float]:
    """The buckets of several processes added up: the bounds that all of them have."""
    every = list(parts)
    shared = set.intersection(*(set(one) for one in every)) if every else set()
    return {bound: sum(one[bound] for one in every) for bound in sorted(shared)}


def _latency(
    before: Mapping[float, float], after: Mapping[float, float] | None
) -> Histogram | None:
    if after is None:
        return None
    return histogram({bound: grown(before.get(bound, 0.0), now) for bound, now in after.items()})

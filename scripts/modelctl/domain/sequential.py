"""Limits of a figure that hold at every look at once, so that looking often is no way to be misled.

The usual 95 % limits are wrong one time in twenty at each look; who looks at every scrape finds
something sooner or later. These are wrong one time in twenty however often anybody looks: they
reach not 1.96 standard errors, but as far as Robbins' normal mixture boundary, which grows slowly
with the number of samples and is narrowest at a number that was intended (S. R. Howard, A. Ramdas,
J. McAuliffe, J. Sekhon, Annals of Statistics 49, 2021). For a share they are Wilson's score limits
at that boundary, for a quantile those of the share of requests below it (S. R. Howard, A. Ramdas,
Bernoulli 28, 2022), for a mean that of its standard error (I. Waudby-Smith and others, Annals of
Statistics 52, 2024). They rest on the central limit theorem, so a few dozen samples come first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from modelctl.domain.observations import (
    QUANTILES,
    Counts,
    Histogram,
    Mean,
    Measure,
    Ratio,
    own_value,
    share,
)
from modelctl.domain.significance import score_limits

METRICS = "metrics"
INTENDED = 1000.0
"""The number of samples at which limits are narrowest where nothing says how many there will be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A figure with its limits, and the number of samples that it rests on."""

    value: float
    lower: float
    upper: float
    samples: float


def reach(samples: float, confidence: float, intended: float = INTENDED) -> float:
    """How many standard errors the two-sided limits reach to each side after so many samples.

    `confidence` is that of all looks together. Never less than at the `intended` number of samples.
    """
    if samples <= 0:
        return math.inf
    least, optimum = _tuning(confidence)
    prior = intended / optimum
    grown = (samples + prior) / prior
    return math.sqrt((samples + prior) / samples * (math.log(grown) + least))


def share_limits(hits: float, trials: float, z: float) -> Limits:
    """A share of independent samples: Wilson's score limits at `z` standard errors."""
    value = share(hits, trials)
    lower, upper = score_limits(value, trials, z)
    return Limits(value=value, lower=max(lower, 0.0), upper=min(upper, 1.0), samples=trials)


def quantile_limits(histogram: Histogram, quantile: float, z: float) -> Limits | None:
    """A quantile of the response time: the order statistics, read from the histogram, between which
    the share of requests below it lies. None where there are no requests.

    Where that many requests haven't been seen, there is no limit: 0 below, infinity above. It is
    infinity above the last bound, too, where only the highest bucket knows more.
    """
    value = histogram.quantile(quantile)
    if value is None:
        return None
    total = histogram.total
    away = z * math.sqrt(quantile * (1 - quantile) / total)
    low, high = quantile - away, min(quantile + away, 1.0)
    lower = histogram.quantile(low) if low * total >= 1 else 0.0
    beyond = histogram.counts[-1]
    seen = (1 - high) * total >= max(1.0, beyond)
    upper = histogram.quantile(high) if seen else math.inf
    return Limits(
        value=value, lower=min(lower or 0.0, value), upper=max(upper or 0.0, value), samples=total
    )


def mean_limits(measure: Mean, z: float) -> Limits | None:
    """A mean of independent samples. None where nobody can tell how sure it is: its squares are
    unknown, or there are fewer than two samples."""
    if measure.squares is None or measure.count < 2:
        return None
    value = measure.total / measure.count
    spread = max(measure.squares - measure.total * value, 0.0) / (measure.count - 1)
    away = z * math.sqrt(spread / measure.count)
    return Limits(value=value, lower=value - away, upper=value + away, samples=measure.count)


def samples_of(counts: Counts, figure: str) -> float | None:
    """How many samples a figure of a side rests on; None for one that chance has no part in.

    `figure` is `error_rate`, `accuracy`, a quantile such as `latency_p99_ms`, or `metrics.<name>`.
    """
    if figure == "error_rate":
        return counts.requests
    if figure == "accuracy":
        return counts.labelled
    if figure in QUANTILES:
        return counts.latency.total if counts.latency else None
    own = _own(counts, figure)
    if own is None:
        return None
    return own.trials if isinstance(own, Ratio) else own.count


def limits_of(counts: Counts, figure: str, z: float) -> Limits | None:
    """The limits of a figure of a side at `z` standard errors; None where nobody can tell."""
    if figure == "error_rate":
        return share_limits(counts.errors, counts.requests, z) if counts.requests > 0 else None
    if figure == "accuracy":
        return share_limits(counts.correct, counts.labelled, z) if counts.labelled > 0 else None
    if figure in QUANTILES:
        return quantile_limits(counts.latency, QUANTILES[figure], z) if counts.latency else None
    own = _own(counts, figure)
    if own is None or own_value(own) is None:
        return None
    return share_limits(own.hits, own.trials, z) if isinstance(own, Ratio) else mean_limits(own, z)


def _own(counts: Counts, figure: str) -> Measure | None:
    return counts.own.get(figure.removeprefix(f"{METRICS}."))


@lru_cache(maxsize=64)
def _tuning(confidence: float) -> tuple[float, float]:
    """What the boundary needs of a confidence: twice the logarithm of its odds against, and by how
    much the intended number of samples outweighs the mixture's prior where the boundary is lowest
    (the solution of r = log(1 + r) + c, found by iteration)."""
    least = -2 * math.log(1 - confidence)
    ratio = least
    for _ in range(60):
        ratio = math.log1p(ratio) + least
    return least, ratio

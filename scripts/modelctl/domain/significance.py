"""Whether a difference is more than chance: limits of a figure, of a difference, and how many
samples would tell.

A figure has limits at a confidence, from the interval that a probe recorded with it, or, for a
share of independent samples, from Wilson's score interval. The limits of a difference follow from
those of its two sides (MOVER: G. Y. Zou and A. Donner, Statistics in Medicine 27, 2008; for shares
it is Newcombe's hybrid score interval). The two sides are taken as independent. Where both were
measured on the same rows their errors go together, so the true limits are narrower: a verdict here
errs towards "can't tell", never towards one that isn't there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from modelctl.domain.metrics import is_share
from modelctl.domain.rules import Undecided

MOST_SAMPLES = 10**9
"""Whatever takes more can't be decided by samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure with its limits at one confidence, and the samples it rests on where that is known.

    `share` says that the limits are Wilson's, from `samples` alone.
    """

    value: float
    lower: float
    upper: float
    samples: int | None = None
    share: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How much better a version is than what it is held against, with limits at one confidence."""

    value: float
    lower: float
    upper: float

    @property
    def beyond_noise(self) -> bool:
        """Whether chance alone would hardly make it: its limits leave out zero."""
        return self.lower > 0 or self.upper < 0


def critical(confidence: float) -> float:
    """How many standard errors a two-sided interval of this confidence reaches to each side."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(share: float, samples: float, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a share of independent samples."""
    return score_limits(share, samples, critical(confidence))


def score_limits(share: float, samples: float, z: float) -> tuple[float, float]:
    """Wilson's score interval that reaches `z` standard errors to each side."""
    centre = share + z * z / (2 * samples)
    reach = z * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples * samples))
    scale = 1 + z * z / samples
    # Rounding must not push a limit beyond the figure itself.
    return min((centre - reach) / scale, share), max((centre + reach) / scale, share)


def figure(
    known: Mapping[str, Any], side: str, metric: str, confidence: float
) -> Figure | Undecided:
    """The metric of a side (`evidence`, `serving`) of these facts, with limits at `confidence`.

    Undecided says what is missing. An interval without any width is no certainty: a bootstrap of
    samples that are all right gives one.
    """
    value = _value(known, side, metric)
    if value is None:
        return Undecided(reason=f"{side}.metrics.{metric} is missing")
    samples = known.get(f"{side}.sample_size")
    recorded = _recorded(known, side, metric, value, confidence)
    if isinstance(recorded, tuple):
        lower, upper = recorded
        return Figure(value=value, lower=lower, upper=upper, samples=samples)
    if not is_share(metric):
        return Undecided(reason=recorded)
    return share_of(value, samples, confidence) or Undecided(
        reason=f"{recorded}, and {side}.sample_size is missing"
    )


def share_of(value: float, samples: int | None, confidence: float) -> Figure | None:
    """A share of independent samples with its limits, None where it can't be one."""
    if not samples or samples < 1 or not 0 <= value <= 1:
        return None
    lower, upper = wilson(value, samples, confidence)
    return Figure(value=value, lower=lower, upper=upper, samples=samples, share=True)


def _value(known: Mapping[str, Any], side: str, metric: str) -> float | None:
    """A metric, or a figure of its own such as `evidence.error_rate`."""
    value = known.get(f"{side}.metrics", {}).get(metric, known.get(f"{side}.{metric}"))
    return value if isinstance(value, float) else None


def _recorded(
    known: Mapping[str, Any], side: str, metric: str, value: float, confidence: float
) -> tuple[float, float] | str:
    """The interval that was recorded, widened or narrowed to `confidence`; else what it lacks."""
    lower = known.get(f"{side}.lower", {}).get(metric)
    upper = known.get(f"{side}.upper", {}).get(metric)
    level = known.get(f"{side}.confidence")
    if lower is None or upper is None:
        return f"{side} has no interval of {metric}"
    if level is None or not 0 < level < 1:
        return f"{side} doesn't say how confident its intervals are"
    if not lower <= value <= upper or lower == upper:
        return f"the interval of {metric} of {side} says nothing"
    scale = critical(confidence) / critical(level)
    return value - (value - lower) * scale, value + (upper - value) * scale


def exactly(value: float) -> Figure:
    """A threshold: a figure that chance has no part in."""
    return Figure(value=value, lower=value, upper=value)


def difference(one: Figure, other: Figure) -> Comparison:
    """How far a figure is above another one, the two taken as independent."""
    value = one.value - other.value
    down = math.hypot(one.value - one.lower, other.upper - other.value)
    up = math.hypot(one.upper - one.value, other.value - other.lower)
    return Comparison(value=value, lower=value - down, upper=value + up)


def decides(compared: Comparison, margin: float) -> bool | None:
    """Whether it is better than `-margin`: yes, no, or None where it may be chance."""
    if compared.lower >= -margin:
        return True
    return False if compared.upper < -margin else None


def grown(one: Figure, factor: float, confidence: float) -> Figure:
    """The same figure as `factor` times as many samples would give it."""
    if one.share and one.samples:
        lower, upper = wilson(one.value, one.samples * factor, confidence)
        return replace(one, lower=lower, upper=upper)
    scale = 1 / math.sqrt(factor)
    return replace(
        one,
        lower=one.value - (one.value - one.lower) * scale,
        upper=one.value + (one.upper - one.value) * scale,
    )


def samples_that_decide(
    samples: int, margin: float, compare: Callable[[float], Comparison]
) -> int | None:
    """The smallest number of samples that decides if the figures stay as they are.

    `compare` gives the comparison with so many times the samples. None where no number decides:
    the difference is at the margin.
    """
    low, high = samples, samples
    while decides(compare(high / samples), margin) is None:
        low, high = high, high * 2
        if high > MOST_SAMPLES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if decides(compare(middle / samples), margin) is None:
            low = middle
        else:
            high = middle
    return high

"""What an A/B test says: better, worse, no difference, or that nobody can tell yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from modelctl.domain.observations import CANARY, STABLE, Counts
from modelctl.domain.sequential import METRICS, Limits, limits_of, reach, samples_of
from modelctl.domain.significance import Figure, critical, difference
from modelctl.domain.strategies import FIXED, Experiment

BETTER, WORSE, NO_DIFFERENCE, UNDECIDED = "better", "worse", "no difference", "undecided"

MISMATCH_CONFIDENCE = 0.999
"""How sure one must be that requests weren't divided as asked, at all looks together, before the
test says nothing more. A divider that is wrong chooses who gets which version."""

_FIGURES = frozenset(
    {"error_rate", "accuracy", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a test. `effect` is by how much the primary figure is higher on the new version,
    between `lower` and `upper` at `confidence`; None where it isn't known. `message` says it."""

    outcome: str
    message: str
    confidence: float
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None


def verdict(
    experiment: Experiment,
    tally: Mapping[str, Counts],
    *,
    asked: float | None = None,
    ended: bool = True,
) -> Verdict:
    """The verdict of these counts.

    `asked` is which share of the requests of both sides the new version should have had, None where
    nothing was asked. `ended` says that the test has lasted as long as it should: what hasn't shown
    a difference by then has none that it could tell.
    """
    short = _sample(experiment, tally) or _mismatch(tally, asked) or _early(experiment, ended)
    if short is not None:
        return Verdict(outcome=UNDECIDED, message=short, confidence=experiment.confidence)
    name = figure_name(experiment.primary)
    mine, theirs = (_limits(experiment, tally, side, name) for side in (CANARY, STABLE))
    if mine is None or theirs is None:
        told = f"nobody measured {experiment.primary} so that one could tell how sure it is"
        return Verdict(outcome=UNDECIDED, message=told, confidence=experiment.confidence)
    return _compared(experiment, mine, theirs, ended)


def figure_name(primary: str) -> str:
    """What the primary figure is called among the figures of a side."""
    return primary if primary in _FIGURES else f"{METRICS}.{primary}"


def mismatch(canary: float, stable: float, asked: float) -> float | None:
    """The share that the new version had, where it surely isn't the `asked` one; else None.

    It is the chi-square test of two cells, `z² = χ²`, against a boundary that holds at every look.
    """
    total = canary + stable
    if total <= 0 or not 0 < asked < 1:
        return None
    had = canary / total
    z = abs(had - asked) / math.sqrt(asked * (1 - asked) / total)
    return had if z > reach(total, MISMATCH_CONFIDENCE) else None


def _sample(experiment: Experiment, tally: Mapping[str, Counts]) -> str | None:
    """Which side has seen too few requests; None where both have seen enough."""
    for side in (CANARY, STABLE):
        requests = tally[side].requests if side in tally else 0.0
        if requests < experiment.minimum_sample:
            return f"{side} has seen {requests:,.0f} of {experiment.minimum_sample:,} requests"
    return None


def _mismatch(tally: Mapping[str, Counts], asked: float | None) -> str | None:
    """Why the sides can't be compared; None where requests were divided as asked."""
    if asked is None:
        return None
    had = mismatch(tally[CANARY].requests, tally[STABLE].requests, asked)
    if had is None:
        return None
    return (
        f"requests weren't divided as asked: the new version had {had:.2%} of them instead of "
        f"{asked:.2%}, so the sides may not be alike, and nothing can be told"
    )


def _early(experiment: Experiment, ended: bool) -> str | None:
    """Why nothing is told before the end: limits that are right at one look are wrong at many."""
    if ended or experiment.method != FIXED:
        return None
    return f"{experiment.primary} is looked at once, when the test has lasted as long as it should"


def _limits(
    experiment: Experiment, tally: Mapping[str, Counts], side: str, name: str
) -> Limits | None:
    """A side's figure at the confidence of the test. Both sides reach equally far."""
    if experiment.method == FIXED:
        return limits_of(tally[side], name, critical(experiment.confidence))
    samples = samples_of(tally[CANARY], name) or 0.0
    z = reach(samples, experiment.confidence, experiment.minimum_sample)
    return None if math.isinf(z) else limits_of(tally[side], name, z)


def _compared(experiment: Experiment, mine: Limits, theirs: Limits, ended: bool) -> Verdict:
    found = difference(_figure(mine), _figure(theirs))
    outcome = NO_DIFFERENCE if ended else UNDECIDED
    if found.beyond_noise:
        outcome = BETTER if (found.lower > 0) == experiment.higher_is_better else WORSE
    told = (
        f"{experiment.primary} is {mine.value:.4g} on the new version and {theirs.value:.4g} on "
        f"what serves: {found.value:+.4g}, between {found.lower:+.4g} and {found.upper:+.4g} at "
        f"{experiment.confidence:.4g} confidence"
    )
    return Verdict(
        outcome=outcome,
        message=f"{_WORDS[outcome]}: {told}",
        confidence=experiment.confidence,
        effect=found.value,
        lower=found.lower,
        upper=found.upper,
    )


_WORDS: Mapping[str, str] = {
    BETTER: "the new version is better",
    WORSE: "the new version is worse",
    NO_DIFFERENCE: "no difference that this test could tell",
    UNDECIDED: "it can't be told yet",
}


def _figure(limits: Limits) -> Figure:
    return Figure(value=limits.value, lower=limits.lower, upper=limits.upper)

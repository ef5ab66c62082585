"""Limits that hold at every look: by the formulas of `ville`, and by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from ville import BernoulliCS, QuantileCS
from ville._boundaries import best_rho, normal_mixture

from modelctl.domain.observations import Counts, Histogram, Mean, Ratio
from modelctl.domain.sequential import (
    Limits,
    limits_of,
    mean_limits,
    quantile_limits,
    reach,
    samples_of,
    share_limits,
)
from modelctl.domain.significance import critical

LOOKS = np.unique(np.geomspace(100, 20_000, 60).astype(int))


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("intended", [500, 10_000])
def test_the_boundary_is_robbins_tuned_where_it_is_lowest(confidence: float, intended: int) -> None:
    alpha = 1 - confidence
    rho = best_rho(intended, alpha)
    for samples in (10, 1000, 100_000):
        expected = float(normal_mixture(samples, alpha, rho)) / math.sqrt(samples)
        assert reach(samples, confidence, intended) == pytest.approx(expected, rel=1e-5)


@given(st.floats(1, 1e7), st.floats(1, 1e6), st.floats(0.5, 0.999))
def test_looking_at_every_sample_costs_more_than_looking_once(
    samples: float, intended: float, confidence: float
) -> None:
    found = reach(samples, confidence, intended)
    assert found > critical(confidence)
    best = reach(intended, confidence, intended)
    assert found * (1 + 1e-9) >= best


def test_without_samples_nothing_is_known() -> None:
    assert reach(0, 0.95) == math.inf


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0, 6))
def test_the_limits_of_a_share_hold_it(hits: int, trials: int, z: float) -> None:
    assume(hits <= trials)
    found = share_limits(hits, trials, z)
    assert 0 <= found.lower <= found.value <= found.upper <= 1
    assert found.samples == trials


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_shares_are_covered_at_every_look_together(share: float) -> None:
    """A 95 % sequence may leave the truth out in 5 % of the runs, whenever one looks."""
    numbers, missed, fixed = np.random.default_rng(7), 0, 0
    for _ in range(400):
        hits = np.cumsum(numbers.random(int(LOOKS[-1])) < share)[LOOKS - 1]
        limits = [
            share_limits(float(h), float(n), reach(float(n), 0.95, 5000))
            for h, n in zip(hits, LOOKS, strict=True)
        ]
        missed += any(not one.lower <= share <= one.upper for one in limits)
        z = critical(0.95)
        naive = [share_limits(float(h), float(n), z) for h, n in zip(hits, LOOKS, strict=True)]
        fixed += any(not one.lower <= share <= one.upper for one in naive)
    assert missed / 400 <= 0.05
    assert fixed / 400 > 0.2, "looking often with the usual limits does mislead"


def test_they_are_about_as_wide_as_the_exact_ones_of_ville() -> None:
    numbers = np.random.default_rng(3)
    sample = (numbers.random(20_000) < 0.05).astype(float)
    exact = BernoulliCS(alpha=0.05, intersect=False)
    exact.update(sample)
    ours = share_limits(float(sample.sum()), 20_000, reach(20_000, 0.95, 5000))
    lower, upper = exact.interval()
    assert (ours.lower, ours.upper) == (
        pytest.approx(lower, rel=0.1),
        pytest.approx(upper, rel=0.1),
    )


def test_quantiles_lie_within_what_ville_allows_any_distribution() -> None:
    """Ours know the variance of the share below a quantile, so they are the narrower ones."""
    numbers = np.random.default_rng(5)
    sample = numbers.exponential(50.0, 4000)
    bounds = tuple(float(b) for b in range(2, 500, 2))
    counts = np.histogram(sample, bins=(0.0, *bounds, math.inf))[0]
    histogram = Histogram(bounds_ms=bounds, counts=tuple(map(float, counts)))
    ours = quantile_limits(histogram, 0.95, reach(4000, 0.95, 4000))
    any_ = QuantileCS(q=0.95, alpha=0.05, t_opt=4000, intersect=False)
    any_.update(sample)
    low, high = any_.interval()
    assert ours is not None
    assert low - 2 <= ours.lower < ours.value < ours.upper <= high + 2
    assert ours.lower < 50.0 * math.log(20) < ours.upper


def test_quantiles_are_covered_at_every_look_together() -> None:
    numbers, missed, truth = np.random.default_rng(11), 0, 50.0 * math.log(100)
    bounds = tuple(float(b) for b in range(5, 800, 5))
    for _ in range(150):
        sample, out = numbers.exponential(50.0, 10_000), False
        for n in (500, 800, 1500, 3000, 6000, 10_000):
            counts = np.histogram(sample[:n], bins=(0.0, *bounds, math.inf))[0]
            histogram = Histogram(bounds_ms=bounds, counts=tuple(map(float, counts)))
            found = quantile_limits(histogram, 0.99, reach(n, 0.95, 3000))
            assert found is not None
            out = out or not found.lower <= truth <= found.upper
        missed += out
    assert missed / 150 <= 0.05


def test_what_only_more_requests_could_limit_has_no_limit() -> None:
    few = Histogram(bounds_ms=(10.0, 100.0), counts=(5.0, 5.0, 0.0))
    found = quantile_limits(few, 0.99, 3.0)
    assert found is not None
    assert found.upper == math.inf
    low = quantile_limits(few, 0.05, 3.0)
    assert low is not None
    assert low.lower == 0.0
    beyond = Histogram(bounds_ms=(10.0, 100.0), counts=(0.0, 5000.0, 4000.0))
    open_ended = quantile_limits(beyond, 0.5, 3.0)
    assert open_ended is not None
    assert open_ended.upper < math.inf
    last = quantile_limits(beyond, 0.6, 3.0)
    assert last is not None
    assert (last.value, last.upper) == (100.0, math.inf)
    assert quantile_limits(Histogram(bounds_ms=(1.0,), counts=(0.0, 0.0)), 0.5, 3.0) is None


def test_a_mean_needs_its_squares() -> None:
    assert mean_limits(Mean(total=10, count=5), 3.0) is None
    assert mean_limits(Mean(total=1, count=1, squares=1), 3.0) is None
    sample = np.random.default_rng(1).normal(5.0, 2.0, 400)
    measured = Mean(total=float(sample.sum()), count=400, squares=float((sample**2).sum()))
    found = mean_limits(measured, 2.0)
    assert found is not None
    spread = 2.0 * float(sample.std(ddof=1)) / 20
    assert found == Limits(
        value=pytest.approx(sample.mean()),
        lower=pytest.approx(sample.mean() - spread),
        upper=pytest.approx(sample.mean() + spread),
        samples=400,
    )


COUNTS = Counts(
    requests=100,
    errors=10,
    latency=Histogram(bounds_ms=(10.0, 100.0), counts=(50.0, 50.0, 0.0)),
    labelled=50,
    correct=40,
    own={"clicks": Ratio(hits=5, trials=80), "basket": Mean(total=9, count=3, squares=30)},
)
NOTHING = Counts(requests=0, errors=0, own={"clicks": Ratio(hits=0, trials=0)})


@pytest.mark.parametrize(
    ("figure", "samples", "value"),
    [
        ("error_rate", 100, 0.1),
        ("accuracy", 50, 0.8),
        ("latency_p50_ms", 100, 10.0),
        ("metrics.clicks", 80, 0.0625),
        ("metrics.basket", 3, 3.0),
    ],
)
def test_each_figure_has_its_samples_and_its_limits(
    figure: str, samples: float, value: float
) -> None:
    assert samples_of(COUNTS, figure) == samples
    found = limits_of(COUNTS, figure, 2.0)
    assert found is not None
    assert found.lower < found.value == value < found.upper
    assert limits_of(NOTHING, figure, 2.0) is None


def test_what_was_not_measured_has_no_samples() -> None:
    assert samples_of(COUNTS, "metrics.other") is None
    assert limits_of(COUNTS, "metrics.other", 2.0) is None
    assert samples_of(NOTHING, "latency_p99_ms") is None

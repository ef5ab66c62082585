"""Counts: they add up however time is cut, and what nobody measured is no figure."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.counts_data import counts_data, counts_from
from modelctl.domain.observations import (
    Counts,
    Histogram,
    Mean,
    Ratio,
    figures_of,
    own_value,
)
from modelctl.domain.triggers import LIVE, live_facts
from modelctl.errors import ModelctlError
from support.plans import ROLLED_MODEL

BOUNDS = (10.0, 100.0)
whole = st.integers(0, 1000).map(float)
histograms = st.tuples(whole, whole, whole).map(lambda c: Histogram(bounds_ms=BOUNDS, counts=c))
means = st.builds(Mean, total=whole, count=whole, squares=whole | st.none())
ratios = st.builds(Ratio, hits=whole, trials=whole)
stretches = st.builds(
    Counts,
    requests=whole,
    errors=whole,
    latency=histograms | st.none(),
    labelled=whole,
    correct=whole,
    own=st.fixed_dictionaries({}, optional={"mean": means, "share": ratios}),
)


@given(stretches, stretches, stretches)
def test_it_adds_up_however_time_is_cut(one: Counts, two: Counts, three: Counts) -> None:
    assert one.plus(two).plus(three) == one.plus(two.plus(three))
    assert one.plus(two) == two.plus(one)
    assert one.plus(Counts(requests=0.0, errors=0.0)) == one


@given(stretches)
def test_counts_come_back_from_data_as_they_were(one: Counts) -> None:
    assert counts_from(counts_data(one)) == one


def latency(bounds: tuple[float, ...], *each: float) -> Counts:
    return Counts(requests=1, errors=0, latency=Histogram(bounds_ms=bounds, counts=each))


def test_other_buckets_add_up_over_the_bounds_that_both_have() -> None:
    one = latency((1.0, 2.5, 10.0, 100.0), 1, 2, 3, 4, 5)
    other = latency((1.0, 5.0, 100.0), 10, 20, 30, 40)
    expected = Histogram(bounds_ms=(1.0, 100.0), counts=(11.0, 59.0, 45.0))
    assert one.plus(other).latency == other.plus(one).latency == expected


def test_what_took_longer_than_other_buckets_can_tell_is_not_taken_for_fast() -> None:
    one, other = latency((1.0, 2.5), 1, 0, 9), latency((1.0, 3.0), 1, 0, 0)
    assert one.plus(other).latency is None
    assert one.plus(latency((), 5)).latency is None


def test_other_kinds_of_figure_do_not_add_up() -> None:
    share = Counts(requests=1, errors=0, own={"clicks": Ratio(hits=1, trials=2)})
    mean = Counts(requests=1, errors=0, own={"clicks": Mean(total=1, count=2)})
    with pytest.raises(ModelctlError, match="clicks is a share in one stretch"):
        share.plus(mean)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((0, 0, 0), 0.5, None),
        ((10, 0, 0), 0.5, 5.0),
        ((10, 10, 0), 0.75, 55.0),
        ((0, 10, 0), 0.0, 10.0),
        ((10, 10, 0), 1.0, 100.0),
        ((1, 0, 9), 0.5, 100.0),
        ((0, 0, 4), 0.01, 100.0),
    ],
)
def test_quantiles_are_linear_in_a_bucket(
    counts: tuple[float, ...], share: float, expected: float | None
) -> None:
    found = Histogram(bounds_ms=BOUNDS, counts=counts)
    assert found.quantile(share) == expected
    assert found.total == sum(counts)


def test_a_histogram_without_bounds_knows_nothing() -> None:
    assert Histogram(bounds_ms=(), counts=(5.0,)).quantile(0.5) is None


@given(histograms, st.floats(0, 1), st.floats(0, 1))
def test_quantiles_grow_with_the_share(found: Histogram, one: float, other: float) -> None:
    low, high = (found.quantile(share) for share in sorted((one, other)))
    if low is not None and high is not None:
        assert 0.0 <= low <= high <= BOUNDS[-1]


def figures(counts: Counts, span: timedelta | None = None) -> dict[str, Any]:
    found = figures_of("canary", counts, span)
    assert set(found) <= set(LIVE)
    facts = live_facts(ROLLED_MODEL, found)
    return {name: value for name, value in facts.items() if name.startswith("canary.")}


def test_every_figure_that_can_be_told_is_and_no_other() -> None:
    nothing = {"canary.requests": 0, "canary.labelled": 0}
    assert figures(Counts(requests=0.0, errors=0.0)) == nothing
    empty = Histogram(bounds_ms=BOUNDS, counts=(0, 0, 0))
    unknown = {"a": Ratio(hits=0, trials=0), "b": Mean(total=0, count=0)}
    assert figures(Counts(requests=0.0, errors=0.0, latency=empty, own=unknown)) == nothing
    known = Counts(
        requests=100.4,
        errors=1.0,
        latency=Histogram(bounds_ms=BOUNDS, counts=(50, 50, 0)),
        labelled=10.0,
        correct=9.0,
        own={"clicks": Ratio(hits=1, trials=4), "basket": Mean(total=9, count=2)},
    )
    assert figures(known, timedelta(seconds=10)) == {
        "canary.requests": 100,
        "canary.labelled": 10,
        "canary.error_rate": pytest.approx(1 / 100.4),
        "canary.accuracy": 0.9,
        "canary.latency_p50_ms": 10.0,
        "canary.latency_p95_ms": pytest.approx(91.0),
        "canary.latency_p99_ms": pytest.approx(98.2),
        "canary.throughput_rps": pytest.approx(10.04),
        "canary.metrics": {"clicks": 0.25, "basket": 4.5},
    }
    assert "canary.throughput_rps" not in figures(known, timedelta())


def test_an_extrapolated_increase_makes_no_share_beyond_one() -> None:
    assert figures(Counts(requests=10.0, errors=10.2))["canary.error_rate"] == 1.0
    assert own_value(Ratio(hits=-0.1, trials=2.0)) == 0.0


@given(st.lists(stretches, min_size=1, max_size=5))
def test_figures_of_a_window_are_those_of_its_sum(parts: list[Counts]) -> None:
    total = reduce(Counts.plus, parts)
    assert figures(total).get("canary.requests", 0) == sum(part.requests for part in parts)

"""What counters grew by between two looks, whatever happened to the process in between."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given, strategies as st

from modelctl.domain.counters import Counters, grown, histogram, increase, summed

INF = math.inf


def test_the_growth_of_counters_is_what_was_counted_in_between() -> None:
    before = Counters(requests=10, errors=1, buckets={100: 4, INF: 10})
    after = Counters(requests=15, errors=3, buckets={100: 8, INF: 15})
    found = increase(before, after)
    assert (found.requests, found.errors) == (5, 2)
    assert found.latency is not None
    assert (found.latency.bounds_ms, found.latency.counts) == ((100,), (4, 1))


def test_counters_that_shrank_began_anew() -> None:
    before = Counters(requests=10, errors=1, buckets={100: 4, INF: 10})
    after = Counters(requests=3, errors=2, buckets={100: 1, INF: 3})
    for one in (before, None):
        found = increase(one, after)
        assert (found.requests, found.errors) == (3, 2)
        assert found.latency is not None
        assert found.latency.counts == (1, 2)


def test_without_buckets_there_is_no_latency() -> None:
    assert increase(None, Counters(requests=3, errors=0)).latency is None


def test_buckets_that_say_nothing_are_no_histogram() -> None:
    for buckets in ({}, {100.0: 3.0}, {100.0: math.nan, INF: 3.0}):
        assert histogram(buckets) is None


def test_buckets_that_are_out_of_step_hold_nothing_less_than_nothing() -> None:
    found = histogram({50: 5, 100: 4, INF: 6})
    assert found is not None
    assert found.counts == (5, 0, 1)


def test_processes_add_up_in_the_bounds_that_all_have() -> None:
    assert summed([{50: 1, 100: 2, INF: 3}, {100: 5, INF: 7}]) == {100: 7, INF: 10}
    assert summed([]) == {}


@given(st.lists(st.integers(0, 1000), min_size=2), st.integers(0, 100))
def test_growth_adds_up(steps: list[int], start: int) -> None:
    values, value = [start], start
    for step in steps:
        value += step
        values.append(value)
    total = sum(grown(a, b) for a, b in pairwise(values))
    assert total == values[-1] - values[0]

"""Series as observations: additive, and silent where nothing was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from modelctl.domain.metric_queries import Owner
from modelctl.domain.metric_sources import OwnFigures
from modelctl.domain.observations import Mean, Observation, Ratio
from modelctl.domain.series import Series, Span, Table, growth

BEGIN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ZERO = BEGIN.timestamp()
MODEL = "m-one"
OWN = OwnFigures(
    counters={"labelled": "labelled_total"},
    ratios={"rate": {"hits": "hits_total", "trials": "trials_total"}},
    means={
        "mean": {"sum": "sum_total", "count": "count_total", "squares": "squares_total"},
        "plain": {"sum": "sum_total", "count": "count_total"},
    },
)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def series(samples: Sequence[tuple[float, float]], **labels: str) -> Series:
    full = {"side": "canary", "instance": "a", **labels}
    return Series(labels=full, samples=[(ZERO + when, value) for when, value in samples])


def owners(labels: Mapping[str, str]) -> list[Owner]:
    return [(MODEL, labels["side"])] if labels["side"] != "nobody" else []


def table(until: float = 60, step: float = 10) -> Table:
    return Table({MODEL: Span(at(0), at(until), timedelta(seconds=step))})


def told(one: Table, own: OwnFigures | None = None) -> list[Observation]:
    return one.observations(MODEL, ("canary", "stable"), own or OwnFigures())


def counted(*found: Series, until: float = 60) -> list[Observation]:
    one = table(until)
    one.requests(growth(found, owners, ("instance",)), lambda labels: labels.get("code") == "500")
    return told(one)


def requests(rows: Sequence[Observation]) -> list[float]:
    return [row.sides["canary"].requests for row in rows]


def test_stretches_end_where_the_time_ends() -> None:
    span = Span(at(0), at(61), timedelta(seconds=10))
    assert len(span.ends) == 6
    assert span.ends[-1] == at(61)
    assert span.stretch(ZERO) is None
    assert span.stretch(ZERO + 0.001) == 0
    assert span.stretch(ZERO + 61) == 5
    assert span.stretch(ZERO + 61.001) is None
    assert len(Span(at(0), at(1), timedelta(seconds=10)).ends) == 1
    assert len(Span(at(0), at(90_000), timedelta(seconds=1)).ends) == 1000


def test_growth_is_told_where_it_was_seen() -> None:
    rows = counted(series([(-5, 100), (5, 110), (15, 110), (25, 140)]))
    assert requests(rows) == [10, 0, 30]
    assert [row.at for row in rows] == [at(10), at(20), at(30)]


def test_what_begins_within_the_time_counts_from_its_first_sample() -> None:
    assert requests(counted(series([(5, 100), (15, 107)]))) == [7]


def test_what_was_counted_before_is_left_out() -> None:
    assert requests(counted(series([(-15, 50), (-5, 100), (5, 110), (65, 200)]))) == [10]


def test_a_series_that_is_new_in_a_known_process_began_at_zero() -> None:
    old, new = series([(-5, 10), (5, 12), (15, 14)]), series([(15, 3)], code="500")
    rows = counted(old, new)
    assert requests(rows) == [2, 5]
    assert rows[1].sides["canary"].errors == 3


def test_a_new_process_begins_with_its_first_sample() -> None:
    old, new = series([(-5, 10), (5, 12)]), series([(5, 900), (15, 905)], instance="b")
    assert requests(counted(old, new)) == [2, 5]


def test_a_stretch_without_a_sample_belongs_to_the_next_one() -> None:
    rows = counted(series([(-5, 0), (5, 1), (45, 9)]))
    assert requests(rows) == [1, 8]
    assert [row.span for row in rows] == [timedelta(seconds=10), timedelta(seconds=40)]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, -1.0])
def test_what_is_no_count_makes_its_stretch_unknown(odd: float) -> None:
    rows = counted(series([(-5, 10), (5, 20), (15, odd), (25, 31)]))
    assert requests(rows) == [10, 11]
    assert [row.at for row in rows] == [at(10), at(30)]


def test_the_series_of_nobody_and_without_samples_count_nothing() -> None:
    assert counted(series([(-5, 1), (5, 2)], side="nobody"), series([])) == []


def test_buckets_become_a_histogram_in_ms() -> None:
    one = table()
    bounds = (("0.1", 4), ("0.5", 6), ("+Inf", 10))
    found = [series([(-5, 1), (5, 1 + count)], le=le) for le, count in bounds]
    calls = series([(-5, 0), (5, 10)])
    one.requests(growth([calls], owners, ("instance",)), lambda _: False)
    one.durations(growth(found, owners, ("instance",)), 1000.0)
    latency = told(one)[0].sides["canary"].latency
    assert latency is not None
    assert (latency.bounds_ms, latency.counts) == ((100.0, 500.0), (4, 2, 4))


def test_only_buckets_that_every_process_has_add_up() -> None:
    one = table()
    found = [
        *(series([(-5, 0), (5, n)], le=le) for le, n in (("1", 1), ("2", 2), ("+Inf", 3))),
        *(series([(-5, 0), (5, n)], le=le, instance="b") for le, n in (("2", 5), ("+Inf", 9))),
    ]
    one.requests(growth([series([(-5, 0), (5, 12)])], owners, ("instance",)), lambda _: False)
    one.durations(growth(found, owners, ("instance",)), 1.0)
    latency = told(one)[0].sides["canary"].latency
    assert latency is not None
    assert (latency.bounds_ms, latency.counts) == ((2.0,), (7, 5))


@pytest.mark.parametrize("bound", ["", "many", None])
def test_buckets_without_a_bound_are_no_latency(bound: str | None) -> None:
    one = table()
    labels = {} if bound is None else {"le": bound}
    one.requests(growth([series([(-5, 0), (5, 12)])], owners, ("instance",)), lambda _: False)
    one.durations(growth([series([(-5, 0), (5, 12)], **labels)], owners, ("instance",)), 1.0)
    assert told(one)[0].sides["canary"].latency is None


def test_a_bucket_that_is_no_count_hides_the_latency_and_not_the_requests() -> None:
    one = table()
    found = [series([(-5, 0), (5, n)], le=le) for le, n in (("1", math.nan), ("+Inf", 3))]
    one.requests(growth([series([(-5, 0), (5, 12)])], owners, ("instance",)), lambda _: False)
    one.durations(growth(found, owners, ("instance",)), 1.0)
    counts = told(one)[0].sides["canary"]
    assert counts.latency is None
    assert counts.requests == 12


def own_rows(**values: float) -> list[Observation]:
    one = table()
    found = [
        series([(-5, 0), (5, value)], __name__=f"{name}_total") for name, value in values.items()
    ]
    one.own(growth(found, owners, ("instance",)))
    return told(one, OWN)


def test_figures_of_ones_own_are_told_where_every_part_was_counted() -> None:
    counts = own_rows(labelled=4, trials=8, sum=6, count=3, squares=14)[0].sides["canary"]
    assert counts.labelled == 4
    assert counts.own == {
        "rate": Ratio(hits=0.0, trials=8),
        "mean": Mean(total=6, count=3, squares=14),
        "plain": Mean(total=6, count=3),
    }
    assert own_rows(hits=2, sum=3)[0].sides["canary"].own == {}


def test_a_figure_of_ones_own_that_is_no_count_is_missing() -> None:
    counts = own_rows(labelled=4, trials=math.nan, hits=2)[0].sides["canary"]
    assert counts.own == {}
    assert own_rows(trials=math.nan) == []
    assert own_rows(labelled=0) == []

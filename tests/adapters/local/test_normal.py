"""What is normal on this machine: from the looks that are kept, over the reference window."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelctl.adapters.local.normal import Normal
from modelctl.adapters.local.scrapes import Scrape, Scrapes
from modelctl.domain.counters import Counters
from modelctl.domain.metric_sources import ERRORS
from modelctl.domain.observations import Endpoint, Watched

MODEL = "churn-predictor"
START = datetime(2026, 11, 20, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def keep(scrapes: Scrapes, minutes: float, *, router: str = "r1", **counted: float) -> None:
    """A look by which each version had so many requests, one in ten of them failed, all fast."""
    services = {
        f"{MODEL}-{version}": Counters(
            requests=requests,
            errors=requests / 10,
            buckets={10.0: requests, 100.0: requests, math.inf: requests},
        )
        for version, requests in counted.items()
    }
    scrapes.append(Scrape(at=at(minutes), router=router, services=services))


def watched(**sides: str) -> Watched:
    return Watched(
        model=MODEL,
        environment="dev",
        namespace="ml-dev",
        since=START,
        sides={
            side: Endpoint(version=version, service=f"{MODEL}-{version}")
            for side, version in sides.items()
        },
    )


@pytest.fixture
def scrapes(tmp_path: Path) -> Scrapes:
    return Scrapes(tmp_path / "scrapes")


def normal(scrapes: Scrapes, reference: timedelta | None = DAY) -> Normal:
    return Normal(scrapes, ERRORS, reference)


def test_it_is_what_served_before_over_all_of_the_window(scrapes: Scrapes) -> None:
    for minute in range(0, 121, 10):
        keep(scrapes, minute, old=100.0 + 60 * minute, new=float(minute))
    found = normal(scrapes).figures([watched(canary="new", live="new", stable="old")], at(120))
    assert found[MODEL] == {
        "baseline.requests": 7200.0,
        "baseline.labelled": 0.0,
        "baseline.error_rate": pytest.approx(0.1),
        "baseline.latency_p50_ms": 5.0,
        "baseline.latency_p95_ms": pytest.approx(9.5),
        "baseline.latency_p99_ms": pytest.approx(9.9),
        "baseline.throughput_rps": 1.0,
    }
    alone = normal(scrapes).figures([watched(live="new")], at(120))
    assert alone[MODEL]["baseline.requests"] == 120


def test_nothing_is_told_of_what_was_before_the_window(scrapes: Scrapes) -> None:
    for minute in range(0, 121, 10):
        keep(scrapes, minute, old=60.0 * minute)
    found = normal(scrapes, timedelta(hours=1)).figures([watched(live="old")], at(120))
    assert found[MODEL]["baseline.requests"] == 3600


def test_a_router_that_began_anew_loses_nothing(scrapes: Scrapes) -> None:
    for minute, router, requests in (
        (0, "r1", 50), (1, "r1", 60), (2, "r1", 70), (3, "r2", 5), (4, "r2", 6), (5, "r2", 9),
    ):  # fmt: skip
        keep(scrapes, minute, router=router, old=requests)
    found = normal(scrapes).figures([watched(live="old")], at(5))
    assert found[MODEL]["baseline.requests"] == 20 + 9


def test_without_figures_nothing_is_normal(scrapes: Scrapes) -> None:
    assert normal(scrapes).figures([watched(live="old")], START) == {MODEL: {}}
    keep(scrapes, 0, old=5)
    assert normal(scrapes).figures([watched(live="old")], START) == {MODEL: {}}
    assert normal(scrapes).figures([watched()], START) == {}
    keep(scrapes, 1, old=9)
    assert normal(scrapes, None).figures([watched(live="old")], at(1)) == {}
    other = Normal(scrapes, "5..|429", DAY)  # by other codes those errors were none
    assert other.figures([watched(live="old")], at(1)) == {MODEL: {}}


def test_it_is_kept_for_a_tenth_of_what_it_rests_on(scrapes: Scrapes) -> None:
    one, of = normal(scrapes), [watched(live="old")]

    def requests(minutes: float) -> float:
        keep(scrapes, minutes, old=minutes)
        found = one.figures(of, at(minutes))[MODEL].get("baseline.requests", 0.0)
        assert isinstance(found, float)
        return found

    assert [requests(m) for m in (0, 0.05, 10, 10.5, 11)] == [0, 0, 10, 10, 11]
    assert [requests(m) for m in (1000, 1009, 1010)] == [1000, 1000, 1010]
    assert one.figures(of, at(1000))[MODEL]["baseline.requests"] == 1000  # of then, not of later

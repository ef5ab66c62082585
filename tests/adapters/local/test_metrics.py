"""What was counted of what serves here: by side, between looks, from a real router."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from modelctl.adapters.local.metrics import LocalMetrics
from modelctl.domain.observations import Endpoint, Observation, Watched
from modelctl.errors import DependencyError

MODEL = "churn-predictor"
START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def watched(since: datetime = START, **sides: str) -> Watched:
    named = sides or {"canary": f"{MODEL}-2.0.0", "stable": f"{MODEL}-1.0.0"}
    return Watched(
        model=MODEL,
        environment="dev",
        namespace="ml-dev",
        since=since,
        sides={side: Endpoint(version="1.0.0", service=name) for side, name in named.items()},
    )


def requests(observations) -> list[dict[str, float]]:
    return [{side: counts.requests for side, counts in one.sides.items()} for one in observations]


def observe(metrics: LocalMetrics, seconds: float, one: Watched | None = None) -> list[Observation]:
    one = one or watched()
    return list(metrics.observe([one], at(seconds))[one.model])


@pytest.fixture
def halves(site):
    site.converge(site.serving("1.0.0", 50), site.serving("2.0.0", 50, part="canary"))
    return site


def ask(site, times: int) -> None:
    for _ in range(times):
        site.ask()


def test_before_the_second_look_nothing_is_known(halves) -> None:
    metrics = LocalMetrics(halves.target())
    ask(halves, 4)
    assert observe(metrics, 0) == []


def test_what_was_counted_between_looks(halves) -> None:
    metrics = LocalMetrics(halves.target())
    observe(metrics, 0)
    assert observe(metrics, 1)[0].sides == {}  # nobody asked yet
    ask(halves, 10)
    found = observe(metrics, 2)
    assert requests(found) == [{}, {"canary": 5, "stable": 5}]
    assert (found[1].at, found[1].span) == (at(2), timedelta(seconds=1))
    canary = found[1].sides["canary"]
    assert canary.errors == 0
    assert canary.latency is not None
    assert sum(canary.latency.counts) == 5
    assert canary.latency.bounds_ms[0] == 1.0
    assert requests(observe(metrics, 3))[-1] == {"canary": 0, "stable": 0}


def test_a_job_that_starts_anew_knows_what_was_before(halves) -> None:
    observe(LocalMetrics(halves.target()), 0)
    ask(halves, 4)
    observe(LocalMetrics(halves.target()), 10)
    ask(halves, 6)
    found = observe(LocalMetrics(halves.target()), 20)
    assert requests(found) == [{"canary": 2, "stable": 2}, {"canary": 3, "stable": 3}]


def test_a_step_begins_at_the_look_just_before_it(halves) -> None:
    metrics = LocalMetrics(halves.target())
    observe(metrics, 0)
    ask(halves, 4)
    observe(metrics, 100)
    ask(halves, 2)
    assert requests(observe(metrics, 130, watched(at(101)))) == [{"canary": 1, "stable": 1}]
    # The one before is too long ago to stand for the beginning.
    ask(halves, 2)
    assert observe(LocalMetrics(halves.target()), 400, watched(at(300))) == []


def test_a_watch_may_reach_further_back_than_the_one_before(halves) -> None:
    metrics = LocalMetrics(halves.target())
    for second in (0, 10, 20):
        observe(metrics, second, watched(at(second)))
        ask(halves, 2)
    assert len(observe(metrics, 30, watched(at(20)))) == 1
    assert len(observe(metrics, 40)) == 4
    assert len(observe(metrics, 50, watched(at(30)))) == 2


def test_an_answer_of_500_is_an_error_and_a_health_check_no_request(halves) -> None:
    metrics = LocalMetrics(halves.target())
    observe(metrics, 0)
    canary = next(s for s in halves.target().status() if s.part == "canary")
    os.kill(canary.pid, signal.SIGKILL)
    url = f"http://127.0.0.1:{halves.port}/{MODEL}/"
    codes = [halves.client.post(f"{url}invocations", json={}).status_code for _ in range(8)]
    assert codes.count(502) == 4
    halves.client.get(f"{url}ping")
    (found,) = observe(metrics, 1)
    counts = found.sides["canary"]
    assert (counts.requests, counts.errors) == (4, 4)
    assert found.sides["stable"].errors == 0


def test_what_is_normal_is_what_served_all_along(halves) -> None:
    metrics = LocalMetrics(halves.target(), reference=timedelta(days=7))
    observe(metrics, 0)
    ask(halves, 10)
    (found,) = observe(metrics, 6)
    assert found.figures["baseline.requests"] == 5  # of stable
    assert found.figures["baseline.latency_p99_ms"] > 0
    assert found.figures["baseline.error_rate"] == 0
    ask(halves, 10)
    first, last = observe(LocalMetrics(halves.target(), reference=timedelta(days=7)), 9)
    assert first.figures["baseline.requests"] == last.figures["baseline.requests"] == 10
    without = observe(LocalMetrics(halves.target()), 10)[-1]
    assert not any(name.startswith("baseline.") for name in without.figures)


def test_other_codes_count_from_the_first_look_with_them(halves) -> None:
    before = LocalMetrics(halves.target())
    observe(before, 0)
    ask(halves, 10)
    observe(before, 1)
    metrics = LocalMetrics(halves.target(), failures="200")
    assert observe(metrics, 2) == []  # what failed by other codes is nothing of this second
    ask(halves, 10)
    (found,) = observe(metrics, 3)
    assert {side: (one.requests, one.errors) for side, one in found.sides.items()} == {
        "canary": (5, 5), "stable": (5, 5),
    }  # fmt: skip
    again = observe(LocalMetrics(halves.target(), failures="200"), 4)
    assert sum(one.sides["canary"].errors for one in again) == 5


def test_failed_health_checks_are_counted_across_jobs(halves) -> None:
    canary = next(s for s in halves.target().status() if s.part == "canary")
    found = []
    for second in range(5):
        if second == 2:
            os.kill(canary.pid, signal.SIGKILL)
        observed = observe(LocalMetrics(halves.target()), second)
        found += [one.figures["canary.failed_health_checks"] for one in observed[-1:]]
    assert found == [0, 1, 2, 3]
    halves.converge(halves.serving("1.0.0", 50), halves.serving("2.0.0", 50, part="canary"))
    (*_, last) = observe(LocalMetrics(halves.target()), 5)
    assert last.figures == {"canary.failed_health_checks": 0.0}


def test_what_has_no_backend_has_no_health(halves) -> None:
    metrics = LocalMetrics(halves.target())
    one = watched(live=f"{MODEL}-9.9.9", canary=f"{MODEL}-2.0.0")
    observe(metrics, 0, one)
    (found,) = observe(metrics, 1, one)
    assert set(found.figures) == {"canary.failed_health_checks"}


def test_a_router_that_began_anew_counts_from_its_own_beginning(halves) -> None:
    metrics = LocalMetrics(halves.target())
    ask(halves, 10)
    observe(metrics, 0)
    (router,) = halves.leaders() - {s.pid for s in halves.target().status()}
    os.kill(router, signal.SIGKILL)
    with pytest.raises(DependencyError, match="the router of dev doesn't answer"):
        observe(metrics, 1)
    halves.converge(halves.serving("1.0.0", 50), halves.serving("2.0.0", 50, part="canary"))
    ask(halves, 12)
    assert requests(observe(metrics, 2)) == [{"canary": 6, "stable": 6}]


def test_where_nothing_was_ever_started_nothing_is_known(site) -> None:
    assert observe(LocalMetrics(site.target()), 0) == []
    assert LocalMetrics(site.target()).observe([], at(1)) == {}


def test_two_jobs_that_look_at_once_do_not_count_twice(halves) -> None:
    first, second = LocalMetrics(halves.target()), LocalMetrics(halves.target())
    for job in (first, second):
        observe(job, 0)
    ask(halves, 4)
    assert requests(observe(first, 1)) == [{"canary": 2, "stable": 2}]
    assert requests(observe(second, 1)) == []  # it looked at the very same instants
    assert requests(observe(second, 2)) == [{"canary": 2, "stable": 2}]


def test_what_the_answers_say_beside_each_other_joins_the_last_reading(halves) -> None:
    class Compared:
        def figures(self, one: Watched, until: datetime) -> Mapping[str, float]:
            return {"canary.prediction_psi": 0.1}

    metrics = LocalMetrics(halves.target(), compared=Compared())
    assert observe(metrics, 0) == []
    (found,) = observe(metrics, 1)
    assert found.figures["canary.prediction_psi"] == 0.1

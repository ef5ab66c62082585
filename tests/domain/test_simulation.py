"""Points are summed into stretches that can be seen, and limits are read from conditions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from modelctl.domain.observations import CANARY, STABLE
from modelctl.domain.simulation import (
    Course,
    Limit,
    Point,
    Simulation,
    Stay,
    binned,
    limits_of,
    summed,
)
from support.simulated import BEGAN, EVERY, condition, counts, plan, state


def point(index: int, **sides: float) -> Point:
    made = {side: counts(requests) for side, requests in sides.items()}
    return Point(
        at=BEGAN + (index + 1) * EVERY, weight=index, sides=made, readings={"live.drift": index}
    )


def test_points_are_summed_by_stretches_and_one_at_an_edge_belongs_to_what_lies_before() -> None:
    points = [point(index, canary=10, stable=20) for index in range(6)]
    first, second = binned(points, BEGAN, 4 * EVERY)
    assert (first.began, first.at, first.weight) == (BEGAN, BEGAN + 4 * EVERY, 3)
    assert (second.began, second.at) == (BEGAN + 4 * EVERY, BEGAN + 6 * EVERY)
    assert first.sides[CANARY].requests == 40
    assert second.sides[STABLE].requests == 40
    assert second.readings == {"live.drift": 5}


def test_what_nobody_measured_is_absent() -> None:
    points = [point(0, canary=10), point(8, stable=3)]
    found = list(binned(points, BEGAN, 4 * EVERY))
    assert [one.began for one in found] == [BEGAN, BEGAN + 8 * EVERY]
    assert [list(one.sides) for one in found] == [[CANARY], [STABLE]]
    assert summed([]) is None


def test_a_stay_lasts_from_its_beginning_to_its_end() -> None:
    stay = Stay(began=BEGAN, until=BEGAN + EVERY, phase="running", step=0, weight=5)
    assert stay.lasted == timedelta(seconds=15)
    course = Course(title="it", began=BEGAN, until=BEGAN + EVERY, points=(), stays=(stay,))
    whole = Simulation(
        strategy=plan(), model=None, state=state(), course=course, stretches=1, every=EVERY
    )
    assert whole.lasted == EVERY


@pytest.mark.parametrize(
    ("when", "limit"),
    [
        ("canary.error_rate > stable.error_rate + 0.005", ("error_rate", 0.005, "+")),
        ("canary.latency_p99_ms > stable.latency_p99_ms * 1.2", ("latency_p99_ms", 1.2, "*")),
        ("live.error_rate > 0.05", ("error_rate", 0.05, None)),
        ("canary.error_rate - stable.error_rate > 0.02", ("error_rate", 0.02, "+")),
        ("canary.error_rate - stable.error_rate > stable.error_rate + 0.02", None),
        ("canary.latency_p99_ms - stable.latency_p95_ms > 20.0", None),
        ("canary.labelled >= 500 && canary.error_rate >= 0.1", ("error_rate", 0.1, None)),
        ("canary.error_rate > stable.latency_p99_ms + 1.0", None),
        ("live.latency_p99_ms > baseline.latency_p99_ms * 2.0", None),
        ("canary.error_rate < 0.1", None),
        ("canary.error_rate > 0.1 || canary.drift > 0.3", None),
    ],
)
def test_only_a_limit_that_a_line_can_show_is_drawn(
    when: str, limit: tuple[str, float, str | None] | None
) -> None:
    expected = ()
    if limit is not None:
        metric, value, sign = limit
        expected = (Limit(metric=metric, value=value, sign=sign, name="it"),)
    assert limits_of([condition(when, "it")]) == expected


def test_a_limit_lies_where_it_is_or_beside_stable() -> None:
    assert Limit(metric="m", value=0.05).at(None) == 0.05
    assert Limit(metric="m", value=0.05, sign="+").at(None) is None
    assert Limit(metric="m", value=0.5, sign="+").at(1.0) == 1.5
    assert Limit(metric="m", value=1.5, sign="*").at(2.0) == 3.0

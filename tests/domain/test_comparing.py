"""Conditions with a part of chance: sure, false, or how many requests would tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from modelctl.domain.comparing import Answer, answer, compared, directions, read_by, sustained
from modelctl.domain.observations import Counts, Mean, Ratio, figures_of
from modelctl.domain.rules import Undecided
from modelctl.domain.sequential import reach, share_limits
from modelctl.domain.significance import Figure, difference
from modelctl.domain.triggers import live_facts
from support.keys import NOW
from support.plans import ROLLED_MODEL, counts, trigger

MORE_ERRORS = "canary.error_rate > stable.error_rate + 0.02"


def facts(tally: Mapping[str, Counts], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict(more)
    for side, one in tally.items():
        found |= figures_of(side, one)
    return live_facts(ROLLED_MODEL, found)


def asked(when: str, canary: Counts, stable: Counts, **changes: Any) -> Answer:
    tally = {"canary": canary, "stable": stable}
    return answer(trigger(when, **changes), facts(tally), tally)


def test_false_at_the_figures_is_false() -> None:
    found = asked(MORE_ERRORS, counts(1000, 0.03), counts(1000, 0.02))
    assert found.holds is False
    assert (found.confidence, found.undecided) == (None, None)
    assert found.values == {"canary.error_rate": "0.03", "stable.error_rate": "0.02"}


def test_beyond_chance_it_holds_and_says_how_sure() -> None:
    found = asked(MORE_ERRORS, counts(20_000, 0.05), counts(20_000, 0.01))
    assert found.holds is True
    assert found.confidence == 0.95
    assert found.values["canary.error_rate"].startswith("0.05 (0.04")


def test_what_may_be_chance_says_how_many_requests_would_tell() -> None:
    found = asked(MORE_ERRORS, counts(500, 0.05), counts(500, 0.01))
    assert found.undecided is not None
    assert found.undecided.startswith("may be chance: sure at about ")
    wanted = int(found.undecided.split("about ")[1].split(" ")[0].replace(",", ""))
    assert 500 < wanted < 20_000
    assert asked(MORE_ERRORS, counts(3 * wanted, 0.05), counts(3 * wanted, 0.01)).holds is True


def test_at_the_limit_no_number_of_requests_is_told() -> None:
    found = asked(MORE_ERRORS, counts(1000, 0.0301), counts(1000, 0.01))
    assert found.undecided == "may be chance: it is too close to the limit to be sure soon"


def test_a_condition_may_ask_to_be_surer_than_its_plan() -> None:
    sides = counts(3000, 0.05), counts(3000, 0.01)
    assert asked(MORE_ERRORS, *sides).holds is True
    assert asked(MORE_ERRORS, *sides, confidence=0.9999).undecided is not None


def test_too_few_requests_decide_nothing() -> None:
    found = asked(MORE_ERRORS, counts(99, 1.0), counts(1000), requests=100)
    assert found.undecided == "canary.requests is 99, fewer than 100"
    assert found.values == {}


def test_against_a_number_the_figure_itself_decides() -> None:
    found = asked("canary.error_rate > 0.0", counts(100, 0.01), counts(100))
    assert (found.holds, found.confidence) == (True, None)


def test_what_is_missing_leaves_it_undecided() -> None:
    found = asked(MORE_ERRORS, counts(1000, 0.5), Counts(requests=0, errors=0))
    assert found.undecided == "stable.error_rate is missing"
    alone = answer(trigger(MORE_ERRORS), facts({"canary": counts(10)}), {"canary": counts(10)})
    assert alone.undecided == "stable.error_rate is missing"


def test_equal_versions_are_hardly_ever_told_apart_however_often_one_looks() -> None:
    """At the very limit, where chance misleads most: at most one in forty, as 95 % has two ends."""
    numbers, wrong, when = np.random.default_rng(8), 0, "canary.error_rate > stable.error_rate"
    for _ in range(200):
        errors = np.cumsum(numbers.binomial(400, 0.02, (25, 2)), axis=0)
        wrong += any(
            asked(when, bare(400 * (n + 1), mine), bare(400 * (n + 1), theirs)).holds is True
            for n, (mine, theirs) in enumerate(errors.tolist())
        )
    assert wrong / 200 <= 0.025


def bare(requests: float, errors: float) -> Counts:
    return Counts(requests=float(requests), errors=float(errors))


SHARES = st.floats(0.001, 0.3)


@given(SHARES, SHARES, st.floats(0, 0.05), st.integers(200, 50_000))
def test_a_linear_condition_is_decided_as_the_limits_of_the_difference(
    mine: float, theirs: float, margin: float, requests: int
) -> None:
    when = f"canary.error_rate - stable.error_rate > {margin:.6f}"
    found = asked(when, counts(requests, mine), counts(requests, theirs))
    z = reach(requests, 0.95)
    one, other = (share_limits(requests * s, requests, z) for s in (mine, theirs))
    figures = [Figure(value=x.value, lower=x.lower, upper=x.upper) for x in (one, other)]
    lower = difference(*figures).lower - round(margin, 6)
    assume(abs(lower) > 0.02 * (mine - theirs - lower + 1e-9))
    assert (found.holds is True) == (lower > 0)


def test_slower_beyond_chance_only_with_enough_in_the_tail() -> None:
    def slow(requests: float) -> Counts:
        one = counts(requests)
        assert one.latency is not None
        times = tuple(requests * part for part in (0.1, 0.5, 0.2, 0.05, 0.14, 0.01))
        return replace(one, latency=replace(one.latency, counts=times))

    when = "canary.latency_p95_ms > stable.latency_p95_ms * 1.2"
    assert asked(when, slow(5000), counts(5000)).holds is True
    assert asked(when, slow(40), counts(40)).undecided is not None
    assert asked(when, counts(5000), slow(5000)).holds is False
    p99 = asked("canary.latency_p99_ms > stable.latency_p99_ms", slow(5000), counts(40))
    assert p99.undecided is not None
    assert "anything" in p99.values["stable.latency_p99_ms"]


def own(hits: float, requests: float = 2000.0) -> Counts:
    return counts(
        requests,
        own={
            "clicks": Ratio(hits=hits, trials=requests),
            "basket": Mean(total=5 * requests, count=requests, squares=30 * requests),
            "unsure": Mean(total=hits, count=requests),
        },
    )


@pytest.mark.parametrize(
    "when",
    [
        "canary.metrics.clicks < stable.metrics.clicks",
        'canary.metrics["clicks"] < stable.metrics["clicks"]',
        "canary.metrics['clicks'] < stable.metrics['clicks']",
    ],
)
def test_figures_of_ones_own_have_limits_however_they_are_written(when: str) -> None:
    sure = asked(when, own(100), own(300))
    assert (sure.holds, sure.confidence) == (True, 0.95)
    assert sure.values["canary.metrics.clicks"].startswith("0.05 (")
    assert asked(when, own(200), own(210)).undecided is not None


def test_a_mean_without_squares_is_judged_at_its_figure() -> None:
    found = asked("canary.metrics.unsure < stable.metrics.unsure", own(100), own(101))
    assert (found.holds, found.confidence) == (True, None)
    assert found.values == {"canary.metrics.unsure": "0.05", "stable.metrics.unsure": "0.0505"}


def test_figures_that_are_not_in_the_counts_are_judged_as_they_are() -> None:
    tally = {"canary": Counts(requests=9, errors=0), "stable": Counts(requests=9, errors=0)}
    given = {"canary.latency_p99_ms": 90.0, "stable.latency_p99_ms": 50.0}
    when = trigger("canary.latency_p99_ms > stable.latency_p99_ms + 20.0")
    found = answer(when, live_facts(ROLLED_MODEL, given), tally)
    assert (found.holds, found.confidence) == (True, None)


def test_one_of_two_comparisons_may_be_chance() -> None:
    both = (
        "canary.error_rate > stable.error_rate && "
        "canary.metrics.clicks < stable.metrics.clicks && canary.drift >= 0.0"
    )
    tally = {
        "canary": replace(own(100, 3000), errors=300.0),
        "stable": replace(own(400, 3000), errors=30.0),
    }
    known = facts(tally, **{"canary.drift": 0.1})
    assert answer(trigger(both), known, tally).holds is True
    near = {**tally, "canary": replace(own(100, 3000), errors=31.0)}
    found = answer(trigger(both), facts(near, **{"canary.drift": 0.1}), near)
    assert found.undecided is not None


def test_what_is_read_and_what_is_compared() -> None:
    assert read_by(("canary.metrics.clicks", "model.sla", "canary.drift")) == (
        "canary.metrics",
        "model.sla",
        "canary.drift",
    )
    names = ("canary.error_rate", "stable.accuracy", "canary.accuracy", "live.error_rate")
    assert compared(names, "", frozenset()) == ("accuracy",)
    metrics = ("canary.metrics", "stable.metrics")
    assert compared(metrics, '["a"] "b"', frozenset({"a", "b", "c"})) == ("metrics.a", "metrics.b")


def test_where_to_look() -> None:
    assert directions(0) == ()
    around = directions(2)
    assert len(set(around)) == 24
    assert all(math.isclose(math.hypot(*one), 1.0, rel_tol=1e-9) for one in around)
    assert len(directions(6)) == 64


def lasting(*holds: bool | Undecided, minutes: int = 1) -> list[bool | str]:
    """What is said at each of these looks of a condition that must last two minutes."""
    one = trigger("canary.drift > 0.3", sustained=timedelta(minutes=2), name="drift")
    said: list[bool | str] = []
    holding: Mapping[str, Any] = {}
    for index, value in enumerate(holds):
        now = NOW + timedelta(minutes=index * minutes)
        [found], holding = sustained([Answer(trigger=one, holds=value)], holding, now)
        said.append(found.undecided or found.holds is True)
    return said


UNKNOWN = Undecided(reason="unknown")


def test_what_must_last_is_undecided_until_it_has() -> None:
    first, second = "it holds for 0 s of 2 min", "it holds for 1 min of 2 min"
    assert lasting(True, True, True, True) == [first, second, True, True]
    assert lasting(True, False, True, True) == [first, False, first, second]
    assert lasting(True, UNKNOWN, True) == [first, "unknown", True]
    assert lasting(UNKNOWN, True) == ["unknown", first]


def test_a_condition_without_a_span_is_due_at_once() -> None:
    one = Answer(trigger=trigger("canary.drift > 0.3"), holds=True)
    assert sustained([one], {}, NOW) == ((one,), {})
    assert one.name == "canary.drift > 0.3"

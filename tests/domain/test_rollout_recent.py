"""A fault that begins late in a long step is found soon; chance, looked at often, isn't one."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain import rollout as ro
from modelctl.domain.observations import Counts, Mean
from modelctl.domain.rollout import Decision, State
from modelctl.domain.strategies import Strategy
from support.keys import NOW
from support.plans import ROLLED_MODEL, condition, counts, plan, seen

HOUR, LOOK = timedelta(hours=1), timedelta(minutes=1)
ERRORS = condition("canary.error_rate > stable.error_rate + 0.005", name="errors", requests=100)
LONG = [{"weight": 50, "duration": "24h", "requests": 1000}]
GOOD, BAD = counts(3000, 0.002), counts(3000, 0.03)


def long(*conditions: dict[str, Any], **more: Any) -> Strategy:
    return plan(steps=LONG, conditions=list(conditions), patience="2h", **more)


def went(
    plan_: Strategy, canary: Counts, stable: Counts | None = GOOD, *, looks: int = 5, **state: Any
) -> Decision:
    """Hours of health, and then so many looks at this."""
    healthy = seen(6 * HOUR, counts(1_000_000, 0.002), counts(1_000_000, 0.002), span=6 * HOUR)
    now = replace(ro.observe(plan_, ro.begin(plan_, NOW), healthy), **state)
    for look in range(1, looks + 1):
        at = 6 * HOUR + LOOK * look
        now = ro.observe(plan_, now, seen(at, canary, stable, span=LOOK))
        found = ro.decide(plan_, now, ROLLED_MODEL, NOW + at)
        now = found.after
        if found.action != ro.HOLD or now.phase != ro.RUNNING:
            break
    return found


def test_a_fault_that_begins_late_is_found_within_minutes() -> None:
    found = went(long(ERRORS), BAD)
    assert found.action == ro.ROLL_BACK
    reason = found.reasons[0]
    assert "in the last " in reason.message
    assert " min, at 0.999" in reason.message
    assert reason.confidence is not None
    assert 0.999 < reason.confidence < 1


def test_health_lately_is_nothing_to_tell() -> None:
    found = went(long(ERRORS), GOOD)
    assert (found.action, [one.name for one in found.reasons]) == (ro.HOLD, ["duration"])


def test_what_may_be_chance_lately_keeps_nothing_from_going_on() -> None:
    found = went(long(ERRORS), counts(200, 0.02))
    assert (found.action, [one.name for one in found.reasons]) == (ro.HOLD, ["duration"])


def test_it_halts_where_the_condition_says_so_and_notes_nothing() -> None:
    assert went(long({**ERRORS, "action": "halt"}), BAD).after.phase == ro.PAUSED
    found = went(long({**ERRORS, "action": "investigate"}), BAD)
    assert (found.action, found.notes) == (ro.HOLD, ())


def test_a_figure_against_a_number_has_limits_too() -> None:
    limit = condition("canary.error_rate > 0.01", name="errors")
    assert went(long(limit), BAD).action == ro.ROLL_BACK
    assert went(long(limit), counts(100, 0.02)).action == ro.HOLD


def test_what_nobody_knows_the_limits_of_is_left_to_the_whole_step() -> None:
    rule = 'canary.error_rate > 0.01 && canary.metrics["sales"] < 2.0'
    few = replace(BAD, own={"sales": Mean(total=1.0, count=3000)})
    assert went(long(condition(rule, name="sales")), few).action == ro.HOLD
    known = replace(BAD, own={"sales": Mean(total=1.0, count=3000, squares=1.0)})
    assert went(long(condition(rule, name="sales")), known).action == ro.ROLL_BACK


def test_a_side_that_is_missing_lately_may_be_what_decides() -> None:
    rule = condition("canary.error_rate > 0.01 || stable.error_rate > 0.01", name="either")
    assert went(long(rule), BAD, None).action == ro.HOLD


def test_readings_are_no_recent_counts() -> None:
    drift = condition("canary.compared >= 500 && canary.drift > 0.3", "halt", name="drift")
    assert went(long(drift), BAD).action == ro.HOLD


def test_more_than_can_be_held_against_each_other_is_not_judged_lately() -> None:
    sides = ("error_rate", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms")
    rule = " && ".join(f"canary.{one} >= stable.{one}" for one in sides)
    found = went(long(condition(rule, name="all")), BAD, looks=2)
    assert all("in the last" not in one.message for one in found.reasons)


def test_a_side_that_is_not_counted_lately_decides_nothing() -> None:
    assert went(long(ERRORS), BAD, None).action == ro.HOLD


def test_with_all_traffic_it_is_held_against_the_step_before() -> None:
    found = went(long(ERRORS), BAD, None, weight=100)
    assert found.action == ro.ROLL_BACK
    assert "in the last" in found.reasons[0].message


def test_what_must_last_lasts_lately_too_and_stops_nothing_until_then() -> None:
    lasting = long({**ERRORS, "sustained": "3m"})
    early = went(lasting, BAD, looks=3)
    assert [one.name for one in early.reasons] == ["duration"]
    assert early.after.holding
    assert went(lasting, BAD, looks=8).action == ro.ROLL_BACK


def test_the_window_is_what_the_strategy_says() -> None:
    assert long(ERRORS).recent == timedelta(minutes=5)
    assert long(ERRORS, recent="30m").recent == timedelta(minutes=30)


def test_a_state_of_before_there_was_a_window_is_read() -> None:
    state = went(long(ERRORS), GOOD).after
    data = json.loads(json.dumps(ro.state_data(state)))
    assert ro.state_from(data) == state
    del data["recent"]
    assert ro.state_from(data) == replace(state, recent=())


@pytest.mark.parametrize("rate", [20, 200])
def test_looks_each_15_seconds_at_long_steps_raise_no_false_alarm(rate: int) -> None:
    """Days of health in all, by fixed seeds; chance often looks like a fault."""
    every, chance = timedelta(seconds=15), random.Random(rate)
    plan_ = long(ERRORS, confidence=0.95)
    for _ in range(2):
        state: State = ro.begin(plan_, NOW)
        for look in range(1, 4 * 60 * 12):
            sides = [_by_chance(chance, rate), _by_chance(chance, rate)]
            state = ro.observe(plan_, state, seen(every * look, *sides, span=every))
            found = ro.decide(plan_, state, ROLLED_MODEL, NOW + every * look)
            assert found.action == ro.HOLD, found.reasons
            state = found.after


def _by_chance(chance: random.Random, requests: int) -> Counts:
    """So many requests of which one in 200 fails."""
    failed = sum(chance.random() < 0.005 for _ in range(requests))
    return Counts(requests=float(requests), errors=float(failed))

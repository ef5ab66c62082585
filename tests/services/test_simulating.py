"""Replaying goes through the very state machine, and keeps what it did and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.observations import CANARY, STABLE
from modelctl.domain.simulation import Simulation
from modelctl.domain.strategies import Strategy
from modelctl.errors import ModelctlError
from modelctl.services.replayed import Recorded
from modelctl.services.simulating import STAND_IN, simulate
from support.simulated import BEGAN, EVERY, condition, counts, plan, recording, stretch


def simulated(
    minutes: float = 20, failing: float = 0.0, strategy: Strategy | None = None, **more: object
) -> Simulation:
    found = recording(minutes, failing)
    traffic = Recorded(observations=found, until=found[-1].at, **more)  # type: ignore[arg-type]
    return simulate(strategy or plan(), STAND_IN, traffic)


def test_a_healthy_version_goes_through_its_steps() -> None:
    done = simulated(30)
    stays = done.course.stays
    assert done.state.phase == "done"
    assert [(stay.step, stay.weight, stay.ended) for stay in stays] == [
        (0, 5, "advance"),
        (1, 50, "advance"),
        (2, 100, "finish"),
    ]
    assert [stay.began for stay in stays[1:]] == [stay.until for stay in stays[:-1]]
    assert done.course.until == stays[-1].until < done.course.began + timedelta(minutes=30)
    assert done.lasted == stays[-1].until - BEGAN
    assert {point.weight for point in done.course.points} == {5, 50, 100}
    first = stays[0].waits[0]
    assert first.reason.name == "duration"
    assert first.lasted == pytest.approx(timedelta(minutes=5), abs=EVERY)


def test_a_failing_version_goes_back_as_the_plan_says_and_it_is_told_why() -> None:
    done = simulated(30, failing=0.2)
    taken, back = done.course.stays[0], done.course.stays[-1]
    assert taken.ended == "roll back"
    assert taken.weight == 5
    assert [reason.name for reason in taken.reasons] == ["error-rate"]
    assert taken.reasons[0].confidence == 0.95
    assert done.state.phase == "rolled-back"
    assert back.ended == "roll back"
    assert STABLE in done.course.points[-1].sides


def test_where_the_figures_end_first_it_is_not_over() -> None:
    done = simulated(7)
    last = done.course.stays[-1]
    assert done.state.phase == "running"
    assert (last.step, last.ended) == (1, None)
    assert "duration" in [wait.reason.name for wait in last.waits if wait.last]
    assert done.stretches == 28


def test_silence_holds_and_then_takes_it_back() -> None:
    found = recording(2)
    traffic = Recorded(observations=found, until=BEGAN + timedelta(hours=1))
    done = simulate(plan(), STAND_IN, traffic)
    taken = done.course.stays[0]
    assert taken.ended == "roll back"
    assert taken.reasons[0].name == "patience"
    assert "silence" in {wait.reason.name for wait in taken.waits}
    assert done.stretches == 8
    assert taken.emergency


def test_what_only_is_to_be_looked_into_is_noted() -> None:
    slow = condition("canary.latency_p95_ms > 5.0", "slow", "investigate")
    done = simulated(3, strategy=plan(conditions=[slow]))
    [note] = done.course.stays[0].notes
    assert note.reason.name == "slow"
    assert 0 < note.share <= 1
    assert note.at > BEGAN


def test_a_shadow_gets_copies_of_everything_and_waits_for_a_person() -> None:
    shadow = replace(plan(0, kind="shadow"), automatic=False)
    done = simulated(10, strategy=shadow, mirrored=True)
    assert done.course.points[0].sides[CANARY].requests == 200
    assert done.course.points[0].sides[STABLE].requests == 200
    assert done.state.phase == "waiting"


def test_against_a_fresh_copy_both_sides_have_the_same_share() -> None:
    found = [stretch(index, counts(4000.0), counts(4000.0)) for index in range(8)]
    traffic = Recorded(observations=found, until=found[-1].at)
    done = simulate(replace(plan(), baseline=True), STAND_IN, traffic)
    sides = done.course.points[0].sides
    assert sides[CANARY].requests == pytest.approx(400, rel=0.25)
    assert sides[STABLE].requests == pytest.approx(400, rel=0.25)


def test_a_strategy_without_steps_is_refused() -> None:
    with pytest.raises(ModelctlError, match="no steps to simulate"):
        simulated(1, strategy=replace(plan(), kind="immediate", steps=()))

"""Rollouts as a pure function: what each situation leads to, and what always holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain import rollout as ro
from modelctl.domain.observations import Mean, Observation, Ratio
from modelctl.domain.rollout import Decision, State
from modelctl.domain.rollout_judging import lacking, unplanned
from modelctl.domain.strategies import Strategy, weights
from modelctl.domain.triggers import Trigger
from modelctl.errors import ModelctlError
from support.keys import NOW
from support.plans import EVERY, ROLLED_MODEL, condition, counts, plan, seen, trigger

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ERRORS = condition("canary.error_rate > stable.error_rate + 0.02", name="errors", requests=100)
STEPS = [
    {"weight": 5, "duration": "1h", "requests": 1000},
    {"weight": 50, "duration": "1h", "requests": 1000},
    {"weight": 100, "duration": "1h", "requests": 1000},
]
BACK = {"weights": [50, 25, 0], "every": "1m"}
CANARY = plan(steps=STEPS, conditions=[ERRORS], patience="30m")
GOOD = counts(5000, 0.01)
BAD = counts(5000, 0.2)


def at(plan_: Strategy, *seen_: Observation, state: State | None = None) -> State:
    state = state or ro.begin(plan_, NOW)
    for one in seen_:
        state = ro.observe(plan_, state, one)
    return state


def decided(
    plan_: Strategy,
    *seen_: Observation,
    after: timedelta = HOUR,
    state: State | None = None,
    triggers: tuple[Trigger, ...] = (),
) -> Decision:
    return ro.decide(plan_, at(plan_, *seen_, state=state), ROLLED_MODEL, NOW + after, triggers)


def names(decision: Decision) -> list[str]:
    return [reason.name for reason in decision.reasons]


def healthy(after: timedelta = HOUR, **more: Any) -> Observation:
    return seen(after, GOOD, counts(50_000, 0.01), **more)


def waiting(**changes: Any) -> State:
    return replace(at(CANARY, healthy()), phase=ro.WAITING, **changes)


def test_it_begins_at_its_first_step() -> None:
    begun = ro.begin(CANARY, NOW)
    assert (begun.phase, begun.step, begun.weight, begun.since) == (ro.RUNNING, 0, 5, NOW)
    assert begun.began == NOW
    assert ro.begin(plan("immediate"), NOW).weight == 100
    assert ro.begin(plan("blue-green"), NOW).weight == 0


def test_a_step_is_left_when_all_that_it_asks_for_is_there() -> None:
    found = decided(CANARY, healthy())
    assert (found.action, found.after.step, found.after.weight) == (ro.ADVANCE, 1, 50)
    assert found.after.since == NOW + HOUR
    assert (found.after.tally, found.after.heard) == ({}, None)
    assert found.after.began == NOW
    assert found.reasons[0].message == (
        "1 h and 5,000 requests at 5 %, and no condition was broken"
    )


@pytest.mark.parametrize(
    ("observations", "after", "expected"),
    [
        ((healthy(),), HOUR - EVERY, ["duration"]),
        ((seen(HOUR, counts(999), counts(9999)),), HOUR, ["requests"]),
        ((seen(HOUR, counts(99), counts(9999)),), HOUR, ["requests", "errors"]),
        ((), MINUTE - EVERY, ["duration", "requests", "errors"]),
        ((), 10 * MINUTE, ["duration", "requests", "silence", "errors"]),
    ],
)  # fmt: skip
def test_it_waits_for_time_requests_and_certainty(
    observations: tuple[Observation, ...], after: timedelta, expected: list[str]
) -> None:
    found = decided(CANARY, *observations, after=after)
    assert (found.action, names(found)) == (ro.HOLD, expected)
    assert found.after.phase == ro.RUNNING


def test_a_breach_beyond_chance_takes_it_back() -> None:
    found = decided(CANARY, seen(EVERY, BAD, counts(50_000, 0.01)), after=EVERY)
    assert (found.action, names(found)) == (ro.ROLL_BACK, ["errors"])
    assert (found.after.phase, found.after.weight) == (ro.ROLLED_BACK, 0)
    [reason] = found.reasons
    assert reason.confidence == 0.95
    assert reason.message.endswith("at 0.95 confidence")
    assert (reason.because, reason.values["canary.error_rate"][:5]) == ("it is bad", "0.2 (")
    assert reason.location is not None


def test_what_may_be_chance_holds() -> None:
    found = decided(CANARY, seen(HOUR, counts(1000, 0.04), counts(1000, 0.01)))
    assert (found.action, names(found)) == (ro.HOLD, ["errors"])
    assert "may be chance: sure at about" in found.reasons[0].message


@pytest.mark.parametrize("phase", [ro.PAUSED, ro.WAITING])
def test_a_breach_takes_back_what_waits_for_a_person(phase: str) -> None:
    state = replace(ro.begin(CANARY, NOW), phase=phase)
    found = decided(CANARY, seen(EVERY, BAD, GOOD), after=EVERY, state=state)
    assert (found.action, found.after.phase) == (ro.ROLL_BACK, ro.ROLLED_BACK)


@pytest.mark.parametrize("phase", [ro.RUNNING, ro.PAUSED, ro.WAITING])
def test_silence_takes_it_back_once_patience_ends(phase: str) -> None:
    state = replace(ro.begin(CANARY, NOW), phase=phase)
    quiet = seen(EVERY, stable=GOOD)
    assert decided(CANARY, quiet, after=30 * MINUTE - EVERY, state=state).action == ro.HOLD
    found = decided(CANARY, quiet, after=30 * MINUTE, state=state)
    assert (found.action, names(found), found.emergency) == (ro.ROLL_BACK, ["patience"], True)
    assert found.reasons[0].message == (
        "no figures of the new version for 30 min; the plan is patient for 30 min"
    )


def test_nothing_moves_on_by_what_was_seen_long_ago() -> None:
    found = decided(CANARY, healthy(), after=HOUR + 10 * MINUTE)
    assert (found.action, names(found)) == (ro.HOLD, ["silence"])
    assert decided(CANARY, healthy(), after=HOUR + MINUTE).action == ro.ADVANCE


def test_silence_is_when_others_are_asked_and_it_is_not() -> None:
    nobody = seen(29 * MINUTE, counts(0), counts(0))
    assert at(CANARY, nobody).heard == NOW + 29 * MINUTE
    assert at(CANARY, seen(EVERY, counts(0), GOOD)).heard is None
    assert at(CANARY, seen(EVERY, counts(0))).heard == NOW + EVERY
    assert decided(CANARY, healthy(), after=HOUR + 31 * MINUTE).action == ro.ROLL_BACK


def test_traffic_goes_back_in_steps() -> None:
    gradual = replace(CANARY, back=plan(steps=STEPS, back=BACK).back)
    state = replace(ro.begin(gradual, NOW), step=2, weight=100)
    found = decided(gradual, seen(EVERY, BAD, GOOD), after=EVERY, state=state)
    shares = [found.after.weight]
    assert found.after.phase == ro.GOING_BACK
    held = ro.decide(gradual, found.after, ROLLED_MODEL, NOW + EVERY + MINUTE / 2)
    assert (held.action, names(held)) == (ro.HOLD, ["back"])
    for minute in (1, 2):
        found = ro.decide(gradual, found.after, ROLLED_MODEL, NOW + EVERY + minute * MINUTE)
        assert found.action == ro.ROLL_BACK
        shares.append(found.after.weight)
    assert (shares, found.after.phase) == ([50, 25, 0], ro.ROLLED_BACK)


def test_from_a_small_share_the_way_back_is_short() -> None:
    gradual = plan(steps=STEPS, conditions=[ERRORS], back=BACK)
    found = decided(gradual, seen(EVERY, BAD, GOOD), after=EVERY)
    assert (found.after.phase, found.after.weight) == (ro.ROLLED_BACK, 0)


def test_an_emergency_ends_the_way_back() -> None:
    gradual = plan(steps=STEPS, conditions=[ERRORS], back=BACK)
    state = replace(ro.begin(gradual, NOW), phase=ro.GOING_BACK, weight=50)
    worst = trigger("live.error_rate > 0.5", name="worst", emergency=True)
    on_fire = at(gradual, seen(EVERY, counts(500, 0.9)), state=state)
    found = ro.decide(gradual, on_fire, ROLLED_MODEL, NOW + EVERY, (worst,))
    assert (found.emergency, found.after.phase, found.after.weight) == (True, ro.ROLLED_BACK, 0)


def test_a_way_back_that_the_plan_no_longer_has_ends_at_once() -> None:
    state = replace(ro.begin(CANARY, NOW), phase=ro.GOING_BACK, weight=50)
    found = decided(CANARY, state=state, after=timedelta())
    assert (found.action, found.after.phase) == (ro.ROLL_BACK, ro.ROLLED_BACK)


def test_the_triggers_of_what_serves_apply_too() -> None:
    five = trigger("live.error_rate > 0.05", name="live-errors")
    lasting = replace(five, sustained=2 * MINUTE, name="lasting")
    scarce = replace(five, requests=10**6, name="scarce")
    bare = plan(steps=STEPS)
    found = decided(bare, seen(EVERY, BAD, GOOD), after=EVERY, triggers=(five,))
    assert (found.action, names(found)) == (ro.ROLL_BACK, ["live-errors"])
    last = seen(HOUR, BAD, GOOD)
    held = decided(bare, last, triggers=(lasting, scarce))
    assert (held.action, names(held)) == (ro.HOLD, ["lasting"])
    assert "it holds for 0 s of 2 min" in held.reasons[0].message
    assert decided(bare, last, triggers=(scarce,)).action == ro.ADVANCE


def test_a_halt_stops_it_until_a_person_goes_on() -> None:
    halting = plan(steps=STEPS, conditions=[condition("canary.drift > 0.3", "halt", name="drift")])
    drifted = healthy(figures={"canary.drift": 0.4})
    found = decided(halting, drifted)
    assert (found.action, found.after.phase, names(found)) == (ro.HOLD, ro.PAUSED, ["drift"])
    again = ro.decide(halting, found.after, ROLLED_MODEL, NOW + HOUR)
    assert names(again) == ["drift"] if again.after.phase != ro.PAUSED else ["pause"]
    on = ro.resume(found.after)
    assert on.phase == ro.RUNNING
    after = ro.decide(halting, on, ROLLED_MODEL, NOW + HOUR)
    assert (after.action, [note.name for note in after.notes]) == (ro.ADVANCE, ["drift"])
    assert after.after.halted == ()


def test_a_halt_that_was_set_aside_may_be_undecided() -> None:
    halting = plan(steps=STEPS, conditions=[condition("canary.drift > 0.3", "halt", name="drift")])
    unknown = at(halting, healthy())
    assert ro.decide(halting, unknown, ROLLED_MODEL, NOW + HOUR).action == ro.HOLD
    aside = replace(unknown, halted=("drift",))
    assert ro.decide(halting, aside, ROLLED_MODEL, NOW + HOUR).action == ro.ADVANCE


@pytest.mark.parametrize("action", ["investigate", "review", "analyse"])
def test_findings_are_told_and_move_nothing(action: str) -> None:
    looking = plan(steps=STEPS, conditions=[condition("canary.drift > 0.3", action, name="drift")])
    found = decided(looking, healthy(figures={"canary.drift": 0.4}))
    assert (found.action, [note.name for note in found.notes]) == (ro.ADVANCE, ["drift"])
    unknown = decided(looking, healthy())
    assert (unknown.action, unknown.notes) == (ro.ADVANCE, ())
    both = replace(looking, conditions=(*looking.conditions, *CANARY.conditions))
    worse = decided(both, seen(EVERY, BAD, GOOD, figures={"canary.drift": 0.4}), after=EVERY)
    assert (worse.action, [note.name for note in worse.notes]) == (ro.ROLL_BACK, ["drift"])


def test_what_must_hold_before_a_step_is_left() -> None:
    no_worse = condition("canary.error_rate < stable.error_rate + 0.01", "advance", name="proved")
    proving = plan(steps=STEPS, conditions=[no_worse])
    unsure = seen(HOUR, counts(1000, 0.01), counts(1000, 0.01))
    held = decided(proving, unsure)
    assert (held.action, names(held)) == (ro.HOLD, ["proved"])
    assert "may be chance" in held.reasons[0].message
    broken = decided(proving, seen(HOUR, counts(1000, 0.5), counts(1000, 0.01)))
    assert (broken.action, names(broken)) == (ro.HOLD, ["proved"])
    sure = decided(proving, seen(HOUR, counts(50_000, 0.01), counts(50_000, 0.01)))
    assert sure.action == ro.ADVANCE


def test_a_condition_must_hold_as_long_as_it_says() -> None:
    lasting = plan(steps=STEPS, conditions=[{**ERRORS, "sustained": "1m"}])
    stretches = [seen(n * EVERY, BAD, GOOD) for n in range(1, 9)]
    found = ro.follow(lasting, ro.begin(lasting, NOW), ROLLED_MODEL, stretches)
    assert found is not None
    assert (found.action, found.after.since) == (ro.ROLL_BACK, NOW + 5 * EVERY)
    short = ro.follow(lasting, ro.begin(lasting, NOW), ROLLED_MODEL, stretches[:3])
    assert short is not None
    assert short.after.holding == {"errors": NOW + EVERY}
    assert ro.follow(lasting, ro.begin(lasting, NOW), ROLLED_MODEL, []) is None


def test_with_all_traffic_it_is_held_against_the_step_before() -> None:
    first = replace(at(CANARY, healthy()), step=1, weight=50)
    last = ro.decide(CANARY, first, ROLLED_MODEL, NOW + HOUR).after
    assert (last.step, last.weight, last.tally["stable"].requests) == (2, 100, 50_000)
    found = decided(CANARY, seen(HOUR + EVERY, BAD), after=HOUR + EVERY, state=last)
    assert (found.action, names(found)) == (ro.ROLL_BACK, ["errors"])
    done = decided(CANARY, seen(2 * HOUR, GOOD), after=2 * HOUR, state=last)
    assert (done.action, done.after.phase, done.after.weight) == (ro.FINISH, ro.DONE, 100)
    assert names(decided(CANARY, state=done.after)) == ["phase"]


def test_a_step_with_a_pause_waits_for_a_person() -> None:
    pausing = plan(steps=[{**STEPS[0], "pause": True}, *STEPS[1:]])
    found = decided(pausing, healthy())
    assert (found.action, found.after.phase) == (ro.HOLD, ro.WAITING)
    assert found.reasons[0].message == "the step is done, and a person decides"
    still = ro.decide(pausing, found.after, ROLLED_MODEL, NOW + HOUR)
    assert (still.action, names(still)) == (ro.HOLD, ["pause"])
    on = ro.decide(pausing, ro.resume(found.after), ROLLED_MODEL, NOW + HOUR)
    assert (on.action, on.after.released) == (ro.ADVANCE, False)


def test_what_does_not_promote_itself_waits_at_its_end() -> None:
    watching = plan("shadow", steps=[{"weight": 0, "duration": "1h"}], compare=["accuracy"])
    found = decided(watching, healthy())
    assert (found.after.phase, found.after.weight) == (ro.WAITING, 0)
    assert found.reasons[0].message == "the plan ends here, and a person decides"
    on = ro.decide(watching, ro.resume(found.after), ROLLED_MODEL, NOW + HOUR)
    assert (on.action, on.after.weight) == (ro.FINISH, 100)


def test_what_was_paused_goes_on_where_it_was() -> None:
    paused = ro.pause(at(CANARY, healthy()))
    held = ro.decide(CANARY, paused, ROLLED_MODEL, NOW + HOUR)
    assert (held.action, names(held), held.after.phase) == (ro.HOLD, ["pause"], ro.PAUSED)
    assert ro.decide(CANARY, ro.resume(paused), ROLLED_MODEL, NOW + HOUR).action == ro.ADVANCE
    assert not ro.resume(paused).released


def test_a_person_may_go_on_or_back_at_any_time() -> None:
    begun = ro.begin(CANARY, NOW)
    assert ro.onward(CANARY, begun, NOW).after.step == 1
    assert ro.onward(CANARY, replace(begun, step=2), NOW).action == ro.FINISH
    gradual = plan(steps=STEPS, back=BACK)
    whole = replace(begun, step=2, weight=100)
    assert ro.back(gradual, whole, NOW).after.weight == 50
    assert ro.back(gradual, whole, NOW, at_once=True).after.phase == ro.ROLLED_BACK


@pytest.mark.parametrize("phase", [ro.DONE, ro.ROLLED_BACK, ro.SUPERSEDED, ro.GOING_BACK])
def test_what_is_over_or_on_its_way_back_takes_no_orders(phase: str) -> None:
    state = replace(ro.begin(CANARY, NOW), phase=phase)
    for order in (ro.pause, ro.resume):
        with pytest.raises(ModelctlError, match=f"a rollout that is {phase}"):
            order(state)
    with pytest.raises(ModelctlError, match="can't go forward"):
        ro.onward(CANARY, state, NOW)
    if phase != ro.GOING_BACK:
        with pytest.raises(ModelctlError, match="can't go back"):
            ro.back(CANARY, state, NOW)


def test_running_waits_for_nobody() -> None:
    with pytest.raises(ModelctlError, match="is neither paused nor waiting"):
        ro.resume(ro.begin(CANARY, NOW))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"step": 3}, "the plan has 3 steps now, and this rollout is at step 4"),
        ({"weight": 7}, "the plan says 5 % at step 1 now, and 7 % is set"),
    ],
)
def test_a_plan_that_is_another_one_now_waits_for_a_person(
    state: dict[str, int], told: str
) -> None:
    other = replace(at(CANARY, healthy()), **state)
    found = ro.decide(CANARY, other, ROLLED_MODEL, NOW + HOUR)
    assert (found.action, found.after.phase, names(found)) == (ro.HOLD, ro.WAITING, ["plan"])
    assert found.reasons[0].message == f"{told}; a person decides how it goes on"
    resumed = ro.resume(found.after)
    on = ro.decide(CANARY, resumed, ROLLED_MODEL, NOW + HOUR)
    assert on.action == (ro.HOLD if "step" in state else ro.ADVANCE)
    if "step" in state:  # what nobody planned is no end: only a person may call it one
        assert (on.after.phase, names(on)) == (ro.WAITING, ["plan"])
        assert ro.onward(CANARY, resumed, NOW + HOUR).action == ro.FINISH
    worse = at(CANARY, seen(HOUR + EVERY, counts(50_000, 0.5)), state=other)
    assert ro.decide(CANARY, worse, ROLLED_MODEL, NOW + 2 * HOUR).action == ro.ROLL_BACK


CHECKS = "canary.failed_health_checks"


def test_a_plan_without_steps_by_now_is_no_end_either() -> None:
    half = replace(at(CANARY, healthy(figures={CHECKS: 0})), weight=50)
    found = ro.decide(plan("immediate"), half, ROLLED_MODEL, NOW + HOUR)
    assert (found.action, found.after.phase, names(found)) == (ro.HOLD, ro.WAITING, ["plan"])
    on = ro.decide(plan("immediate"), ro.resume(found.after), ROLLED_MODEL, NOW + HOUR)
    assert (on.action, on.after.phase) == (ro.HOLD, ro.WAITING)


def test_a_reading_that_is_not_taken_any_more_is_missing_after_a_while() -> None:
    drift = "canary.drift"
    state = at(CANARY, healthy(EVERY, figures={drift: 0.1}))
    assert state.read == {drift: NOW + EVERY}
    assert at(CANARY, healthy(5 * MINUTE), state=state).figures == {drift: 0.1}
    assert at(CANARY, healthy(6 * MINUTE), state=state).figures == {}
    slow = healthy(6 * MINUTE, span=5 * MINUTE)
    assert at(CANARY, slow, state=state).figures == {drift: 0.1}
    older = replace(state, read={})  # as a modelctl wrote it that didn't know yet
    assert at(CANARY, healthy(6 * MINUTE), state=older).figures == {}
    asking = plan(steps=STEPS, conditions=[condition(f"{drift} > 0.3", "advance")])
    held = ro.decide(asking, at(asking, healthy(), state=state), ROLLED_MODEL, NOW + HOUR)
    assert held.action == ro.HOLD


@pytest.mark.parametrize(
    ("kind", "figures", "action", "phase"),
    [
        ("immediate", {CHECKS: 0}, ro.FINISH, ro.DONE),
        ("blue-green", {CHECKS: 0}, ro.FINISH, ro.DONE),
        ("blue-green", {CHECKS: 1}, ro.HOLD, ro.RUNNING),
        ("blue-green", {CHECKS: 3}, ro.ROLL_BACK, ro.ROLLED_BACK),
        ("blue-green", {CHECKS: {"a": 1.0}}, ro.HOLD, ro.RUNNING),
        ("blue-green", {}, ro.HOLD, ro.RUNNING),
    ],
)
def test_what_goes_at_once_goes_when_it_is_healthy(
    kind: str, figures: dict[str, Any], action: str, phase: str
) -> None:
    found = decided(plan(kind), seen(EVERY, figures=figures), after=EVERY)
    assert (found.action, found.after.phase, names(found)) == (action, phase, ["health"])


def test_what_never_answers_goes_back() -> None:
    found = decided(plan("immediate"), after=3 * MINUTE)
    assert (found.action, names(found)) == (ro.ROLL_BACK, ["patience"])
    assert found.reasons[0].message.startswith("no answer to a health check for 3 min")
    late = decided(plan("immediate"), seen(EVERY, figures={CHECKS: 0}), after=HOUR)
    assert late.action == ro.FINISH


def test_what_goes_at_once_may_wait_for_a_person_or_a_trigger() -> None:
    asking = plan("blue-green", automatic=False)
    found = decided(asking, seen(EVERY, figures={CHECKS: 0}), after=EVERY)
    assert found.after.phase == ro.WAITING
    on = ro.decide(asking, ro.resume(found.after), ROLLED_MODEL, NOW + EVERY)
    assert on.action == ro.FINISH
    lasting = trigger("live.error_rate > 0.05", name="lasting", sustained=2 * MINUTE)
    sick = seen(EVERY, BAD, figures={CHECKS: 0})
    held = decided(plan("immediate"), sick, after=EVERY, triggers=(lasting,))
    assert (held.action, names(held)) == (ro.HOLD, ["lasting"])


def test_what_is_seen_twice_counts_once() -> None:
    once = at(CANARY, healthy())
    assert at(CANARY, healthy(), healthy(), healthy(HOUR - EVERY)) == once
    before = seen(timedelta(), GOOD, GOOD)
    assert at(CANARY, before).tally == {}
    assert at(CANARY, before).watch.observed == NOW


def ab(**changes: Any) -> Strategy:
    rail = {"metric": "error_rate", "because": "it is bad", **ERRORS}
    del rail["action"]
    test = {"primary": "clicks", "minimum_sample": 1000, "guardrails": [rail]}
    row = {"steps": [{"weight": 50, "duration": "1h"}], "automatic": True}
    return plan("ab-test", experiment={**test, **changes.pop("test", {})}, **{**row, **changes})


def clicked(mine: float, theirs: float, **more: Any) -> Observation:
    return seen(
        HOUR,
        counts(5000, more.pop("errors", 0.0), own={"clicks": Ratio(hits=mine, trials=5000)}),
        counts(5000, own={"clicks": Ratio(hits=theirs, trials=5000)}),
    )


@pytest.mark.parametrize(
    ("strategy", "observation", "action", "phase"),
    [
        (ab(), clicked(1000, 500), ro.FINISH, ro.DONE),
        (ab(), clicked(500, 1000), ro.HOLD, ro.WAITING),
        (ab(), clicked(500, 500), ro.HOLD, ro.WAITING),
        (ab(automatic=False), clicked(1000, 500), ro.HOLD, ro.WAITING),
        (ab(), clicked(1000, 500, errors=0.5), ro.ROLL_BACK, ro.ROLLED_BACK),
        (ab(steps=[{"weight": 50, "duration": "1h", "pause": True}]), clicked(1000, 500),
         ro.HOLD, ro.WAITING),
    ],
)  # fmt: skip
def test_an_experiment_ends_with_its_verdict(
    strategy: Strategy, observation: Observation, action: str, phase: str
) -> None:
    found = decided(strategy, observation)
    assert (found.action, found.after.phase) == (action, phase)
    assert names(found) == (["errors"] if action == ro.ROLL_BACK else ["verdict"])
    assert decided(strategy, clicked(1000, 500), after=HOUR - EVERY).reasons[0].name == "duration"


def test_a_person_may_follow_a_verdict_or_not() -> None:
    found = decided(ab(automatic=False), clicked(1000, 500))
    on = ro.decide(ab(), ro.resume(found.after), ROLLED_MODEL, NOW + HOUR)
    assert on.action == ro.FINISH


def test_the_share_that_was_asked_for_is_that_of_both_sides() -> None:
    state = at(ab(), clicked(1000, 500))
    said = ro.verdict_of(ab(), state)
    assert said is not None
    assert said.outcome == "better"
    fifth = replace(state, weight=20)
    asked = {
        name: ro.verdict_of(strategy, fifth)
        for name, strategy in {
            "share": ab(),
            "baseline": ab(baseline=True),
            "header": ab(test={"header": {"name": "x", "value": "b"}}),
        }.items()
    }
    assert {name: one.outcome for name, one in asked.items() if one} == {
        "share": "undecided",
        "baseline": "better",
        "header": "better",
    }
    assert ro.verdict_of(CANARY, state) is None
    bare = replace(ab(), experiment=None)
    assert decided(bare, clicked(1, 1)).action == ro.FINISH


def test_readings_and_counts_of_ones_own_are_read_together() -> None:
    agreeing = plan(
        "shadow",
        steps=[{"weight": 0, "duration": "1h"}],
        compare=["accuracy"],
        conditions=[
            condition('canary.metrics["agreement"] < 0.95', "review", name="agreement"),
            condition("canary.metrics.clicks > 1.0", "review", name="clicks"),
        ],
    )
    own = {"clicks": Mean(total=10_000, count=5000, squares=30_000)}
    found = decided(
        agreeing,
        seen(HOUR, counts(5000, own=own), GOOD, figures={"canary.metrics": {"agreement": 0.9}}),
    )
    assert [note.name for note in found.notes] == ["agreement", "clicks"]


def test_inputs_that_nobody_compares_are_none() -> None:
    careful = plan(
        steps=STEPS,
        conditions=[condition("canary.compared >= 500 && canary.drift > 0.3", "halt")],
    )
    assert decided(careful, healthy()).action == ro.ADVANCE
    known = healthy(figures={"canary.compared": 600})
    assert decided(careful, known).reasons[0].message.startswith("canary.drift is missing")


def test_what_is_no_state_is_refused() -> None:
    data = ro.state_data(at(CANARY, healthy()))
    for wrong in ({}, {**data, "since": "soon"}, {**data, "tally": 5}, {**data, "watch": None}):
        with pytest.raises(ModelctlError, match="isn't one"):
            ro.state_from(wrong)


# What always holds, whatever is seen and whenever anybody looks.

FULL = plan(
    steps=STEPS,
    conditions=[
        {**ERRORS, "sustained": "1m"},
        condition("canary.drift > 0.3", "halt", name="drift"),
        condition("canary.latency_p95_ms > stable.latency_p95_ms * 1.2", "investigate"),
    ],
    back=BACK,
    patience="10m",
)
TRIGGERS = (
    trigger("live.error_rate > 0.1", name="live", sustained=MINUTE),
    trigger("live.error_rate > 0.5", name="worst", emergency=True),
)
sides = st.none() | st.builds(counts, st.integers(0, 4000).map(float), st.floats(0, 1))
figures = st.fixed_dictionaries({}, optional={"canary.drift": st.floats(0, 1)})
stretch = st.tuples(st.integers(1, 2000), sides, sides, figures)


def course(rows: list[Any]) -> Iterator[Observation]:
    passed = timedelta()
    for seconds, canary, stable, readings in rows:
        span = timedelta(seconds=seconds)
        passed += span
        yield seen(passed, canary, stable, span=span, figures=readings)


@given(st.lists(stretch, max_size=25), st.sets(st.integers(0, 24)))
def test_weights_are_shares_and_nothing_moves_on_without_data(
    rows: list[Any], resumed: set[int]
) -> None:
    state = ro.begin(FULL, NOW)
    for index, observation in enumerate(course(rows)):
        before = ro.observe(FULL, state, observation)
        found = ro.decide(FULL, before, ROLLED_MODEL, observation.at, TRIGGERS)
        assert found == ro.decide(FULL, before, ROLLED_MODEL, observation.at, TRIGGERS)
        read = ro.state_from(json.loads(json.dumps(ro.state_data(before))))
        assert read == before
        assert ro.decide(FULL, read, ROLLED_MODEL, observation.at, TRIGGERS) == found
        after = found.after
        assert 0 <= after.weight <= 100
        if found.action in (ro.ADVANCE, ro.FINISH):
            step = FULL.steps[before.step]
            assert before.tally["canary"].requests >= step.requests
            assert observation.at - before.since >= step.duration
            assert before.phase == ro.RUNNING
        if found.action == ro.ROLL_BACK:
            assert after.weight < before.weight or before.weight == 0
        if found.action == ro.HOLD:
            assert after.weight == before.weight
        assert found.reasons
        state = ro.resume(after) if after.phase == ro.PAUSED and index in resumed else after


@given(st.lists(stretch, min_size=1, max_size=8))
def test_the_same_counts_in_other_stretches_are_the_same(rows: list[Any]) -> None:
    fine = list(course(rows))
    one = at(CANARY, *fine)
    total: dict[str, Any] = {}
    for observation in fine:
        for side, counted in observation.sides.items():
            total[side] = total[side].plus(counted) if side in total else counted
    assert one.tally == total


@given(st.lists(stretch, max_size=12))
def test_nobody_who_saw_nothing_of_it_ever_lets_it_on(rows: list[Any]) -> None:
    state = ro.begin(FULL, NOW)
    for observation in course(rows):
        blind = replace(observation, sides={}, figures={})
        found = ro.decide(FULL, ro.observe(FULL, state, blind), ROLLED_MODEL, observation.at)
        assert found.action in (ro.HOLD, ro.ROLL_BACK)
        state = found.after
    assert (state.step, state.weight) in ((0, 5), (0, 0))


@given(st.integers(0, 100), st.booleans(), st.sampled_from(["canary", "shadow", "ab-test"]))
def test_the_parts_add_up(weight: int, baseline: bool, kind: str) -> None:
    strategy = replace(
        CANARY,
        kind=kind,
        baseline=baseline and kind != "shadow",
        steps=(replace(CANARY.steps[0], weight=weight),),
    )
    if strategy.baseline and 50 < weight < 100:
        with pytest.raises(ModelctlError, match="as much for its baseline"):
            weights(strategy, 0)
        return
    found = weights(strategy, 0)
    assert sum(found.values()) == 100
    assert all(0 <= share <= 100 for share in found.values())
    assert found.get("baseline", found.get("canary")) == found.get("canary")


def test_without_a_plan_it_is_watched_and_does_not_go_on() -> None:
    state = ro.begin(CANARY, NOW)
    watcher = unplanned("gone", state, CANARY.window)
    calm = ro.decide(watcher, state, ROLLED_MODEL, NOW + timedelta(minutes=1))
    assert (calm.action, calm.after.weight) == (ro.HOLD, state.weight)
    late = ro.decide(watcher, state, ROLLED_MODEL, NOW + watcher.patience)
    assert (late.action, late.after.weight) == (ro.ROLL_BACK, 0)


def test_a_plan_that_has_fewer_steps_by_now_asks_for_nothing_more() -> None:
    """The policy changed while it stood at a step that is gone: then a person decides."""
    state = replace(ro.begin(CANARY, NOW), step=7, weight=60)
    found = decided(CANARY, healthy(MINUTE), after=MINUTE, state=state)
    assert (found.action, found.after.phase, found.after.weight) == (ro.HOLD, ro.WAITING, 60)
    assert list(lacking(CANARY, state, NOW)) == []

"""The shipped strategies: good versions get through each of them, bad ones through none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import pytest

from modelctl.adapters.policies import load_policy
from modelctl.domain import rollout as ro
from modelctl.domain.observations import Counts, Observation, Ratio
from modelctl.domain.policy import Policy
from modelctl.domain.rollout import State
from modelctl.domain.strategies import Strategy, shares
from support.keys import NOW
from support.plans import ROLLED_MODEL, counts
from support.trees import MemoryTree
from support.world import PROJECT

FIGURES = {
    "canary.failed_health_checks": 0,
    "baseline.latency_p99_ms": 250.0,
    "canary.metrics": {"agreement": 0.99, "agreement_min_slice": 0.97},
}
RATE = 20
"""Requests a second of all versions together."""


def files() -> dict[str, bytes]:
    found = (path for path in sorted((PROJECT / "policies").rglob("*")) if path.is_file())
    return {str(path.relative_to(PROJECT)): path.read_bytes() for path in found}


@cache
def shipped() -> Policy:
    return load_policy(MemoryTree(files()), "f" * 40)


STEPPED = [name for name, plan in shipped().strategies.items() if plan.steps]


def side(requests: float, errors: float) -> Counts:
    clicks = Ratio(hits=requests * 0.1, trials=requests)
    known = {"labelled": requests / 2, "correct": requests * 0.45}
    return counts(requests, errors, own={"conversion_rate": clicks}, **known)


def look(plan: Strategy, state: State, span: timedelta, errors: float) -> Observation:
    parts: Mapping[str, int] = shares(plan, state.weight)
    total = RATE * span.total_seconds() / 100
    canary = total * (100 if plan.kind == "shadow" else state.weight)
    stable = total * parts.get("baseline", parts["stable"])
    worse = side(canary, errors)
    return Observation(
        at=(state.observed or state.since) + span,
        span=span,
        sides={"canary": worse, **({"stable": side(stable, 0.0)} if stable else {})},
        figures=FIGURES,
    )


def end(plan: Strategy, errors: float) -> tuple[State, int]:
    """Where a rollout ends that is looked at sixteen times a step, and how many people it took."""
    triggers = shipped().rollback.triggers_for(
        {
            "environment": "production",
            "task": ROLLED_MODEL.task,
            "tier": ROLLED_MODEL.tier,
            "target": ROLLED_MODEL.serving.target,
            "model": ROLLED_MODEL.name,
        }
    )
    state, people = ro.begin(plan, NOW), 0
    for _ in range(16 * len(plan.steps) + 16):
        span = plan.steps[state.step].duration / 16
        seen = ro.observe(plan, state, look(plan, state, span, errors))
        assert seen.observed is not None
        state = ro.decide(plan, seen, ROLLED_MODEL, seen.observed, triggers).after
        if state.phase == ro.WAITING:
            state, people = ro.resume(state), people + 1
            state = ro.decide(plan, state, ROLLED_MODEL, seen.observed, triggers).after
        if state.phase not in ro.OPEN or state.phase == ro.GOING_BACK:
            break
    return state, people


@pytest.mark.parametrize("name", STEPPED)
def test_a_good_version_gets_through(name: str) -> None:
    plan = shipped().strategies[name]
    state, people = end(plan, 0.0)
    assert (state.phase, state.weight) == (ro.DONE, 100)
    paused = sum(step.pause for step in plan.steps)
    assert people == paused + (not plan.automatic)


@pytest.mark.parametrize("name", STEPPED)
def test_a_bad_version_does_not(name: str) -> None:
    state, people = end(shipped().strategies[name], 0.2)
    assert (state.phase, state.step, people) in (
        (ro.ROLLED_BACK, 0, 0),
        (ro.GOING_BACK, 0, 0),
    )


@pytest.mark.parametrize("name", shipped().strategies)
def test_what_served_before_is_kept_until_a_fault_would_have_been_found(name: str) -> None:
    rules, plan = shipped().rollback, shipped().strategies[name]
    slowest = max(one.sustained or timedelta() for one in rules.triggers)
    if plan.kind in ("immediate", "shadow"):  # one is replaced in place, the other serves nobody
        assert plan.keep_warm is None
    else:
        assert plan.keep_warm is not None
        assert plan.keep_warm >= slowest + rules.window + rules.within


def test_the_window_of_what_is_live_is_that_of_the_rules() -> None:
    assert {plan.window for plan in shipped().strategies.values()} == {timedelta(minutes=1)}
    rules = files()["policies/rollback.yaml"]
    changed = rules.replace(b"\nwindow: 1m\n", b"\nwindow: 5s\n")
    assert changed != rules
    policy = load_policy(MemoryTree({**files(), "policies/rollback.yaml": changed}), "f" * 40)
    assert policy.rollback.window == timedelta(seconds=5)
    assert {plan.window for plan in policy.strategies.values()} == {timedelta(seconds=5)}

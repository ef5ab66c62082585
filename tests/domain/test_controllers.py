"""What Argo Rollouts says of a version: believed for that version alone, once it has seen it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from modelctl.domain.controllers import (
    UNTOLD,
    Controlled,
    controlled,
    decided,
    handed_over,
    taken_back,
)
from modelctl.domain.rollout_state import Reason

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
DIGEST = "2b" * 32
STEPS = [
    {"setWeight": 5},
    {"pause": {"duration": "60s"}},
    {"analysis": {"templates": []}},
    {"setWeight": 25},
    {"pause": {}},
]


def marks(version: str = "1.1.0", digest: str = DIGEST) -> dict[str, Any]:
    return {"annotations": {"modelctl.dev/version": version, "modelctl.dev/digest": digest}}


def rollout(steps: Any = STEPS, spec: Any = None, **status: Any) -> dict[str, Any]:
    return {
        "kind": "Rollout",
        "metadata": {**marks(), "generation": 3},
        "spec": {
            "template": {"metadata": marks()},
            "strategy": {"canary": {"steps": steps}},
            **(spec or {}),
        },
        "status": {"observedGeneration": "3", "phase": "Progressing", **status},
    }


def told(one: Any) -> Controlled:
    return controlled(one, version="1.1.0", digest=DIGEST)


@pytest.mark.parametrize(
    ("index", "weight", "step"),
    [(0, 5, 0), (1, 5, 0), (2, 5, 0), (3, 25, 1), (4, 25, 1), (5, 100, 1)],
)
def test_the_share_and_the_step_are_those_of_its_place(index: int, weight: int, step: int) -> None:
    one = told(rollout(currentStepIndex=index))
    assert (one.phase, one.weight, one.step) == ("progressing", weight, step)
    assert str(one) == f"Argo Rollouts has it progressing at {weight} %"


def test_the_share_that_the_router_was_told_comes_first() -> None:
    weights = {"canary": {"weight": 0}, "stable": {"weight": 100}}
    assert told(rollout(currentStepIndex=3, canary={"weights": weights})).weight == 0


def test_without_steps_it_has_none_until_the_end() -> None:
    one = told(rollout(steps=[]))
    assert (one.weight, one.step) == (0, 0)
    done = told(rollout(steps=[], phase="Healthy", stableRS="abc", currentPodHash="abc"))
    assert (done.phase, done.weight) == ("healthy", 100)


def test_an_experiment_is_a_step_too() -> None:
    one = told(rollout(steps=[{"experiment": {}}, {"experiment": {}}], currentStepIndex=1))
    assert (one.weight, one.step) == (0, 1)


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"paused": True}, {"currentStepIndex": 1}),
        ({}, {"currentStepIndex": 4, "pauseConditions": [{"reason": "CanaryPauseStep"}]}),
        ({}, {"currentStepIndex": 1, "pauseConditions": [{"reason": "InconclusiveAnalysisRun"}]}),
        ({}, {"currentStepIndex": 5, "pauseConditions": [{"reason": "BlueGreenPause"}]}),
    ],
)
def test_what_only_a_person_ends_is_paused(spec: Any, status: Any) -> None:
    one = told(rollout(spec=spec, phase="Paused", **status))
    assert (one.phase, one.message) == ("paused", "it waits for a person")
    assert one.shown(handed_over(NOW)).phase == "waiting"


def test_a_step_that_ends_by_its_time_goes_on() -> None:
    pauses = [{"reason": "CanaryPauseStep"}]
    one = told(rollout(phase="Paused", currentStepIndex=1, pauseConditions=pauses, message="x"))
    assert (one.phase, one.message) == ("progressing", "x")
    shown = one.shown(handed_over(NOW))
    assert (shown.phase, shown.weight, shown.step) == ("running", 5, 0)


def test_health_is_that_of_the_new_pods() -> None:
    for stable in ({"stableRS": "old"}, {}):
        assert told(rollout(phase="Healthy", currentPodHash="new", **stable)).phase == "progressing"


def test_what_is_aborted_or_degraded() -> None:
    assert told(rollout(phase="Degraded", abort=True, message="m")).phase == "aborted"
    assert told(rollout(phase="Progressing", abort=True)).phase == "aborted"
    assert told(rollout(phase="Degraded", message="m")).phase == "degraded"
    # Somebody has it tried again.
    retried = rollout(abort=False, abortedAt="2026-11-20T09:00:00Z")
    assert told(retried).phase == "progressing"


def strange() -> list[tuple[Any, str]]:
    other, pods, unseen = (rollout(abort=True, phase="Degraded") for _ in range(3))
    other["metadata"] |= marks("1.0.0")
    pods["spec"]["template"]["metadata"] = marks(digest="3c" * 32)
    unseen["status"]["observedGeneration"] = "2"
    bare = {"kind": "Rollout", "metadata": {}}
    new = {**rollout(), "status": {}, "metadata": marks()}
    return [
        (None, "the cluster has no such Rollout"),
        (other, "the cluster's Rollout is of 1.0.0"),
        (pods, "the cluster's Rollout is of 1.1.0"),
        (bare, "the cluster's Rollout is of no version that is known"),
        (unseen, "its controller hasn't seen it"),
        (new, "its controller hasn't seen it"),
    ]


@pytest.mark.parametrize(("one", "why"), strange())
def test_nothing_is_told_of_another_version(one: Any, why: str) -> None:
    found = told(one)
    assert str(found) == f"Argo Rollouts tells nothing of it yet: {why}"
    assert decided(handed_over(NOW), found, NOW).action == "hold"


@pytest.mark.parametrize("phase", ["progressing", "paused", "degraded", "unseen"])
def test_what_is_not_over_holds(phase: str) -> None:
    state = handed_over(NOW)
    decision = decided(state, Controlled(phase=phase), NOW)
    assert (decision.action, decision.after) == ("hold", state)


def test_nobody_asked() -> None:
    decision = decided(handed_over(NOW), None, NOW)
    assert (decision.action, decision.reasons[0].message) == ("hold", UNTOLD)


def test_both_ends() -> None:
    done = decided(handed_over(NOW), Controlled(phase="healthy", weight=100), NOW)
    assert (done.action, done.after.phase, done.after.weight) == ("finish", "done", 100)
    back = decided(handed_over(NOW), Controlled(phase="aborted", weight=25, message="m"), NOW)
    assert (back.action, back.after.phase, back.after.weight) == ("roll back", "rolled-back", 0)
    assert [one.message for one in back.reasons] == ["Argo Rollouts has it aborted at 25 %: m"]
    by_trigger = taken_back(handed_over(NOW), [Reason(name="errors", message="many")], NOW)
    assert by_trigger.emergency

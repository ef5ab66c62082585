"""Whether objects are ready, as their controllers say."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.domain.readiness import READY, answers, readiness


def thing(kind: str, status: dict[str, Any], *, generation: int = 2, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"generation": generation}, "spec": spec, "status": status}


def deployment(**status: Any) -> dict[str, Any]:
    return thing("Deployment", {"observedGeneration": 2, **status}, replicas=3)


def route(**condition: Any) -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": "True", "observedGeneration": 2, **condition}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    return thing("HTTPRoute", {"parents": [{"conditions": conditions}]})


LATE = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "too late"}


@pytest.mark.parametrize(
    "obj",
    [
        thing("Service", {}),
        deployment(updatedReplicas=3, availableReplicas=3),
        thing(
            "InferenceService",
            {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]},
        ),
        thing("Rollout", {"observedGeneration": "2", "phase": "Paused"}),
        route(),
    ],
)
def test_these_are_ready(obj: dict[str, Any]) -> None:
    assert readiness(obj) == READY


@pytest.mark.parametrize(
    ("obj", "because", "failed"),
    [
        (thing("Deployment", {}), "its controller hasn't seen it yet", False),
        (deployment(updatedReplicas=3, availableReplicas=1), "1 of 3 pods answer", False),
        (deployment(updatedReplicas=1, availableReplicas=3), "1 of 3 pods answer", False),
        (deployment(conditions=[LATE]), "too late", True),
        (thing("InferenceService", {}), "KServe hasn't seen it yet", False),
        (thing("InferenceService", {"observedGeneration": 2}), "it isn't ready", False),
        (thing("Rollout", {"observedGeneration": "1"}), "Argo Rollouts hasn't seen it yet", False),
        (
            thing("Rollout", {"observedGeneration": "2", "phase": "Degraded", "message": "no"}),
            "no",
            True,
        ),
        (thing("HTTPRoute", {}), "no Gateway has taken it yet", False),
        (route(observedGeneration=1, message="old"), "it isn't Accepted yet", False),
        (route(status="False", message="no host"), "it isn't Accepted yet: no host", False),
    ],
)
def test_these_are_not_and_say_why(obj: dict[str, Any], because: str, failed: bool) -> None:
    found = readiness(obj)
    assert (found.ready, found.because, found.failed) == (False, because, failed)


def test_one_pod_is_enough_to_answer() -> None:
    assert answers(deployment(availableReplicas=1))
    assert not answers(deployment())

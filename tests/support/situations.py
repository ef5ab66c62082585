"""A version on its way, with everything that any gate of the profiles asks for, as plain data.

A test changes one value of it by its dotted path, and hands it to the real gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelctl.domain.candidate import Candidate, Facts, Served
from modelctl.domain.drafting import feature_hash, signature_digest
from modelctl.domain.evidence import OFFLINE, Signed
from modelctl.domain.history import Deployment
from modelctl.domain.manifest import model_from, signature_from, version_from
from modelctl.domain.policy import Policy
from modelctl.domain.rules import parse_span
from support.judging import DIGEST, candidate, document, signed
from support.keys import NOW
from support.world import (
    CLEAN,
    HOLDOUT,
    LOAD,
    MODEL,
    TESTS,
    VALID,
    evaluation,
    model_data,
    version_data,
)

Situation = dict[str, Any]
BEFORE = "9" * 64
"""The digest of the version that serves."""

_SIGNATURE: Mapping[str, Any] = {
    "inputs": [
        {"name": "radius", "type": "double"},
        {"name": "texture", "type": "double", "required": False},
    ],
    "outputs": [{"name": "prediction", "type": "long"}],
}


def situation() -> Situation:
    """A version that every profile lets pass, on its way to any environment.

    `evidence` and `served` are predicates by kind, of the version and of the one that serves;
    `age` is how long ago evidence was made, `soaked` how long the version serves before its target.
    """
    features = feature_hash(signature_from(_SIGNATURE).inputs)
    view = {"name": "tumor-features", "version": "1.0.0", "hash": features}
    contract = {
        "feature_view": view,
        "evaluation": {"name": "tumor-holdout", "digest": HOLDOUT},
        "protected_groups": ["size_band"],
    }
    sla = {"latency_p99_ms": 200.0, "throughput_rps": 100.0, "rollback_seconds": 300.0}
    data = {
        "model": model_data(owner="ml-platform", sla=sla, data_contract=contract),
        "version": version_data("1.1.0", signature=_SIGNATURE),
        "before": version_data("1.0.0", signature=_SIGNATURE),
        "evidence": _evidence(),
        "served": {**_evidence(), "load-test": {**LOAD, "throughput_rps": 250.0}},
        "age": {},
        "soaked": "30d",
    }
    # Each by itself, or a change of one would be a change of all that share a part of it.
    return {name: deepcopy(part) for name, part in data.items()}


def _evidence() -> dict[str, Any]:
    """Evidence of every kind that a profile asks for; it meets every figure with room to spare."""
    group = {"accuracy": 0.92, "roc_auc": 0.92, "n": 80}
    metrics = {"accuracy": 0.94, "f1_score": 0.93, "roc_auc": 0.95, "rmse": 2.0}
    return {
        "evaluation": evaluation(
            metrics=metrics,
            baseline={"accuracy": 0.6, "f1_score": 0.5, "rmse": 4.0},
            groups={"size_band": {"small": group, "large": group}},
            signature={"digest": signature_digest(signature_from(_SIGNATURE))},
        ),
        "unit-tests": dict(TESTS),
        "e2e-tests": dict(TESTS),
        "data-validation": dict(VALID),
        "security-scan": dict(CLEAN),
        "load-test": {
            **LOAD,
            "replicas": 1,
            "items_per_second": 2000.0,
            "resources": {"cpu_percent": 40.0},
            "labels": {"traffic": "production-like"},
        },
        "drift": {
            "passed": True,
            "columns": {"total": 2, "drifted": 0},
            "labels": {"approved": "no"},
        },
        "canary": {"passed": True, "weight": 10, "hours": 24.0, "requests": 9000, "errors": 0},
        "comparison": {"passed": True, "labels": {"run": "shadow"}},
        "rollback-rehearsal": {
            "passed": True,
            "seconds": 40.0,
            "to_version": "1.0.0",
            "artifacts_present": True,
            "features_present": True,
        },
    }


def put(found: Situation, dotted: str, value: Any) -> None:
    """Sets the value at a dotted path, or takes it away where it is None.

    Raises:
        LookupError: there is nothing to change at this path.
    """
    target: Any = found
    *parents, last = dotted.split(".")
    for step in parents:
        target = target[int(step) if isinstance(target, list) else step]
    key: Any = int(last) if isinstance(target, list) else last
    if value is None:
        del target[key]
    else:
        target[key] = value


def on_its_way(found: Situation, to: str, policy: Policy) -> tuple[Candidate, Facts]:
    """The candidate for an environment, and what is known about it."""
    step = policy.lifecycle.to_environment(to)
    assert step is not None, f"the profile has no environment {to}"
    transition = step.for_tiers([found["model"]["tier"]])
    before = version_from(found["before"])
    one = candidate(
        model=found["model"],
        release={"version": found["version"]["version"]},
        transition=transition,
        version=version_from(found["version"]),
        version_document=document("versions/1.1.0.yaml", found["version"]),
        predecessors=(before,),
        model_before=model_from(found["model"]),
    )
    history = _deployment(str(one.version.version), DIGEST, transition.source, found["soaked"])
    known = Facts(
        now=NOW,
        signed=tuple(_signed(found, policy)),
        served=Served(version=str(before.version), digest=BEFORE),
        history=history,
    )
    return one, known


def _signed(found: Situation, policy: Policy) -> list[Signed]:
    """Each kind of evidence, measured everywhere, about both versions."""
    everywhere = (OFFLINE, *policy.lifecycle.environments)
    return [
        signed(
            digest,
            kind=kind,
            environment=environment,
            age=parse_span(found["age"].get(kind, "1h")),
            **predicate,
        )
        for digest, told in ((DIGEST, found["evidence"]), (BEFORE, found["served"]))
        for kind, predicate in told.items()
        for environment in everywhere
    ]


def _deployment(
    version: str, digest: str, environment: str | None, ago: str
) -> tuple[Deployment, ...]:
    if environment is None:
        return ()
    found = Deployment(
        model=MODEL,
        version=version,
        digest=digest,
        environment=environment,
        commit="a" * 40,
        at=NOW - (parse_span(ago) if ago else timedelta()),
    )
    return (replace(found, seq=1),)

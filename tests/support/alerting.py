"""Rules of alerts from the product's own policies, and the tools that Prometheus judges them by."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from modelctl.adapters.condition_tree import condition_tree
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.alert_rules import ModelRules, model_rules
from modelctl.domain.document import Location
from modelctl.domain.figure_queries import Asked
from modelctl.domain.manifest import Model, model_from
from modelctl.domain.metric_sources import MetricSources, PrometheusAt
from modelctl.domain.observations import Watched
from modelctl.domain.operations import Alert, Monitoring, Rollback
from modelctl.domain.policy import Policy
from modelctl.domain.recorded_figures import Watch
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.triggers import LIVE, Trigger
from modelctl.services.monitoring import sides_of, traffic_of
from support.governed import policy as shipped
from support.keys import NOW
from support.prometheus import tool
from support.renders import request
from support.world import model_data

NAMESPACE = "models-production"
REQUEST = request(version="1.2.0", target="gateway-api", approvers=())
PROMETHEUS = PrometheusAt(mesh="plain", url="http://127.0.0.1:9090")
REFERENCE = timedelta(minutes=30)
"""Short, so that tests need few samples."""


def run(*command: str, cwd: Path) -> tuple[int, str]:
    """The exit code of a tool, and all it says."""
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", cwd=cwd)
    return done.returncode, done.stdout + done.stderr


def about(**changes: Any) -> Model:
    """The model that is watched."""
    return model_from(model_data(**changes))


def questions(
    *,
    mesh: str = "plain",
    asked: RenderRequest | None = None,
    metrics: MetricSources | None = None,
    reference: timedelta = REFERENCE,
) -> Asked:
    """How the figures of a model are asked for, where a mesh counts its requests."""
    found, serves = metrics or shipped().metrics, asked or REQUEST
    watched = Watched(
        model=serves.model,
        environment=serves.environment,
        namespace=NAMESPACE,
        since=NOW,
        sides=sides_of(serves),
    )
    return Asked(
        watched=watched,
        mesh=found.meshes[mesh],
        own=found.own,
        interval=PROMETHEUS.scrape_interval,
        fresh=PROMETHEUS.fresh,
        reference=reference,
        traffic=traffic_of(serves),
    )


def watch(
    *, asked: RenderRequest | None = None, model: Model | None = None, **changes: Any
) -> Watch:
    """A model where it serves; `changes` say how its figures are asked for."""
    counted = questions(asked=asked, **changes)
    return Watch(
        model=model or about(),
        request=asked or REQUEST,
        namespace=NAMESPACE,
        query=counted.query,
        sides=frozenset(counted.watched.sides),
        runbook="https://example.com/runbook",
    )


def rules(
    watched: Watch | None = None,
    policy: Policy | None = None,
    *,
    monitoring: Monitoring | None = None,
    rollback: Rollback | None = None,
) -> ModelRules:
    """The rules of a policy, the shipped one by default, or of these parts of one."""
    of = policy or shipped()
    return model_rules(
        watched or watch(), monitoring or of.monitoring, rollback or of.rollback, condition_tree
    )


def trigger(when: str, **changes: Any) -> Trigger:
    """A condition with a name."""
    values: dict[str, Any] = {"action": "alert", "because": "it is so", "name": "one", **changes}
    place = Location(file="policies/monitoring.yaml", line=7)
    return Trigger(when=compile_rule(when, LIVE), location=place, **values)


def alone(when: str, *, of: Any = None, **changes: Any) -> ModelRules:
    """The rules of a policy that has this condition alone."""
    alert = Alert(severity="warning", trigger=trigger(when, **changes))
    return rules(of, monitoring=Monitoring(alerts=(alert,)), rollback=Rollback())


def groups(found: ModelRules) -> list[dict[str, Any]]:
    """The groups of a PrometheusRule."""
    return list(found.object["spec"]["groups"])


def rule(found: ModelRules, name: str) -> Mapping[str, Any]:
    """The alert or record of this name."""
    every = [one for group in groups(found) for one in group["rules"]]
    return next(one for one in every if name in (one.get("alert"), one.get("record")))


def judge(folder: Path, found: Sequence[Mapping[str, Any]], tests: Sequence[Any]) -> str:
    """What `promtool test rules` says against these tests; empty where all hold."""
    promtool = tool("promtool")
    (folder / "rules.yaml").write_text(json.dumps({"groups": list(found)}))
    unit = {"rule_files": ["rules.yaml"], "evaluation_interval": "15s", "tests": list(tests)}
    (folder / "tests.yaml").write_text(json.dumps(unit))
    code, said = run(promtool, "test", "rules", "tests.yaml", cwd=folder)
    return "" if code == 0 else said


def fires(at: str, alert: Mapping[str, Any]) -> dict[str, Any]:
    """That this alert fires at a time, with all it says."""
    labels = {k: v for k, v in alert["labels"].items() if "{{" not in v}
    expected = {"exp_labels": labels, "exp_annotations": alert["annotations"]}
    return {"eval_time": at, "alertname": alert["alert"], "exp_alerts": [expected]}


def silent(at: str, name: str) -> dict[str, Any]:
    """That it doesn't."""
    return {"eval_time": at, "alertname": name, "exp_alerts": []}

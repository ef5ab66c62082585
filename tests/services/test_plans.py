"""What a controller of the cluster is told: the policy's conditions, as Prometheus takes them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from modelctl.domain.metric_sources import PrometheusAt
from modelctl.domain.plans import Plan
from modelctl.domain.rendering import RenderRequest
from modelctl.services.candidates import read_model
from modelctl.services.plans import planned
from modelctl.services.session import Session
from support.prometheus import tool
from support.renders import request
from support.world import MODEL, World

URL = "http://prometheus.monitoring.svc:9090"


def session(world: World, **sources: PrometheusAt | None) -> Session:
    opened = world.session()
    metrics = replace(opened.policy.metrics, sources=MappingProxyType(sources))
    return replace(opened, policy=replace(opened.policy, metrics=metrics))


def told(world: World, opened: Session, strategy: str, **changes: Any) -> Plan | None:
    model = read_model(opened.repository.tree(opened.branch_tip("ml")), MODEL)
    assert model is not None
    new = argo(strategy=strategy, **changes)
    return planned(opened, model, new, argo(version="1.0.0", digest="1a" * 32)).plan


def argo(**changes: Any) -> RenderRequest:
    return request(**{"model": MODEL, "target": "argo-rollouts", "version": "1.1.0", **changes})


def at(url: str | None = URL, **changes: Any) -> PrometheusAt:
    return PrometheusAt(mesh="traefik", url=url, **changes)


@pytest.mark.parametrize("strategy", ["canary-standard", "canary-day", "canary-hours"])
def test_every_shipped_condition_that_may_stop_a_rollout_is_a_query(
    served: World, strategy: str, tmp_path: Path
) -> None:
    opened = session(served, production=at())
    plan = told(served, opened, strategy)
    assert plan is not None
    assert plan.prometheus == URL
    stopping = {
        trigger.name
        for index in range(len(plan.stages))
        for trigger in opened.policy.strategies[strategy].conditions_at(index)
        if trigger.holds_when_undecided
    }
    asked = [*plan.checks, *(check for stage in plan.stages for check in stage.checks)]
    assert {check.name for check in asked} == stopping
    assert all(stage.enough for stage in plan.stages)
    queries = [check.query for check in asked] + [stage.enough for stage in plan.stages]
    _accepted(queries, tmp_path)


def _accepted(queries: list[Any], folder: Path) -> None:
    rules = [{"record": f"q{n}", "expr": query} for n, query in enumerate(queries)]
    file = folder / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "plan", "rules": rules}]}))
    subprocess.run([tool("promtool"), "check", "rules", str(file)], check=True)


def test_both_sides_are_asked_by_the_services_that_the_controller_moves(served: World) -> None:
    plan = told(served, session(served, production=at()), "canary-standard")
    assert plan is not None
    (errors,) = (check for check in plan.checks if check.name == "error-rate")
    plain = errors.query.replace("\\", "")
    assert f"models-production-{MODEL}-canary-" in plain
    assert f"models-production-{MODEL}-stable-" in plain
    (accuracy,) = (check for check in plan.checks if check.name == "accuracy")
    assert "1\\\\.0\\\\.0" in accuracy.query
    assert "1\\\\.1\\\\.0" in accuracy.query


def test_a_condition_that_halts_waits_for_a_person(served: World) -> None:
    plan = told(served, session(served, production=at()), "canary-hours")
    assert plan is not None
    halting = {check.name for check in plan.checks if check.halts}
    assert halting == {"drift", "no-more-errors"}


@pytest.mark.parametrize("source", [None, at(None, url_from="NO_SUCH_VARIABLE")])
def test_what_nobody_can_ask_waits_for_a_person_at_each_step(
    served: World, source: PrometheusAt | None
) -> None:
    plan = told(served, session(served, production=source), "canary-standard")
    assert plan is not None
    assert plan.checks == ()
    assert [stage.weight for stage in plan.stages] == [5, 25, 50, 100]
    assert all(stage.pause for stage in plan.stages)
    assert plan.automatic is False


def test_so_does_a_figure_that_nothing_measures(served: World) -> None:
    opened = session(served, production=at())
    metrics = opened.policy.metrics
    bare = replace(metrics, own=replace(metrics.own, gauges=()))
    opened = replace(opened, policy=replace(opened.policy, metrics=bare))
    plan = told(served, opened, "canary-standard")
    assert plan is not None
    assert all(stage.pause for stage in plan.stages)


def test_a_first_version_and_one_at_once_have_no_steps(served: World) -> None:
    opened = session(served, production=at())
    model = read_model(opened.repository.tree(opened.branch_tip("ml")), MODEL)
    assert model is not None
    first = planned(opened, model, argo(strategy="canary-standard"), None)
    assert first.plan is not None
    assert (first.plan.stages, first.plan.automatic) == ((), True)
    whole = told(served, opened, "blue-green")
    assert whole is not None
    assert (whole.stages, whole.automatic) == ((), True)


def test_other_targets_and_strategies_that_are_gone_need_no_plan(served: World) -> None:
    opened = session(served, production=at())
    assert told(served, opened, "canary-standard", target="gateway-api") is None
    assert told(served, opened, "no-such-strategy") is None

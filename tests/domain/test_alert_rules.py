"""Alerts of a model: what Prometheus' own tools say of them, just above a limit and just below."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.crds import validate
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.alert_rules import UNMEASURED, AlertProblem
from modelctl.domain.condition import Figure
from modelctl.domain.operations import Rollback
from modelctl.domain.recorded_figures import recorded, selector, span, untemplated
from modelctl.domain.rendering import Backend
from modelctl.domain.rules import Scope
from modelctl.domain.triggers import LIVE, Trigger
from support import profiles
from support.alerting import (
    about,
    alone,
    fires,
    groups,
    judge,
    rule,
    rules,
    run,
    silent,
    watch,
)
from support.governed import policy as shipped
from support.prometheus import tool
from support.renders import crd_folder, request

MESHES = ("traefik", "istio", "knative", "envoy-gateway", "plain")
UNIT = {"istio": 1000, "knative": 1000, "envoy-gateway": 1000}
"""How many units a second has where response times aren't counted in seconds."""


def series(mesh: str, part: str = "requests", **labels: str) -> str:
    """A series of the model's backend as the mesh shows it."""
    name = "v1-2-0"
    found = {
        "traefik": f'service="models-production-tumor-classifier-{name}-http-80@kubernetesgateway"',
        "istio": f'destination_workload="tumor-classifier-{name}",'
        'destination_workload_namespace="models-production",reporter="destination"',
        "knative": 'namespace_name="models-production",app_kubernetes_io_name="tumor-classifier",'
        'app_kubernetes_io_version="1.2.0"',
        "envoy-gateway": 'envoy_cluster_name="httproute/models-production/tumor-classifier/rule/0/'
        'backend/0"',
        "plain": 'model="tumor-classifier",version="1.2.0",namespace="models-production"',
    }[mesh]
    of = shipped().metrics.meshes[mesh]
    labels = {"job": of.only["job"], **labels}
    metric = of.requests if part == "requests" else f"{of.durations}_bucket"
    more = "".join(f',{key}="{value}"' for key, value in labels.items())
    return f"{metric}{{{found}{more}}}"


def counted(mesh: str, *, good: float, bad: float, minutes: int = 20) -> list[dict[str, str]]:
    """Requests that were answered with success and with failure, by minute."""
    code = shipped().metrics.meshes[mesh].code
    failure, success = ("5", "2") if mesh == "envoy-gateway" else ("503", "200")
    rows = [(success, good), (failure, bad)]
    return [
        {
            "series": series(mesh, **{code: value}),
            "values": f"0+{each / 4:.12g}x{minutes * 4}",
        }
        for value, each in rows
    ]


def test_of(inputs: list[dict[str, str]], *expected: dict[str, Any]) -> dict[str, Any]:
    return {"interval": "15s", "input_series": inputs, "alert_rule_test": list(expected)}


test_of.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("mesh", MESHES)
def test_prometheus_takes_every_rule(mesh: str, tmp_path: Path) -> None:
    import json

    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": groups(rules(watch(mesh=mesh)))}))
    code, said = run(tool("promtool"), "check", "rules", "rules.yaml", cwd=tmp_path)
    assert (code, "SUCCESS" in said) == (0, True), said


def test_the_operator_takes_the_object() -> None:
    assert validate([dict(rules().object)], crd_folder()) == ()


@pytest.mark.parametrize("mesh", MESHES)
def test_errors_fire_just_above_the_limit_and_not_just_below(mesh: str, tmp_path: Path) -> None:
    """5 % of 10,000 requests a minute."""
    found = rules(watch(mesh=mesh))
    alert = rule(found, "RollbackErrors")
    above = test_of(counted(mesh, good=9490, bad=510), fires("10m", alert))
    below = test_of(counted(mesh, good=9510, bad=490), silent("10m", "RollbackErrors"))
    assert judge(tmp_path, groups(found), [above, below]) == ""


@pytest.mark.parametrize("mesh", MESHES)
def test_quantiles_are_in_milliseconds(mesh: str, tmp_path: Path) -> None:
    """All requests between 400 and 600 ms: p99 is 598 ms, over the SLA's 200 ms."""
    unit = UNIT.get(mesh, 1)
    buckets = [(0.4, 0), (0.6, 1000), ("+Inf", 1000)]
    inputs = [
        {
            "series": series(mesh, "durations", le=str(le * unit if le != "+Inf" else le)),
            "values": f"0+{each}x80",
        }
        for le, each in buckets
    ]
    found = rules(watch(mesh=mesh))
    of = watch(mesh=mesh).labels
    sample = {"labels": selector("modelctl:live_latency_p99_ms", of), "value": 598}
    check = {
        "interval": "15s",
        "input_series": [*counted(mesh, good=4000, bad=0), *inputs],
        "promql_expr_test": [
            {
                "expr": f"round({selector('modelctl:live_latency_p99_ms', of)})",
                "eval_time": "10m",
                "exp_samples": [{**sample, "labels": selector("", of)}],
            }
        ],
        "alert_rule_test": [
            fires("10m", rule(found, "ModelLatencySla")),
            fires("10m", rule(found, "RollbackResponseTime")),
            silent("10m", "RollbackLatencyAgainstBaseline"),
        ],
    }
    assert judge(tmp_path, groups(found), [check]) == ""


def test_it_must_last_as_long_as_the_policy_says(tmp_path: Path) -> None:
    found = rules()
    inputs = counted("plain", good=5000, bad=5000)
    # The first rate is there after two samples; from then on it must hold for 5 minutes.
    lasts = test_of(
        inputs, silent("5m", "RollbackErrors"), fires("5m30s", rule(found, "RollbackErrors"))
    )
    at_once = test_of(inputs, fires("1m", rule(found, "RollbackEmergency")))
    assert judge(tmp_path, groups(found), [lasts, at_once]) == ""


def test_too_few_requests_fire_nothing(tmp_path: Path) -> None:
    found = rules()
    few = test_of(counted("plain", good=0, bad=99), silent("10m", "RollbackEmergency"))
    enough = test_of(
        counted("plain", good=0, bad=100), fires("10m", rule(found, "RollbackEmergency"))
    )
    assert judge(tmp_path, groups(found), [few, enough]) == ""


def test_no_failures_and_no_requests_are_told_apart(tmp_path: Path) -> None:
    """Without failures the share is 0; without requests there is no share at all."""
    found, of = rules(), watch().labels
    expr = selector("modelctl:live_error_rate", of)

    def asks(*samples: float) -> dict[str, Any]:
        expected = [
            {"labels": selector("modelctl:live_error_rate", of), "value": v} for v in samples
        ]
        return {"expr": expr, "eval_time": "5m", "exp_samples": expected}

    only_good = counted("plain", good=60, bad=0)[:1]
    idle = counted("plain", good=0, bad=0)
    tests = [
        {"interval": "15s", "input_series": inputs, "promql_expr_test": [asks(*expected)]}
        for inputs, expected in ((only_good, (0.0,)), (idle, ()), ([], ()))
    ]
    assert judge(tmp_path, groups(found), tests) == ""


def test_one_alert_tells_that_nothing_is_measured(tmp_path: Path) -> None:
    found = rules()
    nothing = test_of([], silent("9m", UNMEASURED), fires("10m", rule(found, UNMEASURED)))
    idle = test_of(counted("plain", good=0, bad=0), silent("19m", UNMEASURED))
    assert judge(tmp_path, groups(found), [nothing, idle]) == ""


def test_latency_is_held_against_what_is_normal(tmp_path: Path) -> None:
    """Twice as slow for ten minutes as in the half hour before."""
    found = rules()
    slow = 'le="0.4"', "0+1000x120 120000+0x60"
    fast = 'le="0.2"', "0+1000x120 120000+0x60"
    every = 'le="+Inf"', "0+1000x180"
    third = 'le="0.8"', "0+1000x180"
    base = series("plain", "durations")[:-1]
    inputs = [
        {"series": f"{base},{le}}}", "values": values} for le, values in (fast, slow, third, every)
    ]
    name = "RollbackLatencyAgainstBaseline"
    asked = test_of(
        [*counted("plain", good=4000, bad=0, minutes=45), *inputs],
        silent("29m", name),
        silent("39m", name),
        fires("42m", rule(found, name)),
    )
    # The reference window takes the slow time in, too: a limit of twice as much needs most of it.
    limit = replace(
        shipped().rollback.triggers[2],
        when=compile_rule("live.latency_p99_ms > baseline.latency_p50_ms * 2.0", LIVE),
    )
    found = rules(rollback=Rollback(triggers=(limit,)))
    asked["alert_rule_test"][-1] = fires("42m", rule(found, name))
    assert judge(tmp_path, groups(found), [asked]) == ""


def test_health_counts_checks_that_fail_one_after_the_other(tmp_path: Path) -> None:
    mesh = "traefik"
    found = rules(watch(mesh=mesh))
    health = series(mesh).replace("requests_total", "server_up").replace("}", ',url="http://a"}')
    name = "RollbackHealth"

    def up(values: str) -> list[dict[str, str]]:
        return [{"series": health, "values": values}]

    def other(values: str) -> dict[str, str]:
        return {"series": health.replace("http://a", "http://b"), "values": values}

    tests = [
        test_of(up("1x20 0 0 1x20"), silent("5m30s", name), silent("5m45s", name)),
        test_of(up("1x20 0x20"), silent("5m30s", name), fires("5m45s", rule(found, name))),
        test_of(up("0x20"), fires("2m", rule(found, name))),
        test_of(up("1x20 _x20"), silent("8m", name)),
        # A backend fails where each of its processes does.
        test_of([*up("1x20 0x20"), other("1x40")], silent("8m", name)),
        test_of([*up("1x20 0x20"), other("0x20 1 0x2")], silent("5m30s", name)),
        test_of([*up("1x20 0x20"), other("0x40")], fires("7m", rule(found, name))),
    ]
    assert judge(tmp_path, groups(found), tests) == ""


def test_figures_of_versions_and_jobs_are_read(tmp_path: Path) -> None:
    labels = 'model="tumor-classifier",version="1.2.0",namespace="models-production"'
    found = rules()
    normal = "0+100x100", "0+90x100"
    worse = "0+1000x20 20000+1000x80", "0+900x20 18000+700x80"
    tests = []
    for (labelled, correct), check in (
        (normal, silent("20m", "RollbackAccuracy")),
        (worse, fires("8m", rule(found, "RollbackAccuracy"))),
    ):
        inputs = [
            {"series": f"model_labelled_total{{{labels}}}", "values": labelled},
            {"series": f"model_correct_total{{{labels}}}", "values": correct},
        ]
        tests.append(test_of(inputs, check))
    drift = [
        {"series": f'model_feature_psi{{{labels},feature="age"}}', "values": "0.1x40"},
        {"series": f'model_feature_psi{{{labels},feature="size"}}', "values": "0.21x40"},
        {"series": f"model_inputs_compared{{{labels}}}", "values": "499x20 500x20"},
    ]
    name = "ModelFeatureDrift"
    tests.append(test_of(drift, silent("4m", name), fires("6m", rule(found, name))))
    assert judge(tmp_path, groups(found), tests) == ""


def test_traffic_is_held_against_its_norm(tmp_path: Path) -> None:
    name = "ModelTraffic"
    found = rules(watch(reference=timedelta(hours=2)))
    first = counted("plain", good=60, bad=0)[0]
    steady = [{**first, "values": "0+15x119 1801+16x119 3720+150x40"}]
    asked = test_of(steady, silent("55m", name), fires("62m", rule(found, name)))
    assert judge(tmp_path, groups(found), [asked]) == ""


@pytest.mark.parametrize("source", ["S0", "S1", "S2", "S3", "S4"])
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_every_condition_of_every_profile_becomes_an_alert(
    source: str, environment: str, tmp_path: Path
) -> None:
    import json

    policy = profiles.policy(source)
    asked = request(version="1.2.0", target="gateway-api", environment=environment)
    metrics = shipped().metrics
    watched = watch(mesh="traefik", asked=asked, metrics=metrics)
    found = rules(watched, policy)
    assert found.problems == ()
    every = {
        *(f"Model{_camel(a.trigger)}" for a in policy.monitoring.alerts_for(watched.facts)),
        *(f"Rollback{_camel(t)}" for t in policy.rollback.triggers_for(watched.facts)),
        UNMEASURED,
    }
    alerts = {one["alert"] for group in groups(found) for one in group["rules"] if "alert" in one}
    assert alerts == every
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": groups(found)}))
    code, said = run(tool("promtool"), "check", "rules", "rules.yaml", cwd=tmp_path)
    assert code == 0, said


def _camel(trigger: Trigger) -> str:
    return "".join(part.capitalize() for part in (trigger.name or "").split("-"))


def test_what_people_are_told() -> None:
    alert = rule(alone("live.psi > 0.2", sustained=timedelta(seconds=90)), "ModelOne")
    assert alert["for"] == "90s"
    assert alert["labels"] == {
        "environment": "production",
        "model": "tumor-classifier",
        "version": "1.2.0",
        "namespace": "models-production",
        "owner": "oncology-ml",
        "severity": "warning",
        "trigger": "one",
    }
    assert alert["annotations"] == {
        "summary": "tumor-classifier 1.2.0 in production: it is so",
        "because": "it is so",
        "condition": "live.psi > 0.2",
        "policy": "policies/monitoring.yaml:7",
        "contact": "oncology@example.com",
        "runbook_url": "https://example.com/runbook",
    }
    no_page = replace(watch(), runbook=None)
    assert "runbook_url" not in rule(alone("live.psi > 0.2", of=no_page), "ModelOne")["annotations"]


def test_the_guards_own_triggers_say_what_follows() -> None:
    found = rules()
    assert rule(found, "RollbackErrors")["annotations"]["effect"] == "The guard rolls back."
    assert rule(found, "RollbackEmergency")["annotations"]["effect"].startswith("All traffic")
    every = [one for g in groups(found) for one in g["rules"] if "alert" in one]
    guarded = [one for one in every if one["alert"].startswith("Rollback")]
    assert {one["labels"]["severity"] for one in guarded} == {"critical"}


@pytest.mark.parametrize(
    ("when", "message", "mend"),
    [
        ("live.requests / 2 > 3", "divides whole numbers", "double(…)"),
        ("live.psi > model.sla.nope", "it can never hold for tumor-classifier", "model.yaml"),
        ("live.business_metric > 1.0", "nothing says how live.business_metric", "own.gauges"),
        ("live.failed_health_checks > 1", "nothing says how live.failed", "health to its mesh"),
        ("live.metrics.sold > 1.0", 'nothing says how live.metrics["sold"]', "add sold to own"),
        ("baseline.latency_p99_ms > live.business_metric", "how live.business", "own.gauges"),
    ],
)
def test_what_cant_become_an_alert_is_told_and_never_dropped(
    when: str, message: str, mend: str
) -> None:
    found = alone(when)
    assert [one.location and one.location.line for one in found.problems] == [7]
    assert message in found.problems[0].message
    assert mend in found.problems[0].mend
    assert str(found.problems[0]).startswith("policies/monitoring.yaml:7:1: ")
    assert all(one.get("alert") != "ModelOne" for g in groups(found) for one in g["rules"])


def test_a_problem_without_a_place_says_the_rest() -> None:
    assert str(AlertProblem(location=None, message="a", mend="b")) == "a (b)"


def test_what_doesnt_apply_is_no_problem() -> None:
    for when, scope in (
        ('"nope" in model.sla && live.psi > model.sla.nope', Scope()),
        ("live.psi > 1.0", Scope(environments=("staging",))),
        ("canary.error_rate > live.error_rate", Scope()),  # nothing is taking over
    ):
        found = alone(when, scope=scope)
        assert found.problems == ()
        assert len([r for g in groups(found) for r in g["rules"] if "alert" in r]) == 1


def test_a_condition_without_a_name_is_known_by_its_line() -> None:
    assert rule(alone("live.psi > 0.2", name=None), "ModelLine7")["labels"]["trigger"] == "line-7"


def test_nothing_of_a_policy_is_taken_for_a_template_or_a_query(tmp_path: Path) -> None:
    nasty = 'over {{ $value }} "quoted" \\ {{ .Labels }} \n line'
    found = alone("live.psi > 0.2", because=nasty, of=watch(model=about(contact="{{x}}@e.org")))
    inputs = [
        {
            "series": 'model_feature_psi{model="tumor-classifier",version="1.2.0",'
            'namespace="models-production"}',
            "values": "1x40",
        }
    ]
    alert = dict(rule(found, "ModelOne"))
    alert["annotations"] = {
        name: text.replace('{{"{{"}}', "{{") for name, text in alert["annotations"].items()
    }
    assert judge(tmp_path, groups(found), [test_of(inputs, fires("5m", alert))]) == ""
    assert untemplated("{{a}}") == '{{"{{"}}a}}'
    assert selector("m", {"a": 'x"y\\z\nw'}) == 'm{a="x\\"y\\\\z\\nw"}'


def test_names_that_no_metric_may_have_are_told_apart() -> None:
    one, other = (recorded(Figure(name="live.metrics", key=key)) for key in ("a-b", "a.b"))
    assert recorded(Figure(name="live.metrics", key="sold")) == "modelctl:live_metrics:sold"
    assert one.startswith("modelctl:live_metrics:a_b_")
    assert one != other


@pytest.mark.parametrize(
    ("seconds", "text"), [(90, "90s"), (300, "5m"), (7200, "2h"), (604800, "7d")]
)
def test_spans_are_written_in_their_largest_unit(seconds: int, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


def test_during_a_rollout_live_is_the_version_that_takes_over(tmp_path: Path) -> None:
    def backend(name: str, version: str, weight: int) -> Backend:
        return Backend(name=name, version=version, digest="d" * 64, artifacts="a", weight=weight)

    asked = request(
        version="2.0.0",
        target="gateway-api",
        backends=(backend("stable", "1.2.0", 75), backend("canary", "2.0.0", 25)),
    )
    found = rules(watch(asked=asked))
    record = partial(rule, found)
    assert rule(alone("canary.error_rate > 0.1", of=watch(asked=asked)), "ModelOne")
    assert 'version=~"2\\\\.0\\\\.0"' in record("modelctl:live_error_rate")["expr"]
    assert 'version=~"1\\\\.2\\\\.0"' in record("modelctl:baseline_latency_p99_ms")["expr"]
    shares = {
        (one["labels"]["backend"], one["labels"]["version"]): one["expr"]
        for group in groups(found)
        for one in group["rules"]
        if one.get("record") == "modelctl:backend_weight"
    }
    assert shares == {("stable", "1.2.0"): "vector(75)", ("canary", "2.0.0"): "vector(25)"}

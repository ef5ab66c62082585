"""The rules that no schema states: each with an object that keeps it and ones that break it."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.objects import RULES, check_objects
from modelctl.domain.problems import Problem

Object = dict[str, Any]
Change = Callable[[Object], None]

CONTAINER = {"name": "server", "image": "server:1"}
LABELS = {"app.kubernetes.io/name": "tumor"}
TEMPLATE = {
    "metadata": {"labels": LABELS, "annotations": {"modelctl.dev/artifacts": "models:/m-1"}},
    "spec": {"containers": [CONTAINER], "initContainers": [CONTAINER]},
}
BACKEND = {
    "name": "stable",
    "version": "1.0.0",
    "digest": "a" * 64,
    "artifacts": "models:/m-1",
    "weight": 100,
}


def named(kind: str, name: str, spec: Object, version: str = "v1") -> Object:
    metadata = {"name": name, "namespace": "models-dev", "labels": dict(LABELS)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


SERVICES = [named("Service", name, {}) for name in ("tumor", "tumor-stable", "tumor-canary")]
DEPLOYMENT = named(
    "Deployment", "tumor", {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}, "apps/v1"
)
ROUTE = named(
    "HTTPRoute",
    "tumor",
    {
        "hostnames": ["models.example.com"],
        "rules": [
            {"backendRefs": [{"name": "tumor", "weight": 100}]},
            {
                "backendRefs": [
                    {"name": "tumor-stable", "weight": 90},
                    {"name": "tumor-canary", "weight": 10, "namespace": "models-dev"},
                ]
            },
            {"backendRefs": [{"name": "tumor"}]},
            {"filters": [{"type": "RequestRedirect"}]},
        ],
    },
)
ROLLOUT = named(
    "Rollout",
    "tumor",
    {
        "selector": {"matchLabels": LABELS},
        "template": TEMPLATE,
        "strategy": {
            "canary": {
                "stableService": "tumor-stable",
                "canaryService": "tumor-canary",
                "trafficRouting": {"plugins": {}},
                "steps": [{"setWeight": 10}, {"pause": {}}],
            }
        },
    },
)
SCALER = named(
    "HorizontalPodAutoscaler",
    "tumor",
    {
        "scaleTargetRef": {"kind": "Deployment", "name": "tumor"},
        "minReplicas": 2,
        "maxReplicas": 6,
    },
)
LOCAL = named(
    "LocalServing",
    "tumor",
    {
        "model": "tumor-classifier",
        "version": "1.0.0",
        "digest": "a" * 64,
        "artifacts": "models:/m-1",
        "path": "/tumor-classifier",
        "replicas": 1,
        "backends": [BACKEND],
    },
    "modelctl.dev/v1",
)
GOOD = [*SERVICES, DEPLOYMENT, ROUTE, ROLLOUT, SCALER, LOCAL]


def broken(kind: str, change: Change) -> list[Problem]:
    """The problems once the object of `kind` was changed."""
    objects = json.loads(json.dumps(GOOD))
    change(next(obj for obj in objects if obj["kind"] == kind))
    return list(check_objects(objects))


def test_good_objects_have_no_problem() -> None:
    assert check_objects(GOOD) == ()


CASES: list[tuple[str, Change, str, str]] = [
    (
        "Deployment",
        lambda o: o["spec"]["template"]["spec"]["containers"][0].pop("image"),
        "spec.template.spec.containers[0].image",
        "there is no image",
    ),
    (
        "Deployment",
        lambda o: o["spec"]["template"]["spec"]["initContainers"][0].update(image=""),
        "spec.template.spec.initContainers[0].image",
        "there is no image",
    ),
    (
        "Rollout",
        lambda o: o["spec"]["template"]["spec"].update(containers=[]),
        "spec.template.spec.containers",
        "there is no container",
    ),
    (
        "Deployment",
        lambda o: o["spec"]["selector"].update(matchLabels={"app.kubernetes.io/name": "other"}),
        "spec.selector.matchLabels.app.kubernetes.io/name",
        "the pods have another label",
    ),
    (
        "Deployment",
        lambda o: o["spec"]["template"]["metadata"]["annotations"].update(
            {"modelctl.dev/artifacts": "file:///home/ada/model"}
        ),
        "spec.template.metadata.annotations.modelctl.dev/artifacts",
        "a pod can't load a model from 'file:///home/ada/model'",
    ),
    (
        "Rollout",
        lambda o: o["spec"]["template"]["metadata"]["annotations"].update(
            {"modelctl.dev/artifacts": "artifacts/tumor"}
        ),
        "spec.template.metadata.annotations.modelctl.dev/artifacts",
        "a pod can't load a model from 'artifacts/tumor'",
    ),
    (
        "Rollout",
        lambda o: o["spec"]["strategy"]["canary"]["steps"][0].update(setWeight=150),
        "spec.strategy.canary.steps[0].setWeight",
        "150 is not a share from 0 to 100",
    ),
    (
        "Rollout",
        lambda o: o["spec"]["strategy"]["canary"].pop("canaryService"),
        "spec.strategy.canary.canaryService",
        "traffic can't be routed without it",
    ),
    (
        "Rollout",
        lambda o: o["spec"]["strategy"]["canary"].update(stableService="lost"),
        "spec.strategy.canary.stableService",
        "there is no Service lost",
    ),
    (
        "HTTPRoute",
        lambda o: o["spec"].update(hostnames=[]),
        "spec.hostnames",
        "without one it takes the requests of every host",
    ),
    (
        "HTTPRoute",
        lambda o: o["spec"]["rules"][1]["backendRefs"][1].update(weight=20),
        "spec.rules[1].backendRefs",
        "the weights add up to 110, not 100",
    ),
    (
        "HTTPRoute",
        lambda o: o["spec"]["rules"][0]["backendRefs"][0].update(weight=101),
        "spec.rules[0].backendRefs",
        "the weight 101 is not a share from 0 to 100",
    ),
    (
        "HTTPRoute",
        lambda o: o["spec"]["rules"][0]["backendRefs"][0].update(weight=True),
        "spec.rules[0].backendRefs",
        "the weight True is not a share from 0 to 100",
    ),
    (
        "HTTPRoute",
        lambda o: [ref.pop("weight") for ref in o["spec"]["rules"][1]["backendRefs"]],
        "spec.rules[1].backendRefs",
        "the weights add up to 2, not 100",
    ),
    (
        "HTTPRoute",
        lambda o: o["spec"]["rules"][0]["backendRefs"][0].update(name="lost"),
        "spec.rules[0].backendRefs[0].name",
        "there is no Service lost",
    ),
    (
        "HorizontalPodAutoscaler",
        lambda o: o["spec"].update(minReplicas=7),
        "spec.minReplicas",
        "7 is more than maxReplicas, 6",
    ),
    (
        "HorizontalPodAutoscaler",
        lambda o: o["spec"]["scaleTargetRef"].update(name="lost"),
        "spec.scaleTargetRef",
        "there is no Deployment lost",
    ),
    (
        "LocalServing",
        lambda o: o["spec"]["backends"][0].update(weight=90),
        "spec",
        "the weights of tumor-classifier add up to 90, not 100",
    ),
    (
        "Service",
        lambda o: o["metadata"]["labels"].update({"a/b/c": "x"}),
        "metadata.labels.a/b/c",
        "this can't be the name of a label",
    ),
    (
        "Service",
        lambda o: o["metadata"]["labels"].update({"version": "1.0.0+b"}),
        "metadata.labels.version",
        "'1.0.0+b' can't be the value of a label",
    ),
    (
        "Deployment",
        lambda o: o["spec"]["template"]["metadata"]["labels"].update({"version": 1.1}),
        "spec.template.metadata.labels.version",
        "1.1 can't be the value of a label",
    ),
    (
        "LocalServing",
        lambda o: o["metadata"].update(namespace="Models"),
        "metadata.namespace",
        "'Models' is not a DNS label",
    ),
]


@pytest.mark.parametrize(("kind", "change", "path", "message"), CASES)
def test_each_rule_finds_what_breaks_it(kind: str, change: Change, path: str, message: str) -> None:
    found = broken(kind, change)
    assert [(p.kind, p.name, p.path, p.message) for p in found] == [(kind, "tumor", path, message)]


def test_an_empty_label_and_a_prefixed_one_are_fine() -> None:
    labelled = named("Service", "tumor", {})
    labelled["metadata"]["labels"] = {"empty": "", "example.com/x": "y"}
    assert check_objects([labelled]) == ()


NO_SERVICE = "a Service begins with a letter (RFC 1035)"


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("Tumor", {"'Tumor' is not a DNS name (RFC 1123)", NO_SERVICE}),
        ("2nd", {NO_SERVICE}),
        ("a" * 64, {f"{'a' * 64!r} is not a DNS name (RFC 1123)", NO_SERVICE}),
    ],
)
def test_names_are_dns_names(name: str, messages: set[str]) -> None:
    assert {p.message for p in check_objects([named("Service", name, {})])} == messages


def test_a_long_name_of_short_parts_is_too_long() -> None:
    name = ".".join(["a" * 60] * 5)
    (problem,) = check_objects([named("ConfigMap", name, {})])
    assert "is not a DNS name" in problem.message


def test_one_of_two_equal_objects_would_be_lost() -> None:
    (problem,) = check_objects([*GOOD, deepcopy(SERVICES[0])])
    assert str(problem) == "Service tumor: it is there 2 times, so one would be lost"
    elsewhere = deepcopy(SERVICES[0])
    elsewhere["metadata"]["namespace"] = "models-staging"
    assert check_objects([*GOOD, elsewhere]) == ()


def test_problems_have_an_order_of_their_own() -> None:
    bad = [named("Service", f"{n}x", {}) for n in (3, 1, 2)]
    assert check_objects(bad) == check_objects(list(reversed(bad)))
    assert [p.name for p in check_objects(bad)] == ["1x", "2x", "3x"]


def test_a_problem_says_where_and_what_to_do() -> None:
    (problem,) = broken("HTTPRoute", lambda o: o["spec"].update(hostnames=[]))
    assert str(problem) == (
        "HTTPRoute tumor `spec.hostnames`: without one it takes the requests of every host "
        "(set it in the overlay of the environment)"
    )


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=10,
)
SPECS = st.dictionaries(
    st.sampled_from(
        ("rules", "template", "strategy", "scaleTargetRef", "predictor", "canary", "hostnames")
    ),
    JSON,
)


@given(st.sampled_from(sorted(RULES)), JSON | SPECS, JSON)
def test_no_shape_is_too_odd_to_be_judged(kind: str, spec: Any, metadata: Any) -> None:
    check_objects([{"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}])


def test_a_share_of_copies_is_a_share() -> None:
    mirror = {"backendRef": {"name": "a"}, "percent": 150}
    rule = {
        "backendRefs": [{"name": "a", "weight": 100}],
        "filters": [{"type": "RequestMirror", "requestMirror": mirror}],
    }
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "r"},
        "spec": {"hostnames": ["h"], "rules": [rule]},
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    (problem,) = check_objects([route, service])
    assert str(problem) == (
        "HTTPRoute r `spec.rules[0].filters[0].requestMirror.percent`: "
        "150 is not a share from 0 to 100"
    )
    gone = check_objects([{**route, "metadata": {"name": "r"}}])
    assert [one.path for one in gone if "no Service" in one.message] == [
        "spec.rules[0].backendRefs[0].name",
        "spec.rules[0].filters[0].requestMirror.backendRef.name",
    ]


def test_an_analysis_that_a_rollout_names_must_be_there() -> None:
    templates = {"templates": [{"templateName": "checks"}]}
    canary = {"analysis": templates, "steps": [{"analysis": templates}]}
    rollout = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "r"},
        "spec": {
            "strategy": {"canary": canary},
            "template": {"spec": {"containers": [{"image": "i"}]}},
        },
    }
    assert [problem.path for problem in check_objects([rollout])] == [
        "spec.strategy.canary.analysis.templates[0].templateName",
        "spec.strategy.canary.steps[0].analysis.templates[0].templateName",
    ]
    template = {"apiVersion": "x/v1", "kind": "AnalysisTemplate", "metadata": {"name": "checks"}}
    assert check_objects([rollout, template]) == ()

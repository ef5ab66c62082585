"""Objects against CRDs: what an API server refuses, what it would drop, and what it can't say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelctl.adapters.crds import server_dry_run, validate
from modelctl.domain.problems import Problem
from modelctl.errors import DependencyError, ModelctlError
from support.kube_api import Judge, accept, api_server, kubeconfig, refuse
from support.renders import crd_folder

Object = dict[str, Any]


def widget(**spec: Any) -> Object:
    metadata = {"name": "one", "namespace": "models-dev", "annotations": {"any": "thing"}}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": spec}


PROPERTIES: Object = {
    "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
    "port": {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    },
    "limit": {"type": "integer", "nullable": True, "minimum": 0, "exclusiveMinimum": True},
    "mode": {"type": "string", "enum": ["a", "b"], "nullable": True},
    "free": {
        "type": "object",
        "properties": {"known": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        "x-kubernetes-preserve-unknown-fields": True,
    },
    "closed": {"type": "object"},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "anything": {"type": "object", "additionalProperties": True},
    "list": {"type": "array", "items": {"type": "object", "properties": {"name": {}}}},
    "object": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"a": {}}},
    "either": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        "not": {"properties": {"a": {"enum": [7]}}, "required": ["a"]},
    },
}


def crd(kind: str = "Widget", **schema: Any) -> Object:
    spec = {"type": "object", "required": ["name"], "properties": PROPERTIES}
    whole = {"type": "object", "properties": {"spec": spec, "metadata": {"type": "object"}}}
    versions = [
        {"name": "v1", "served": True, "schema": {"openAPIV3Schema": whole}},
        {"name": "v1alpha1", "served": False, "schema": {"openAPIV3Schema": whole}},
    ]
    names = {"kind": kind, "plural": f"{kind.lower()}s"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.example.com"},
        "spec": {"group": "example.com", "names": names, "versions": versions, **schema},
    }


@pytest.fixture
def crds(tmp_path: Path) -> Path:
    (tmp_path / "widgets.yaml").write_text(yaml.safe_dump_all([crd("Gadget"), crd()]))
    (tmp_path / "readme.md").write_text("kind: Widget")
    return tmp_path


def found(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in problems]


DROPPED = "the CRD has no such field, so it would be dropped"


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"port": 80},
        {"port": "http"},
        {"limit": None, "mode": None},
        {"limit": 1, "mode": "b"},
        {"free": {"unknown": {"deep": 1}, "known": {"x": 1}}},
        {"labels": {"any": "thing"}},
        {"anything": {"any": 1}},
        {"list": [{"name": {"free": 1}}]},
        {"object": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "a": 1}},
        {"either": {"b": 7}},
    ],
)
def test_what_the_crd_takes_is_fine(crds: Path, spec: Object) -> None:
    assert validate([widget(name="abc", **spec)], crds) == ()


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"name": 7}, "spec.name", '7 is not of type "string"'),
        ({"name": "A"}, "spec.name", '"A" does not match "^[a-z]+$"'),
        ({"name": "abcdef"}, "spec.name", '"abcdef" is longer than 5 characters'),
        ({"port": 1.5}, "spec.port", '1.5 is not of types "integer", "string"'),
        ({"limit": 0}, "spec.limit", "0 is less than or equal to the minimum of 0"),
        ({"mode": "c"}, "spec.mode", '"c" is not one of "a", "b" or null'),
        ({"naem": "x"}, "spec.naem", DROPPED),
        ({"free": {"known": {"y": 1}}}, "spec.free.known.y", DROPPED),
        ({"closed": {"x": 1}}, "spec.closed.x", DROPPED),
        ({"labels": {"x": 1}}, "spec.labels.x", '1 is not of type "string"'),
        ({"list": [{}, {"nam": 1}]}, "spec.list[1].nam", DROPPED),
        ({"object": {"b": 1}}, "spec.object.b", DROPPED),
        ({"either": {}}, "spec.either", "valid under any of the schemas"),
        ({"either": {"a": 1, "b": 1}}, "spec.either", "more than one of the schemas"),
        ({"either": {"a": 7}}, "spec.either", "is not allowed for"),
    ],
)
def test_what_the_crd_refuses_or_drops_is_found(
    crds: Path, spec: Object, path: str, message: str
) -> None:
    problems = validate([widget(**{"name": "abc", **spec})], crds)
    assert {problem.path for problem in problems} == {path}
    assert any(message in problem.message for problem in problems), problems


def test_each_problem_says_whose_it_is_and_how_to_mend_it(crds: Path) -> None:
    problems = validate([widget(nam="abc", zzz=1)], crds)
    assert [str(problem) for problem in problems] == [
        'Widget one `spec`: "name" is a required property',
        f"Widget one `spec.nam`: {DROPPED} (did you mean name?)",
        f"Widget one `spec.zzz`: {DROPPED}",
    ]


def test_unknown_fields_at_the_top_would_be_dropped_too(crds: Path) -> None:
    assert found(validate([{**widget(name="a"), "sepc": {}}], crds)) == [("sepc", DROPPED)]


def test_the_rules_beside_the_crds_are_kept_too(crds: Path) -> None:
    bad = widget(name="a")
    bad["metadata"]["name"] = "One"
    assert found(validate([bad], crds)) == [("metadata.name", "'One' is not a DNS name (RFC 1123)")]


def test_a_custom_resource_that_nobody_checked_is_a_problem(crds: Path) -> None:
    other = {**widget(), "kind": "Unknown"}
    message = "no CRD for Unknown of example.com/v1, so nothing checked it"
    assert found(validate([other], crds)) == [("apiVersion", message)]
    same_kind = {**widget(), "apiVersion": "example.org/v1"}
    message = "no CRD for Widget of example.org/v1, so nothing checked it"
    assert found(validate([same_kind], crds)) == [("apiVersion", message)]


@pytest.mark.parametrize("version", ["v1alpha1", "v2"])
def test_a_version_that_is_not_served_is_a_problem(crds: Path, version: str) -> None:
    (problem,) = validate([{**widget(), "apiVersion": f"example.com/{version}"}], crds)
    assert str(problem) == "Widget one `apiVersion`: it isn't served (the CRD serves v1)"


def test_built_in_kinds_and_our_own_need_no_crd(crds: Path) -> None:
    metadata = {"name": "one", "namespace": "models-dev"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata}
    assert validate([service, budget], crds) == ()
    assert validate([], crds) == ()
    local = {"apiVersion": "modelctl.dev/v1", "kind": "LocalServing", "metadata": metadata}
    assert found(validate([local], crds)) == [("spec", "`spec` is missing")]


def test_a_folder_that_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="there is no folder"):
        validate([widget()], tmp_path / "missing")
    (tmp_path / "bad.yaml").write_bytes(b"kind: Widget\n\xff")
    with pytest.raises(ModelctlError, match="the CRD can't be read"):
        validate([widget()], tmp_path)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"versions": [{"name": "v1", "served": True}]}, "the CRD has no openAPIV3Schema"),
        ({"versions": 3}, "the CRD is not one"),
    ],
)
def test_a_crd_that_is_none_is_an_error(tmp_path: Path, spec: Object, message: str) -> None:
    (tmp_path / "widgets.yaml").write_text(yaml.safe_dump(crd(**spec)))
    with pytest.raises(ModelctlError, match=message) as caught:
        validate([widget()], tmp_path)
    assert caught.value.location == "widgets.yaml"


ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "tumor", "namespace": "models-dev"},
    "spec": {
        "hostnames": ["models.example.com"],
        "rules": [{"backendRefs": [{"name": "tumor", "port": 80}]}],
    },
}


def change(path: str, value: Any) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "spec": {**obj["spec"], path: value}}


def test_the_real_crds_refuse_what_they_should() -> None:
    folder = crd_folder()
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "tumor", "namespace": "models-dev"},
    }
    assert validate([ROUTE, service], folder) == ()
    bad = change("rules", [{"backendRef": []}])(ROUTE)
    assert found(validate([bad], folder)) == [("spec.rules[0].backendRef", DROPPED)]
    path = {"path": {"type": "Prefix", "value": "/"}}
    bad = change("rules", [{"matches": [path]}])(ROUTE)
    assert {p.path for p in validate([bad], folder)} == {"spec.rules[0].matches[0].path.type"}


def test_the_real_crds_take_what_only_the_rules_refuse() -> None:
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": "tumor",
            "namespace": "models-dev",
            "annotations": {"serving.kserve.io/deploymentMode": "Standard"},
        },
        "spec": {
            "predictor": {
                "canaryTrafficPercent": 150,
                "model": {"modelFormat": {"name": ""}, "storageUri": "models:/m-1"},
            }
        },
    }
    assert found(validate([service], crd_folder())) == [
        ("spec.predictor.canaryTrafficPercent", "150 is not a share from 0 to 100"),
        (
            "spec.predictor.canaryTrafficPercent",
            "KServe ignores it except in Knative mode, so the canary would get no share",
        ),
        ("spec.predictor.model.modelFormat.name", "without it no runtime can be chosen"),
    ]


MANIFESTS = """\
apiVersion: v1
kind: Service
metadata: {name: tumor, namespace: models-dev}
spec: {ports: [{port: 80}]}
---
apiVersion: modelctl.dev/v1
kind: LocalServing
metadata: {name: tumor, namespace: models-dev}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: tumor, namespace: models-dev}
"""


@pytest.fixture
def ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Judge, str], tuple[tuple[Problem, ...], list[str]]]:
    """Ask a server that judges as told; what it objects to, and the writes that it saw."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(judge: Judge, manifests: str) -> tuple[tuple[Problem, ...], list[str]]:
        with api_server(judge, tmp_path) as (config, writes):
            monkeypatch.setenv("KUBECONFIG", str(config))
            return server_dry_run(manifests, "test"), writes

    return run


def test_a_cluster_is_asked_without_changing_it(ask: Any) -> None:
    problems, writes = ask(accept, MANIFESTS)
    assert problems == ()
    assert [write.partition("?")[0] for write in writes] == [
        "POST /api/v1/namespaces/models-dev/services",
        "POST /apis/apps/v1/namespaces/models-dev/deployments",
    ]
    assert all("dryRun=All" in write and "fieldValidation=Strict" in write for write in writes)


@pytest.mark.parametrize(
    ("code", "reason", "message", "problem"),
    [
        (
            400,
            "BadRequest",
            'admission webhook "kserve" denied the request: no model',
            'cluster test: admission webhook "kserve" denied the request: no model',
        ),
        (
            404,
            "NotFound",
            'namespaces "models-dev" not found',
            'cluster test: namespaces "models-dev" not found',
        ),
        (
            403,
            "Forbidden",
            'pods "tumor" is forbidden: violates PodSecurity "restricted:latest"',
            'cluster test: pods "tumor" is forbidden: violates PodSecurity "restricted:latest"',
        ),
    ],
)
def test_what_the_cluster_objects_to_is_a_problem(
    ask: Any, code: int, reason: str, message: str, problem: str
) -> None:
    problems, _ = ask(refuse(code, reason, message), MANIFESTS.partition("---\n")[0])
    assert [str(found) for found in problems] == [problem]


@pytest.mark.parametrize("count", [1, 2])
def test_an_invalid_object_is_named(ask: Any, count: int) -> None:
    text = "spec.replicas: Invalid value: -1, spec.template: Required value"
    causes = [
        {"field": "spec.replicas", "message": "Invalid value: -1"},
        {"field": "spec.template", "message": "Required value"},
    ]
    judge = refuse(
        422,
        "Invalid",
        f'Deployment.apps "tumor" is invalid: [{text}]',
        name="tumor",
        kind="Deployment",
        causes=causes,
    )
    problems, _ = ask(judge, "---\n".join([MANIFESTS.partition("---\n")[0]] * count))
    assert len(problems) == count
    for problem in problems:
        assert str(problem).startswith("Deployment tumor: ")
        assert "spec.replicas: Invalid value: -1" in problem.message
        assert "spec.template: Required value" in problem.message


def test_a_kind_that_the_cluster_does_not_know_is_a_problem(ask: Any) -> None:
    rollout = MANIFESTS.replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout")
    problems, writes = ask(accept, rollout)
    assert [str(found) for found in problems] == [
        "Rollout tumor: the cluster has no Rollout of argoproj.io/v1alpha1 (install its CRD)"
    ]
    assert len(writes) == 1


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (500, "InternalError", "boom"),
        (503, "ServiceUnavailable", "try later"),
        (403, "Forbidden", 'services is forbidden: User "x" cannot create resource "services"'),
    ],
)
def test_a_cluster_that_does_not_judge_decides_nothing(
    ask: Any, code: int, reason: str, message: str
) -> None:
    with pytest.raises(DependencyError, match="the cluster of the context test didn't answer"):
        ask(refuse(code, reason, message), MANIFESTS)


@pytest.mark.parametrize("context", ["test", "unknown"])
def test_a_cluster_that_can_not_be_reached_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, port=1)))
    with pytest.raises(DependencyError, match=f"the context {context} didn't answer: "):
        server_dry_run(MANIFESTS, context)


def test_there_is_nothing_to_ask_about_local_serving() -> None:
    local = MANIFESTS.split("---\n")[1]
    assert server_dry_run(local, "no-such-context") == ()

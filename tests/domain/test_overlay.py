"""The generated overlay: which folders it joins, and what it patches."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from modelctl.domain.overlay import PATCHES, Layers, layers_of, overlay_files
from modelctl.domain.rendering import TARGETS as KNOWN, Backend, RenderRequest
from modelctl.errors import ModelctlError
from support.renders import TARGETS, request

FOLDERS = frozenset(
    (
        "base/kserve",
        "base/local",
        "overlays/production",
        "overlays/production/kserve",
        "components/kserve-knative",
        "overlays/production/models/tumor-classifier",
    )
)

LAYERS = Layers(base="../base", components=("../production", "../more"))


def overlay(asked: RenderRequest) -> dict[str, Any]:
    files = overlay_files(asked, LAYERS)
    return {name: json.loads(text) for name, text in files.items()}


def values(asked: RenderRequest, file: str) -> dict[str, Any]:
    """What a patch writes, by path."""
    operations = overlay(asked)[file]
    return {o["path"]: o["value"] for o in operations if o["op"] == "replace"}


def test_every_target_has_its_patches() -> None:
    assert sorted(PATCHES) == sorted(KNOWN)


def test_it_joins_the_base_and_the_components_in_order() -> None:
    kustomization = overlay(request())["kustomization.yaml"]
    assert kustomization["resources"] == ["../base"]
    assert kustomization["components"] == ["../production", "../more"]


@pytest.mark.parametrize("target", TARGETS)
def test_every_file_is_patched_in_and_every_patch_has_a_file(target: str) -> None:
    files = overlay(request(target=target))
    patched = [patch["path"] for patch in files["kustomization.yaml"]["patches"]]
    assert sorted(patched) == sorted(set(files) - {"kustomization.yaml"})


@pytest.mark.parametrize("target", TARGETS)
def test_only_metadata_is_merged_and_the_rest_are_json_patches(target: str) -> None:
    files = overlay(request(target=target))
    annotations = files.pop("annotations.json")
    assert set(annotations) == {"apiVersion", "kind", "metadata"}
    assert annotations["metadata"]["annotations"] == request().annotations
    del files["kustomization.yaml"]
    operations = [operation for patch in files.values() for operation in patch]
    assert {operation["op"] for operation in operations} <= {"add", "replace", "test"}


@pytest.mark.parametrize("target", TARGETS)
def test_each_placeholder_is_tested_before_it_is_replaced(target: str) -> None:
    for name, patch in overlay(request(target=target)).items():
        if name in ("kustomization.yaml", "annotations.json"):
            continue
        tested = {o["path"]: n for n, o in enumerate(patch) if o["op"] == "test"}
        replaced = {o["path"]: n for n, o in enumerate(patch) if o["op"] == "replace"}
        for path, n in tested.items():
            assert [m for other, m in replaced.items() if path.startswith(other) and m > n]


def test_names_are_changed_by_their_whole_placeholder() -> None:
    patches = overlay(request())["kustomization.yaml"]["patches"]
    renames = {p["target"]["name"]: p["options"] for p in patches if "name" in p["target"]}
    assert set(renames) == {"model", "model-stable", "model-canary", "model-split"}
    assert all(options == {"allowNameChange": True} for options in renames.values())
    assert values(request(), "name-canary.json") == {"/metadata/name": "tumor-classifier-canary"}


def test_selectors_get_nothing_that_changes_with_a_version() -> None:
    selecting, others = overlay(request())["kustomization.yaml"]["labels"]
    assert selecting["includeSelectors"] is True
    assert selecting["pairs"] == {"app.kubernetes.io/name": "tumor-classifier"}
    assert "includeSelectors" not in others
    assert others["pairs"]["app.kubernetes.io/version"] == "1.10.0_build.7"
    assert not [field for field in others["fields"] if "selector" in field["path"].lower()]


def test_kserve_is_told_where_the_model_is_and_whether_routes_can_split() -> None:
    found = values(request(gateway=True), "inference-service.json")
    assert found["/spec/predictor/model/storageUri"] == "models:/m-0123456789abcdef"
    assert found["/spec/predictor/model/modelFormat/name"] == "mlflow"
    assert found["/metadata/annotations/modelctl.dev~1gateway-api"] == "true"
    off = values(request(gateway=False), "inference-service.json")
    assert off["/metadata/annotations/modelctl.dev~1gateway-api"] == "false"


@pytest.mark.parametrize("target", ["argo-rollouts", "gateway-api"])
def test_pods_are_told_where_the_model_is(target: str) -> None:
    found = values(request(target=target), "pods.json")
    assert found["/spec/template/metadata/annotations/modelctl.dev~1artifacts"] == (
        "models:/m-0123456789abcdef"
    )
    route = values(request(target=target), "http-route.json")
    assert route["/spec/rules/0/matches/0/path/value"] == "/tumor-classifier"


def test_a_shortened_name_keeps_the_whole_one_in_paths_and_labels() -> None:
    asked = request(target="gateway-api", model=f"a-{'b' * 60}")
    route = values(asked, "http-route.json")
    assert route["/spec/rules/0/matches/0/path/value"] == f"/a-{'b' * 60}"
    assert route["/spec/rules/0/backendRefs/0/name"].startswith(f"{asked.name}-v")
    assert len(asked.name) == 44


def test_an_argo_rollout_refers_to_its_services_and_its_route() -> None:
    found = values(request(target="argo-rollouts"), "references.json")
    assert list(found.values()) == [
        "tumor-classifier-stable",
        "tumor-classifier-canary",
        "tumor-classifier",
    ]


def test_local_serving_takes_several_backends() -> None:
    both = tuple(
        Backend(name=n, version=v, digest=d * 64, artifacts=f"models:/{n}", weight=w)
        for n, v, d, w in (("stable", "1.0.0", "a", 90), ("canary", "1.1.0", "b", 10))
    )
    found = values(request(target="local", backends=both), "local-serving.json")
    assert [(b["name"], b["weight"]) for b in found["/spec/backends"]] == [
        ("stable", 90),
        ("canary", 10),
    ]


@pytest.mark.parametrize(
    ("target", "file", "path"),
    [
        ("kserve", "inference-service.json", "/spec/predictor/model/resources"),
        ("gateway-api", "pods.json", "/spec/template/spec/containers/0/resources"),
        ("argo-rollouts", "pods.json", "/spec/template/spec/containers/0/resources"),
    ],
)
def test_resources_of_the_request_override_the_environment(
    target: str, file: str, path: str
) -> None:
    wanted = {"limits": {"memory": "8Gi"}}
    assert path not in values(request(target=target), file)
    assert values(request(target=target, resources=wanted), file)[path] == wanted


def test_strings_stay_strings() -> None:
    files = overlay_files(request(model_format="yes", storage_uri="no"), LAYERS)
    assert '"value": "yes"' in files["inference-service.json"]
    assert '"value": "no"' in files["inference-service.json"]


def test_the_folders_are_base_then_environment_then_the_more_special() -> None:
    knative = request(mode="knative")
    found = layers_of(knative, FOLDERS)
    assert found.base == "base/kserve"
    assert found.components == (
        "overlays/production",
        "overlays/production/kserve",
        "components/kserve-knative",
        "overlays/production/models/tumor-classifier",
    )
    local = request(target="local", model="churn-predictor")
    assert layers_of(local, FOLDERS).components == ("overlays/production",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"environment": "qa"},
            "needs kustomize/overlays/qa, which has no kustomization.yaml "
            "(add it, or choose one of: overlays/production)",
        ),
        ({"target": "gateway-api"}, "choose one of: base/kserve, base/local"),
    ],
)
def test_a_folder_that_is_not_there_is_an_error_that_names_the_others(
    changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelctlError, match=re.escape(message)):
        layers_of(request(**changes), FOLDERS)


def test_a_mode_without_its_component_is_not_ignored() -> None:
    with pytest.raises(ModelctlError, match=r"components/kserve-knative.*add it"):
        layers_of(request(mode="knative"), FOLDERS - {"components/kserve-knative"})

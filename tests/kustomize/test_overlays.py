"""The hand-written overlays: what each target is in each environment, to the byte and by the CRDs.

`UPDATE_GOLDEN=1 pytest tests/kustomize` writes the golden files anew.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.crds import validate
from modelctl.adapters.kustomize import Kustomize, find_kubectl
from modelctl.adapters.kustomize_tree import kustomization_folders
from modelctl.adapters.manifests import read_objects
from modelctl.domain.local_manifest import parse_local_serving
from modelctl.domain.rendering import RenderRequest
from support.renders import ENVIRONMENTS, ROOT, TARGETS, TREE, crd_folder, request

GOLDEN = Path(__file__).parent / "golden"
VARIANTS = (*TARGETS, "kserve-knative")
CASES = [(variant, environment) for environment in ENVIRONMENTS for variant in VARIANTS]

Rendered = Mapping[tuple[str, str], Mapping[str, str]]


def asked(variant: str, environment: str) -> RenderRequest:
    target, mode = ("kserve", "knative") if variant == "kserve-knative" else (variant, "standard")
    return request(model=f"tumor-{variant}", target=target, mode=mode, environment=environment)


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    """Every target in every environment, one build for each environment."""
    found = {}
    for environment in ENVIRONMENTS:
        built = Kustomize.find().build(TREE, [asked(variant, environment) for variant in VARIANTS])
        found.update({(v, environment): built[f"tumor-{v}"] for v in VARIANTS})
    return found


@pytest.fixture(scope="module")
def objects(rendered: Rendered) -> Mapping[tuple[str, str], tuple[Mapping[str, Any], ...]]:
    return {case: read_objects(files["manifests.yaml"]) for case, files in rendered.items()}


def one(found: tuple[Mapping[str, Any], ...], kind: str) -> Mapping[str, Any]:
    (obj,) = (obj for obj in found if obj["kind"] == kind)
    return obj


def containers(obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    spec = obj["spec"]["template"]["spec"]
    yield from (*spec["initContainers"], *spec["containers"])


@pytest.mark.parametrize(("variant", "environment"), CASES)
def test_the_output_is_golden(rendered: Rendered, variant: str, environment: str) -> None:
    folder = GOLDEN / f"{variant}-{environment}"
    for name, text in rendered[variant, environment].items():
        path = folder / name
        if os.environ.get("UPDATE_GOLDEN"):
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        assert path.is_file(), f"{path} is missing: UPDATE_GOLDEN=1 pytest tests/kustomize"
        assert text.encode() == path.read_bytes(), f"{path} differs: was that meant?"


def test_there_is_a_golden_folder_for_each_case_and_no_other() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(f"{v}-{e}" for v, e in CASES)


@pytest.mark.parametrize(("variant", "environment"), CASES)
def test_the_crds_and_the_rules_beside_them_accept_it(
    objects: Any, variant: str, environment: str
) -> None:
    assert validate(objects[variant, environment], crd_folder()) == ()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_object_of_a_model_is_one_of_another(objects: Any, environment: str) -> None:
    together = [obj for variant in VARIANTS for obj in objects[variant, environment]]
    assert validate(together, crd_folder()) == ()


def test_each_environment_has_its_namespace_and_its_host(objects: Any) -> None:
    for variant, environment in CASES:
        for obj in objects[variant, environment]:
            assert obj["metadata"]["namespace"] == f"models-{environment}"
    routes = {e: one(objects["gateway-api", e], "HTTPRoute") for e in ENVIRONMENTS}
    hosts = {e: route["spec"]["hostnames"] for e, route in routes.items()}
    assert hosts == {
        "dev": ["models.dev.example.com"],
        "staging": ["models.staging.example.com"],
        "production": ["models.example.com"],
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_pods_of_a_rollout_are_those_of_a_deployment(objects: Any, environment: str) -> None:
    deployment = deepcopy(one(objects["gateway-api", environment], "Deployment"))
    rollout = one(objects["argo-rollouts", environment], "Rollout")
    text = json.dumps(rollout["spec"]["template"]).replace("argo-rollouts", "gateway-api")
    template = deployment["spec"]["template"]
    (spread,) = template["spec"]["topologySpreadConstraints"]
    of_one = [template["metadata"]["labels"], spread["labelSelector"]["matchLabels"]]
    assert all(labels.pop("modelctl.dev/backend") == "vc17964c73324e071" for labels in of_one)
    assert json.loads(text) == template


@pytest.mark.parametrize(
    ("variant", "kind"), [("gateway-api", "Deployment"), ("argo-rollouts", "Rollout")]
)
def test_pods_may_do_as_little_as_they_can(objects: Any, variant: str, kind: str) -> None:
    workload = one(objects[variant, "production"], kind)
    spec = workload["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in containers(workload):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["image"] == "registry.example.com/ml/mlflow-server:3.17.2"


def test_a_pod_says_which_version_it_serves(objects: Any) -> None:
    expected = {
        "modelctl.dev/version": request().version,
        "modelctl.dev/digest": request().digest,
    }
    deployment = one(objects["gateway-api", "dev"], "Deployment")
    service = one(objects["kserve", "dev"], "InferenceService")
    pods = deployment["spec"]["template"]["metadata"]
    assert expected.items() <= pods["annotations"].items()
    assert service["spec"]["predictor"]["annotations"] == expected
    assert pods["labels"]["app.kubernetes.io/version"] == "1.10.0_build.7"
    assert service["spec"]["predictor"]["labels"] == pods["labels"] | {
        "modelctl.dev/backend": pods["labels"]["modelctl.dev/backend"],
        "app.kubernetes.io/name": "tumor-kserve",
        "modelctl.dev/model": "tumor-kserve",
    }


def test_production_scales_and_leaves_the_number_to_the_autoscaler(objects: Any) -> None:
    for variant, kind in (("gateway-api", "Deployment"), ("argo-rollouts", "Rollout")):
        found = objects[variant, "production"]
        scaler = one(found, "HorizontalPodAutoscaler")["spec"]
        assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 6)
        assert "replicas" not in one(found, kind)["spec"]
        assert one(objects[variant, "dev"], kind)["spec"]["replicas"] == 1
    predictor = one(objects["kserve", "production"], "InferenceService")["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (3, 6)
    assert predictor["scaleMetric"] == "cpu"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_knative_differs_from_standard_where_it_must(objects: Any, environment: str) -> None:
    knative = one(objects["kserve-knative", environment], "InferenceService")
    annotations = knative["metadata"]["annotations"]
    assert annotations["serving.kserve.io/deploymentMode"] == "Knative"
    assert knative["spec"]["predictor"]["scaleMetric"] == "concurrency"
    assert "securityContext" not in knative["spec"]["predictor"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_local_target_can_serve_what_is_rendered(objects: Any, environment: str) -> None:
    (backend,) = parse_local_serving(one(objects["local", environment], "LocalServing"))
    assert (backend.model, backend.version) == ("tumor-local", request().version)
    assert (backend.host, backend.weight) == (f"{environment}.localhost", 100)


def test_the_record_says_how_a_model_is_reached(rendered: Rendered) -> None:
    data = {v: json.loads(rendered[v, "dev"]["release.json"])["data"] for v in VARIANTS}
    assert (data["gateway-api"]["host"], data["gateway-api"]["path"]) == (
        "models.dev.example.com",
        "/tumor-gateway-api",
    )
    assert (data["local"]["host"], data["local"]["path"]) == ("dev.localhost", "/tumor-local")
    assert "host" not in data["kserve"]


def kubectl_kustomize(folder: str) -> tuple[Mapping[str, Any], ...]:
    result = subprocess.run(
        [find_kubectl(), "kustomize", str(ROOT / "kustomize" / folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return read_objects(result.stdout)


@pytest.mark.parametrize(
    "folder", sorted(f for f in kustomization_folders(TREE) if f.startswith(("base", "cluster")))
)
def test_a_base_can_be_looked_at_by_itself(folder: str) -> None:
    assert kubectl_kustomize(folder)


def test_the_image_that_loads_models_for_kserve_is_the_one_that_serves_them(objects: Any) -> None:
    (storage,) = kubectl_kustomize("cluster/kserve")
    deployment = one(objects["gateway-api", "production"], "Deployment")
    images = {container["image"] for container in containers(deployment)}
    assert images == {storage["spec"]["container"]["image"]}

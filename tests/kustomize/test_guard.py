"""The guard in the cluster: it may do what applying takes, and is called as it can be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from modelctl.adapters.kustomize import find_kubectl
from modelctl.adapters.kustomize_tree import kustomization_folders
from modelctl.adapters.manifests import read_objects
from modelctl.commands.guard import command
from modelctl.domain.objects import check_objects
from modelctl.services.cluster import TYPES
from support.renders import ROOT, TREE

FOLDERS = sorted(
    folder
    for folder in kustomization_folders(TREE)
    if folder.startswith("overlays/") and folder.endswith("/guard")
)
Objects = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module", params=FOLDERS)
def built(request: pytest.FixtureRequest) -> tuple[str, Objects]:
    """An environment, and its guard by kind."""
    folder = ROOT / "kustomize" / request.param
    result = subprocess.run(
        [find_kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=True
    )
    objects = {obj["kind"]: obj for obj in read_objects(result.stdout)}
    return request.param.split("/")[1], objects


def containers(objects: Objects) -> Iterator[Mapping[str, Any]]:
    spec = objects["Deployment"]["spec"]["template"]["spec"]
    yield from (*spec["initContainers"], *spec["containers"])


def test_some_environment_has_one() -> None:
    assert FOLDERS


def test_nothing_that_it_applies_can_mount_its_secret(built: tuple[str, Objects]) -> None:
    environment, objects = built
    own, models = f"modelctl-{environment}", f"models-{environment}"
    namespaces = {kind: obj["metadata"]["namespace"] for kind, obj in objects.items()}
    roles = {kind: namespaces.pop(kind) for kind in ("Role", "RoleBinding")}
    assert set(namespaces.values()) == {own}
    assert set(roles.values()) == {models}
    (subject,) = objects["RoleBinding"]["subjects"]
    assert subject["namespace"] == own
    assert check_objects(tuple(objects.values())) == ()


def test_it_is_called_as_the_command_line_takes_it(built: tuple[str, Objects]) -> None:
    environment, objects = built
    *_, guard = containers(objects)
    data = objects["ConfigMap"]["data"]
    values = {"$(ENVIRONMENT)": data["environment"], "$(REPOSITORY)": data["repository"]}
    assert guard["command"] == ["modelctl"]
    name, *arguments = [values.get(one, one) for one in guard["args"]]
    context = command.make_context(name, list(arguments))
    assert name == "guard"
    assert context.params["environments"] == (environment,)
    assert context.params["context"] == "in-cluster"
    assert context.params["every"].total_seconds() == 15
    assert context.params["by_github"] is True


def test_it_may_apply_what_a_state_has_and_nothing_else(built: tuple[str, Objects]) -> None:
    rules = built[1]["Role"]["rules"]
    granted = {
        f"{name}.{group}".rstrip(".")
        for rule in rules
        for group in rule["apiGroups"]
        for name in rule["resources"]
    }
    assert granted == set(TYPES)
    verbs = {verb for rule in rules for verb in rule["verbs"]}
    assert verbs == {"get", "list", "create", "patch", "delete"}
    assert "ClusterRole" not in built[1]
    assert "ClusterRoleBinding" not in built[1]
    assert built[1]["RoleBinding"]["roleRef"]["kind"] == "Role"


def test_it_runs_as_nobody_on_a_file_system_that_it_cannot_write(
    built: tuple[str, Objects],
) -> None:
    spec = built[1]["Deployment"]["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(built[1]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"]["cpu"]
        assert container["image"].startswith("registry.example.com/ml/modelctl:")


def test_secrets_are_named_never_written(built: tuple[str, Objects]) -> None:
    assert "Secret" not in built[1]
    for container in containers(built[1]):
        for variable in container.get("env", ()):
            secret = variable["name"].startswith("MODELCTL_")
            assert ("secretKeyRef" in variable.get("valueFrom", {})) is secret


def test_the_credentials_of_git_are_with_the_clone_alone(built: tuple[str, Objects]) -> None:
    clone, guard = containers(built[1])
    assert "git" in {mount["name"] for mount in clone["volumeMounts"]}
    assert "git" not in {mount["name"] for mount in guard["volumeMounts"]}


def test_nobody_calls_it_and_it_never_reaches_the_metadata_of_the_cloud(
    built: tuple[str, Objects],
) -> None:
    policy = built[1]["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert not policy.get("ingress")
    labels = built[1]["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    blocks = [to["ipBlock"] for rule in policy["egress"] for to in rule["to"] if "ipBlock" in to]
    assert all("169.254.0.0/16" in block["except"] for block in blocks)
    ports = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 6443, 9090, 5000}

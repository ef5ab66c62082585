"""kubectl's words, and which cluster it is made to talk to."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.adapters.kubectl import IN_CLUSTER, Kubectl, refusals
from modelctl.errors import DependencyError, ModelctlError
from support.kube_cluster import kube_cluster


def test_one_conflict_names_its_field_and_its_manager() -> None:
    said = (
        'error: Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: '
        ".spec.replicas\nPlease review the fields above"
    )
    assert refusals(said) == [".spec.replicas belongs to kubectl-edit, who set it otherwise"]


def test_conflicts_are_told_by_manager() -> None:
    said = (
        'error: Apply failed with 3 conflicts: conflicts with "hpa" using autoscaling/v2:\n'
        "- .spec.replicas\n- .spec.paused\n"
        'conflict with "helm" using v1: .metadata.labels.team\nPlease review'
    )
    assert sorted(refusals(said)) == [
        ".metadata.labels.team belongs to helm, who set it otherwise",
        ".spec.replicas, .spec.paused belong to hpa, who set them otherwise",
    ]


def test_other_refusals_are_told_as_they_are() -> None:
    said = 'Error from server (Forbidden): admission webhook "x" denied the request: no'
    assert refusals(said) == ['admission webhook "x" denied the request: no']
    assert refusals("something odd\n") == ["something odd"]


def test_no_cluster_is_talked_to_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelctlError, match=r"which cluster\? .*--context"):
        Kubectl(context="")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ModelctlError, match="this isn't a pod"):
        Kubectl(context=IN_CLUSTER)


def test_in_a_pod_no_kubeconfig_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    program = tmp_path / "kubectl"
    program.write_text('#!/bin/sh\necho "$KUBECONFIG $*" >&2\nexit 1\n')
    program.chmod(0o755)
    inside = Kubectl(context=IN_CLUSTER, program=str(program))
    assert inside.where() == "in-cluster, 10.0.0.1"
    (told,) = inside.apply("{}")
    assert told.startswith("/dev/null --request-timeout=20s apply --server-side ")
    assert "--context" not in told


def test_a_context_that_is_not_there_leaves_it_undecided(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with kube_cluster(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        with pytest.raises(DependencyError, match="the cluster of other didn't answer"):
            Kubectl(context="other").where()


def test_a_program_that_hangs_or_is_gone_leaves_it_undecided(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    with pytest.raises(DependencyError, match="didn't answer"):
        Kubectl(context="test", program=str(program)).apply("{}")
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    with pytest.raises(DependencyError, match="timed out"):
        Kubectl(context="test", program=str(program), timeout=0.2).apply("{}")


def test_nothing_asked_for_is_nothing_owned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kube_cluster(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        monkeypatch.setenv("HOME", str(tmp_path))
        kubectl = Kubectl(context="test")
        assert kubectl.owned("models", ["deployments.apps"], []) == ()
        assert kubectl.owned("models", ["unknown.example.com"], None) == ()


def test_an_object_that_is_refused_can_not_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kube_cluster(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        monkeypatch.setenv("HOME", str(tmp_path))
        server.refused["x"] = "denied by policy"
        obj = (
            '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}}'
        )
        with pytest.raises(ModelctlError, match="denied by policy"):
            Kubectl(context="test").merged(obj)

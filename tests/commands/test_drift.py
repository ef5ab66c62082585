"""`modelctl deploy --apply` and `modelctl drift`, as a job runs them with a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.journey import trust
from support.kube_cluster import Cluster, kube_cluster
from support.world import MODEL, World


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    with kube_cluster(folder) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        yield server


@pytest.fixture
def job(world: World, key: Path) -> tuple[str, ...]:
    """The job that deploys dev, where 1.0.0 of a model for a cluster was merged."""
    trust(world, key, "deployment", "rollback", "quarantine")
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    return ("deploy", "dev", "--key", str(key), "--reviews", str(world.pulls_file()))


def test_a_deploy_applies_to_the_cluster_that_is_named(
    cli: CommandLine, job: tuple[str, ...], cluster: Cluster
) -> None:
    assert cli(*job, "--apply", "--context", "test") == f"✓ {MODEL}: nothing → 1.0.0\n"
    assert "cluster: test, http://127.0.0.1:" in cli.error
    assert cluster.weights(MODEL) == {f"{MODEL}-v1-0-0": 100}
    assert cli("drift", "dev", "--context", "test") == (
        "✓ dev: the cluster has what the state says\n"
    )


def test_what_differs_is_told_and_brought_back(
    cli: CommandLine, job: tuple[str, ...], cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELCTL_CONTEXT", "test")
    cli(*job, "--apply")
    change = {"spec": {"template": {"spec": {"automountServiceAccountToken": True}}}}
    cluster.edit("deployments", f"{MODEL}-v1-0-0", "kubectl-edit", change)
    told = cli("drift", "dev", "--model", MODEL, code=1)
    assert "✗ dev: the cluster differs in 1 place\n" in told
    assert "True instead of False, by kubectl-edit" in told
    found = cli.json("drift", "dev", code=1)
    (row,) = found["drift"]
    assert (row["path"], row["managers"]) == (
        "spec.template.spec.automountServiceAccountToken",
        ["kubectl-edit"],
    )
    for key in [key for key in cluster.objects if key[0] == "services"]:
        del cluster.objects[key], cluster.owners[key]
    assert "differs in 2 places" in cli("drift", "dev", code=1)
    assert "belongs to kubectl-edit" in cli(*job, "--apply", "--wait", "0s", code=3) + cli.error


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [(("--apply",), "--context"), (("--apply", "--no-apply", "--context", "x"), "--no-apply")],
)
def test_apply_needs_a_cluster(
    cli: CommandLine, job: tuple[str, ...], arguments: tuple[str, ...], mend: str
) -> None:
    message, how = cli.fails(*job, *arguments)
    assert message == "--apply needs a cluster to apply to"
    assert mend in how


def test_drift_asks_no_cluster_that_nobody_named(served: World, cli: CommandLine) -> None:
    assert "--context" in cli.fails("drift", "dev")[0]
    message, how = cli.fails("drift", "qa", "--context", "test")
    assert "qa" in message + how


@pytest.mark.parametrize("command", ["drift", "deploy", "guard"])
def test_a_context_that_is_not_there_is_told_before_anything_is_written(
    cli: CommandLine, world: World, job: tuple[str, ...], cluster: Cluster, command: str
) -> None:
    asked = {
        "drift": ("drift", "dev"),
        "deploy": (*job, "--apply"),
        "guard": ("guard", "dev", "--once", "--key", job[3]),
    }
    message, mend = cli.fails(*asked[command], "--context", "nope")
    assert message == "the kubeconfig has no context nope: it has test"
    assert mend == "kubectl config get-contexts"
    assert world.builder.git("ls-remote", "origin", "env/dev") == ""

"""Rollouts that Argo Rollouts steps, as people and jobs see them: by a cluster, or without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelctl.domain.controllers import UNTOLD
from support.command_line import CommandLine
from support.journey import bring, trust
from support.kube_cluster import Cluster as Server, kube_cluster
from support.rollouts import arrive, told
from support.world import MODEL, World

ARGO = {"model": {"serving": {"target": "argo-rollouts", "gateway": True}}}
CONTEXT = ("--context", "test")


@pytest.fixture
def server(
    world: World, key: Path, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A cluster in which Argo Rollouts brings 1.1.0 into dev, where 1.0.0 serves."""
    bring(world, "dev", **ARGO)
    trust(world, key, "deployment", "rollback", "rollout", "quarantine")
    with kube_cluster(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        args = ("deploy", "dev", "--apply", *CONTEXT, "--key", key, "--reviews")
        cli(*args, world.pulls_file())
        arrive(world, **ARGO)
        out = cli(*args, world.pulls_file())
        how = "begins by canary-standard, stepped by its controller"
        assert out == f"✓ {MODEL}: 1.0.0 → 1.1.0 {how}\n"
        yield server


def test_it_is_shown_and_ends_by_its_controllers_word(
    server: Server, world: World, cli: CommandLine, key: Path
) -> None:
    server.steps(MODEL, currentStepIndex=2)
    [one] = cli.json("rollout", "status", *CONTEXT)["rollouts"]
    said = "Argo Rollouts has it progressing at 5 %"
    assert (one["weight"], one["controller"], one["waits"]) == (5, said, "for its controller")
    assert said in cli("rollout", "status", MODEL, "--env", "dev", *CONTEXT)
    assert "stepped by its controller beside 1.0.0" in cli("status", MODEL)
    [row] = cli.json("status", MODEL)["models"]
    cell = row["environments"]["dev"]
    assert (cell["version"], cell["beside"], cell["weight"]) == ("1.1.0", "1.0.0", None)
    tick = ("rollout", "tick", "dev", "--key", key, *CONTEXT)
    assert f"holds at 5 %: controller: {said}" in cli(*tick)
    server.finishes(MODEL)
    assert "finished" in cli(*tick)
    assert told(world) == ["started", "finished"]
    assert "finished" in cli("rollout", "explain", MODEL, "--env", "dev")


def test_nobody_can_tell_without_a_cluster(
    server: Server, world: World, cli: CommandLine, key: Path
) -> None:
    server.finishes(MODEL)
    [one] = cli.json("rollout", "status", code=3)["rollouts"]
    assert (one["problem"], one["verdict"]) == (UNTOLD, UNTOLD)
    assert UNTOLD in cli("rollout", "status", code=3)
    assert UNTOLD in cli("rollout", "tick", "dev", "--key", key, "--no-apply")
    assert told(world) == ["started"]


def test_a_cluster_that_is_down_decides_nothing(
    server: Server, world: World, cli: CommandLine, key: Path
) -> None:
    server.aborts(MODEL)
    server.down = True
    cli("rollout", "tick", "dev", "--key", key, *CONTEXT, "--no-apply", code=3)
    assert "the cluster of test didn't answer" in cli.error
    cli("guard", "dev", "--once", "--key", key, *CONTEXT, "--no-apply", code=3)
    assert "the cluster of test didn't answer" in cli.error
    assert told(world) == ["started"]
    server.down = False
    assert "rolled back" in cli("rollout", "tick", "dev", "--key", key, *CONTEXT)
    assert told(world) == ["started", "rolled-back"]

"""`modelctl rollback` as somebody types it."""

from __future__ import annotations

import pytest

from forge.server import Forge
from support.command_line import CommandLine
from support.hub import HubWorld
from support.journey import bring
from support.motions import named
from support.world import MODEL, World

ARGS = ("rollback", MODEL, "--env", "dev", "--reason", "recall fell by a third")


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(named(served), "dev", "1.1.0")
    return served


def test_it_opens_the_pull_request_and_says_where(
    twice: World, cli: CommandLine, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = HubWorld.create(twice, forge)
    twice.builder.git("remote", "set-url", "origin", hub.clone_url())
    for name, value in hub.environment("ada").items():
        monkeypatch.setenv(name, value)
    out = cli(*ARGS)
    assert out.startswith(f"rollback/{MODEL}/1.0.0/dev  ")
    assert f"~ models/{MODEL}/release.yaml" in out
    assert out.endswith(f"opened #1 {forge.url}/acme/models/pull/1\n")
    assert "**Reason:** recall fell by a third" in hub.pull(1).body
    done = cli.json(*ARGS, "--to", "1.0.0")
    assert (done["kind"], done["pull_request"]["opened"]) == ("rollback", False)
    assert done["api_calls"] <= 8


def test_a_dry_run_shows_the_description(twice: World, cli: CommandLine) -> None:
    out = cli(*ARGS, "--dry-run")
    assert f"would open: Roll {MODEL} back to 1.0.0 in dev\n" in out
    assert "### After the rollback" in out


def test_the_candidates_are_listed_when_the_wrong_one_is_named(
    twice: World, cli: CommandLine
) -> None:
    cli(*ARGS, "--to", "3.0.0", "--dry-run", code=2)
    assert f"dev never ran {MODEL}@3.0.0" in cli.error
    assert "it ran 1.1.0 (the branch releases it now), 1.0.0 (good)" in cli.error


def test_a_version_has_no_place_beside_the_model(served: World, cli: CommandLine) -> None:
    cli("rollback", f"{MODEL}@1.0.0", "--env", "dev", "--reason", "x", code=2)
    assert f"write {MODEL}" in cli.error

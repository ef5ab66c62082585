"""Worlds behind forges to attack: each is made once and copied."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forge.server import Forge
from support.command_line import CommandLine
from support.forges import plain_forge
from support.hub import HubWorld
from support.journey import Journeys
from support.world import Template, World


@pytest.fixture(scope="session")
def _journeys(tmp_path_factory: pytest.TempPathFactory) -> Journeys:
    return Journeys.at(tmp_path_factory.mktemp("journeys"))


@pytest.fixture(scope="session")
def _submitted(_journeys: Journeys, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A branch has version 1.0.0, and the ledger its evidence."""
    directory = tmp_path_factory.mktemp("submitted")
    world = _journeys.copy(None, directory)
    world.evidence("1.0.0", "dev", world.submit())
    return Template(directory=directory, world=world)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Forge]:
    """A forge; what the product says to it is held to GitHub's description elsewhere."""
    with plain_forge(tmp_path / "forge") as found:
        yield found


@pytest.fixture
def hub(_submitted: Template, ground: Forge, tmp_path: Path) -> HubWorld:
    """Nothing runs yet; `feature/1.0.0` of the clone has a version with its evidence."""
    world = _submitted.copy(tmp_path / "world")
    world.now = datetime.now(UTC)
    return HubWorld.create(world, ground)


def _at(journeys: Journeys, environment: str, directory: Path) -> World:
    world = journeys.copy(environment, directory)
    world.pulls = deepcopy(world.pulls)
    return world


@pytest.fixture
def served(_journeys: Journeys, ground: Forge, tmp_path: Path) -> HubWorld:
    """1.0.0 serves in dev."""
    return HubWorld.create(_at(_journeys, "dev", tmp_path / "world"), ground)


@pytest.fixture
def cli(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line in the clone of the test's world."""
    name = "served" if "served" in request.fixturenames else "hub"
    hub: HubWorld = request.getfixturevalue(name)
    return CommandLine(directory=hub.world.directory, capsys=capsys)


@pytest.fixture
def job(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line acts as the App, as it does in a workflow."""
    name = "served" if "served" in request.fixturenames else "hub"
    hub: HubWorld = request.getfixturevalue(name)
    for variable in ("GITHUB_TOKEN", "GH_TOKEN", "MODELCTL_TRUSTED_REF", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in hub.environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("COLUMNS", "100")

"""A small organisation for each test of the command line, at the time that it is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.adapters.signing_keys import generate
from support.command_line import CommandLine
from support.journey import Journeys
from support.world import World


@pytest.fixture(scope="session")
def _journeys(tmp_path_factory: pytest.TempPathFactory) -> Journeys:
    return Journeys.at(tmp_path_factory.mktemp("journeys"))


@pytest.fixture
def world(_journeys: Journeys, tmp_path: Path) -> World:
    """Policies, people and keys on main, ml and develop; no models yet."""
    return _journeys.copy(None, tmp_path / "world")


@pytest.fixture
def served(_journeys: Journeys, tmp_path: Path) -> World:
    """1.0.0 serves in dev and staging."""
    return _journeys.copy("staging", tmp_path / "world")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key in a file, which nobody trusts yet; `trust` lists it."""
    path = tmp_path / "key.pem"
    path.write_bytes(generate().private)
    path.chmod(0o600)
    return path


@pytest.fixture
def cli(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line in the clone of the test's world."""
    name = "served" if "served" in request.fixturenames else "world"
    world: World = request.getfixturevalue(name)
    return CommandLine(directory=world.directory, capsys=capsys)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests, and a terminal of a known width."""
    for name in (
        "FORCE_COLOR",
        "MLFLOW_TRACKING_URI",
        "MODELCTL_DEBUG",
        "MODELCTL_LOCAL_ROOT",
        "MODELCTL_SIGNING_KEY",
        "MODELCTL_TRUSTED_REF",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")

"""`modelctl local` where nothing serves. What it says of servers is in `test_deploy`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelctl.adapters.local.registry import Registry
from modelctl.adapters.local.traefik import to_text
from modelctl.domain.serving import Route
from support.command_line import CommandLine
from support.world import World


def test_nothing_serves(cli: CommandLine) -> None:
    assert cli("local", "status") == "nothing serves on this machine\n"
    assert cli.json("local", "status") == []


def test_what_each_backend_gets_is_shown(cli: CommandLine, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "local" / "dev")
    backends = {
        "1.0.0": {"weight": 95},
        "2.0.0": {"weight": 5, "part": "canary", "header": ("X-Group", "b")},
        "3.0.0": {"weight": 0, "part": "shadow", "mirror": 30},
        "0.9.0": {"weight": 0, "part": "previous"},
    }
    routes = [Route(model="m-a", version=v, port=1, **more) for v, more in backends.items()]
    registry.write(registry.routes, to_text(routes))
    said = cli("local", "status", "--local-root", tmp_path / "local", code=3)
    shown = [line.partition("m-a ")[2].partition("  http")[0] for line in said.splitlines()]
    assert shown == [
        "0.9.0  previous kept warm",
        "1.0.0  stable 95 %",
        "2.0.0  canary 5 %, where X-Group: b",
        "3.0.0  shadow copies of 30 %",
    ]


def test_there_is_nothing_to_stop(cli: CommandLine) -> None:
    assert cli("local", "stop") == "nothing serves on this machine\n"
    assert cli("local", "stop") == "nothing serves on this machine\n"


@pytest.mark.parametrize("args", [("dev",), ("dev", "staging")])
def test_an_environment_that_nothing_was_started_for_is_told(
    cli: CommandLine, args: tuple[str, ...]
) -> None:
    message, mend = cli.fails("local", "stop", *args)
    assert message == "nothing was started here for dev"
    assert mend == "modelctl local status shows what was"


def test_what_lies_beside_the_environments_is_left_alone(cli: CommandLine, tmp_path: Path) -> None:
    root = tmp_path / "local"
    (root / ".artifacts").mkdir(parents=True)
    (root / "notes.txt").write_text("mine")
    assert json.loads(cli("local", "status", "--local-root", root, "--format", "json")) == []
    assert cli("local", "stop", "--local-root", root) == "nothing serves on this machine\n"
    assert (root / "notes.txt").read_text() == "mine"


def test_the_root_may_come_from_the_environment(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "elsewhere"
    (root / "dev").mkdir(parents=True)
    monkeypatch.setenv("MODELCTL_LOCAL_ROOT", str(root))
    assert cli("local", "stop") == "stopped dev\n"
    message, _ = cli.fails("local", "stop", "dev", "prod")
    assert message == "nothing was started here for prod"


def test_every_folder_of_the_repository_means_the_same_root(world: World, cli: CommandLine) -> None:
    (world.directory / ".modelctl/local/dev").mkdir(parents=True)
    cli.directory = world.directory / ".modelctl"
    assert cli("local", "stop", "dev") == "stopped dev\n"


def test_a_root_that_is_a_file_is_told(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    message, _ = cli.fails("local", "status", "--local-root", tmp_path / "file")
    assert "is a file" in message

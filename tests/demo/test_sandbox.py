from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.failure import DemoError
from demo.sandbox import Sandbox, free_ports


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(root=tmp_path / "a box" / "demo")


def test_what_it_made_it_removes(sandbox: Sandbox) -> None:
    assert not sandbox.exists()
    sandbox.create()
    assert sandbox.exists()
    sandbox.remove()
    assert not sandbox.root.exists()


def test_a_folder_of_somebody_else_is_never_removed(sandbox: Sandbox) -> None:
    sandbox.root.mkdir(parents=True)
    (sandbox.root / "thesis.tex").write_text("years of work")
    for touch in (sandbox.exists, sandbox.remove):
        with pytest.raises(DemoError, match="not made by the demo"):
            touch()
    assert (sandbox.root / "thesis.tex").exists()


def test_an_empty_folder_is_taken(sandbox: Sandbox) -> None:
    sandbox.root.mkdir(parents=True)
    assert not sandbox.exists()


def test_a_file_in_its_place_is_left_alone(sandbox: Sandbox) -> None:
    sandbox.root.parent.mkdir()
    sandbox.root.write_text("not a folder")
    with pytest.raises(DemoError, match="not made by the demo"):
        sandbox.exists()


def test_two_at_once_are_refused(sandbox: Sandbox) -> None:
    with (
        sandbox.claimed(),
        pytest.raises(DemoError, match="another demo runs"),
        sandbox.claimed(),
    ):
        pass
    with sandbox.claimed():
        pass


def test_only_its_owner_reads_the_keys(sandbox: Sandbox) -> None:
    sandbox.create()
    assert sandbox.keys.stat().st_mode & 0o777 == 0o700


def test_settings_of_the_user_do_not_reach_the_commands(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELCTL_TRUSTED_REF", "weaker")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "scripts")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("GH_TOKEN", "secret")
    monkeypatch.setenv("HTTP_PROXY", "kept")
    monkeypatch.setenv("NO_PROXY", "intern.example")
    environment = sandbox.environment()
    gone = ("MODELCTL_TRUSTED_REF", "MLFLOW_TRACKING_TOKEN", "GIT_DIR", "PYTHONPATH")
    assert not {"GITHUB_TOKEN", "GH_TOKEN"} & environment.keys()
    assert (
        environment["NO_PROXY"] == environment["no_proxy"] == "intern.example,127.0.0.1,localhost"
    )
    assert not set(gone) & environment.keys()
    assert environment["HTTP_PROXY"] == "kept"
    assert environment["MODELCTL_LOCAL_ROOT"] == str(sandbox.serving)


def test_the_commands_of_the_story_are_those_of_this_python(sandbox: Sandbox) -> None:
    sandbox.create()
    run = subprocess.run(
        ["sh", "-c", "modelctl --version && python -c 'import sys; print(sys.prefix)'"],
        env=sandbox.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    version, prefix = run.stdout.splitlines()
    assert version.startswith("modelctl ")
    assert prefix == sys.prefix


def test_the_env_file_can_be_sourced(sandbox: Sandbox) -> None:
    sandbox.create()
    (sandbox.keys / "deployer.pem").write_text("a key\nof two lines\n")
    said = 'printf "%s|" "$MODELCTL_SIGNING_KEY" "$MODELCTL_LOCAL_ROOT" "$MLFLOW_TRACKING_URI"'
    run = subprocess.run(
        ["sh", "-c", f". ./env.sh && {said} && modelctl --version"],
        cwd=sandbox.root,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    key, root, uri, version = run.stdout.split("|")
    assert key == "a key\nof two lines"
    assert root == str(sandbox.serving)
    assert uri == sandbox.tracking_uri
    assert version.startswith("modelctl ")


def test_the_usual_ports_are_taken_where_they_are_free() -> None:
    usual = free_ports({"dev": 1, "staging": 1, "production": 1})
    assert free_ports(usual) == usual


def test_other_ports_are_taken_where_one_is_not() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        usual = {"dev": busy.getsockname()[1], "staging": 1, "production": 2}
        ports = free_ports(usual)
    assert ports.keys() == usual.keys()
    assert len({*ports.values(), *usual.values()}) == 6

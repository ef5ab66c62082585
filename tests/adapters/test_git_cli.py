"""How git is started: the environment, the time limit, and what of its messages is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelctl.adapters.git_cli import condensed, environment, redacted, run
from modelctl.errors import DependencyError
from support.repos import RepoBuilder

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_what_a_hook_sets_does_not_lead_us_elsewhere(
    repo: RepoBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = RepoBuilder.create(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.directory / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.directory))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_TRACE", "1")
    done = run("rev-parse", "--show-toplevel", directory=repo.directory)
    assert (done.code, done.text, done.err) == (0, str(repo.directory), "")


def test_credentials_that_the_user_configured_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -i key")
    assert environment()["GIT_CONFIG_COUNT"] == "1"
    assert environment()["GIT_SSH_COMMAND"] == "ssh -i key"
    assert environment()["GIT_TERMINAL_PROMPT"] == "0"


def test_git_that_is_not_there_is_a_missing_dependency(
    repo: RepoBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DependencyError, match="not installed"):
        run("version", directory=repo.directory)


def test_git_that_hangs_is_stopped_with_its_children(repo: RepoBuilder, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    repo.git("config", "alias.hang", f"!sleep 60 & echo $! > '{pids}'; wait")
    started = time.monotonic()
    with pytest.raises(DependencyError, match=r"git hang took longer than 0\.5 s"):
        run("hang", directory=repo.directory, seconds=0.5)
    assert time.monotonic() - started < 20
    assert gone(int(pids.read_text()))


INTERRUPTED = """
import sys
from pathlib import Path
from modelctl.adapters.git_cli import run

run("hang", directory=Path(sys.argv[1]))
"""


def test_an_interrupt_leaves_no_git_behind(repo: RepoBuilder, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    repo.git("config", "alias.hang", f"!sleep 60 & echo $! > '{pids}'; wait")
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(repo.directory)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stderr=subprocess.DEVNULL,
    )
    while not (pids.exists() and pids.read_text().strip()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert gone(int(pids.read_text()))


def gone(pid: int) -> bool:
    """Whether a process ends soon."""
    for _ in range(1500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ada:s3cret@example.com/r.git", "https://example.com/r.git"),
        ("https://x-access-token:p@ss@example.com/r", "https://example.com/r"),
        ("'https://example.com/r?token=s3cret': not found", "'https://example.com/r': not found"),
        ("Authorization: Basic c2VjcmV0", "Authorization: …"),
        ("bad token ghs_abcDEF123 given", "bad token … given"),
        ("mail ada@example.com", "mail ada@example.com"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_messages_are_condensed_to_what_tells() -> None:
    stderr = "Cloning…\nremote: \nremote: no such repository\nhint: try\nfatal: not found\n"
    assert condensed(stderr) == "remote: no such repository; fatal: not found"
    assert condensed("odd\n") == "odd"
    assert len(condensed("fatal: " + "x" * 1000)) < 320

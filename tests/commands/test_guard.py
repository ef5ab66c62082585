"""`modelctl guard` as somebody types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.journey import trust
from support.world import World


@pytest.fixture
def job(served: World, key: Path) -> Path:
    """A key that may sign what the guard records."""
    trust(served, key, "deployment", "rollback", "quarantine", "rollout")
    return key


def test_one_pass_is_one_line(served: World, cli: CommandLine, job: Path) -> None:
    out = cli("guard", "dev", "staging", "--once", "--key", job, "--format", "json")
    [line] = out.splitlines()
    done = json.loads(line)
    assert (done["watched"], done["heard"], done["held"], done["problems"]) == (2, 0, [], [])


def test_a_key_that_may_not_record_it_is_told_at_once(
    served: World, cli: CommandLine, key: Path
) -> None:
    trust(served, key, "deployment", "rollback", "quarantine")
    cli("guard", "dev", "--key", key, code=2)
    assert "may not sign rollout statements" in cli.error


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "which environment?"),
        (("dev", "--all"), "--all has no effect with ENV"),
        (("nowhere",), "there is no environment nowhere"),
        (("dev", "--every", "often"), "'often' is no span of time"),
    ],
)
def test_what_it_takes(
    served: World, cli: CommandLine, job: Path, args: tuple[str, ...], message: str
) -> None:
    cli("guard", *args, "--key", job, code=2)
    assert message in cli.error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends(served: World, job: Path, number: int) -> None:
    args = ("guard", "dev", "--key", str(job), "--every", "1s", "--format", "json")
    program = [sys.executable, "-m", "modelctl", "-C", str(served.directory), *args]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy()
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["watched"] == 1
        begun = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - begun < 10

"""Commands run as a user runs them: the wall clock of each, and the memory of all its processes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from bench.errors import BenchError

_TOLD = 2000
_BETWEEN_SAMPLES = 0.05
_DROPPED = ("PYTHON", "MODELCTL_", "GIT_", "COV_", "PYTEST_", "MLFLOW_")
_SETTINGS = {
    "COLUMNS": "120",
    "NO_COLOR": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "DO_NOT_TRACK": "true",
    "GTO_NO_ANALYTICS": "true",
}
MEGABYTE = 1_000_000


def program(name: str) -> str:
    """A program that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What both sides run in: nothing of the user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    return {**kept, **_SETTINGS, **(extra or {})}


def seconds(
    command: Sequence[str],
    cwd: Path,
    *,
    codes: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> float:
    """How long a command takes by the wall clock, from its start to its end.

    Raises:
        BenchError: it isn't there, or ends with another code than those of `codes`.
    """
    surroundings = environment(env)
    if shutil.which(command[0]) is None:
        raise BenchError(f"there is no {command[0]}")
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=surroundings, input=stdin.encode(), capture_output=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode not in codes:
        said = (done.stderr or done.stdout).decode(errors="replace")
        raise BenchError(
            f"{shlex.join(command)[:200]} ended with {done.returncode} in {cwd}", said[-_TOLD:]
        )
    return took


def megabytes(command: Sequence[str], cwd: Path, *, codes: Sequence[int] = (0,)) -> float:
    """The most memory that a command and its children ever held at once: the sum of their
    proportional sets (PSS), in which a page that several share counts once.

    Raises:
        BenchError: it ends with another code than those of `codes`.
    """
    most = 0
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, _held(watched))
            time.sleep(_BETWEEN_SAMPLES)
    if process.returncode not in codes:
        raise BenchError(f"{shlex.join(command)[:200]} ended with {process.returncode} in {cwd}")
    return most / MEGABYTE


def _held(process: psutil.Process) -> int:
    total = 0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for one in family:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended
            continue
    return total

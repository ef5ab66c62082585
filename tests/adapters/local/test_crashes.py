"""A command that is killed at any point leaves nothing that the next one can't mend."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
POINTS = [
    ("Registry.save", "before"),  # a server was started and not written down
    ("Registry.save", "after"),
    ("Servers.await_ready", "after"),
    ("Router._publish", "before"),
    ("Router._publish", "after"),
    ("Router._await", "after"),
    ("LocalTarget._retire", "before"),
    ("Servers.stop", "before"),
    ("Registry.forget", "before"),
]


def crash(site, version: str, where: str, when: str) -> None:
    """Converge (or `stop`) in a process of its own, which is killed at that point."""
    command = [str(HERE / "crash.py"), str(site.root), str(site.port), version, where, when]
    paths = [str(HERE), *filter(None, sys.path)]
    result = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == -signal.SIGKILL, result.stdout + result.stderr


@pytest.mark.parametrize(("where", "when"), POINTS)
def test_killed_while_a_version_is_replaced(site, where: str, when: str) -> None:
    site.converge(site.serving("1.0.0"))
    crash(site, "2.0.0", where, when)
    assert site.ask() in ("1.0.0", "2.0.0")
    (status,) = site.converge(site.serving("2.0.0"))
    assert (status.version, status.healthy) == ("2.0.0", True)
    assert site.ask() == "2.0.0"
    assert len(site.leaders()) == 2


MOVES = [
    ("Router._publish", "before"),
    ("Router._publish", "after"),
    ("Registry.compare", "before"),
]
STARTS = [("Registry.save", "before"), ("Servers.await_ready", "after")]


@pytest.mark.parametrize(
    ("where", "when", "runs"),
    [*((*point, True) for point in MOVES), *((*point, False) for point in [*STARTS, *MOVES])],
)
def test_killed_while_traffic_moves(site, where: str, when: str, runs: bool) -> None:
    """Whether the new version runs already or has to be started, the next one ends it."""
    first = site.serving("1.0.0")
    site.converge(first, *([site.serving("2.0.0", 0, part="canary")] if runs else []))
    crash(site, "half:2.0.0", where, when)
    assert site.ask() in ("1.0.0", "2.0.0")
    split = [site.serving("1.0.0", 50), site.serving("2.0.0", 50, part="canary")]
    routes = site.target().shift(split, progress=print)
    assert [route.weight for route in routes] == [50, 50]
    assert {site.ask() for _ in range(4)} == {"1.0.0", "2.0.0"}
    assert len(site.leaders()) == 3


@pytest.mark.parametrize("where", ["Registry.save", "Registry.save_router", "Router._await"])
def test_killed_at_the_first_version_and_then_something_else_is_wanted(site, where: str) -> None:
    crash(site, "1.0.0", where, "before")
    site.converge(site.serving("2.0.0"))
    assert site.ask() == "2.0.0"
    assert len(site.leaders()) == 2


def test_a_server_that_a_killed_command_started_is_taken_over(site) -> None:
    crash(site, "1.0.0", "Registry.save", "after")
    (pid,) = site.leaders()
    (status,) = site.converge(site.serving("1.0.0"))
    assert status.pid == pid
    assert site.said[0].startswith("churn-predictor 1.0.0 answers after")


@pytest.mark.parametrize("where", ["Servers.stop", "Router.stop", "Registry.forget_router"])
def test_killed_while_stopping_can_be_stopped_again(site, where: str) -> None:
    site.converge(site.serving("1.0.0"))
    crash(site, "stop", where, "before")
    site.target().stop()
    assert site.target().status() == ()
    assert site.running() == set()

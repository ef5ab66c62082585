"""Work in several processes: in order, whole, or not at all."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest

from modelctl.adapters.workers import cores, spread
from modelctl.errors import DependencyError, ModelctlError

PARTS = [[0, 1, 2], [3], [4, 5], [6, 7, 8, 9]]


def doubling() -> Callable[[int], tuple[int, int]]:
    """Prepared once in each process."""
    process = os.getpid()
    return lambda number: (number * 2, process)


@pytest.mark.parametrize("processes", [1, 2, 8])
def test_the_order_is_that_of_the_items(processes: int) -> None:
    found = list(spread(doubling, PARTS, processes))
    assert [value for value, _ in found] == [number * 2 for number in range(10)]


def test_one_process_or_one_part_is_this_process() -> None:
    assert {process for _, process in spread(doubling, PARTS, 1)} == {os.getpid()}
    assert {process for _, process in spread(doubling, PARTS[:1], 2)} == {os.getpid()}
    assert os.getpid() not in {process for _, process in spread(doubling, PARTS, 2)}


def test_nothing_is_nothing() -> None:
    assert list(spread(doubling, [], 4)) == []


def raising(error: Exception) -> Callable[[int], int]:
    def work(number: int) -> int:
        if number == 4:
            raise error
        return number

    return work


class SpecialError(ModelctlError):
    """One that couldn't be carried over by itself."""

    def __init__(self, path: str, *, reason: str):
        super().__init__(f"{path}: {reason}", mend="mend it", location="a:1:2")


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SpecialError("x", reason="odd"), ModelctlError),
        (DependencyError("x: odd", mend="mend it", location="a:1:2"), DependencyError),
    ],
    ids=["an error of ours", "a dependency"],
)
def test_an_error_is_told_as_it_was_raised(
    processes: int, error: ModelctlError, kind: type[ModelctlError]
) -> None:
    with pytest.raises(kind) as caught:
        list(spread(lambda: raising(error), PARTS, processes))
    raised = caught.value
    assert (raised.message, raised.mend, raised.location) == ("x: odd", "mend it", "a:1:2")
    assert raised.exit_code == kind.exit_code


def killed(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_worker_that_is_killed_leaves_nothing_decided() -> None:
    before = psutil.Process().children()
    with pytest.raises(DependencyError, match="was killed, so nothing was decided") as caught:
        list(spread(lambda: killed, PARTS, 2))
    assert caught.value.exit_code == 3
    assert [one for one in psutil.Process().children() if one not in before] == []


def test_whoever_stops_listening_stops_the_work() -> None:
    before = psutil.Process().children()
    found = spread(doubling, [[number] for number in range(50)], 2)
    assert next(found)[0] == 0
    found.close()
    assert [one for one in psutil.Process().children() if one not in before] == []


SLEEPER = """
import os, sys, time
from modelctl.adapters.workers import spread

def prepare():
    def work(number):
        os.write(1, b"%d\\n" % number)  # at once, for both write into one pipe
        time.sleep(60)
    return work

try:
    list(spread(prepare, [[1], [2]], 2))
except KeyboardInterrupt:
    sys.exit(130)
"""


def asleep(tmp_path: Path) -> subprocess.Popen[str]:
    """A process whose two workers have something to do for a minute."""
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {"1\n", "2\n"}
    return process


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=20)[1]


def test_an_interruption_ends_all_of_them_at_once(tmp_path: Path) -> None:
    process = asleep(tmp_path)
    workers, began = psutil.Process(process.pid).children(), time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == ""
    assert time.monotonic() - began < 25
    assert gone(workers)


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    process = asleep(tmp_path)
    workers = psutil.Process(process.pid).children()
    process.kill()
    process.wait(timeout=30)
    assert gone(workers)
    process.communicate()


def test_there_is_at_least_one_core() -> None:
    assert 1 <= cores() <= 8


def test_frozen_mappings_travel() -> None:
    mapping = MappingProxyType({"a": 1})
    assert pickle.loads(pickle.dumps(mapping)) == mapping
    assert list(spread(lambda: partial(dict.get, mapping.copy()), [["a"], ["b"]], 2)) == [1, None]

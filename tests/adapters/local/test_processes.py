"""Processes are told apart, found again and ended with all that they started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from modelctl.adapters.local import processes
from modelctl.adapters.local.processes import Command, ProcessId
from modelctl.errors import DependencyError

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"


@pytest.fixture
def folder(tmp_path: Path):
    folder = (tmp_path / "dev").resolve()
    folder.mkdir()
    yield folder
    processes.stop(folder, processes.scan(folder).keys(), [], grace=0)
    assert processes.scan(folder) == {}


def start(folder: Path, code: str, *, own_id: str = "one", lines: int = 1) -> ProcessId:
    """Start Python with `code`, and wait until it has printed that many lines."""
    log = folder / f"{own_id}.log"
    command = Command(arguments=(sys.executable, "-c", code), environment={})
    process = processes.spawn(command, own_id=own_id, folder=folder, log=log)
    deadline = time.monotonic() + 20
    while log.read_text().count("\n") < lines and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def test_a_process_is_found_until_it_is_stopped(folder: Path) -> None:
    process = start(folder, SLEEP)
    assert processes.find(process).pid == process.pid
    processes.stop(folder, {"one"}, [process], grace=5)
    assert processes.find(process) is None


def test_a_process_that_ended_by_itself_is_gone_and_leaves_no_zombie(folder: Path) -> None:
    process = start(folder, "print('done')")
    deadline = time.monotonic() + 10
    while processes.find(process) is not None:
        assert time.monotonic() < deadline
    assert not psutil.pid_exists(process.pid)


def test_another_process_with_the_same_pid_is_not_it(folder: Path) -> None:
    process = start(folder, SLEEP)
    assert processes.find(replace(process, created=process.created - 60)) is None
    assert processes.find(replace(process, created=process.created + 1)) is not None


def test_a_process_leads_a_session_of_its_own(folder: Path) -> None:
    process = start(folder, SLEEP)
    assert os.getsid(process.pid) == process.pid


def test_children_are_ended_too(folder: Path) -> None:
    process = start(folder, PARENT, lines=2)
    pids = {p.pid for p in processes.scan(folder)["one"]}
    assert len(pids) == 2
    processes.stop(folder, {"one"}, [process], grace=5)
    assert not any(_runs(pid) for pid in pids)


def test_children_whose_parent_was_killed_are_found(folder: Path) -> None:
    process = start(folder, PARENT, lines=2)
    psutil.Process(process.pid).kill()
    processes.stop(folder, {"one"}, [process], grace=5)
    assert processes.scan(folder) == {}


def test_what_ignores_the_request_to_end_is_killed(folder: Path) -> None:
    process = start(folder, STUBBORN)
    began = time.monotonic()
    processes.stop(folder, {"one"}, [process], grace=0.3)
    assert time.monotonic() - began >= 0.3
    assert processes.find(process) is None


def test_only_what_is_named_is_ended(folder: Path) -> None:
    first, second = start(folder, SLEEP), start(folder, SLEEP, own_id="two")
    processes.stop(folder, {"one"}, [first], grace=5)
    assert processes.find(second) is not None
    processes.stop(folder, set(), [second], grace=5)
    assert processes.find(second) is not None


def test_processes_of_other_folders_are_left_alone(folder: Path) -> None:
    other = {**os.environ, processes.FOLDER_VARIABLE: f"{folder}-other"}
    with subprocess.Popen([sys.executable, "-c", SLEEP], env=other) as stranger:
        assert processes.scan(folder) == {}
        stranger.kill()


def test_a_program_that_is_not_there_is_a_dependency(folder: Path) -> None:
    command = Command(arguments=("/no/such/program",), environment={})
    with pytest.raises(DependencyError, match="/no/such/program can't be run: No such file"):
        processes.spawn(command, own_id="one", folder=folder, log=folder / "log")


def test_a_new_log_does_not_mix_with_the_one_that_is_still_written(folder: Path) -> None:
    log = folder / "one.log"
    with log.open("w") as former:
        start(folder, SLEEP)
        former.write("from the former server\n")
    assert log.read_text() == "up\n"


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff" + b"x" * 9000 + b"\n" + b"".join(b"line %d\n" % n for n in range(30)))
    assert processes.tail(log, lines=2) == "    line 28\n    line 29"
    log.write_text("\n")
    assert processes.tail(log) == "    (the log is empty)"
    assert processes.tail(tmp_path / "none") == "    (the log is empty)"


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

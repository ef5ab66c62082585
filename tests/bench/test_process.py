"""Commands, their time and their memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.process import environment, megabytes, seconds


def test_a_command_is_timed_from_its_start_to_its_end(tmp_path: Path) -> None:
    took = seconds([sys.executable, "-c", "import time; time.sleep(0.3)"], tmp_path)
    assert 0.3 < took < 30


def test_a_command_that_fails_is_no_fast_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such model')"]
    with pytest.raises(BenchError, match="ended with 1") as caught:
        seconds(command, tmp_path)
    assert caught.value.detail.strip() == "no such model"
    assert seconds(command, tmp_path, codes=(0, 1)) > 0
    with pytest.raises(BenchError, match="ended with 1"):
        megabytes(command, tmp_path)


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="there is no nothing-of-this-name"):
        seconds(["nothing-of-this-name"], tmp_path)


def test_a_command_can_be_told_something(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit(sys.stdin.read() != 'hello')"]
    assert seconds(command, tmp_path, stdin="hello") > 0


CHILD = """
import subprocess, sys, time
held = b"x" * 60_000_000
if len(sys.argv) > 1:
    subprocess.run([sys.executable, __file__])
time.sleep(0.5)
"""


def test_memory_is_that_of_all_its_processes(tmp_path: Path) -> None:
    script = tmp_path / "hold.py"
    script.write_text(CHILD)
    alone = megabytes([sys.executable, str(script)], tmp_path)
    both = megabytes([sys.executable, str(script), "with a child"], tmp_path)
    assert 60 < alone < 110
    assert both > alone + 50


def test_nothing_of_the_users_settings_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("MODELCTL_SIGNING_KEY", "secret")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    found = environment({"EXTRA": "1"})
    assert {"PYTHONPATH", "MODELCTL_SIGNING_KEY", "GIT_DIR"}.isdisjoint(found)
    assert found["EXTRA"] == "1"
    assert "PATH" in found

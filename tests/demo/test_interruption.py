"""Whenever the demo is interrupted, it leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

PROJECT = Path(__file__).parents[2]
SHORT_STORY = Path(__file__).with_name("short_story.py")
PATIENCE = 50.0
RUNNING = 1 + 5 + 4 + 1
"""The forge, what serves, commands, and the story itself."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo with a sandbox of its own, which ends with the test."""
    one = Demo(tmp_path)
    yield one
    one.kill()


class Demo:
    """A demo that runs, or the short story that stands for it."""

    def __init__(self, folder: Path):
        self.sandbox, self._out = folder / "sandbox", folder / "out"
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        with self._out.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, *args],
                env={**os.environ, "PYTHONPATH": str(PROJECT / "scripts")},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def told(self) -> str:
        return self._out.read_text()

    def await_told(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.told():
            assert self._started[-1].poll() is None, self.told()
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.05)

    def processes(self) -> list[psutil.Process]:
        """Everything that has the sandbox in its command line or its environment."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def left(self) -> list[psutil.Process]:
        """What is there even after a while: a busy machine takes its time to end a process."""
        deadline = time.monotonic() + PATIENCE
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.processes()

    def commands(self) -> list[psutil.Process]:
        """Those that are no servers."""
        return [p for p in self.processes() if "MODELCTL_LOCAL_FOLDER" not in p.environ()]

    def kill(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
        for left in self.processes():
            left.kill()

    def _owns(self, process: psutil.Process) -> bool:
        try:
            known = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            return False
        return any(str(self.sandbox) in text for text in known)


def play_short_story(demo: Demo) -> subprocess.Popen[bytes]:
    """Until the forge, two servers with a child each, their router, and two commands with a child
    each run."""
    story = demo.start(str(SHORT_STORY), "play", str(demo.sandbox))
    demo.await_told("servers and commands are there")
    deadline = time.monotonic() + PATIENCE
    while len(demo.processes()) < RUNNING:
        assert time.monotonic() < deadline, demo.processes()
        time.sleep(0.05)
    return story


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_servers_and_commands_end_with_the_story(demo: Demo, number: signal.Signals) -> None:
    story = play_short_story(demo)
    story.send_signal(number)
    assert story.wait(PATIENCE) == 130
    assert demo.left() == []
    assert "Nothing is left running" in demo.told()


def test_a_second_interrupt_does_not_cut_the_tidying_short(demo: Demo) -> None:
    story = play_short_story(demo)
    for _ in range(3):
        story.send_signal(signal.SIGINT)
        time.sleep(0.1)
    assert story.wait(PATIENCE) == 130
    assert demo.left() == []


def test_the_real_story_can_be_interrupted_while_models_are_trained(demo: Demo) -> None:
    story = demo.start("-m", "demo", "--sandbox", str(demo.sandbox))
    demo.await_told("training/train.py")
    story.send_signal(signal.SIGINT)
    assert story.wait(PATIENCE) == 130
    assert demo.left() == []


def test_servers_of_a_story_that_was_killed_are_stopped_by_the_next_one(demo: Demo) -> None:
    story = play_short_story(demo)
    story.kill()
    story.wait()
    for command in demo.commands():
        command.kill()
    assert demo.processes() != []
    stop = demo.start("-m", "demo", "--sandbox", str(demo.sandbox), "--stop")
    assert stop.wait(PATIENCE) == 0
    assert demo.left() == []


def test_only_one_demo_plays_in_a_sandbox(demo: Demo) -> None:
    play_short_story(demo)
    second = demo.start(str(SHORT_STORY), "play", str(demo.sandbox))
    assert second.wait(PATIENCE) == 1
    assert "another demo runs" in demo.told()
    assert len(demo.processes()) == RUNNING

"""The live view on a real pseudo-terminal, and as lines where there is none."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from modelctl.domain.rollout_view import RolloutView
from modelctl.errors import DependencyError
from modelctl.report.look import Look
from modelctl.report.rollout_live import Screen, watch
from support.simulated import BEGAN, state, view

ROOT = Path(__file__).parents[2]
DONE = view(state=state(phase="done", weight=100, step=2))
PROGRAM = """
import sys, time
from datetime import UTC, datetime
from modelctl.report.look import Look
from modelctl.report.rollout_live import Screen, watch
from support.simulated import state, view

steps = [view(state=state(weight=weight)) for weight in (5, 25, 50)]
if sys.argv[1] == "ends":
    steps.append(view(state=state(phase="done", weight=100, step=2)))
asked = iter(steps)
last = steps[-1]
screen = Screen(
    stream=sys.stdout,
    look=lambda: Look(width=80, color=True, unicode=sys.argv[2] == "unicode"),
    now=lambda: datetime(2026, 11, 20, 10, 6, tzinfo=UTC),
    wait=time.sleep,
)
watch(lambda: [next(asked, last)], screen, 0.05)
print("the end")
"""


class Terminal:
    """A program on a terminal of its own, of 80 columns and 24 lines."""

    def __init__(self, *args: str, encoding: str = "utf-8"):
        self.master, slave = pty.openpty()
        env = {**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'tests'}"}
        env |= {"PYTHONIOENCODING": encoding, "COLUMNS": "80", "LINES": "24", "TERM": "xterm"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *args],
            stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True,
            preexec_fn=None,
        )  # fmt: skip
        os.close(slave)
        self.shown = b""

    def until(self, text: str, seconds: float = 20.0) -> str:
        """Reads until it shows `text`."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.shown:
            assert time.monotonic() < deadline, self.shown.decode(errors="replace")
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.master, 65536)
                except OSError:  # the other side is closed
                    break
        return self.shown.decode(errors="replace")

    def end(self) -> int:
        """The exit code."""
        code = self.process.wait(timeout=20)
        os.close(self.master)
        return code


def test_it_is_drawn_again_as_it_moves_until_it_is_over() -> None:
    terminal = Terminal("ends", "unicode")
    shown = terminal.until("the end")
    assert terminal.end() == 0
    assert "5 %" in shown
    assert "100 %" in shown
    assert shown.index("finished") > shown.index("nothing is wrong so far")
    assert "\x1b[1A" in shown or "\x1b[2K" in shown  # drawn over what was there
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is back
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert all(len(line) <= 80 for line in plain.replace("\r", "\n").splitlines())


def test_ctrl_c_ends_it_cleanly() -> None:
    terminal = Terminal("forever", "unicode")
    terminal.until("50 %")
    terminal.process.send_signal(signal.SIGINT)
    shown = terminal.until("the end")
    assert terminal.end() == 0
    assert "Traceback" not in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")


def test_a_terminal_without_unicode_gets_plain_letters() -> None:
    terminal = Terminal("ends", "ascii", encoding="ascii:strict")
    terminal.until("the end")
    assert terminal.end() == 0
    assert terminal.shown.isascii()
    assert re.search(rb"#####\S*\.\.\.\.\.", terminal.shown)
    assert b"|" not in terminal.shown


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.at = BEGAN

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def lines(found: Iterator[Sequence[RolloutView] | Exception]) -> list[str]:
    stream, clock = io.StringIO(), Clock()

    def ask() -> Sequence[RolloutView]:
        one = next(found, KeyboardInterrupt())
        if isinstance(one, BaseException):
            raise one
        return one

    screen = Screen(
        stream=stream, look=lambda: Look(width=80, unicode=False), now=clock.now, wait=clock.wait
    )
    watch(ask, screen, 15.0)
    return stream.getvalue().splitlines()


def test_into_a_pipe_it_tells_only_what_is_new_and_ends_with_the_rollout() -> None:
    at_five = view(state=state(weight=5, step=0))
    found = lines(iter([[at_five], [at_five], [view()], [DONE], [DONE]]))
    assert found == [
        "2026-11-20T10:00:00Z tumor-classifier production 1.0.0 -> 1.1.0 5 % step 1/3: "
        "nothing is wrong so far",
        "2026-11-20T10:00:30Z tumor-classifier production 1.0.0 -> 1.1.0 50 % step 2/3: "
        "nothing is wrong so far",
        "2026-11-20T10:00:45Z tumor-classifier production 1.0.0 -> 1.1.0 100 % step 3/3: finished",
    ]


def test_a_rollout_that_is_gone_from_the_list_is_over() -> None:
    assert len(lines(iter([[view()], []]))) == 1


def test_without_rollouts_it_waits_for_one() -> None:
    assert len(lines(iter([[], [], [view()], [DONE]]))) == 2


def test_a_source_that_is_down_is_told_and_asked_again() -> None:
    down = DependencyError("Prometheus doesn't answer")
    found = lines(iter([[view()], down, [DONE]]))
    assert "Prometheus doesn't answer" in found[1]
    assert found[2].endswith("finished")


def test_another_error_isnt_swallowed() -> None:
    with pytest.raises(ValueError, match="a bug"):
        lines(iter([ValueError("a bug")]))

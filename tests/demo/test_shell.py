from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from demo import shell as module
from demo.failure import DemoError
from demo.shell import Shell

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(600)
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "log", {"PATH": os.environ["PATH"]})


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-c", code, *args]


def test_both_streams_are_seen_as_they_come_or_apart(shell: Shell, tmp_path: Path) -> None:
    args = python("import sys; print('out', flush=True); print('err', file=sys.stderr); exit(3)")
    together = shell.run(args, cwd=tmp_path)
    assert (together.code, together.out, together.err) == (3, "out\nerr\n", "")
    apart = shell.run(args, cwd=tmp_path, merged=False)
    assert (apart.out, apart.err) == ("out\n", "err\n")


def test_the_log_has_commands_and_output_but_no_secrets(shell: Shell, tmp_path: Path) -> None:
    shell.run(python("print('a' + 'b')"), cwd=tmp_path, env={"MODELCTL_SIGNING_KEY": "secret"})
    log = (tmp_path / "log").read_text()
    assert "| ab" in log
    assert "print" in log
    assert "secret" not in log


def test_what_cannot_be_run_is_told(shell: Shell, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="no-such-program can't be run"):
        shell.run(["no-such-program"], cwd=tmp_path)


def test_what_takes_too_long_is_ended(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    before = psutil.Process().children()
    with pytest.raises(DemoError, match="took longer than"):
        shell.run(python("import time; time.sleep(600)"), cwd=tmp_path)
    assert [one for one in psutil.Process().children() if one not in before] == []


def test_closing_ends_even_what_does_not_listen(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.2)
    ended: list[KeyboardInterrupt] = []

    def run() -> None:
        try:
            shell.run(python(STUBBORN, str(tmp_path / "pid")), cwd=tmp_path)
        except KeyboardInterrupt as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    child = int((tmp_path / "pid").read_text())
    shell.close()
    thread.join(5)
    assert len(ended) == 1
    assert not is_running(child)


def test_nothing_starts_after_it_was_closed(shell: Shell, tmp_path: Path) -> None:
    shell.close()
    with pytest.raises(KeyboardInterrupt):
        shell.run(["touch", "file"], cwd=tmp_path)
    assert not (tmp_path / "file").exists()


def is_running(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            return False
        time.sleep(0.02)
    return True


def test_what_goes_on_beside_is_heard_line_by_line_and_ended(shell: Shell, tmp_path: Path) -> None:
    code = "import sys, time; print('one'); print('two', file=sys.stderr, flush=True)"
    args = python(f"{code}; time.sleep(600)")
    with shell.beside(args, cwd=tmp_path, env={"PYTHONUNBUFFERED": "1"}) as beside:
        assert [beside.line(10), beside.line(10), beside.line(0.1)] == ["one", "two", None]
        assert beside.runs()
    assert not beside.runs()
    assert ": two" in (tmp_path / "log").read_text()


def test_what_ended_beside_is_noticed(shell: Shell, tmp_path: Path) -> None:
    with shell.beside(python("print('all')"), cwd=tmp_path, env={}) as beside:
        assert beside.line(10) == "all"
        deadline = time.monotonic() + 10
        while beside.runs():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_what_draws_on_the_terminal_itself_is_awaited(
    shell: Shell, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = python("print('drawn'); exit(3)")
    assert shell.on_terminal(args, cwd=tmp_path, env={}) == 3
    assert capfd.readouterr().out == "drawn\n"

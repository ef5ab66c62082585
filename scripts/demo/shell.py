"""Runs the commands of the story, and ends what it started when the story ends early."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

from demo.failure import DemoError

PATIENCE = 300.0
"""Seconds that one command may take."""

_GRACE = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended. `err` is empty where stderr was merged into `out`."""

    command: str
    code: int
    out: str
    err: str
    seconds: float


class Beside:
    """A command that goes on beside the story, and what it `said` so far, line by line."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process
        self.said: Queue[str] = Queue()

    def runs(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def line(self, patience: float) -> str | None:
        """The next line that it said; None where it says nothing for so many seconds."""
        with suppress(Empty):
            return self.said.get(timeout=patience)
        return None


class Shell:
    """Starts each command in a session of its own, so that it can be ended with its children.

    Everything is written to `log`, except for the environment, which holds the signing keys.
    """

    def __init__(self, log: Path, environment: Mapping[str, str]):
        self.log = log
        self.environment = dict(environment)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._ended = False

    def run(
        self,
        args: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        merged: bool = True,
    ) -> Done:
        """Run a command to its end, with stderr `merged` into stdout as it comes.

        Raises:
            DemoError: it can't be run, or takes longer than anybody would wait.
            KeyboardInterrupt: the shell was closed meanwhile.
        """
        began, command = time.monotonic(), shlex.join(args)
        process = self._start(args, cwd, {**self.environment, **(env or {})}, merged)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            _end([process], grace=0)
            process.communicate()
            raise DemoError(f"{command} took longer than {PATIENCE:g} s") from None
        # Not if it was interrupted: then it still runs, and `close` ends it.
        with self._lock:
            self._running.discard(process)
        if self._ended:
            raise KeyboardInterrupt
        seconds, err = time.monotonic() - began, err or ""
        self._write(f"$ {command}\n  in {cwd}: {process.returncode} after {seconds:.1f} s\n")
        self._write("".join(f"  | {line}\n" for line in (out + err).splitlines()))
        return Done(command=command, code=process.returncode, out=out, err=err, seconds=seconds)

    @contextmanager
    def beside(self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Iterator[Beside]:
        """Run a command that goes on by itself for as long as this lasts, then ask it to end."""
        process = self._start(args, cwd, {**self.environment, **env}, merged=True)
        beside, command = Beside(process), shlex.join(args)

        def listen() -> None:
            assert process.stdout is not None
            with process.stdout:
                for line in process.stdout:
                    self._write(f"  {command}: {line}")
                    beside.said.put(line.rstrip("\n"))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield beside
        finally:
            _end([process], grace=_GRACE)
            with self._lock:
                self._running.discard(process)
            listener.join(_GRACE)

    def on_terminal(self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
        """Run a command that draws on the terminal itself, to its end; its exit code.

        Raises:
            DemoError: it takes longer than anybody would wait.
        """
        command, whole = shlex.join(args), {**self.environment, **env}
        process = self._start(args, cwd, whole, merged=True, piped=False)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _end([process], grace=0)
            raise DemoError(f"{command} took longer than {PATIENCE:g} s") from None
        with self._lock:
            self._running.discard(process)
        self._write(f"$ {command}\n  in {cwd}: {code}\n")
        return code

    def close(self) -> None:
        """End whatever still runs: asked first, killed after a few seconds."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        _end(running, grace=_GRACE)

    def _start(
        self,
        args: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        merged: bool,
        *,
        piped: bool = True,
    ) -> subprocess.Popen[str]:
        with self._lock:
            if self._ended:
                raise KeyboardInterrupt
            try:
                process = subprocess.Popen(
                    args,
                    cwd=cwd,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if piped else None,
                    stderr=subprocess.STDOUT if merged else subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                raise DemoError(f"{args[0]} can't be run: {error.strerror}") from error
            self._running.add(process)
            return process

    def _write(self, text: str) -> None:
        with self._lock, self.log.open("a", encoding="utf-8") as file:
            file.write(text)


def _end(processes: Sequence[subprocess.Popen[str]], *, grace: float) -> None:
    """End processes with their groups."""
    deadline = time.monotonic() + grace
    for process in processes:
        _signal(process, signal.SIGINT)
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # The group may outlive its first process, and is named after it all the same.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)

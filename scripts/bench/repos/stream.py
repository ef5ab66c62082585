"""Writes objects by the hundred thousand: git's own fast-import, into one pack."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.errors import BenchError
from bench.process import environment

FIRST_SECOND = 1_763_000_000
"""The time of the first commit, seconds since the epoch."""

_WHO = "Bench <bench@example.com>"
_EVERYTHING = 2**31 - 1


def git(directory: Path, *args: str) -> str:
    """Run git; its output without the line end.

    Raises:
        BenchError: git says no.
    """
    done = subprocess.run(
        ["git", *args], cwd=directory, env=environment(), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"git {args[0]} failed in {directory}", done.stderr.decode())
    return done.stdout.decode().rstrip("\n")


class Stream:
    """An open `git fast-import`. Each commit is one second later than the one before it."""

    def __init__(self, directory: Path, *, clock: int = FIRST_SECOND):
        self.clock = clock
        self._process = subprocess.Popen(
            ["git", "fast-import", "--quiet", "--force", f"--big-file-threshold={_EVERYTHING}"],
            cwd=directory,
            env=environment(),
            stdin=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()
        if error is None and self._process.returncode != 0:
            raise BenchError("git fast-import failed")

    def commit(
        self,
        branch: str,
        files: Iterable[tuple[str, bytes]],
        *,
        message: str = "Change",
        start: str | None = None,
    ) -> None:
        """Commit files on top of `branch`, or of `start`, a branch or a commit."""
        self.clock += 1
        head = f"commit refs/heads/{branch}\ncommitter {_WHO} {self.clock} +0000\n"
        self._write(head.encode() + _data(message.encode()))
        if start is not None:
            name = start if len(start) == 40 else f"refs/heads/{start}"
            self._write(f"from {name}\n".encode())
        for path, content in files:
            self._write(b"M 100644 inline " + path.encode() + b"\n" + _data(content))

    def branch(self, name: str, start: str) -> None:
        """Point a branch at the tip of another."""
        self._write(f"reset refs/heads/{name}\nfrom refs/heads/{start}\n\n".encode())

    def tag(self, name: str, branch: str, message: str) -> None:
        """An annotated tag at the tip of a branch."""
        self.clock += 1
        head = f"tag {name}\nfrom refs/heads/{branch}\ntagger {_WHO} {self.clock} +0000\n"
        self._write(head.encode() + _data(message.encode()))

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)


def _data(body: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(body), body)

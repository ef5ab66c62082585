"""Builds real git repositories for tests, by the git command and nothing of ours."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ADA = "Ada <ada@example.com>"
BOB = "Bob <bob@example.com>"
FIRST_SECOND = 1_790_000_000

_CLEAN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of another mode: `100755` executable, `120000` symlink, `160000` submodule.

    `data` is its bytes; of a symlink the target, of a submodule the commit in hex.
    """

    mode: str
    data: bytes


Files = Mapping[str, str | bytes | File | None]
"""Path → content, None to delete it."""


class GitError(Exception):
    """git said no; the message has the command and what it said."""


def git(directory: Path, *args: str, stdin: bytes | None = None) -> str:
    """Run git in `directory` without the user's settings; its output without the line end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *args],
        cwd=directory,
        env={**kept, **_CLEAN},
        input=stdin,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise GitError(f"git {shlex.join(args)}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="surrogateescape").rstrip("\n")


class RepoBuilder:
    """One repository. Each commit is one second later than the one before it, from a fixed start.

    `commit` writes objects and moves the branch, and never touches the work tree: `checkout` does.
    """

    def __init__(self, directory: Path, *, clock: int = FIRST_SECOND):
        self.directory = directory
        self.clock = clock

    @classmethod
    def create(cls, directory: Path, branch: str = "main") -> RepoBuilder:
        """An empty repository with a work tree."""
        directory.mkdir(parents=True)
        git(directory, "init", "--quiet", "--initial-branch", branch)
        return cls(directory)

    def git(self, *args: str, stdin: bytes | None = None) -> str:
        """Run git here."""
        return git(self.directory, *args, stdin=stdin)

    def commit(
        self,
        files: Files,
        branch: str = "main",
        *,
        author: str = ADA,
        message: str = "Change",
        parent: str | None = None,
    ) -> str:
        """Commit `files` on top of `branch`, or of `parent`, as a first commit if there is none."""
        start = parent or self._tip(branch)
        self.clock += 1
        lines = [f"commit refs/heads/{branch}"]
        lines += [f"{role} {author} {self.clock} +0000" for role in ("author", "committer")]
        stream = "\n".join(lines).encode() + b"\n" + _data(message.encode())
        if start:
            stream += f"from {start}\n".encode()
        for path, content in files.items():
            stream += _change(path, content)
        self.git("fast-import", "--quiet", "--force", stdin=stream)
        return self.git("rev-parse", f"refs/heads/{branch}")

    def branch(self, name: str, start: str = "main") -> str:
        """Point a branch at `start`."""
        self.git("branch", "--force", name, start)
        return self.git("rev-parse", name)

    def checkout(self, branch: str = "main") -> None:
        """Make index and work tree those of `branch`; untracked files stay."""
        self.git("checkout", "--quiet", "--force", branch)

    def merge(self, head: str, into: str = "main", *, message: str = "Merge") -> str:
        """Merge `head` with a merge commit, as the button of a pull request does."""
        self.checkout(into)
        self.git("merge", "--no-ff", "--quiet", "-m", message, head)
        return self.git("rev-parse", "HEAD")

    def bare(self, directory: Path, *, remote: str = "origin") -> Path:
        """A bare repository with all branches of this one, which follows it as its remote."""
        directory.mkdir(parents=True)
        git(directory, "init", "--quiet", "--bare", "--initial-branch", "main")
        self.git("remote", "add", remote, str(directory))
        if self.git("for-each-ref", "refs/heads"):
            self.git("push", "--quiet", "--all", remote)
        return directory

    def clone(self, directory: Path, *options: str) -> RepoBuilder:
        """A clone of this repository."""
        return clone(self.directory, directory, *options)

    def _tip(self, branch: str) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")


def clone(source: Path, directory: Path, *options: str) -> RepoBuilder:
    """A clone of any repository, over git's own transport."""
    git(source, "clone", "--quiet", *options, f"file://{source}", str(directory))
    return RepoBuilder(directory)


def _change(path: str, content: str | bytes | File | None) -> bytes:
    quoted = _quoted(path)
    if content is None:
        return b"D " + quoted + b"\n"
    if isinstance(content, File) and content.mode == "160000":
        return b"M 160000 " + content.data + b" " + quoted + b"\n"
    mode = content.mode if isinstance(content, File) else "100644"
    data = content.data if isinstance(content, File) else content
    body = data.encode() if isinstance(data, str) else data
    return b"M " + mode.encode() + b" inline " + quoted + b"\n" + _data(body)


def _quoted(path: str) -> bytes:
    raw = path.encode(errors="surrogateescape")
    octal = (
        chr(byte) if 32 < byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in raw
    )
    return f'"{"".join(octal)}"'.encode()


def _data(body: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(body), body)

"""The git command line: one place that starts it, with a clean environment and a time limit."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelctl.errors import DependencyError

LOCAL_SECONDS, NETWORK_SECONDS = 60.0, 120.0
_GRACE_SECONDS = 2.0
_NOT_INHERITED = frozenset(
    f"GIT_{name}"
    for name in (
        *("DIR", "WORK_TREE", "IMPLICIT_WORK_TREE", "COMMON_DIR", "INDEX_FILE", "PREFIX"),
        *("OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES", "QUARANTINE_PATH", "NAMESPACE"),
        *("GRAFT_FILE", "SHALLOW_FILE", "REPLACE_REF_BASE", "CONFIG", "CURL_VERBOSE"),
        *("LITERAL_PATHSPECS", "GLOB_PATHSPECS", "NOGLOB_PATHSPECS", "ICASE_PATHSPECS"),
    )
)
"""Set while git runs a hook, they would send our commands to another repository or index."""

_USERINFO = re.compile(r"(?<=://)[^/\s'\"]*@")
_QUERY = re.compile(r"(://[^\s'\"?]*)\?[^\s'\"]*")
_TOKEN = re.compile(
    r"\b(gh[a-z]_|github_pat_|glpat-)[\w-]+|(?<=uthorization: )[^\r\n]+|(?<=[Bb]asic )[\w+/=]{8,}"
)
_WORTH_TELLING = ("fatal: ", "error: ", "remote: ", "! [")
_LONGEST = 300


_TALK_TO_REMOTES = frozenset({"clone", "fetch", "ls-remote", "push"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One line of git configuration; the value may be a secret."""

    name: str
    value: str = field(repr=False)


Grant = Callable[[], Iterable[Setting]]
_grants: list[Grant] = []
"""What `authorize` has given; of the whole process, so that its threads have it too."""


@contextlib.contextmanager
def authorize(grant: Grant) -> Iterator[None]:
    """In the block, git commands that talk to a remote have the settings that `grant` gives.

    It is asked before each of them, since tokens expire. The settings go through the environment of
    those commands: never into their arguments, a file, or the environment of this process.
    """
    _grants.append(grant)
    try:
        yield
    finally:
        _grants.remove(grant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a git command left: its exit code, its output as bytes and what it said on stderr."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """The output as text, without the line end."""
        return self.out.decode(errors="surrogateescape").rstrip("\n")


def run(
    *args: str,
    directory: Path,
    seconds: float = LOCAL_SECONDS,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run `git ARGS` in `directory`; `env` is added to the cleaned environment.

    Raises:
        DependencyError: git is not installed, or takes longer than `seconds`.
    """
    try:
        process = subprocess.Popen(
            ["git", *args],
            cwd=directory,
            env=_with_grants(args[0], {**environment(), **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that its helpers (ssh, https) can be stopped with it
        )
    except FileNotFoundError:
        raise DependencyError("git is not installed", mend="install git") from None
    out, err = _communicate(process, args[0], seconds)
    return Finished(code=process.returncode, out=out, err=err.decode(errors="replace"))


def _communicate(
    process: subprocess.Popen[bytes], name: str, seconds: float
) -> tuple[bytes, bytes]:
    with process:
        try:
            return process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _stop(process)
            raise DependencyError(
                f"git {name} took longer than {seconds:g} s", mend="try again later"
            ) from None
        except BaseException:
            _stop(process)
            raise


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End git and its helpers: gently, so that it removes its locks, and then by force."""
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def environment() -> dict[str, str]:
    """The environment of every git command: never asks, speaks English, sees one repository."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_INHERITED and not name.startswith("GIT_TRACE")
    }
    kept.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    fixed = {
        "LC_ALL": "C",  # its messages tell a lost race from a refusal
        "LANGUAGE": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",  # objects read in process aren't replaced either
        "GIT_OPTIONAL_LOCKS": "0",
    }
    return {**kept, **fixed}


def _with_grants(command: str, env: dict[str, str]) -> dict[str, str]:
    """`env` with the granted settings behind those that the caller's environment has already."""
    count = env.get("GIT_CONFIG_COUNT") or "0"
    if command not in _TALK_TO_REMOTES or not count.isdigit():
        return env  # git itself complains of a count that is none
    granted = [setting for grant in _grants for setting in grant()]
    first = int(count)
    for number, setting in enumerate(granted, start=first):
        env[f"GIT_CONFIG_KEY_{number}"] = setting.name
        env[f"GIT_CONFIG_VALUE_{number}"] = setting.value
    return {**env, "GIT_CONFIG_COUNT": str(first + len(granted))} if granted else env


def condensed(stderr: str) -> str:
    """What git complained of, in one line that is safe to show: no credentials, no hints."""
    lines = [line.strip() for line in redacted(stderr).splitlines()]
    lines = [line for line in lines if line.removeprefix("remote:").strip()]
    telling = [line for line in lines if line.startswith(_WORTH_TELLING)] or lines
    told = "; ".join(dict.fromkeys(telling))
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def redacted(text: str) -> str:
    """`text` without the user names, passwords, tokens and queries of the addresses in it."""
    return _TOKEN.sub("…", _QUERY.sub(r"\1", _USERINFO.sub("", text)))

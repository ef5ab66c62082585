"""Bare repositories on disk: made, read and moved by the forge itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pygit2

HOOKS = Path(__file__).with_name("hooks")
"""Run by git for each push; see `git_http.py`."""

CONFIG = {
    "core.hooksPath": str(HOOKS),
    "http.receivepack": "true",
    "http.uploadpack": "true",
    "receive.autogc": "false",
    "receive.hideRefs": "refs/pull",
    "gc.auto": "0",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
}


EVERYTHING = ("refs/heads/*", "refs/tags/*")


def environment() -> dict[str, str]:
    """Git's, without the settings of whoever runs the forge."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def run_git(path: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Git in that repository; RuntimeError with its own words if it fails."""
    done = subprocess.run(
        ["git", "-C", str(path), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done


def create_bare(path: Path, default_branch: str, source: Path | None = None) -> None:
    """A new bare repository, with everything of `source` if that is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    repository = pygit2.init_repository(str(path), bare=True, initial_head=default_branch)
    for key, value in CONFIG.items():
        repository.config[key] = value
    if source is not None:
        run_git(path, "fetch", "--quiet", str(source), *(f"+{s}:{s}" for s in EVERYTHING))


def opened(path: Path) -> pygit2.Repository:
    """For one thread and one request: libgit2's handles are not to be shared."""
    return pygit2.Repository(str(path))


def tip(repository: pygit2.Repository, ref: str) -> str | None:
    """The commit at a full ref name, or None."""
    found = repository.references.get(ref)
    return None if found is None else str(found.peel(pygit2.Commit).id)


def commit_at(git: pygit2.Repository, sha: str) -> pygit2.Commit:
    """A commit that is known to be there, by its sha or a tag's; KeyError if it isn't."""
    return git[sha].peel(pygit2.Commit)


def branch_tip(path: Path, branch: str) -> str | None:
    """The commit of a branch, or None."""
    return tip(opened(path), f"refs/heads/{branch}")


ZERO = "0" * 40


def move(path: Path, ref: str, new: str | None, old: str | None) -> bool:
    """Compare and swap: False if the ref was no longer at `old` (None: was not there), or somebody
    else is moving it at this moment."""
    if new is None:
        return run_git(path, "update-ref", "-d", ref, old or ZERO, check=False).returncode == 0
    # Git's own way: whoever makes the lock file writes the ref. Starting git for it would take a
    # hundred times as long.
    lock = path / f"{ref}.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("x") as file:
            file.write(f"{new}\n")
    except OSError:
        return False
    if tip(opened(path), ref) == old:
        lock.replace(path / ref)
        return True
    lock.unlink()
    return False


def put(path: Path, ref: str, new: str) -> None:
    """Set one of the forge's own refs, wherever it was."""
    opened(path).references.create(ref, new, force=True)

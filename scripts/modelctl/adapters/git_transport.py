"""Git's transport: fetching, and publishing a branch by compare-and-swap.

A branch is never rewound and never overwritten: whoever comes second fetches what the first one
wrote and builds on it.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from modelctl.adapters.git_cli import NETWORK_SECONDS, Finished, condensed, redacted, run
from modelctl.adapters.git_refs import branch_ref
from modelctl.errors import DependencyError, ModelctlError

_FETCH = (
    *("fetch", "--no-tags", "--no-write-fetch-head"),  # --quiet would hide what was rejected
    *("--no-recurse-submodules", "--no-auto-maintenance"),
)
_PUSH = (
    *("push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"),
    "--recurse-submodules=no",
)
_ABSENT = re.compile(r"couldn't find remote ref")
_REWRITTEN = re.compile(r"\(non-fast-forward\)")
_LOST_RACE = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|"
    r"incorrect old value|unable to update local ref|[Uu]nable to create .*\.lock'"
)
_IN_THE_WAY = re.compile(r"'([^']*)' exists; cannot create")
"""A branch `env` leaves no room for a branch `env/dev`: no other writer will change that."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.1  # longer, and who lost often would hardly ever try
_LOCAL_ATTEMPTS = 10


class InTheWay(DependencyError):  # noqa: N818 - it says what is wrong
    """A reference leaves no room for another one: `a` for `a/b`, or the other way round."""


def pause(attempt: int) -> None:
    """Wait after a lost race: at random, so that many writers don't collide again, and longer
    each time. `attempt` counts from 0."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 - nothing secret hangs on it


def fetch(directory: Path, remote: str, refspecs: Sequence[str], *, prune: bool = False) -> None:
    """Fetch `refspecs` from `remote`; with `prune` what these brought once and is gone there is
    taken away before.

    Raises:
        InTheWay: what is seen now has no room beside what was seen before.
        DependencyError: the remote can't be reached, or has not got one of them.
    """
    done = _patiently(directory, *_FETCH, *(("--prune",) if prune else ()), remote, *refspecs)
    if done.code != 0:
        raise _unreachable(remote, done)


_LOOKS = 3


def fetch_branch(directory: Path, remote: str, branch: str, known: bool) -> bool:
    """Bring the remote-tracking reference of one branch up to date; whether the branch exists.

    `known` is whether it was there before: then its absence is an error, and so is a new tip that
    does not follow the old one.

    Raises:
        ModelctlError: the branch was deleted or rewritten on the remote.
        DependencyError: the remote can't be reached.
    """
    tracking = branch_ref(branch, remote)
    refspec = f"{branch_ref(branch)}:{tracking}"
    for _ in range(_LOOKS):
        done = _patiently(directory, *_FETCH, remote, refspec)  # no `+`: only ever forward
        if done.code == 0:
            return True
        # Another process of this clone may have fetched something newer in between.
        if not _REWRITTEN.search(done.err):
            break
    if _ABSENT.search(done.err):
        if known:
            raise _tampered(branch, remote, f"git push {remote} {tracking}:{branch_ref(branch)}")
        return False
    if _REWRITTEN.search(done.err):
        raise _tampered(branch, remote, f"git fetch {remote} +{refspec}, if that was meant")
    raise _unreachable(remote, done)


def fetch_seen(directory: Path, remote: str, branches: Sequence[str]) -> bool:
    """Bring the remote-tracking references of branches up to date that were seen before; False when
    that doesn't work for each, and then it is done for none: one by one they tell why."""
    specs = (f"{branch_ref(branch)}:{branch_ref(branch, remote)}" for branch in branches)
    return _patiently(directory, *_FETCH, "--atomic", remote, *specs).code == 0


def fetch_rewritable(directory: Path, remote: str, branch: str) -> bool:
    """Make the remote-tracking reference of a branch of people's what the remote has now, though it
    was rewritten; whether the branch is there.

    Raises:
        DependencyError: the remote can't be reached.
    """
    refspec = f"+{branch_ref(branch)}:{branch_ref(branch, remote)}"
    done = _patiently(directory, *_FETCH, remote, refspec)
    if done.code != 0 and not _ABSENT.search(done.err):
        raise _unreachable(remote, done)
    return done.code == 0


def push(directory: Path, remote: str, branch: str, new: str, old: str | None) -> bool:
    """Move `branch` on `remote` from `old` (None: it isn't there) to `new`; False if it moved.

    Raises:
        DependencyError: the remote can't be reached, or refuses.
    """
    ref = branch_ref(branch)
    done = run(
        *_PUSH,
        f"--force-with-lease={ref}:{old or ''}",
        remote,
        f"{new}:{ref}",
        directory=directory,
        seconds=NETWORK_SECONDS,
    )
    if done.code == 0:
        return True
    report = f"{done.text}\n{done.err}"
    if _lost_race(report):
        return False
    if way := _IN_THE_WAY.search(report):
        obstacle = way[1].removeprefix("refs/heads/")
        raise InTheWay(
            f"{remote} has a branch {obstacle}, which leaves no room for {branch}",
            mend=f"find out who made it; then git push {remote} --delete {obstacle}",
        )
    if "rejected]" in report:
        raise DependencyError(
            f"{remote} refuses to change {branch}: {condensed(report)}",
            mend=f"let this job push to {branch}",
        )
    raise _unreachable(remote, done)


def move(directory: Path, ref: str, new: str, old: str | None) -> bool:
    """Move a reference of this repository from `old` (None: it isn't there) to `new`.

    False if it moved meanwhile, or somebody else is just moving it.

    Raises:
        DependencyError: git can't write it.
    """
    message = ("-m", "modelctl", "--create-reflog")
    done = run("update-ref", *message, ref, new, old or "", directory=directory)
    if done.code == 0:
        return True
    if _lost_race(done.err):
        return False
    problem = f"git can't write {ref}: {condensed(done.err)}"
    if _IN_THE_WAY.search(done.err):
        raise InTheWay(problem, mend="run it again; it forgets what is gone on the remote")
    raise DependencyError(problem)


def follow(directory: Path, ref: str, new: str, tip: Callable[[], str | None]) -> None:
    """Move a tracking reference forward to `new`, unless `tip` says that it is there already.

    Raises:
        DependencyError: a lock stays in the way.
    """
    for attempt in range(_LOCAL_ATTEMPTS):
        old = tip()
        if old == new or move(directory, ref, new, old):
            return
        pause(attempt)
    raise _locked(f"{ref} stays locked")


def _lost_race(report: str) -> bool:
    return bool(_LOST_RACE.search(report)) and not _IN_THE_WAY.search(report)


def _patiently(directory: Path, *args: str) -> Finished:
    """Run a fetch, again while another process of this clone holds a lock that it needs."""
    done = run(*args, directory=directory, seconds=NETWORK_SECONDS)
    for attempt in range(_LOCAL_ATTEMPTS):
        if done.code == 0 or _REWRITTEN.search(done.err) or not _lost_race(done.err):
            break
        pause(attempt)
        done = run(*args, directory=directory, seconds=NETWORK_SECONDS)
    return done


def _tampered(branch: str, remote: str, mend: str) -> ModelctlError:
    return ModelctlError(
        f"{branch} was deleted or rewritten on {remote}; it is never rewound",
        mend=f"find out who did it; then {mend}",
    )


def refused(branch: str, remote: str, problem: str) -> ModelctlError:
    """The error of a branch whose new commits did what no machine does."""
    tracking = branch_ref(branch, remote)
    refspec = f"+{branch_ref(branch)}:{tracking}"
    return ModelctlError(
        f"{branch} on {remote} was tampered with: {problem}",
        mend=f"find out who did it, and put {tracking} back; git fetch {remote} {refspec}, if it "
        "was meant",
    )


def _locked(message: str) -> DependencyError:
    return DependencyError(message, mend="if no git runs here, remove the .lock file that is left")


def _unreachable(remote: str, done: Finished) -> DependencyError:
    told = condensed(done.err) or condensed(done.text) or f"git exited with {done.code}"
    if _IN_THE_WAY.search(done.err):
        return InTheWay(told, mend=f"git remote prune {remote}")
    if _lost_race(done.err):
        return _locked(f"the fetch could not be written down: {told}")
    return DependencyError(
        f"{redacted(remote)} can't be reached: {told}", mend="check the network and the credentials"
    )

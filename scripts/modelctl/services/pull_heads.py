"""The heads of pull requests, brought here as objects: never checked out, never executed.

What the API says and what git has are two things that a push changes one after the other, so they
are asked again until they agree: reviews, labels and check runs then belong to what is judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelctl.domain.pulls import PullSummary
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub

_PAUSES = (0.2, 1.0, 3.0, 5.0)
"""Seconds between the looks: GitHub moves the reference a moment after a push is told."""


def bring(session: Session, github: GitHub, pull: PullSummary) -> PullSummary:
    """The pull request as it is when its head is here; it may have been closed meanwhile.

    Raises:
        DependencyError: the remote can't be reached, or its head moves again and again.
    """
    for pause in (*_PAUSES, None):
        if not pull.is_open or is_here(session, pull):
            return pull
        fetch(session, (pull,))
        if is_here(session, pull):
            return pull
        if pause is not None:
            time.sleep(pause)
            pull = github.pulls.get(pull.number)
    raise DependencyError(
        f"the head of #{pull.number} is not what GitHub says it is, again and again",
        mend="judge it again when nobody pushes to it",
    )


def fetch(session: Session, pulls: Iterable[PullSummary]) -> None:
    """Brings the heads of pull requests here that aren't here yet, all at once.

    Raises:
        DependencyError: the remote can't be reached, or has not got one of them.
    """
    missing = [pull.number for pull in pulls if not is_here(session, pull)]
    remote = session.repository.remote
    if remote is None:
        raise ModelctlError(
            "this repository has no remote to fetch pull requests from",
            mend="git remote add origin URL",
        )
    if missing:
        session.repository.fetch(remote, [f"+{_there(n)}:{_here(n)}" for n in missing])


def is_here(session: Session, pull: PullSummary) -> bool:
    """Whether the head that GitHub told of was fetched, by its own reference or as a branch."""
    repository = session.repository
    branch = None if pull.is_fork else repository.remote_first(pull.branch)
    return pull.head in (branch, _tip(session, _here(pull.number)))


def _there(number: int) -> str:
    return f"refs/pull/{number}/head"


def _here(number: int) -> str:
    """Beside the branches, so that nothing takes it for one."""
    return f"refs/modelctl/pull/{number}"


def _tip(session: Session, ref: str) -> str | None:
    try:
        return session.repository.resolve(ref)
    except ModelctlError:
        return None

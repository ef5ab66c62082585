"""The merged pull requests behind commits, as GitHub tells them, each looked up when it is asked
for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from modelctl.domain.pulls import PullSummary
from modelctl.domain.reviews import PullRequest
from modelctl.domain.tree import Commit
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.merges import Claim
from modelctl.services.pull_heads import fetch
from modelctl.services.pull_judging import Bench, with_teams

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub
    from modelctl.services.session import Session


_T = TypeVar("_T")
_BUTTON = re.compile(r"Merge pull request #([1-9]\d{0,8}) from ")


class MergedPulls:
    """Answers as `services.merges.Merged` does, by GitHub: asks for the list of a commit, and for
    the reviews of a pull request, once and when they are needed.

    What GitHub doesn't tell can't be decided, so every error is a DependencyError.
    """

    def __init__(self, session: Session, github: GitHub):
        self._session = session
        self._bench = Bench(session=session, github=github)
        self._known: dict[str, tuple[PullSummary, ...]] = {}
        self._reviewed: dict[int, PullRequest] = {}
        self.summaries: dict[int, PullSummary] = {}

    def __call__(self, merge: Commit) -> Iterator[Claim]:
        hint = _number_in(merge)
        known = _told(merge.sha, partial(self._listed, merge.sha))
        for pull in sorted(known, key=lambda p: (p.number != hint, p.is_fork, p.number)):
            yield self._claim(merge.sha, pull)
        # GitHub may list a single one for a commit of the default branch.
        if hint is not None and hint not in [pull.number for pull in known]:
            yield from self._hinted(merge.sha, hint)

    def _listed(self, sha: str) -> tuple[PullSummary, ...]:
        if sha not in self._known:
            self._known[sha] = self._bench.github.pulls.merged_as(sha)
            self.summaries.update({pull.number: pull for pull in self._known[sha]})
        return self._known[sha]

    def _hinted(self, sha: str, number: int) -> Iterator[Claim]:
        """The pull request that a commit's message names, if GitHub says the same of it."""
        try:
            pull = self.summary(number)
        except DependencyError:
            raise
        except ModelctlError:  # there is none: whoever wrote the message made it up
            return
        if pull.is_merged and pull.merge_commit == sha:
            yield self._claim(sha, pull)

    def _claim(self, sha: str, pull: PullSummary) -> Claim:
        return Claim(
            number=pull.number,
            base=pull.base,
            head=pull.head,
            merge_commit=sha,
            read=partial(_told, sha, partial(self._read, pull)),
        )

    def _read(self, pull: PullSummary) -> PullRequest:
        if pull.number not in self._reviewed:
            fetch(self._session, (pull,))
            reviewed = self._bench.github.pulls.reviewed(pull)
            self._reviewed[pull.number] = with_teams(self._bench, reviewed)
        return self._reviewed[pull.number]

    def summary(self, number: int) -> PullSummary:
        """A pull request of which the number is known."""
        if number not in self.summaries:
            self.summaries[number] = self._bench.github.pulls.get(number)
        return self.summaries[number]


def _number_in(merge: Commit) -> int | None:
    """The number in the message that GitHub's button writes. Anybody can write such a message."""
    found = _BUTTON.match(merge.message)
    return int(found[1]) if found else None


def _told(sha: str, ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except DependencyError:
        raise
    except ModelctlError as error:
        raise DependencyError(
            f"nobody can tell who approved commit {sha[:12]}: {error.message}", mend=error.mend
        ) from None

"""Pull requests. Branches, ids and commits decide; titles, bodies and labels are for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from modelctl.adapters.github import failures, reading
from modelctl.adapters.github.people import People
from modelctl.adapters.github.repository import RepositoryApi
from modelctl.adapters.json_node import Node
from modelctl.adapters.reviews import Subject, pull_request_of
from modelctl.domain.pulls import PullSummary
from modelctl.domain.reviews import PullRequest
from modelctl.errors import ConflictError

MOST_FILES: Final = 3_000
"""GitHub lists no more files of a pull request: of one that has so many, some may be hidden."""

MOST_COMMITS: Final = 250
"""GitHub lists no more commits of a pull request."""

_EXISTS = "already exists"


class Pulls:
    """The pull requests of the repository.

    Each method may raise ModelctlError, when GitHub refuses or there is no such thing, and
    DependencyError, when there is no usable answer.
    """

    def __init__(self, api: RepositoryApi, people: People):
        self._api = api
        self._people = people

    def get(self, number: int) -> PullSummary:
        """One pull request."""
        at = self._api.at("pulls", number)
        return self._api.read(self._api.transport.get(at), f"GET {at}", reading.pull)

    def open(
        self, *, base: str | None = None, branch: str | None = None
    ) -> tuple[PullSummary, ...]:
        """The open ones: into `base`, and from `branch` of this repository, where those are
        given."""
        params = {"state": "open"}
        if base is not None:
            params["base"] = base
        if branch is not None:
            params["head"] = f"{self._api.access.owner}:{branch}"
        found = self._listed(self._api.at("pulls"), params)
        # A filter that a server passes over would give us somebody else's pull request.
        return tuple(
            pull
            for pull in found
            if pull.is_open
            and base in (None, pull.base)
            and (branch is None or (pull.branch == branch and not pull.is_fork))
        )

    def merged_as(self, sha: str) -> tuple[PullSummary, ...]:
        """Those whose merge made the commit."""
        found = self._listed(self._api.at("commits", sha, "pulls"), absent=(404, 422))
        return tuple(pull for pull in found if pull.is_merged and pull.merge_commit == sha)

    def with_head(self, sha: str) -> tuple[PullSummary, ...]:
        """The open ones whose head is the commit, those of forks included.

        A request for every hundred that are open: what GitHub lists for the commit itself may lack
        those of forks, whose commits aren't the repository's own.
        """
        return tuple(pull for pull in self.open() if pull.head == sha)

    def reviewed(self, pull: PullSummary, teams: Iterable[str] = ()) -> PullRequest:
        """The pull request with its reviews, its authors, and the active members of `teams`.

        It isn't `complete` when GitHub's limits may hide commits. Teams that can't be seen are
        left out.

        Raises:
            ConflictError: its head or base moved meanwhile.
        """
        pull = self._with_counts(pull)
        at = self._api.at("pulls", pull.number)
        reviews = self._nodes(f"{at}/reviews")
        commits = self._nodes(f"{at}/commits")
        whole = len(commits) == pull.commits and len(commits) < MOST_COMMITS
        if whole and pull.head not in [
            self._api.read(one.value, one.file, _sha) for one in commits
        ]:
            raise _moved(pull.number)
        members = {slug: self._people.team(slug) for slug in dict.fromkeys(teams)}
        visible = {slug: logins for slug, logins in members.items() if logins is not None}
        subject = Subject(
            number=pull.number,
            author=pull.author,
            base=pull.base,
            head=pull.head,
            requested=pull.requested,
            merge_commit=pull.merge_commit,
            is_merged=pull.is_merged,
        )
        return self._api.read(
            None,
            f"GET {at}",
            lambda _: pull_request_of(subject, reviews, commits, complete=whole, teams=visible),
        )

    def files(self, pull: PullSummary) -> tuple[str, ...]:
        """The paths that it changes, with both names of what is renamed.

        Raises:
            DependencyError: GitHub doesn't list them all.
        """
        pull = self._with_counts(pull)
        nodes = self._nodes(self._api.at("pulls", pull.number, "files"))
        if len(nodes) != pull.changed_files or len(nodes) >= MOST_FILES:
            what = f"the files of #{pull.number}"
            raise failures.cut(what, f"it has {len(nodes)} of {pull.changed_files}")
        paths = (self._api.read(node.value, node.file, _paths) for node in nodes)
        return tuple(dict.fromkeys(one for both in paths for one in both))

    def create(self, *, title: str, body: str, base: str, branch: str) -> PullSummary:
        """Open one from `branch` of this repository, or find the one that is open already."""
        at = self._api.at("pulls")
        wanted = {"title": title, "body": body, "base": base, "head": branch}
        # GitHub refuses a second one for the same branches, so a lost answer may be asked again.
        answer = self._api.transport.send("POST", at, wanted, accept=(422,))
        if answer.status == 422:
            message = failures.message_of(answer.data)
            found = self.open(base=base, branch=branch) if _EXISTS in message else ()
            if not found:
                raise self._api.transport.refusal(f"POST {at}", answer)
            return found[0]
        return self._api.read(answer.data, f"POST {at}", reading.pull)

    def update(self, number: int, *, title: str | None = None, body: str | None = None) -> None:
        """Give it another title or another body."""
        given = {"title": title, "body": body}
        changes = {name: text for name, text in given.items() if text is not None}
        if changes:
            self._api.transport.send("PATCH", self._api.at("pulls", number), changes)

    def close(self, number: int) -> None:
        """Close it unmerged."""
        self._api.transport.send("PATCH", self._api.at("pulls", number), {"state": "closed"})

    def request_reviewers(self, number: int, users: Sequence[str], teams: Sequence[str]) -> None:
        """Ask people, by login, and teams, by slug, for a review."""
        wanted = {"reviewers": list(users), "team_reviewers": list(teams)}
        given = {name: names for name, names in wanted.items() if names}
        if given:
            at = self._api.at("pulls", number, "requested_reviewers")
            self._api.transport.send("POST", at, given)

    def set_labels(self, pull: PullSummary, add: Iterable[str], remove: Iterable[str]) -> None:
        """Add and remove labels, as far as they aren't there or not there; others stay."""
        there = {label.casefold() for label in pull.labels}
        at = self._api.at("issues", pull.number, "labels")
        wanted = dict.fromkeys(add)
        missing = [label for label in wanted if label.casefold() not in there]
        if missing:
            self._api.transport.send("POST", at, {"labels": missing})
        kept = {label.casefold() for label in wanted}
        for label in dict.fromkeys(remove):
            if label.casefold() in there - kept:
                one = self._api.at("issues", pull.number, "labels", label)
                self._api.transport.send("DELETE", one, accept=(404,))

    def _with_counts(self, pull: PullSummary) -> PullSummary:
        """`pull` with its numbers of commits and files, which lists don't give."""
        if pull.commits is not None and pull.changed_files is not None:
            return pull
        found = self.get(pull.number)
        if (found.head, found.base) != (pull.head, pull.base):
            raise _moved(pull.number)
        return found

    def _listed(
        self, at: str, params: dict[str, Any] | None = None, absent: tuple[int, ...] = ()
    ) -> tuple[PullSummary, ...]:
        found = self._api.transport.listed(at, params, absent=absent) or []
        return tuple(self._api.read(one, f"GET {at}", reading.pull) for one in found)

    def _nodes(self, at: str) -> list[Node]:
        return [Node(value=one, file=f"GET {at}") for one in self._api.transport.pages(at)]


def _sha(node: Node) -> str:
    return node.field("sha").text()


def _paths(node: Node) -> tuple[str, ...]:
    """The path of a changed file, and the one that it had before."""
    before = node.optional("previous_filename")
    return (node.field("filename").text(), *((before.text(),) if before else ()))


def _moved(number: int) -> ConflictError:
    return ConflictError(f"pull request #{number} moved while it was read", mend="run it again")

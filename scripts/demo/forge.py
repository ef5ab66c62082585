"""What GitHub does in real life: pull requests, reviews, and merges into the shared repository.

Pull requests are kept as files in the shape of GitHub's REST API, as `--reviews` reads them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import SortMode

from demo.failure import DemoError
from demo.people import Person


@dataclass(slots=True, kw_only=True, eq=False)
class PullRequest:
    """A pull request. `file` is where it is kept; `head` follows the branch until it is merged."""

    number: int
    title: str
    author: Person
    base: str
    branch: str
    file: Path
    head: str
    commits: list[dict[str, Any]]
    reviews: list[dict[str, Any]] = field(default_factory=list)
    merge_commit: str | None = None


class Forge:
    """The shared repository with its pull requests. `people` are those who have an account."""

    def __init__(self, remote: Path, folder: Path, people: tuple[Person, ...]):
        self._repository = pygit2.Repository(str(remote))
        self._folder = folder
        self._accounts = {person.email: person for person in people}
        self._pulls = 0
        self._reviews = 1000

    def open(self, author: Person, branch: str, base: str, title: str) -> PullRequest:
        """Open a pull request from a branch that was pushed."""
        self._pulls += 1
        head = self._tip(branch)
        pull = PullRequest(
            number=self._pulls,
            title=title,
            author=author,
            base=base,
            branch=branch,
            file=self._folder / f"{self._pulls}.json",
            head=head,
            commits=self._commits(self._tip(base), head),
        )
        self._save(pull)
        return pull

    def approve(self, pull: PullRequest, *people: Person) -> None:
        """People approve the head."""
        for person in people:
            self._reviews += 1
            review = {
                "id": self._reviews,
                "user": _user(person),
                "state": "APPROVED",
                "commit_id": pull.head,
                "submitted_at": _now(),
            }
            pull.reviews.append(review)
        self._save(pull)

    def merge(self, pull: PullRequest, by: Person) -> str:
        """Merge it with a merge commit, as GitHub's button does; the commit.

        Raises:
            DemoError: there is a conflict.
        """
        repository, base = self._repository, self._tip(pull.base)
        index = repository.merge_commits(base, pull.head)
        if index.conflicts is not None:
            raise DemoError(f"pull request {pull.number} conflicts with {pull.base}")
        who = pygit2.Signature(by.login, by.email)
        message = f"Merge pull request #{pull.number} from {pull.branch}\n\n{pull.title}\n"
        parents = [pygit2.Oid(hex=base), pygit2.Oid(hex=pull.head)]
        reference = f"refs/heads/{pull.base}"
        tree = index.write_tree(repository)
        pull.merge_commit = str(
            repository.create_commit(reference, who, who, message, tree, parents)
        )
        self._save(pull)
        return pull.merge_commit

    def _tip(self, branch: str) -> str:
        return str(self._repository.references[f"refs/heads/{branch}"].target)

    def _commits(self, base: str, head: str) -> list[dict[str, Any]]:
        walker = self._repository.walk(pygit2.Oid(hex=head), SortMode.TOPOLOGICAL)
        walker.hide(pygit2.Oid(hex=base))
        return [self._commit(commit) for commit in walker]

    def _commit(self, commit: Any) -> dict[str, Any]:
        author, committer = commit.author, commit.committer
        return {
            "sha": str(commit.id),
            "commit": {
                "message": commit.message,
                "author": {"name": author.name, "email": author.email},
                "committer": {"name": committer.name, "email": committer.email},
            },
            "author": _user(self._accounts[author.email]),
            "committer": _user(self._accounts[committer.email]),
        }

    def _save(self, pull: PullRequest) -> None:
        data = {
            "pull_request": {
                "number": pull.number,
                "title": pull.title,
                "user": _user(pull.author),
                "base": {"ref": pull.base},
                "head": {"ref": pull.branch, "sha": pull.head},
                "commits": len(pull.commits),
                "requested_reviewers": [],
                "merged": pull.merge_commit is not None,
                "merge_commit_sha": pull.merge_commit,
            },
            "reviews": pull.reviews,
            "commits": pull.commits,
        }
        pull.file.write_text(json.dumps(data, indent=1))


def _user(person: Person) -> dict[str, Any]:
    return {"id": person.id, "login": person.login, "type": "User"}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Reads pull requests and their reviews: from a file (`--reviews FILE`), and for `adapters/github`
from the API's answers, by the same code.

The file is JSON in the shapes of GitHub's REST API, so that its answers can be saved as they are
(https://docs.github.com/rest/pulls). It holds one object, or a list of them:

    {"pull_request": {...}, "reviews": [...], "commits": [...], "teams": {"<slug>": ["<login>"]}}

`pull_request` is the answer of `GET /repos/O/R/pulls/N`, `reviews` that of `…/reviews`, `commits`
that of `…/commits`. `teams` has the active members of teams, where they are known. Other fields are
passed over.

A cut list hides commits and reviews, so completeness has to be shown. `pull_request.commits` must
be the number of `commits`; where it isn't given, or `reviews` is just as long as full pages of the
API are, `"complete": true` must say that all pages are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from modelctl.adapters.json_node import Node, read_json
from modelctl.domain.authorship import Credit, authorship
from modelctl.domain.reviews import PullRequest, Review, User
from modelctl.errors import ModelctlError

_PAGE_DEFAULT, _PAGE_MAX = 30, 100


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...

    @property
    def merge_commit(self) -> str | None: ...


_P = TypeVar("_P", bound=_Numbered)


def load_pull_requests(path: Path) -> tuple[PullRequest, ...]:
    """The pull requests in a file, in its order.

    Raises:
        ModelctlError: it can't be read, isn't JSON, or a value is missing or of another type; the
            message has the place of the value as a JSON path.
    """
    root = read_json(path)
    nodes = root.items() if isinstance(root.value, list) else [root]
    return tuple(_pull_request(node) for node in nodes)


def find_merged(pull_requests: Iterable[_P], merge_commit: str) -> _P | None:
    """The pull request whose merge made `merge_commit`, or None.

    Raises:
        ModelctlError: several claim it, so nobody can say whose approvals count.
    """
    found = [p for p in pull_requests if p.merge_commit == merge_commit]
    if len(found) > 1:
        numbers = ", ".join(f"#{p.number}" for p in found)
        raise ModelctlError(
            f"several pull requests say that they were merged as {merge_commit[:12]}: {numbers}",
            mend="keep only the one that was",
        )
    return found[0] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The pull request that reviews and commits belong to."""

    number: int
    author: User
    base: str
    head: str
    requested: tuple[User, ...]
    merge_commit: str | None
    is_merged: bool = False


def pull_request_of(
    subject: Subject,
    reviews: Iterable[Node],
    commits: Iterable[Node],
    *,
    complete: bool,
    teams: Mapping[str, frozenset[str]],
) -> PullRequest:
    """A pull request with its reviews and commits, in the shapes of GitHub's REST API.

    `complete` says that no list is cut, `teams` has the active members of teams.

    Raises:
        ModelctlError: a value is missing or of another type.
    """
    heard = tuple(_review(review) for review in reviews)
    credits_ = tuple(_credit(commit) for commit in commits)
    reviewers = [review.user for review in heard if review.user is not None]
    wrote = authorship(credits_, [subject.author, *subject.requested, *reviewers])
    return PullRequest(
        number=subject.number,
        author=subject.author,
        base=subject.base,
        head=subject.head,
        reviews=heard,
        authors=wrote.accounts,
        unknown_authors=wrote.unknown,
        requested=subject.requested,
        merge_commit=subject.merge_commit,
        is_merged=subject.is_merged,
        complete=complete,
        active_teams=MappingProxyType(dict(teams)),
    )


def _pull_request(node: Node) -> PullRequest:
    pull = node.field("pull_request")
    reviews, commits = list(node.field("reviews").items()), list(node.field("commits").items())
    merge_commit = pull.optional("merge_commit_sha")
    subject = Subject(
        number=pull.field("number").number(),
        author=read_user(pull.field("user")),
        base=pull.field("base").field("ref").text(),
        head=pull.field("head").field("sha").text(),
        requested=read_users(pull.optional("requested_reviewers")),
        merge_commit=merge_commit.text() if merge_commit else None,
        is_merged=pull.optional("merged_at") is not None,
    )
    complete = _is_complete(node, pull, len(commits), len(reviews))
    return pull_request_of(subject, reviews, commits, complete=complete, teams=_teams(node))


def _is_complete(node: Node, pull: Node, commits: int, reviews: int) -> bool:
    flag, count = node.optional("complete"), pull.optional("commits")
    said = flag.flag() if flag else None
    if said is False or (count is not None and count.number() != commits):
        return False
    a_page = reviews > 0 and (reviews % _PAGE_DEFAULT == 0 or reviews % _PAGE_MAX == 0)
    return said is True or (count is not None and not a_page)


def _review(node: Node) -> Review:
    user, commit, at = (node.optional(name) for name in ("user", "commit_id", "submitted_at"))
    return Review(
        user=read_user(user) if user else None,
        state=node.field("state").text().upper(),
        commit=commit.text() if commit else None,
        at=at.instant() if at else None,
        id=node.field("id").number(),
    )


def _credit(node: Node) -> Credit:
    commit = node.field("commit")
    author, committer = node.optional("author"), node.optional("committer")
    signature = commit.optional("committer")
    return Credit(
        author=_account(author),
        author_email=commit.field("author").field("email").text(),
        message=commit.field("message").text(),
        committer=_account(committer),
        committer_email=signature.field("email").text() if signature else None,
    )


def _account(node: Node | None) -> User | None:
    """The account of a commit; GitHub gives null, or an empty object, where it found none."""
    return read_user(node) if node and node.value != {} else None


def read_users(node: Node | None) -> tuple[User, ...]:
    """The accounts in a list of the API; none where there is no list."""
    return tuple(read_user(item) for item in node.items()) if node else ()


def read_user(node: Node) -> User:
    """An account as the API gives it."""
    kind = node.optional("type")
    return User(
        id=node.field("id").number(),
        login=node.field("login").text(),
        kind=kind.text() if kind else "User",
    )


def _teams(node: Node) -> dict[str, frozenset[str]]:
    teams = node.optional("teams")
    if teams is None:
        return {}
    return {slug: _logins(members) for slug, members in teams.fields()}


def _logins(node: Node) -> frozenset[str]:
    return frozenset(item.text() for item in node.items())

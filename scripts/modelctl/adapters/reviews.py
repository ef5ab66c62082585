"""Reads pull requests and their reviews from a file: `--reviews FILE`.

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

from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

from modelctl.adapters.json_node import Node, read_json
from modelctl.domain.authorship import Credit, authorship
from modelctl.domain.reviews import PullRequest, Review, User
from modelctl.errors import ModelctlError

_PAGE_DEFAULT, _PAGE_MAX = 30, 100


def load_pull_requests(path: Path) -> tuple[PullRequest, ...]:
    """The pull requests in a file, in its order.

    Raises:
        ModelctlError: it can't be read, isn't JSON, or a value is missing or of another type; the
            message has the place of the value as a JSON path.
    """
    root = read_json(path)
    nodes = root.items() if isinstance(root.value, list) else [root]
    return tuple(_pull_request(node) for node in nodes)


def find_merged(pull_requests: Iterable[PullRequest], merge_commit: str) -> PullRequest | None:
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


def _pull_request(node: Node) -> PullRequest:
    pull = node.field("pull_request")
    reviews = tuple(_review(review) for review in node.field("reviews").items())
    commits = tuple(_credit(commit) for commit in node.field("commits").items())
    author, requested = _user(pull.field("user")), _users(pull.optional("requested_reviewers"))
    reviewers = [review.user for review in reviews if review.user is not None]
    wrote = authorship(commits, [author, *requested, *reviewers])
    merge_commit = pull.optional("merge_commit_sha")
    return PullRequest(
        number=pull.field("number").number(),
        author=author,
        base=pull.field("base").field("ref").text(),
        head=pull.field("head").field("sha").text(),
        reviews=reviews,
        authors=wrote.accounts,
        unknown_authors=wrote.unknown,
        requested=requested,
        merge_commit=merge_commit.text() if merge_commit else None,
        complete=_is_complete(node, pull, len(commits), len(reviews)),
        active_teams=MappingProxyType(_teams(node)),
    )


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
        user=_user(user) if user else None,
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
    return _user(node) if node and node.value != {} else None


def _users(node: Node | None) -> tuple[User, ...]:
    return tuple(_user(item) for item in node.items()) if node else ()


def _user(node: Node) -> User:
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

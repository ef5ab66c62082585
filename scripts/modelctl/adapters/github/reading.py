"""The API's JSON as our values. What isn't as its description says is an error, never a guess.

https://docs.github.com/rest
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from modelctl.adapters.github import failures
from modelctl.adapters.json_node import Node
from modelctl.adapters.reviews import read_user, read_users
from modelctl.domain.pulls import (
    Comment,
    DeploymentState,
    ForgeDeployment,
    Issue,
    PullSummary,
)
from modelctl.domain.reviews import User
from modelctl.errors import ModelctlError

_T = TypeVar("_T")
_GHOST = User(id=10137, login="ghost")
"""Whom GitHub names where an account was deleted."""


def read(value: Any, where: str, reader: Callable[[Node], _T]) -> _T:
    """What `reader` makes of a value that GitHub answered at `where`.

    Raises:
        DependencyError: it isn't what GitHub's API gives.
    """
    try:
        return reader(Node(value=value, file=where))
    except ModelctlError as error:
        problem = error.message
    raise failures.unreadable(where, problem)


def pull(node: Node) -> PullSummary:
    """A pull request, as lists have it or by itself."""
    base, head = node.field("base"), node.field("head")
    merged_at, merge = node.optional("merged_at"), node.optional("merge_commit_sha")
    user, body = node.optional("user"), node.optional("body")
    commits, files = node.optional("commits"), node.optional("changed_files")
    return PullSummary(
        number=node.field("number").number(),
        title=node.field("title").text(),
        body=body.text() if body else "",
        author=read_user(user) if user else _GHOST,
        base=base.field("ref").text(),
        branch=head.field("ref").text(),
        head=head.field("sha").text(),
        url=node.field("html_url").text(),
        is_open=node.field("state").text() == "open",
        is_merged=merged_at is not None,
        is_draft=_flag(node.optional("draft")),
        is_fork=_repository(head) != _repository(base),
        labels=_labels(node.optional("labels")),
        requested=read_users(node.optional("requested_reviewers")),
        requested_teams=_slugs(node.optional("requested_teams")),
        created_at=node.field("created_at").instant(),
        updated_at=node.field("updated_at").instant(),
        merge_commit=merge.text() if merge and merged_at else None,
        merged_at=merged_at.instant() if merged_at else None,
        commits=commits.number() if commits else None,
        changed_files=files.number() if files else None,
    )


def comment(node: Node) -> Comment:
    """A comment on an issue or a pull request."""
    user, body = node.optional("user"), node.optional("body")
    return Comment(
        id=node.field("id").number(),
        pull=_last_number(node.field("issue_url")),
        author=read_user(user) if user else None,
        body=body.text() if body else "",
        url=node.field("html_url").text(),
        created_at=node.field("created_at").instant(),
        is_edited=node.field("updated_at").instant() != node.field("created_at").instant(),
    )


def issue(node: Node) -> Issue:
    """An issue."""
    body = node.optional("body")
    return Issue(
        number=node.field("number").number(),
        title=node.field("title").text(),
        body=body.text() if body else "",
        is_open=node.field("state").text() == "open",
        labels=_labels(node.optional("labels")),
        url=node.field("html_url").text(),
    )


def deployment(node: Node) -> ForgeDeployment:
    """A deployment, without its state: that is in its statuses."""
    description = node.optional("description")
    return ForgeDeployment(
        id=node.field("id").number(),
        environment=node.field("environment").text(),
        ref=node.field("sha").text(),
        task=node.field("task").text(),
        description=description.text() if description else "",
        created_at=node.field("created_at").instant(),
    )


def deployment_state(node: Node) -> DeploymentState | None:
    """The state in a deployment's status; None for those that we never set."""
    text = node.field("state").text()
    known = {"error": "failure", **{state.value: state.value for state in DeploymentState}}
    return DeploymentState(known[text]) if text in known else None


def is_of(node: Node, app_id: int, by: str = "user") -> bool | None:
    """Whether an App made this by itself: not a person who has authorised it. `by` is the field
    with the account. None where a machine made it and no App is named."""
    app, user = node.optional("performed_via_github_app"), node.optional(by)
    if user is None or not read_user(user).is_bot:
        return False
    return app.field("id").number() == app_id if app is not None else None


def author_id(node: Node, by: str = "user") -> int | None:
    """The id of the account that made this; None where it was deleted."""
    user = node.optional(by)
    return read_user(user).id if user else None


def _repository(end: Node) -> int | None:
    """The id of the repository that a branch is in; None for one that is gone."""
    found = end.optional("repo")
    return found.field("id").number() if found else None


def _labels(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    # Issues may give them as bare names.
    return tuple(
        item.text() if isinstance(item.value, str) else item.field("name").text()
        for item in node.items()
    )


def _slugs(node: Node | None) -> tuple[str, ...]:
    return tuple(item.field("slug").text() for item in node.items()) if node else ()


def _flag(node: Node | None) -> bool:
    return node.flag() if node else False


def _last_number(node: Node) -> int:
    text = node.text().rpartition("/")[2]
    if not text.isdecimal():
        raise ModelctlError(f"{node.path} ends with no number")
    return int(text)

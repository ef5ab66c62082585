"""Issues as GitHub's JSON; a pull request is one too."""

from __future__ import annotations

from forge.payloads import Json, account, app, node, repository_url
from forge.payloads_pull import association, html_url, labels
from forge.state import State
from forge.values import Issue, Pull, Repository, iso


def issue(state: State, it: Repository, one: Issue) -> Json:
    """An issue, or a pull request by way of the issues' endpoints."""
    url = f"{repository_url(state, it)}/issues/{one.number}"
    identity = one.issue_id if isinstance(one, Pull) else one.id
    comments = sum(c.number == one.number for c in it.comments.values())
    return {
        "url": url,
        "repository_url": repository_url(state, it),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": html_url(state, it, one),
        "id": identity,
        "node_id": node("Issue", identity),
        "number": one.number,
        "title": one.title,
        "user": account(state, one.user),
        "labels": labels(state, it, one),
        "state": one.state,
        "state_reason": one.state_reason,
        "locked": False,
        "assignee": account(state, one.assignees[0]) if one.assignees else None,
        "assignees": [account(state, login) for login in one.assignees],
        "milestone": None,
        "comments": comments,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
        "closed_at": iso(one.closed_at),
        "closed_by": account(state, one.closed_by) if one.closed_by else None,
        "author_association": association(state, it, one.user),
        "active_lock_reason": None,
        "body": one.body,
        "performed_via_github_app": None if one.app is None else app(state, state.apps[one.app]),
        **(_pull_links(state, it, one) if isinstance(one, Pull) else {}),
    }


def _pull_links(state: State, it: Repository, one: Pull) -> Json:
    html = html_url(state, it, one)
    return {
        "draft": one.draft,
        "pull_request": {
            "url": f"{repository_url(state, it)}/pulls/{one.number}",
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "merged_at": iso(one.merged_at),
        },
    }

"""What GitHub's webhooks send, with `repository`, `organization` and `sender` beside it."""

from __future__ import annotations

from typing import Any

import pygit2

from forge.bare import ZERO, commit_at, opened
from forge.payloads import Json, account, label, repository
from forge.payloads_commits import commit
from forge.payloads_issues import issue as issue_json
from forge.payloads_pull import check_run, comment, pull_request, review, status
from forge.state import State
from forge.values import Change, CheckRun, Comment, Issue, Pull, Repository, Review, Status


def envelope(state: State, it: Repository, sender: str) -> Json:
    """What stands in every event of a repository."""
    org = state.user(it.owner)
    return {
        "repository": repository(state, it),
        "organization": {
            "login": org.login,
            "id": org.id,
            "url": f"{state.api_url}/orgs/{org.login}",
        },
        "sender": account(state, sender),
    }


def full_pull(state: State, it: Repository, pull: Pull) -> Json:
    """A pull request in an event: GitHub has not tried to merge it yet when it sends that."""
    trial = pull.trial
    return pull_request(state, it, pull) | {
        "merged": pull.merged_at is not None,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": account(state, pull.merged_by) if pull.merged_by else None,
        "comments": sum(one.number == pull.number for one in it.comments.values()),
        "review_comments": 0,
        "maintainer_can_modify": pull.modifiable,
        "commits": len(trial.commits) if trial else 0,
        "additions": trial.additions if trial else 0,
        "deletions": trial.deletions if trial else 0,
        "changed_files": len(trial.paths) if trial else 0,
    }


def tell_pull(
    state: State, it: Repository, pull: Pull, action: str, sender: str, **more: Any
) -> None:
    """`pull_request`: opened, synchronize, closed, reopened, edited, labeled, …"""
    with state.lock:
        payload = {
            "action": action,
            "number": pull.number,
            "pull_request": full_pull(state, it, pull),
            **more,
            **envelope(state, it, sender),
        }
        state.emit("pull_request", payload)


def tell_review(
    state: State, it: Repository, pull: Pull, one: Review, action: str, sender: str
) -> None:
    """`pull_request_review`: submitted, edited or dismissed; states in lower case, as there."""
    with state.lock:
        shown = review(state, it, pull, one)
        payload = {
            "action": action,
            "review": shown | {"state": one.state.lower()},
            "pull_request": pull_request(state, it, pull),
            **envelope(state, it, sender),
        }
        state.emit("pull_request_review", payload)


def tell_comment(state: State, it: Repository, one: Comment, action: str, sender: str) -> None:
    """`issue_comment`: created, edited or deleted."""
    with state.lock:
        payload = {
            "action": action,
            "issue": issue_json(state, it, it.issues[one.number]),
            "comment": comment(state, it, one),
            **envelope(state, it, sender),
        }
        state.emit("issue_comment", payload)


def tell_label(
    state: State, it: Repository, issue: Issue, name: str, action: str, sender: str
) -> None:
    """`labeled` or `unlabeled`, of a pull request or an issue."""
    with state.lock:
        more = {"label": label(state, it, it.labels[name.lower()])}
        if isinstance(issue, Pull):
            tell_pull(state, it, issue, action, sender, **more)
            return
        payload = {"action": action, "issue": issue_json(state, it, issue), **more}
        state.emit("issues", payload | envelope(state, it, sender))


def tell_check(state: State, it: Repository, run: CheckRun, action: str, sender: str) -> None:
    """`check_run`: created, completed or rerequested."""
    with state.lock:
        payload = {"action": action, "check_run": check_run(state, it, run)}
        state.emit("check_run", payload | envelope(state, it, sender))


def tell_status(state: State, it: Repository, one: Status, sender: str) -> None:
    """`status`."""
    with state.lock:
        shown = status(state, it, one)
        payload = {**shown, "sha": one.sha, "name": it.full_name, "branches": []}
        state.emit("status", payload | envelope(state, it, sender))


def push_event(
    state: State, it: Repository, change: Change, sender: str, *, forced: bool = False
) -> Json:
    """`push`; the commits in it are only the last one."""
    deleted = change.new == ZERO
    head = None if deleted else _push_commit(state, it, change.new)
    user = state.user(sender)
    return {
        "ref": change.ref,
        "before": change.old,
        "after": change.new,
        "created": change.old == ZERO,
        "deleted": deleted,
        "forced": forced,
        "base_ref": None,
        "compare": f"{state.web_url}/{it.full_name}/compare/{change.old[:12]}...{change.new[:12]}",
        "commits": [] if head is None else [head],
        "head_commit": head,
        "pusher": {"name": user.login, "email": user.email},
        **envelope(state, it, sender),
    }


def _push_commit(state: State, it: Repository, sha: str) -> Json | None:
    try:
        found = commit_at(opened(it.path), sha)
    except (KeyError, pygit2.InvalidSpecError):  # a tag may name anything
        return None
    shown = commit(state, it, found)["commit"]
    return {
        "id": sha,
        "tree_id": shown["tree"]["sha"],
        "distinct": True,
        "message": shown["message"],
        "timestamp": shown["committer"]["date"],
        "url": f"{state.web_url}/{it.full_name}/commit/{sha}",
        "author": {"name": shown["author"]["name"], "email": shown["author"]["email"]},
        "committer": {"name": shown["committer"]["name"], "email": shown["committer"]["email"]},
        "added": [],
        "removed": [],
        "modified": [],
    }

"""Pull requests and what is written on them, as GitHub's JSON."""

from __future__ import annotations

from typing import Any

from forge.diffs import ChangedFile
from forge.payloads import Json, account, app, label, node, repository, repository_url, team
from forge.state import State
from forge.values import CheckRun, Comment, Issue, Pull, Repository, Review, Status, iso

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def pull_request(state: State, it: Repository, pull: Pull) -> Json:
    """A pull request as a list shows it (GitHub's `pull-request-simple`)."""
    url, html = f"{repository_url(state, it)}/pulls/{pull.number}", html_url(state, it, pull)
    issue = f"{repository_url(state, it)}/issues/{pull.number}"
    statuses = f"{repository_url(state, it)}/statuses/{pull.head}"
    return {
        "url": url,
        "id": pull.id,
        "node_id": node("PullRequest", pull.id),
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{repository_url(state, it)}/pulls/comments{{/number}}",
        "comments_url": f"{issue}/comments",
        "statuses_url": statuses,
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": account(state, pull.user),
        "body": pull.body,
        "labels": labels(state, it, pull),
        "milestone": None,
        "active_lock_reason": None,
        "created_at": iso(pull.created_at),
        "updated_at": iso(pull.updated_at),
        "closed_at": iso(pull.closed_at),
        "merged_at": iso(pull.merged_at),
        "merge_commit_sha": pull.merge_commit,
        "assignee": account(state, pull.assignees[0]) if pull.assignees else None,
        "assignees": [account(state, login) for login in pull.assignees],
        "requested_reviewers": [account(state, login) for login in pull.requested],
        "requested_teams": [
            team(state, state.team(it.owner, slug)) for slug in pull.requested_teams
        ],
        "head": _end(state, pull.repository, pull.branch, pull.head),
        "base": _end(state, it.full_name, pull.base, pull.base_sha),
        "_links": _links(state, it, pull),
        "author_association": association(state, it, pull.user),
        "auto_merge": None,
        "draft": pull.draft,
    }


def _links(state: State, it: Repository, pull: Pull) -> Json:
    root = repository_url(state, it)
    url, issue = f"{root}/pulls/{pull.number}", f"{root}/issues/{pull.number}"
    return {
        "self": {"href": url},
        "html": {"href": html_url(state, it, pull)},
        "issue": {"href": issue},
        "comments": {"href": f"{issue}/comments"},
        "review_comments": {"href": f"{url}/comments"},
        "review_comment": {"href": f"{root}/pulls/comments{{/number}}"},
        "commits": {"href": f"{url}/commits"},
        "statuses": {"href": f"{root}/statuses/{pull.head}"},
    }


def _end(state: State, full_name: str | None, branch: str, sha: str) -> Json:
    """The head or the base of a pull request. A head may be of a repository that is gone."""
    there = None if full_name is None else state.repositories.get(full_name.lower())
    owner = (full_name or "unknown/").partition("/")[0]
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": account(state, owner) if owner.lower() in state.users else None,
        "repo": None if there is None else repository(state, there),
    }


def association(state: State, it: Repository, login: str) -> str:
    """What an author is to the repository."""
    if login.lower() == it.owner.lower():
        return "OWNER"
    if any(login in t.members for (org, _), t in state.teams.items() if org == it.owner.lower()):
        return "MEMBER"
    return "COLLABORATOR" if login in it.collaborators else "NONE"


def html_url(state: State, it: Repository, issue: Issue) -> str:
    """The page of an issue or of a pull request."""
    kind = "pull" if isinstance(issue, Pull) else "issues"
    return f"{state.web_url}/{it.full_name}/{kind}/{issue.number}"


def labels(state: State, it: Repository, issue: Issue) -> list[Json]:
    """The labels of an issue or a pull request."""
    found = [it.labels.get(name.lower()) for name in issue.labels]
    return [label(state, it, one) for one in found if one is not None]


def review(state: State, it: Repository, pull: Pull, one: Review) -> Json:
    """A review of a pull request."""
    url = f"{repository_url(state, it)}/pulls/{pull.number}"
    html = f"{html_url(state, it, pull)}#pullrequestreview-{one.id}"
    return {
        "id": one.id,
        "node_id": node("PullRequestReview", one.id),
        "user": account(state, one.user),
        "body": one.body,
        "state": one.state,
        "html_url": html,
        "pull_request_url": url,
        "author_association": association(state, it, one.user),
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        **({"submitted_at": iso(one.submitted_at)} if one.state != "PENDING" else {}),
        "commit_id": one.commit,
    }


def comment(state: State, it: Repository, one: Comment) -> Json:
    """A comment on an issue or a pull request."""
    url, issue = f"{repository_url(state, it)}/issues", it.issues[one.number]
    author = None if one.app is None else app(state, state.apps[one.app])
    counts = {name: sum(r.content == name for r in one.reactions) for name in REACTIONS}
    return {
        "url": f"{url}/comments/{one.id}",
        "html_url": f"{html_url(state, it, issue)}#issuecomment-{one.id}",
        "issue_url": f"{url}/{one.number}",
        "id": one.id,
        "node_id": node("IssueComment", one.id),
        "user": account(state, one.user),
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
        "author_association": association(state, it, one.user),
        "body": one.body,
        "reactions": {
            "url": f"{url}/comments/{one.id}/reactions",
            "total_count": len(one.reactions),
            **counts,
        },
        "performed_via_github_app": author,
    }


def changed_file(state: State, it: Repository, head: str, row: ChangedFile) -> Json:
    """A file that a pull request changes (GitHub's `diff-entry`)."""
    html, url = f"{state.web_url}/{it.full_name}", repository_url(state, it)
    return {
        "sha": row.sha,
        "filename": row.path,
        "status": row.status,
        "additions": row.additions,
        "deletions": row.deletions,
        "changes": row.additions + row.deletions,
        "blob_url": f"{html}/blob/{head}/{_quoted(row.path)}",
        "raw_url": f"{html}/raw/{head}/{_quoted(row.path)}",
        "contents_url": f"{url}/contents/{_quoted(row.path)}?ref={head}",
        **({"patch": row.patch} if row.patch else {}),
        **({"previous_filename": row.previous} if row.previous else {}),
    }


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path)


def check_run(state: State, it: Repository, run: CheckRun) -> Json:
    """A check run, with what its app says."""
    url = f"{repository_url(state, it)}/check-runs/{run.id}"
    output = run.output
    return {
        "id": run.id,
        "head_sha": run.sha,
        "node_id": node("CheckRun", run.id),
        "name": run.name,
        "external_id": run.external_id,
        "url": url,
        "html_url": f"{state.web_url}/{it.full_name}/runs/{run.id}",
        "details_url": run.details_url or f"{state.web_url}/{it.full_name}/runs/{run.id}",
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": iso(run.started_at),
        "completed_at": iso(run.completed_at),
        "output": {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.suite},
        "app": app(state, state.apps[run.app]),
        "pull_requests": [
            _pull_minimal(state, it, pull)
            for pull in it.pulls()
            if pull.head == run.sha and pull.state == "open" and pull.repository == it.full_name
        ],
    }


def _pull_minimal(state: State, it: Repository, pull: Pull) -> Json:
    url = repository_url(state, it)
    at = {"id": it.id, "url": url, "name": it.name}
    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{url}/pulls/{pull.number}",
        "head": {"ref": pull.branch, "sha": pull.head, "repo": at},
        "base": {"ref": pull.base, "sha": pull.base_sha, "repo": at},
    }


def status(state: State, it: Repository, one: Status, *, creator: bool = True) -> Json:
    """A commit status; in the combined one its creator isn't named."""
    who: dict[str, Any] = {"creator": account(state, one.user)} if creator else {}
    return {
        "url": f"{repository_url(state, it)}/statuses/{one.sha}",
        "avatar_url": f"{state.web_url}/avatars/{state.user(one.user).id}",
        "id": one.id,
        "node_id": node("StatusContext", one.id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.created_at),
        **who,
    }

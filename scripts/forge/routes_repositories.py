"""A repository, its branches, commits and forks; what there is for everybody."""

from __future__ import annotations

import pygit2

from forge import payloads
from forge.bare import branch_tip, commit_at, opened
from forge.errors import ApiError
from forge.payloads_commits import commit as commit_json
from forge.rules import applying
from forge.values import Repository
from forge.web import Call, Endpoint, Reply, rate_of


def get(call: Call) -> payloads.Json:
    """GET /repos/{owner}/{repo}"""
    role = call.state.role(call.repository, call.who.login)
    return payloads.full_repository(call.state, call.repository, role)


def _names(repository: Repository) -> list[str]:
    git = opened(repository.path)
    return sorted(git.branches.local)


def branches(call: Call) -> Reply:
    """GET …/branches"""
    repository = call.repository
    return call.page(_names(repository), lambda name: _short(call, name))


def _short(call: Call, name: str) -> payloads.Json:
    repository = call.repository
    sha = branch_tip(repository.path, name)
    if sha is None:
        raise ApiError(404, "Branch not found")
    url = payloads.repository_url(call.state, repository)
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "protected": any(True for _ in applying(repository, f"refs/heads/{name}")),
    }


def branch(call: Call) -> payloads.Json:
    """GET …/branches/{branch}"""
    state, repository, name = call.state, call.repository, call.params["branch"]
    shown = _short(call, name)
    url = f"{payloads.repository_url(state, repository)}/branches/{name}"
    commit = commit_at(opened(repository.path), shown["commit"]["sha"])
    return shown | {
        "commit": commit_json(state, repository, commit),
        "_links": {"self": url, "html": f"{state.web_url}/{repository.full_name}/tree/{name}"},
        "protection": {
            "enabled": False,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
        "protection_url": f"{url}/protection",
    }


def resolve(repository: Repository, ref: str) -> pygit2.Commit:
    """A commit by sha, branch or tag; ApiError 422 if there is none."""
    git = opened(repository.path)
    try:
        found = git.revparse_single(f"refs/heads/{ref}" if ref in git.branches.local else ref)
        return found.peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise ApiError(422, f"No commit found for SHA: {ref}") from error


def commit(call: Call) -> payloads.Json:
    """GET …/commits/{ref}: without its files"""
    found = resolve(call.repository, call.params["ref"])
    return commit_json(call.state, call.repository, found)


def commits(call: Call) -> Reply:
    """GET …/commits?sha=: newest first"""
    repository = call.repository
    start = resolve(repository, call.query.get("sha") or repository.default_branch)
    git = opened(repository.path)
    rows = [str(one.id) for one in git.walk(start.id)]
    return call.page(rows, lambda sha: commit_json(call.state, repository, commit_at(git, sha)))


def fork(call: Call) -> Reply:
    """POST …/forks: for the one who asks"""
    state, source = call.state, call.repository
    name = str(call.body.get("name") or source.name)
    made = state.add_repository(
        call.login, name, from_bare=source.path, default_branch=source.default_branch
    )
    made.fork_of = source.full_name
    return Reply(status=202, body=payloads.full_repository(state, made, "admin"))


def delete(call: Call) -> Reply:
    """DELETE /repos/{owner}/{repo}: pull requests from it lose where their head was"""
    state, gone = call.state, call.repository
    with state.lock:
        del state.repositories[gone.full_name.lower()]
        for repository in state.repositories.values():
            for pull in repository.pulls():
                if pull.repository == gone.full_name:
                    pull.repository = None
    return Reply(status=204)


def rate_limit(call: Call) -> payloads.Json:
    """GET /rate_limit"""
    core = rate_of(call.state, call.who)
    return {"resources": {"core": core, "search": core}, "rate": core}


def meta(call: Call) -> payloads.Json:
    """GET /meta"""
    return {"verifiable_password_authentication": False}


ONE = "/repos/{owner}/{repo}"

routes = [
    Endpoint("GET", "/rate_limit", rate_limit),
    Endpoint("GET", "/meta", meta),
    Endpoint("GET", ONE, get),
    Endpoint("DELETE", ONE, delete, "administration:write", "admin"),
    Endpoint("GET", ONE + "/branches", branches, "contents:read"),
    Endpoint("GET", ONE + "/branches/{branch:path}", branch, "contents:read"),
    Endpoint("POST", ONE + "/forks", fork, "administration:write"),
]

last_routes = [
    Endpoint("GET", ONE + "/commits", commits, "contents:read"),
    Endpoint("GET", ONE + "/commits/{ref:path}", commit, "contents:read"),
]
"""Their paths swallow others': they stand at the end of the table."""

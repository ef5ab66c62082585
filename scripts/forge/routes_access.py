"""Teams are made and reach a repository; what its settings are."""

from __future__ import annotations

import re
from typing import Any

from forge import bare, payloads, routes_people
from forge.errors import ApiError, invalid, not_found
from forge.web import Call, Endpoint, Reply

BY_PERMISSION = {
    "pull": "read",
    "triage": "triage",
    "push": "write",
    "maintain": "maintain",
    "admin": "admin",
}
"""The API's word for a role → the role."""
BY_ROLE = {role: permission for permission, role in BY_PERMISSION.items()}

SETTINGS = (
    "description", "homepage", "has_issues", "has_projects", "has_wiki", "is_template", "archived",
    "allow_squash_merge", "allow_merge_commit", "allow_rebase_merge", "allow_auto_merge",
    "allow_update_branch", "delete_branch_on_merge", "allow_forking", "web_commit_signoff_required",
    "squash_merge_commit_title", "squash_merge_commit_message", "merge_commit_title",
    "merge_commit_message", "use_squash_pr_title_as_default",
)  # fmt: skip


def _teams(call: Call) -> Reply:
    state, repository = call.state, call.repository

    def shown(slug: str) -> dict[str, Any]:
        role = repository.team_roles[slug]
        team = payloads.team(state, state.team(repository.owner, slug), BY_ROLE[role])
        return team | {"permissions": payloads.permissions(role)}

    with state.lock:
        return call.page(list(repository.team_roles), shown)


def _team(call: Call) -> Reply:
    """204 where the team reaches the repository; 404 where it doesn't."""
    if call.state.team(call.params["org"], call.params["team_slug"]).slug not in (
        call.repository.team_roles
    ):
        raise not_found()
    return Reply(status=204)


def _put_team(call: Call) -> Reply:
    team = call.state.team(call.params["org"], call.params["team_slug"])
    if team.org.lower() != call.repository.owner.lower():
        raise invalid("TeamMember", "repository")
    permission = call.body.get("permission", "push")
    if permission not in BY_PERMISSION:
        raise invalid("TeamMember", "permission")
    with call.state.lock:
        call.repository.team_roles[team.slug] = BY_PERMISSION[permission]
    return Reply(status=204)


def _remove_team(call: Call) -> Reply:
    team = call.state.team(call.params["org"], call.params["team_slug"])
    with call.state.lock:
        call.repository.team_roles.pop(team.slug, None)
    return Reply(status=204)


def _add_team(call: Call) -> Reply:
    """A team of the organisation; a person who makes one is in it."""
    state, org = call.state, call.state.user(call.params["org"]).login
    if not _governs(call, org):
        raise ApiError(403, "You must be an owner of the organization to create teams.")
    name = str(call.required("Team", "name"))
    slug = re.sub(r"[^a-z0-9_.]+", "-", name.lower()).strip("-")
    with state.lock:
        if (org.lower(), slug) in state.teams:
            text = "Name must be unique for this org"
            raise invalid("Team", "name", "already_exists", text)
        first = [] if call.who.is_installation else [call.login]
        team = state.add_team(org, slug, [*first, *call.body.get("maintainers", [])])
        team.name = name
        team.description = call.body.get("description")
        team.privacy = call.body.get("privacy", "secret")
        call.params["slug"] = slug
        return Reply(status=201, body=routes_people.team(call))


def _governs(call: Call, org: str) -> bool:
    """Whether somebody may make teams: an app by permission, a person as admin of a repository,
    which is as near as the forge comes to an owner of an organisation."""
    if call.who.is_installation:
        held = (call.who.token.permissions if call.who.token else None) or {}
        return held.get("members") == "write"
    owned = [one for one in call.state.repositories.values() if one.owner.lower() == org.lower()]
    return any(call.state.role(one, call.login) == "admin" for one in owned)


def _change(call: Call) -> Any:
    repository = call.repository
    with call.state.lock:
        held = {**repository.settings.get("repository", {})}
        held |= {name: call.body[name] for name in SETTINGS if name in call.body}
        merges = ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge")
        if not any(held.get(name, True) for name in merges):
            text = "Sorry, you need to allow at least one merge strategy."
            raise invalid("Repository", "merge_commit_allowed", "custom", text)
        _move_default(call)
        repository.settings["repository"] = held
        repository.private = bool(call.body.get("private", repository.private))
        repository.description = held.get("description", repository.description)
        role = call.state.role(repository, call.who.login)
        return payloads.full_repository(call.state, repository, role)


def _move_default(call: Call) -> None:
    branch = call.body.get("default_branch", call.repository.default_branch)
    if branch == call.repository.default_branch:
        return
    if bare.branch_tip(call.repository.path, branch) is None:
        text = f"The branch {branch} was not found. Please push that ref first or create it."
        raise invalid("Repository", "default_branch", "invalid", text)
    bare.run_git(call.repository.path, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    call.repository.default_branch = branch


_REPOSITORY = "/repos/{owner}/{repo}"
_ACCESS = "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}"
_WRITE: dict[str, str] = {"needs": "administration:write", "role": "admin"}

routes = [
    Endpoint("PATCH", _REPOSITORY, _change, **_WRITE),
    Endpoint("POST", "/orgs/{org}/teams", _add_team),
    Endpoint("GET", _REPOSITORY + "/teams", _teams, "administration:read", "admin"),
    Endpoint("GET", _ACCESS, _team),
    Endpoint("PUT", _ACCESS, _put_team, **_WRITE),
    Endpoint("DELETE", _ACCESS, _remove_team, **_WRITE),
]

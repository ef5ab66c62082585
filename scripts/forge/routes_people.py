"""Accounts, teams and their members, collaborators."""

from __future__ import annotations

from forge import payloads
from forge.errors import ApiError, not_found
from forge.values import Team
from forge.web import Call, Endpoint, Reply

SHORT = {"read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}
"""A role in the words of the older API."""


def me(call: Call) -> payloads.Json:
    """GET /user: an installation's token is nobody's"""
    if call.who.is_installation:
        raise ApiError(403, "Resource not accessible by integration")
    return payloads.full_account(call.state, call.user)


def user(call: Call) -> payloads.Json:
    """GET /users/{username}"""
    return payloads.full_account(call.state, call.state.user(call.params["username"]))


def organization(call: Call) -> payloads.Json:
    """GET /orgs/{org}"""
    found = call.state.user(call.params["org"])
    if found.kind != "Organization":
        raise not_found()
    return _organization(call, found.login)


def team(call: Call) -> payloads.Json:
    """GET /orgs/{org}/teams/{slug}"""
    found = _team(call)
    members = call.state.members(found)
    return payloads.team(call.state, found) | {
        "members_count": len(members),
        "repos_count": 0,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "organization": _organization(call, found.org),
    }


def _organization(call: Call, login: str) -> payloads.Json:
    user = call.state.user(login)
    url = f"{call.state.api_url}/orgs/{login}"
    return {
        "login": login,
        "id": user.id,
        "node_id": payloads.node("Organization", user.id),
        "url": url,
        **{f"{name}_url": f"{url}/{name}" for name in ("repos", "events", "hooks", "issues")},
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{call.state.web_url}/avatars/{user.id}",
        "description": None,
        "html_url": f"{call.state.web_url}/{login}",
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "archived_at": None,
        "type": "Organization",
    }


def teams(call: Call) -> Reply:
    """GET /orgs/{org}/teams"""
    state = call.state
    org = state.user(call.params["org"]).login
    with state.lock:
        found = [team for (name, _), team in state.teams.items() if name == org.lower()]
    if found:
        _seen(call, found[0])
    return call.page(found, lambda one: payloads.team(state, one))


def _team(call: Call) -> Team:
    return _seen(call, call.state.team(call.params["org"], call.params["slug"]))


def _seen(call: Call, found: Team) -> Team:
    """Teams are seen by members of the organisation, and by apps that may read members."""
    state, who = call.state, call.who
    if who.is_installation:
        held = (who.token.permissions if who.token else None) or {}
        if "members" not in held:
            raise ApiError(403, "Resource not accessible by integration")
        return found
    if who.login is None:
        raise ApiError(401, "Requires authentication")
    with state.lock:
        teams = [team for (org, _), team in state.teams.items() if org == found.org.lower()]
        inside = who.login.lower() == found.org.lower() or any(
            who.login in team.members for team in teams
        )
        owned = [r for r in state.repositories.values() if r.owner == found.org]
        if not inside and not any(who.login in r.collaborators for r in owned):
            raise not_found()
    return found


def members(call: Call) -> Reply:
    """GET /orgs/{org}/teams/{slug}/members, those of child teams among them"""
    found = _team(call)
    with call.state.lock:
        role = call.query.get("role", "all")
        rows = [m for m, r in call.state.members(found).items() if role in {"all", r}]
    return call.page(sorted(rows), lambda login: payloads.account(call.state, login))


def membership(call: Call) -> payloads.Json:
    """GET /orgs/{org}/teams/{slug}/memberships/{username}: active or pending"""
    found = _team(call)
    login = call.state.user(call.params["username"]).login
    role = call.state.members(found).get(login)
    if role is None and login not in found.pending:
        raise not_found()
    url = f"{call.state.api_url}{call.path}"
    return {"url": url, "role": role or "member", "state": "active" if role else "pending"}


def permission(call: Call) -> payloads.Json:
    """GET …/collaborators/{username}/permission"""
    state, repository = call.state, call.repository
    account = state.user(call.params["username"])
    role = state.role(repository, account.login)
    shown = payloads.account(state, account.login) | {
        "permissions": payloads.permissions(role),
        "role_name": role or "none",
    }
    return {
        "permission": SHORT.get(role or "", "none"),
        "role_name": role or "none",
        "user": shown,
    }


def collaborator(call: Call) -> Reply:
    """GET …/collaborators/{username}: 204 or 404"""
    login = call.state.user(call.params["username"]).login
    if login not in call.repository.collaborators:
        raise not_found()
    return Reply(status=204)


routes = [
    Endpoint("GET", "/user", me),
    Endpoint("GET", "/users/{username}", user),
    Endpoint("GET", "/orgs/{org}/teams", teams),
    Endpoint("GET", "/orgs/{org}", organization),
    Endpoint("GET", "/orgs/{org}/teams/{slug}", team),
    Endpoint("GET", "/orgs/{org}/teams/{slug}/members", members),
    Endpoint("GET", "/orgs/{org}/teams/{slug}/memberships/{username}", membership),
    Endpoint("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", permission),
    Endpoint("GET", "/repos/{owner}/{repo}/collaborators/{username}", collaborator),
]

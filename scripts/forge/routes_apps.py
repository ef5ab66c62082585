"""An app that asks for itself, and its installation's tokens."""

from __future__ import annotations

from forge import payloads
from forge.auth import as_json, issue
from forge.errors import ApiError, not_found
from forge.state import State
from forge.values import App, iso
from forge.web import Call, Endpoint, Reply


def _app(call: Call) -> App:
    if call.who.app is None or call.who.token is not None:
        raise ApiError(401, "A JSON web token could not be decoded")
    return call.who.app


def itself(call: Call) -> payloads.Json:
    """GET /app"""
    app = _app(call)
    return payloads.app(call.state, app) | {"installations_count": 1}


def of_repository(call: Call) -> payloads.Json:
    """GET /repos/{owner}/{repo}/installation"""
    app = _app(call)
    if not _reaches(app, call.repository.full_name):
        raise not_found()
    return _installation_json(call.state, app)


def _reaches(app: App, full_name: str) -> bool:
    return app.account == full_name.partition("/")[0] and (
        app.repositories is None or full_name in app.repositories
    )


def of_organization(call: Call) -> payloads.Json:
    """GET /orgs/{org}/installation"""
    app = _app(call)
    if app.account.lower() != call.params["org"].lower():
        raise not_found()
    return _installation_json(call.state, app)


def installations(call: Call) -> Reply:
    """GET /app/installations"""
    return call.page([_app(call)], lambda app: _installation_json(call.state, app))


def _installation(call: Call) -> App:
    app = _app(call)
    if call.number("installation") != app.installation:
        raise not_found()
    return app


def installation(call: Call) -> payloads.Json:
    """GET /app/installations/{installation}"""
    return _installation_json(call.state, _installation(call))


def token(call: Call) -> Reply:
    """POST /app/installations/{installation}/access_tokens, narrowed if asked for"""
    app = _installation(call)
    names = call.body.get("repositories")
    identities = call.body.get("repository_ids")
    chosen = None
    if names is not None or identities is not None:
        wanted = [f"{app.account}/{name}" for name in names or []]
        known = list(call.state.repositories.values())
        wanted += [r.full_name for r in known if r.id in (identities or [])]
        chosen = [call.state.repository(name).full_name for name in wanted]
    # An empty object asks for nothing less than all, and is what some clients send.
    permissions = call.body.get("permissions") or None
    made = issue(call.state, app, permissions=permissions, repositories=chosen)
    return Reply(status=201, body=as_json(made))


def repositories(call: Call) -> Reply:
    """GET /installation/repositories"""
    who = call.who
    if who.token is None or who.app is None:
        raise ApiError(403, "You must authenticate with an installation access token.")
    names = who.token.repositories
    rows = [
        repository
        for repository in list(call.state.repositories.values())
        if _reaches(who.app, repository.full_name)
        and (names is None or repository.full_name in names)
    ]
    return call.page(rows, lambda one: payloads.repository(call.state, one), "repositories")


def by_slug(call: Call) -> payloads.Json:
    """GET /apps/{slug}"""
    for app in call.state.apps.values():
        if app.slug == call.params["slug"]:
            return payloads.app(call.state, app)
    raise not_found()


def _installation_json(state: State, it: App) -> payloads.Json:
    """The installation of an app in an account."""
    url = f"{state.api_url}/app/installations/{it.installation}"
    return {
        "id": it.installation,
        "app_id": it.id,
        "app_slug": it.slug,
        "client_id": f"Iv1.{it.id:016x}",
        "account": payloads.account(state, it.account),
        "target_id": state.user(it.account).id,
        "target_type": state.user(it.account).kind,
        "repository_selection": "all" if it.repositories is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{state.api_url}/installation/repositories",
        "html_url": f"{state.web_url}/organizations/{it.account}/settings/installations",
        "permissions": it.permissions,
        "events": it.events,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "created_at": iso(it.created_at),
        "updated_at": iso(it.created_at),
        "suspended_by": None,
        "suspended_at": None,
    }


routes = [
    Endpoint("GET", "/app", itself),
    Endpoint("GET", "/app/installations", installations),
    Endpoint("GET", "/app/installations/{installation}", installation),
    Endpoint("POST", "/app/installations/{installation}/access_tokens", token),
    Endpoint("GET", "/installation/repositories", repositories),
    Endpoint("GET", "/repos/{owner}/{repo}/installation", of_repository),
    Endpoint("GET", "/orgs/{org}/installation", of_organization),
    Endpoint("GET", "/apps/{slug}", by_slug),
]

"""What only whoever runs the forge may do, over HTTP: `/_forge/…`, for the process form.

`POST /_forge/seed` takes, and `--seed` reads, one JSON object; all its parts may be left out:

    {"repositories": [{"owner", "name", "from_bare"?, "default_branch"?, "private"?}],
     "users": [{"login", "id"?, "email"?, "name"?, "role"?}],
     "teams": [{"org", "slug", "members", "parent"?, "role"?}],
     "apps": [{"slug", "owner", "permissions", "events"?}]}

The answer has what was made: paths of repositories, tokens of users, keys of apps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from forge import auth
from forge.admin_events import EVENT_ACTIONS
from forge.errors import ApiError
from forge.state import ACTIONS_APP, State

Json = dict[str, Any]


def seed(state: State, wanted: Json) -> Json:
    """Make what is asked for, repositories first, so that roles and teams find them."""
    return {
        "repositories": {
            f"{row['owner']}/{row['name']}": _repository(state, row)
            for row in wanted.get("repositories", [])
        },
        "users": {row["login"]: _user(state, row) for row in wanted.get("users", [])},
        "teams": {row["slug"]: _team(state, row) for row in wanted.get("teams", [])},
        "apps": {row["slug"]: _app(state, row) for row in wanted.get("apps", [])},
    }


def _repository(state: State, row: Json) -> str:
    source = row.get("from_bare")
    made = state.add_repository(
        row["owner"],
        row["name"],
        from_bare=Path(source) if source else None,
        default_branch=row.get("default_branch", "main"),
        private=row.get("private", False),
    )
    made.collaborators.update(state.roles)
    return str(made.path)


def _user(state: State, row: Json) -> str:
    """A token of theirs."""
    role = row.get("role", "write")
    user = state.add_user(
        row["login"],
        id=row.get("id"),
        email=row.get("email"),
        kind=row.get("kind", "User"),
        name=row.get("name"),
    )
    state.give_role(user.login, role)
    return state.add_token(user.login).value


def _team(state: State, row: Json) -> int:
    team = state.add_team(row["org"], row["slug"], row["members"], parent=row.get("parent"))
    if role := row.get("role"):
        for repository in state.repositories.values():
            repository.team_roles[team.slug] = role
    return team.id


def _app(state: State, row: Json) -> Json:
    app = state.add_app(
        row["slug"],
        owner=row["owner"],
        permissions=row["permissions"],
        events=row.get("events", []),
        id=row.get("id"),
    )
    return {"id": app.id, "slug": app.slug, "key": app.key, "installation": app.installation}


def _token(state: State, row: Json) -> Json:
    """`{"login"}` for a person's; `{"repository", "permissions"}` for a workflow's."""
    if "login" in row:
        return {"token": state.add_token(row["login"]).value}
    app = state.apps[ACTIONS_APP]
    token = auth.for_workflow(state, app, row["repository"], row["permissions"])
    return {"token": token.value}


def _events(state: State, row: Json) -> Json:
    """Events from the number `after` on."""
    with state.lock:
        start = int(row.get("after", 0))
        rows = [{"name": one.name, "payload": one.payload} for one in state.events[start:]]
        return {"events": rows, "next": len(state.events)}


def _requests(state: State, row: Json) -> Json:
    rows = list(state.requests)[int(row.get("after", 0)) :]
    return {
        "requests": [
            {"method": r.method, "path": r.path, "status": r.status, "login": r.login} for r in rows
        ]
    }


ACTIONS: dict[str, Callable[[State, Json], Json]] = {
    "seed": seed,
    "token": _token,
    "events": _events,
    "requests": _requests,
    **EVENT_ACTIONS,
}


def admin_routes(state: State) -> list[BaseRoute]:
    """`POST /_forge/ACTION` with a JSON object."""

    async def answer(request: Request) -> Response:
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            return JSONResponse({"message": "Not Found"}, 404)
        wanted = json.loads(await request.body() or b"{}")
        try:
            return JSONResponse(await run_in_threadpool(action, state, wanted))
        except ApiError as error:
            return JSONResponse(error.body(), error.status)

    return [Route("/_forge/{action}", answer, methods=["POST"])]

"""The ASGI application: the API, git and the pages at one address."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from forge import (
    routes_access,
    routes_actions,
    routes_apps,
    routes_checks,
    routes_codeowners,
    routes_comments,
    routes_deployments,
    routes_environments,
    routes_git,
    routes_issues,
    routes_labels,
    routes_people,
    routes_pulls,
    routes_repositories,
    routes_repository_labels,
    routes_reviews,
    routes_rulesets,
    routes_secrets,
)
from forge.admin import admin_routes
from forge.errors import not_found
from forge.faults import Faulty
from forge.git_http import git_routes
from forge.pages import page_routes
from forge.state import State
from forge.web import Asked, Call, Endpoint, respond

API = "/api/v3"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

ENDPOINTS: tuple[list[Endpoint], ...] = (
    routes_repositories.routes,
    routes_pulls.routes,
    routes_reviews.routes,
    routes_checks.routes,
    routes_comments.routes,
    routes_labels.routes,
    routes_repository_labels.routes,
    routes_people.routes,
    routes_apps.routes,
    routes_git.routes,
    routes_access.routes,
    routes_actions.routes,
    routes_codeowners.routes,
    routes_deployments.routes,
    routes_environments.routes,
    routes_issues.routes,
    routes_rulesets.routes,
    routes_secrets.routes,
    routes_repositories.last_routes,
)


def build(state: State) -> Any:
    """The application for that state."""
    routes: list[BaseRoute] = [
        *(api_route(state, endpoint) for endpoints in ENDPOINTS for endpoint in endpoints),
        *admin_routes(state),
        *git_routes(state),
        api_route(state, Endpoint("*", "/{path:path}", nothing)),
        *page_routes(state),
    ]
    return Faulty(Starlette(routes=routes), state.faults)


def api_route(state: State, endpoint: Endpoint) -> Route:
    """An endpoint of the API as a route; its handler runs in a thread."""

    async def answer(request: Request) -> Response:
        asked = Asked(
            method=request.method,
            path=request.url.path.removeprefix(API),
            params={key: unquote(str(value)) for key, value in request.path_params.items()},
            query=request.url.query,
            headers=request.headers,
            content=await request.body(),
        )
        status, headers, content = await run_in_threadpool(respond, state, endpoint, asked)
        return Response(content, status_code=status, headers=headers)

    methods = METHODS if endpoint.method == "*" else [endpoint.method]
    return Route(API + endpoint.path, answer, methods=methods)


def nothing(call: Call) -> Any:
    """Whatever GitHub has there and the forge has not."""
    raise not_found()

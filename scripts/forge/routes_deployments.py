"""Deployments and their statuses. `Repository.settings["deployments"]` holds them by id."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pygit2

from forge import bare, payloads
from forge.errors import ApiError, invalid, not_found
from forge.events import emit
from forge.routes_environments import ensure
from forge.state import State
from forge.values import Repository, iso, now
from forge.web import Call, Endpoint, Reply

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
DESCRIPTION_MAX = 140
PASSED = {"success", "neutral", "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What was said of a deployment at a time."""

    id: int
    state: str
    user: str
    app: int | None
    environment: str
    description: str = ""
    log_url: str = ""
    environment_url: str = ""
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True, eq=False)
class Deployment:
    """Of a commit to an environment; `payload` is what was written beside it."""

    id: int
    ref: str
    sha: str
    task: str
    environment: str
    payload: Any
    description: str | None
    user: str
    app: int | None
    transient: bool
    production: bool
    statuses: list[Status] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)

    @property
    def state(self) -> str | None:
        """The last status's, None where there is none yet."""
        return self.statuses[-1].state if self.statuses else None


def deployments(repository: Repository) -> dict[int, Deployment]:
    """All of a repository, oldest first."""
    found: dict[int, Deployment] = repository.settings.setdefault("deployments", {})
    return found


def _found(call: Call) -> Deployment:
    found = deployments(call.repository).get(call.number("deployment_id"))
    if found is None:
        raise not_found()
    return found


def _list(call: Call) -> Reply:
    wanted = {name: call.query.get(name) for name in ("sha", "ref", "task", "environment")}
    with call.state.lock:
        rows = [
            one
            for one in reversed(deployments(call.repository).values())
            if all(value in {None, "none", getattr(one, name)} for name, value in wanted.items())
        ]
        return call.page(rows, lambda one: as_json(call.state, call.repository, one))


def _get(call: Call) -> Any:
    with call.state.lock:
        return as_json(call.state, call.repository, _found(call))


def _create(call: Call) -> Reply:
    body, repository, state = call.body, call.repository, call.state
    ref = call.required("Deployment", "ref")
    sha = _commit(repository, ref)
    with state.lock:
        _must_pass(repository, sha, ref, body.get("required_contexts"))
    if body.get("auto_merge", True) and _is_behind(repository, ref):
        # What GitHub does then is to merge the default branch into that one.
        raise ApiError(409, f"Conflict merging {repository.default_branch} into {ref}.")
    environment = body.get("environment") or "production"
    with state.lock:
        deployment = Deployment(
            id=state.new_id(),
            ref=ref,
            sha=sha,
            task=body.get("task", "deploy"),
            environment=ensure(call, environment).name,
            payload=body.get("payload", {}),
            description=body.get("description"),
            user=call.login,
            app=_app(call),
            transient=body.get("transient_environment", False),
            production=body.get("production_environment", environment == "production"),
        )
        deployments(repository)[deployment.id] = deployment
        shown = as_json(state, repository, deployment)
        emit(state, repository, call.login, "deployment", action="created", deployment=shown)
    return Reply(status=201, body=shown)


def _app(call: Call) -> int | None:
    return None if call.who.app is None else call.who.app.id


def _commit(repository: Repository, ref: str) -> str:
    try:
        opened = bare.opened(repository.path)
        return str(opened.resolve_refish(ref)[0].id)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise ApiError(422, f"No ref found for: {ref}") from error


def _is_behind(repository: Repository, ref: str) -> bool:
    """Whether it is a branch that lacks commits of the default branch."""
    tip = bare.branch_tip(repository.path, ref)
    default = bare.branch_tip(repository.path, repository.default_branch)
    if tip is None or default is None or tip == default:
        return False
    return not bare.opened(repository.path).descendant_of(tip, default)


def _must_pass(repository: Repository, sha: str, ref: str, contexts: list[str] | None) -> None:
    """Every status and check run, or those that are named; an empty list asks for none."""
    states = {one.context: one.state for one in repository.statuses.get(sha, [])}
    for run in repository.checks.get(sha, []):
        states[run.name] = run.conclusion or "pending"
    wanted = list(states) if contexts is None else contexts
    failed = [name for name in wanted if states.get(name, "pending") not in PASSED]
    if failed:
        raise ApiError(
            409,
            f"Conflict: Commit status checks failed for {ref}.",
            [
                {
                    "contexts": wanted,
                    "resource": "Deployment",
                    "field": "required_contexts",
                    "code": "invalid",
                }
            ],
        )


def _delete(call: Call) -> Reply:
    """Only one that isn't active any more, unless it is the only one."""
    with call.state.lock:
        known, found = deployments(call.repository), _found(call)
        if len(known) > 1 and found.state not in {None, "inactive"}:
            raise ApiError(
                422, "We cannot delete an active deployment unless it is the only deployment"
            )
        del known[found.id]
    return Reply(status=204)


def _statuses(call: Call) -> Reply:
    with call.state.lock:
        found = _found(call)
        rows = list(reversed(found.statuses))
        return call.page(rows, lambda one: status_json(call.state, call.repository, found, one))


def _status(call: Call) -> Any:
    with call.state.lock:
        found = _found(call)
        for one in found.statuses:
            if one.id == call.number("status_id"):
                return status_json(call.state, call.repository, found, one)
    raise not_found()


def _add_status(call: Call) -> Reply:
    body, state, repository = call.body, call.state, call.repository
    if call.required("DeploymentStatus", "state") not in STATES:
        raise invalid("DeploymentStatus", "state")
    if len(body.get("description") or "") > DESCRIPTION_MAX:
        raise invalid("DeploymentStatus", "description", "custom", "description is too long")
    with state.lock:
        found = _found(call)
        status = Status(
            id=state.new_id(),
            state=body["state"],
            user=call.login,
            app=_app(call),
            environment=body.get("environment", found.environment),
            description=body.get("description") or "",
            log_url=body.get("log_url") or body.get("target_url") or "",
            environment_url=body.get("environment_url") or "",
        )
        _add(call, found, status)
        if status.state == "success" and body.get("auto_inactive", True):
            _retire_older(call, found)
        return Reply(status=201, body=status_json(state, repository, found, status))


def _add(call: Call, deployment: Deployment, status: Status) -> None:
    state, repository = call.state, call.repository
    deployment.statuses.append(status)
    deployment.updated_at = status.created_at
    emit(
        state,
        repository,
        call.login,
        "deployment_status",
        action="created",
        deployment_status=status_json(state, repository, deployment, status),
        deployment=as_json(state, repository, deployment),
    )


def _retire_older(call: Call, newest: Deployment) -> None:
    """GitHub takes the older successful ones of an environment for inactive, whatever their task,
    except in production and where they pass by themselves."""
    for one in deployments(call.repository).values():
        same = one.environment == newest.environment and one.id < newest.id
        if same and one.state == "success" and not one.transient and not one.production:
            status = Status(
                id=call.state.new_id(),
                state="inactive",
                user=call.login,
                app=_app(call),
                environment=one.environment,
            )
            _add(call, one, status)


def as_json(state: State, repository: Repository, one: Deployment) -> dict[str, Any]:
    """GitHub's `deployment`."""
    root = payloads.repository_url(state, repository)
    url = f"{root}/deployments/{one.id}"
    return {
        "url": url,
        "id": one.id,
        "node_id": payloads.node("Deployment", one.id),
        "task": one.task,
        "original_environment": one.environment,
        "environment": one.environment,
        "description": one.description,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
        "statuses_url": f"{url}/statuses",
        "repository_url": root,
        "creator": payloads.account(state, one.user),
        "sha": one.sha,
        "ref": one.ref,
        "payload": one.payload,
        "transient_environment": one.transient,
        "production_environment": one.production,
        "performed_via_github_app": _app_json(state, one.app),
    }


def status_json(
    state: State, repository: Repository, deployment: Deployment, one: Status
) -> dict[str, Any]:
    """GitHub's `deployment-status`."""
    root = payloads.repository_url(state, repository)
    url = f"{root}/deployments/{deployment.id}"
    return {
        "url": f"{url}/statuses/{one.id}",
        "id": one.id,
        "node_id": payloads.node("DeploymentStatus", one.id),
        "state": one.state,
        "creator": payloads.account(state, one.user),
        "description": one.description,
        "environment": one.environment,
        "target_url": one.log_url,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.created_at),
        "deployment_url": url,
        "repository_url": root,
        "environment_url": one.environment_url,
        "log_url": one.log_url,
        "performed_via_github_app": _app_json(state, one.app),
    }


def _app_json(state: State, app: int | None) -> dict[str, Any] | None:
    return None if app is None else payloads.app(state, state.apps[app])


_ALL = "/repos/{owner}/{repo}/deployments"
_ONE = _ALL + "/{deployment_id}"
_READ: dict[str, str] = {"needs": "deployments:read"}
_WRITE: dict[str, str] = {"needs": "deployments:write", "role": "write"}

routes = [
    Endpoint("GET", _ALL, _list, **_READ),
    Endpoint("POST", _ALL, _create, **_WRITE),
    Endpoint("GET", _ONE, _get, **_READ),
    Endpoint("DELETE", _ONE, _delete, **_WRITE),
    Endpoint("GET", _ONE + "/statuses", _statuses, **_READ),
    Endpoint("POST", _ONE + "/statuses", _add_status, **_WRITE),
    Endpoint("GET", _ONE + "/statuses/{status_id}", _status, **_READ),
]

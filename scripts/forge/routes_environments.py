"""Environments of a repository: who reviews, and which branches may deploy.

`Repository.settings["environments"]` holds them by name. Nothing here runs a workflow, so nothing
waits for a reviewer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from forge import payloads
from forge.errors import invalid, not_found
from forge.stores import Store
from forge.values import iso, now
from forge.web import Call, Endpoint, Reply

WAIT_TIMER_MAX = 43_200  # minutes: 30 days
REVIEWERS_MAX = 6


@dataclass(slots=True, kw_only=True, eq=False)
class Environment:
    """`reviewers` are (User | Team, id). `policy` is None where every branch may deploy; `patterns`
    count where it asks for custom policies: id → (name, branch | tag)."""

    id: int
    name: str
    wait_timer: int = 0
    wait_timer_id: int = 0
    reviewers_id: int = 0
    policy_id: int = 0
    prevent_self_review: bool = False
    reviewers: list[tuple[str, int]] = field(default_factory=list)
    policy: dict[str, bool] | None = None
    patterns: dict[int, tuple[str, str]] = field(default_factory=dict)
    store: Store = field(default_factory=Store)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


def environments(call: Call) -> dict[str, Environment]:
    """All of the repository, by name in lower case."""
    found: dict[str, Environment] = call.repository.settings.setdefault("environments", {})
    return found


def ensure(call: Call, name: str) -> Environment:
    """The environment of that name; a deployment makes it where there is none."""
    known = environments(call)
    if name.lower() not in known:
        new = call.state.new_id
        known[name.lower()] = Environment(
            id=new(), name=name, wait_timer_id=new(), reviewers_id=new(), policy_id=new()
        )
    return known[name.lower()]


def found(call: Call) -> Environment:
    """The environment of the path; ApiError 404 if there is none."""
    known = environments(call).get(call.params["environment_name"].lower())
    if known is None:
        raise not_found()
    return known


def _list(call: Call) -> Reply:
    with call.state.lock:
        rows = list(environments(call).values())
        return call.page(rows, lambda row: _shown(call, row), "environments")


def _get(call: Call) -> Any:
    with call.state.lock:
        return _shown(call, found(call))


def _put(call: Call) -> Any:
    """Whatever the body leaves out is as in a new environment: nothing is kept."""
    body = call.body
    wait = body.get("wait_timer") or 0
    if not 0 <= wait <= WAIT_TIMER_MAX:
        raise invalid("Environment", "wait_timer")
    policy = body.get("deployment_branch_policy")
    if policy is not None and policy["protected_branches"] == policy["custom_branch_policies"]:
        raise invalid("Environment", "deployment_branch_policy")
    with call.state.lock:
        reviewers = [_reviewer(call, one) for one in body.get("reviewers") or ()]
        if len(reviewers) > REVIEWERS_MAX:
            raise invalid("Environment", "reviewers")
        environment = ensure(call, call.params["environment_name"])
        environment.wait_timer = wait
        environment.reviewers = reviewers
        environment.prevent_self_review = bool(body.get("prevent_self_review"))
        environment.policy = policy
        if policy is None or not policy["custom_branch_policies"]:
            environment.patterns.clear()
        environment.updated_at = now()
        return _shown(call, environment)


def _reviewer(call: Call, one: dict[str, Any]) -> tuple[str, int]:
    kind, identity = one.get("type", "User"), one.get("id", 0)
    known = call.state.teams if kind == "Team" else call.state.users
    if identity not in {row.id for row in known.values()}:
        raise invalid("Environment", "reviewers", "missing", f"there is no {kind} {identity}")
    return kind, identity


def _delete(call: Call) -> Reply:
    with call.state.lock:
        del environments(call)[found(call).name.lower()]
    return Reply(status=204)


def _shown(call: Call, environment: Environment) -> dict[str, Any]:
    html = f"{call.state.web_url}/{call.repository.full_name}"
    root = payloads.repository_url(call.state, call.repository)
    return {
        "id": environment.id,
        "node_id": payloads.node("Environment", environment.id),
        "name": environment.name,
        "url": f"{root}/environments/{quote(environment.name, safe='')}",
        "html_url": f"{html}/deployments/{quote(environment.name, safe='')}",
        "created_at": iso(environment.created_at),
        "updated_at": iso(environment.updated_at),
        "can_admins_bypass": True,
        "protection_rules": _protection(call, environment),
        "deployment_branch_policy": environment.policy,
    }


def _protection(call: Call, environment: Environment) -> list[dict[str, Any]]:
    def rule(identity: int, kind: str, **more: Any) -> dict[str, Any]:
        return {"id": identity, "node_id": payloads.node("Gate", identity), "type": kind, **more}

    rules = []
    if environment.wait_timer:
        rules.append(
            rule(environment.wait_timer_id, "wait_timer", wait_timer=environment.wait_timer)
        )
    if environment.reviewers:
        reviewers = [_reviewer_json(call, *one) for one in environment.reviewers]
        rules.append(
            rule(
                environment.reviewers_id,
                "required_reviewers",
                prevent_self_review=environment.prevent_self_review,
                reviewers=reviewers,
            )
        )
    if environment.policy is not None:
        rules.append(rule(environment.policy_id, "branch_policy"))
    return rules


def _reviewer_json(call: Call, kind: str, identity: int) -> dict[str, Any]:
    state = call.state
    if kind == "Team":
        team = next(team for team in state.teams.values() if team.id == identity)
        return {"type": kind, "reviewer": payloads.team(state, team)}
    login = next(user.login for user in state.users.values() if user.id == identity)
    return {"type": kind, "reviewer": payloads.account(state, login)}


# Which branches and tags may deploy.


def _policies(call: Call) -> Reply:
    with call.state.lock:
        patterns = found(call).patterns
        return call.page(
            list(patterns), lambda one: _policy(one, *patterns[one]), "branch_policies"
        )


def _add_policy(call: Call) -> Reply:
    name, kind = call.required("DeploymentBranchPolicy", "name"), call.body.get("type", "branch")
    with call.state.lock:
        environment = found(call)
        if environment.policy is None or not environment.policy["custom_branch_policies"]:
            raise not_found()
        if (name, kind) in environment.patterns.values():
            return Reply(status=303)
        identity = call.state.new_id()
        environment.patterns[identity] = (name, kind)
    return Reply(body=_policy(identity, name, kind))


def _change_policy(call: Call) -> Any:
    identity, name = (
        call.number("branch_policy_id"),
        call.required("DeploymentBranchPolicy", "name"),
    )
    with call.state.lock:
        patterns = found(call).patterns
        if identity not in patterns:
            raise not_found()
        patterns[identity] = (name, patterns[identity][1])
        return _policy(identity, *patterns[identity])


def _remove_policy(call: Call) -> Reply:
    with call.state.lock:
        if found(call).patterns.pop(call.number("branch_policy_id"), None) is None:
            raise not_found()
    return Reply(status=204)


def _policy(identity: int, name: str, kind: str) -> dict[str, Any]:
    return {
        "id": identity,
        "node_id": payloads.node("DeploymentBranchPolicy", identity),
        "name": name,
        "type": kind,
    }


_ALL = "/repos/{owner}/{repo}/environments"
_ONE = _ALL + "/{environment_name}"
_POLICIES = _ONE + "/deployment-branch-policies"
_ADMIN: dict[str, str] = {"needs": "administration:write", "role": "admin"}
_READ: dict[str, str] = {"needs": "actions:read"}
routes = [
    Endpoint("GET", _ALL, _list, **_READ),
    Endpoint("GET", _ONE, _get, **_READ),
    Endpoint("PUT", _ONE, _put, **_ADMIN),
    Endpoint("DELETE", _ONE, _delete, **_ADMIN),
    Endpoint("GET", _POLICIES, _policies, **_READ),
    Endpoint("POST", _POLICIES, _add_policy, **_ADMIN),
    Endpoint("PUT", _POLICIES + "/{branch_policy_id}", _change_policy, **_ADMIN),
    Endpoint("DELETE", _POLICIES + "/{branch_policy_id}", _remove_policy, **_ADMIN),
]

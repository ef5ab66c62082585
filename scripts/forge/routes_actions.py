"""What Actions may do in a repository. `Repository.settings["actions"]` holds it."""

from __future__ import annotations

from typing import Any

from forge.errors import ApiError, invalid
from forge.web import Call, Endpoint, Reply

DEFAULTS: dict[str, dict[str, Any]] = {
    "permissions": {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False},
    "selected": {"github_owned_allowed": True, "verified_allowed": False, "patterns_allowed": []},
    "workflow": {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    },
    "forks": {"approval_policy": "first_time_contributors"},
}
"""Those of a new repository."""


def _part(call: Call, name: str) -> dict[str, Any]:
    parts = call.repository.settings.setdefault("actions", {})
    part: dict[str, Any] = parts.setdefault(name, dict(DEFAULTS[name]))
    return part


def _permissions(call: Call) -> Any:
    with call.state.lock:
        held = dict(_part(call, "permissions"))
    if not held["enabled"]:
        return {"enabled": False, "sha_pinning_required": held["sha_pinning_required"]}
    if held["allowed_actions"] == "selected":
        root = f"{call.state.api_url}/repos/{call.repository.full_name}"
        held["selected_actions_url"] = f"{root}/actions/permissions/selected-actions"
    return held


def _set_permissions(call: Call) -> Reply:
    if not isinstance(call.body.get("enabled"), bool):
        raise invalid("Repository", "enabled", "missing_field")
    with call.state.lock:
        held = _part(call, "permissions")
        held["enabled"] = call.body["enabled"]
        # GitHub allows all where it is switched on and nothing else is said.
        held["allowed_actions"] = call.body.get("allowed_actions", "all")
        if "sha_pinning_required" in call.body:
            held["sha_pinning_required"] = call.body["sha_pinning_required"]
    return Reply(status=204)


def _selected(call: Call) -> Any:
    _must_select(call)
    return dict(_part(call, "selected"))


def _set_selected(call: Call) -> Reply:
    _must_select(call)
    return _set(call, "selected")


def _must_select(call: Call) -> None:
    held = _part(call, "permissions")
    if not held["enabled"] or held["allowed_actions"] != "selected":
        raise ApiError(
            409, "Conflict: the allowed actions of this repository are not selected ones"
        )


def _workflow(call: Call) -> Any:
    return dict(_part(call, "workflow"))


def _set_workflow(call: Call) -> Reply:
    return _set(call, "workflow")


def _forks(call: Call) -> Any:
    return dict(_part(call, "forks"))


def _set_forks(call: Call) -> Reply:
    return _set(call, "forks")


def _set(call: Call, name: str) -> Reply:
    with call.state.lock:
        part = _part(call, name)
        part |= {key: value for key, value in call.body.items() if key in part}
    return Reply(status=204)


_ROOT = "/repos/{owner}/{repo}/actions/permissions"
_READ: dict[str, str] = {"needs": "administration:read", "role": "admin"}
_WRITE: dict[str, str] = {"needs": "administration:write", "role": "admin"}

routes = [
    Endpoint("GET", _ROOT, _permissions, **_READ),
    Endpoint("PUT", _ROOT, _set_permissions, **_WRITE),
    Endpoint("GET", _ROOT + "/selected-actions", _selected, **_READ),
    Endpoint("PUT", _ROOT + "/selected-actions", _set_selected, **_WRITE),
    Endpoint("GET", _ROOT + "/workflow", _workflow, **_READ),
    Endpoint("PUT", _ROOT + "/workflow", _set_workflow, **_WRITE),
    Endpoint("GET", _ROOT + "/fork-pr-contributor-approval", _forks, **_READ),
    Endpoint("PUT", _ROOT + "/fork-pr-contributor-approval", _set_forks, **_WRITE),
]

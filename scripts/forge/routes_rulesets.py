"""Rulesets of a repository. `Repository.rulesets` holds them as the API has them: pushes and merges
are judged by that."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from forge.errors import ApiError, invalid, not_found
from forge.payloads import node
from forge.rules import Rule, rules_for
from forge.values import ROLES, iso, now
from forge.web import Call, Endpoint, Reply

HIDDEN_IN_LISTS = ("bypass_actors", "conditions", "rules")
CHANGEABLE = ("name", "target", "enforcement", "bypass_actors", "conditions", "rules")

NOT_SAID: Mapping[str, Mapping[str, Any]] = {
    "pull_request": {
        "required_reviewers": [],
        "allowed_merge_methods": ["merge", "squash", "rebase"],
    },
    "required_status_checks": {"do_not_enforce_on_create": False},
    "update": {"update_allows_fetch_and_merge": False},
}
"""What GitHub fills in where a rule's parameters leave it out."""


def _list(call: Call) -> Reply:
    with call.state.lock:
        rows = sorted(call.repository.rulesets.values(), key=lambda row: -row["id"])
        targets = call.query.get("targets", "")
        if targets:
            rows = [row for row in rows if row["target"] in targets.split(",")]
        return call.page(rows, lambda row: _without(_shown(call, row), *HIDDEN_IN_LISTS))


def _get(call: Call) -> Any:
    with call.state.lock:
        return _shown(call, _found(call))


def _create(call: Call) -> Reply:
    for name in ("name", "enforcement"):
        call.required("Ruleset", name)
    with call.state.lock:
        identity = call.state.new_id()
        moment = iso(now())
        ruleset = {
            "id": identity,
            "target": "branch",
            "source_type": "Repository",
            "source": call.repository.full_name,
            "bypass_actors": [],
            "conditions": {},
            "rules": [],
            "node_id": node("RepositoryRuleset", identity),
            "created_at": moment,
            "updated_at": moment,
        }
        ruleset |= _fields(call, None)
        call.repository.rulesets[identity] = ruleset
        return Reply(status=201, body=_shown(call, ruleset))


def _update(call: Call) -> Any:
    with call.state.lock:
        ruleset = _found(call)
        changed = _fields(call, ruleset["id"])
        ruleset |= changed | {"updated_at": iso(now())}
        return _shown(call, ruleset)


def _delete(call: Call) -> Reply:
    with call.state.lock:
        del call.repository.rulesets[_found(call)["id"]]
    return Reply(status=204)


def _in_force(call: Call) -> Reply:
    """The rules that apply to a branch, whether it exists or not."""
    ref = f"refs/heads/{call.params['branch']}"
    source = {"ruleset_source_type": "Repository", "ruleset_source": call.repository.full_name}

    def shown(rule: Rule) -> dict[str, Any]:
        parameters = {"parameters": rule.parameters} if rule.parameters else {}
        return {"type": rule.kind, **parameters, **source, "ruleset_id": rule.ruleset}

    return call.page(rules_for(call.state, call.repository, ref, None), shown)


def _found(call: Call) -> dict[str, Any]:
    found = call.repository.rulesets.get(call.number("ruleset_id"))
    if found is None:
        raise not_found()
    return found


def _fields(call: Call, own: int | None) -> dict[str, Any]:
    """What the body says, with what GitHub fills in; ApiError 422 for what it refuses."""
    fields = {key: copy.deepcopy(call.body[key]) for key in CHANGEABLE if key in call.body}
    for other in call.repository.rulesets.values():
        if other["id"] != own and other["name"] == fields.get("name"):
            raise _refused("Name must be unique")
    if fields.get("enforcement", "active") not in {"active", "disabled"}:
        raise invalid("Ruleset", "enforcement")  # `evaluate` is for organisations of an enterprise
    if "rules" in fields:
        fields["rules"] = [_rule(rule) for rule in fields["rules"]]
    if "bypass_actors" in fields:
        fields["bypass_actors"] = [_actor(call, actor) for actor in fields["bypass_actors"]]
    if "conditions" in fields and fields["conditions"].get("ref_name"):
        named = fields["conditions"]["ref_name"]
        fields["conditions"]["ref_name"] = {
            "exclude": named.get("exclude", []),
            "include": named.get("include", []),
        }
    return fields


def _refused(message: str) -> ApiError:
    error = {"resource": "Ruleset", "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", [error])


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    parameters = {**NOT_SAID.get(rule["type"], {}), **rule.get("parameters", {})}
    return {"type": rule["type"], **({"parameters": parameters} if parameters else {})}


def _actor(call: Call, actor: dict[str, Any]) -> dict[str, Any]:
    kind, identity = actor["actor_type"], actor.get("actor_id")
    state = call.state
    known = {
        "Integration": set(state.apps),
        "Team": {team.id for team in state.teams.values()},
        "User": {user.id for user in state.users.values()},
    }
    if kind in known and identity not in known[kind]:
        raise _refused(f"Actor {kind} must exist")
    return {
        "actor_id": identity,
        "actor_type": kind,
        "bypass_mode": actor.get("bypass_mode", "always"),
    }


def _shown(call: Call, ruleset: dict[str, Any]) -> dict[str, Any]:
    """As the API gives it. Who bypasses it is told only to those who may change it."""
    repository, state = call.repository, call.state
    links = {
        "self": {"href": f"{state.api_url}/repos/{repository.full_name}/rulesets/{ruleset['id']}"},
        "html": {"href": f"{state.web_url}/{repository.full_name}/rules/{ruleset['id']}"},
    }
    shown = {**copy.deepcopy(ruleset), "_links": links}
    if not _is_admin(call):
        return _without(shown, "bypass_actors")
    return {**shown, "current_user_can_bypass": "never"}


def _is_admin(call: Call) -> bool:
    if call.who.token is not None and call.who.token.permissions is not None:
        return call.who.token.permissions.get("administration") == "write"
    role = call.state.role(call.repository, call.who.login)
    return role is not None and ROLES.index(role) == len(ROLES) - 1


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}


_ALL = "/repos/{owner}/{repo}/rulesets"
_ONE = _ALL + "/{ruleset_id}"
_ADMIN: dict[str, str] = {"needs": "administration:write", "role": "admin"}

routes = [
    Endpoint("GET", _ALL, _list),
    Endpoint("POST", _ALL, _create, **_ADMIN),
    Endpoint("GET", _ONE, _get),
    Endpoint("PUT", _ONE, _update, **_ADMIN),
    Endpoint("DELETE", _ONE, _delete, **_ADMIN),
    Endpoint("GET", "/repos/{owner}/{repo}/rules/branches/{branch:path}", _in_force),
]

"""Secrets and variables of a repository and of its environments."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from forge import routes_environments
from forge.errors import ApiError, not_found
from forge.stores import Named, Store
from forge.values import iso, now
from forge.web import Call, Endpoint, Reply


def _store(call: Call) -> Store:
    """The environment's if the path names one, else the repository's."""
    if "environment_name" in call.params:
        return routes_environments.found(call).store
    store: Store = call.repository.settings.setdefault("store", Store())
    return store


def _secrets(call: Call) -> Reply:
    with call.state.lock:
        return call.page(list(_store(call).secrets.values()), _secret, "secrets")


def _put_secret(call: Call) -> Reply:
    """Kept by name alone: what is secret is not even read."""
    with call.state.lock:
        known, name = _store(call).secrets, call.params["secret_name"].upper()
        found = known.get(name)
        if found is None:
            known[name] = Named(name=name)
            return Reply(status=201, body={})
        found.updated_at = now()
    return Reply(status=204)


def _delete_secret(call: Call) -> Reply:
    with call.state.lock:
        if _store(call).secrets.pop(call.params["secret_name"].upper(), None) is None:
            raise not_found()
    return Reply(status=204)


def _public_key(call: Call) -> Any:
    """A key to seal secrets with. Nobody has its other half."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {"key_id": str(call.repository.id), "key": key}


def _secret(row: Named) -> dict[str, Any]:
    return {
        "name": row.name,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }


def _variables(call: Call) -> Reply:
    with call.state.lock:
        return call.page(list(_store(call).variables.values()), _variable, "variables")


def _variable(row: Named) -> dict[str, Any]:
    return {**_secret(row), "value": row.value}


def _get_variable(call: Call) -> Any:
    return _variable(_found_variable(call))


def _add_variable(call: Call) -> Reply:
    name, value = call.required("Variable", "name").upper(), call.body.get("value", "")
    with call.state.lock:
        known = _store(call).variables
        if name in known:
            raise ApiError(409, "Already exists - Variable already exists")
        known[name] = Named(name=name, value=value)
    return Reply(status=201, body={})


def _change_variable(call: Call) -> Reply:
    with call.state.lock:
        found = _found_variable(call)
        found.value, found.updated_at = call.body.get("value", found.value), now()
    return Reply(status=204)


def _delete_variable(call: Call) -> Reply:
    with call.state.lock:
        del _store(call).variables[_found_variable(call).name]
    return Reply(status=204)


def _found_variable(call: Call) -> Named:
    found = _store(call).variables.get(call.params["name"].upper())
    if found is None:
        raise not_found()
    return found


_ROOT = "/repos/{owner}/{repo}"
_ENVIRONMENT = _ROOT + "/environments/{environment_name}"


def _endpoints(root: str, secret: str, variable: str) -> list[Endpoint]:
    """Below the repository or an environment; `secret` and `variable` are permissions of an app."""
    one_secret, one_variable = root + "/secrets/{secret_name}", root + "/variables/{name}"
    return [
        Endpoint("GET", root + "/secrets", _secrets, f"{secret}:read", "write"),
        Endpoint("GET", root + "/secrets/public-key", _public_key, f"{secret}:read", "write"),
        Endpoint("PUT", one_secret, _put_secret, f"{secret}:write", "admin"),
        Endpoint("DELETE", one_secret, _delete_secret, f"{secret}:write", "admin"),
        Endpoint("GET", root + "/variables", _variables, f"{variable}:read", "write"),
        Endpoint("POST", root + "/variables", _add_variable, f"{variable}:write", "admin"),
        Endpoint("GET", one_variable, _get_variable, f"{variable}:read", "write"),
        Endpoint("PATCH", one_variable, _change_variable, f"{variable}:write", "admin"),
        Endpoint("DELETE", one_variable, _delete_variable, f"{variable}:write", "admin"),
    ]


routes = [
    *_endpoints(_ENVIRONMENT, "environments", "environments"),
    *_endpoints(_ROOT + "/actions", "secrets", "actions_variables"),
]

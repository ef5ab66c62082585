"""The labels of a repository itself."""

from __future__ import annotations

import re

from forge import payloads
from forge.errors import invalid, not_found
from forge.values import Label
from forge.web import Call, Endpoint, Reply

_COLOUR = re.compile("[0-9a-fA-F]{6}")


def _label(call: Call) -> Label:
    found = call.repository.labels.get(call.params["name"].lower())
    if found is None:
        raise not_found()
    return found


def _set(call: Call, label: Label) -> payloads.Json:
    colour = call.body.get("color", label.color)
    if not (isinstance(colour, str) and _COLOUR.fullmatch(colour)):
        raise invalid("Label", "color")
    label.color = colour.lower()
    label.description = call.body.get("description", label.description)
    return payloads.label(call.state, call.repository, label)


def listed(call: Call) -> Reply:
    """GET …/labels"""
    with call.state.lock:
        rows = list(call.repository.labels.values())
        return call.page(rows, lambda one: payloads.label(call.state, call.repository, one))


def one(call: Call) -> payloads.Json:
    """GET …/labels/{name}"""
    with call.state.lock:
        return payloads.label(call.state, call.repository, _label(call))


def create(call: Call) -> Reply:
    """POST …/labels: 422 where there is one of that name, in any case of letters"""
    with call.state.lock:
        labels, name = call.repository.labels, call.body.get("name")
        if not (isinstance(name, str) and name):
            raise invalid("Label", "name", "missing_field")
        if name.lower() in labels:
            raise invalid("Label", "name", "already_exists")
        label = Label(id=call.state.new_id(), name=name)
        body = _set(call, label)
        labels[name.lower()] = label
    return Reply(status=201, body=body)


def update(call: Call) -> payloads.Json:
    """PATCH …/labels/{name}: `new_name` renames it, everywhere"""
    with call.state.lock:
        label, labels = _label(call), call.repository.labels
        new = call.body.get("new_name", label.name)
        if new.lower() != label.name.lower() and new.lower() in labels:
            raise invalid("Label", "name", "already_exists")
        old, label.name = label.name, new
        for issue in call.repository.issues.values():
            issue.labels[:] = [new if name == old else name for name in issue.labels]
        del labels[old.lower()]
        labels[new.lower()] = label
        return _set(call, label)


def delete(call: Call) -> Reply:
    """DELETE …/labels/{name}: it is taken off everything"""
    with call.state.lock:
        label = _label(call)
        del call.repository.labels[label.name.lower()]
        for issue in call.repository.issues.values():
            issue.labels[:] = [name for name in issue.labels if name != label.name]
    return Reply(status=204)


ALL = "/repos/{owner}/{repo}/labels"
READ, WRITE = "issues:read|pull_requests:read", "issues:write|pull_requests:write"

routes = [
    Endpoint("GET", ALL, listed, READ),
    Endpoint("POST", ALL, create, WRITE, "triage"),
    Endpoint("GET", ALL + "/{name}", one, READ),
    Endpoint("PATCH", ALL + "/{name}", update, WRITE, "triage"),
    Endpoint("DELETE", ALL + "/{name}", delete, WRITE, "triage"),
]

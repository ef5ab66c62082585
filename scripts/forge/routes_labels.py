"""The labels of one issue or pull request."""

from __future__ import annotations

from forge import payloads, payloads_pull
from forge.errors import ApiError, invalid
from forge.payloads_events import tell_label
from forge.routes_comments import READ, WRITE, issue_of
from forge.values import Issue, Label
from forge.web import Call, Endpoint, Reply


def listed(call: Call) -> Reply:
    """GET …/issues/{number}/labels"""
    with call.state.lock:
        return call.page(payloads_pull.labels(call.state, call.repository, issue_of(call)), dict)


def _named(call: Call) -> list[str]:
    """`{"labels": [...]}` or the bare list; each a name or an object that has one."""
    rows = call.body.get("labels", call.body.get("", []))
    if not isinstance(rows, list):
        raise invalid("Label", "labels")
    return [str(row["name"] if isinstance(row, dict) else row) for row in rows]


def add_label(call: Call, issue: Issue, name: str) -> None:
    """Put a label on; one that the repository hasn't is made, as GitHub does."""
    labels = call.repository.labels
    if name.lower() not in labels:
        labels[name.lower()] = Label(id=call.state.new_id(), name=name)
    kept = labels[name.lower()].name
    if kept not in issue.labels:
        issue.labels.append(kept)
        tell_label(call.state, call.repository, issue, kept, "labeled", call.login)


def remove_label(call: Call, issue: Issue, name: str) -> None:
    """Take a label off; ApiError 404 where it isn't on."""
    kept = next((one for one in issue.labels if one.lower() == name.lower()), None)
    if kept is None:
        raise ApiError(404, "Label does not exist")
    issue.labels.remove(kept)
    tell_label(call.state, call.repository, issue, kept, "unlabeled", call.login)


def add(call: Call) -> list[payloads.Json]:
    """POST …/issues/{number}/labels"""
    issue = issue_of(call)
    with call.state.lock:
        for name in _named(call):
            add_label(call, issue, name)
        return payloads_pull.labels(call.state, call.repository, issue)


def put(call: Call) -> list[payloads.Json]:
    """PUT …/issues/{number}/labels: these and no others"""
    issue, names = issue_of(call), _named(call)
    with call.state.lock:
        wanted = {name.lower() for name in names}
        for name in [one for one in issue.labels if one.lower() not in wanted]:
            remove_label(call, issue, name)
        for name in names:
            add_label(call, issue, name)
        return payloads_pull.labels(call.state, call.repository, issue)


def remove(call: Call) -> list[payloads.Json]:
    """DELETE …/issues/{number}/labels/{name}"""
    issue = issue_of(call)
    with call.state.lock:
        remove_label(call, issue, call.params["name"])
        return payloads_pull.labels(call.state, call.repository, issue)


def clear(call: Call) -> Reply:
    """DELETE …/issues/{number}/labels"""
    issue = issue_of(call)
    with call.state.lock:
        for name in list(issue.labels):
            remove_label(call, issue, name)
    return Reply(status=204)


ALL = "/repos/{owner}/{repo}/issues/{number}/labels"

routes = [
    Endpoint("GET", ALL, listed, READ),
    Endpoint("POST", ALL, add, WRITE, "triage"),
    Endpoint("PUT", ALL, put, WRITE, "triage"),
    Endpoint("DELETE", ALL, clear, WRITE, "triage"),
    Endpoint("DELETE", ALL + "/{name:path}", remove, WRITE, "triage"),
]

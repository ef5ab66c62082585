"""Issues: made, found, changed. Pull requests are among them, as on GitHub."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from forge import payloads_issues
from forge.errors import ApiError, invalid, not_found
from forge.events import emit
from forge.payloads_events import tell_label
from forge.pulling import set_state
from forge.values import Issue, Label, Pull, now
from forge.web import Call, Endpoint, Reply

SORTED_BY = {
    "created": lambda issue: (issue.created_at, issue.number),
    "updated": lambda issue: (issue.updated_at, issue.number),
    "comments": lambda issue: (0, issue.number),
}
TITLE_MAX = 256
BODY_MAX = 65_536


def _list(call: Call) -> Reply:
    query = call.query
    order = SORTED_BY.get(query.get("sort", "created"))
    if order is None:
        raise invalid("Issue", "sort")
    with call.state.lock:
        rows = [one for one in call.repository.issues.values() if _wanted(call, one)]
        rows.sort(key=order, reverse=query.get("direction", "desc") != "asc")
        return call.page(rows, lambda one: _shown(call, one))


def _wanted(call: Call, issue: Issue) -> bool:
    query = call.query
    held = {name.lower() for name in issue.labels}
    labels = {name.strip().lower() for name in query.get("labels", "").split(",") if name.strip()}
    creator, assignee = query.get("creator"), query.get("assignee")
    return (
        query.get("state", "open") in {"all", issue.state}
        and labels <= held
        and (creator is None or creator.lower() == issue.user.lower())
        and (assignee in {None, "*"} or assignee in issue.assignees)
        and ("since" not in query or issue.updated_at >= _moment(query["since"]))
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid("Issue", "since") from error


def _get(call: Call) -> Any:
    with call.state.lock:
        return _shown(call, _found(call))


def _found(call: Call) -> Issue:
    found = call.repository.issues.get(call.number("number"))
    if found is None:
        raise not_found()
    return found


def _create(call: Call) -> Reply:
    state, repository = call.state, call.repository
    title = str(call.required("Issue", "title"))
    _check(title, call.body.get("body"))
    with state.lock:
        repository.last_number += 1
        issue = Issue(
            id=state.new_id(),
            number=repository.last_number,
            title=title,
            body=call.body.get("body"),
            user=call.login,
            app=None if call.who.app is None else call.who.app.id,
        )
        repository.issues[issue.number] = issue
        if _may_triage(call):
            # From anyone else GitHub drops these without a word.
            issue.labels = _names(call, call.body.get("labels") or [])
            issue.assignees = _assignees(call, call.body.get("assignees") or [])
        _tell(call, issue, "opened")
        for name in issue.labels:
            tell_label(state, repository, issue, name, "labeled", call.login)
        return Reply(status=201, body=_shown(call, issue))


def _may_triage(call: Call) -> bool:
    return call.who.is_installation or call.state.role(call.repository, call.login) != "read"


def _check(title: str | None, body: str | None) -> None:
    if title is not None and not 0 < len(title) <= TITLE_MAX:
        raise invalid("Issue", "title", "custom", f"title is too long (maximum is {TITLE_MAX})")
    if body is not None and len(body) > BODY_MAX:
        raise invalid(
            "Issue", "body", "custom", f"body is too long (maximum is {BODY_MAX} characters)"
        )


def _change(call: Call) -> Any:
    """A pull request is changed by this as well: its labels, for one, only by this."""
    body, state = call.body, call.state
    _check(body.get("title"), body.get("body"))
    if body.get("state", "open") not in {"open", "closed"}:
        raise invalid("Issue", "state")
    with state.lock:
        issue = _found(call)
        if not _may_triage(call) and issue.user != call.login:
            raise ApiError(403, "Must have admin rights to Repository.")
        turns = body.get("state") not in {None, issue.state}
        if turns and not isinstance(issue, Pull):
            _turn(call, issue)
        _edit(call, issue)
        if "labels" in body:
            _relabel(call, issue, _names(call, body["labels"]))
        if "assignees" in body:
            issue.assignees = _assignees(call, body["assignees"])
        issue.updated_at = now()
    if turns and isinstance(issue, Pull):
        set_state(state, call.repository, issue, body["state"], call.login)
    with state.lock:
        return _shown(call, issue)


def _turn(call: Call, issue: Issue) -> None:
    """Close it or open it again."""
    issue.state = call.body["state"]
    closes = issue.state == "closed"
    issue.closed_at = now() if closes else None
    issue.closed_by = call.login if closes else None
    reason = call.body.get("state_reason")
    issue.state_reason = (reason or "completed") if closes else "reopened"
    _tell(call, issue, "closed" if closes else "reopened")


def _edit(call: Call, issue: Issue) -> None:
    changes = {}
    for name in ("title", "body"):
        if name in call.body and call.body[name] != getattr(issue, name):
            changes[name] = {"from": getattr(issue, name) or ""}
            setattr(issue, name, call.body[name])
    if changes:
        _tell(call, issue, "edited", changes=changes)


def _relabel(call: Call, issue: Issue, wanted: list[str]) -> None:
    before, issue.labels = issue.labels, wanted
    for action, names in (
        ("unlabeled", [name for name in before if name not in wanted]),
        ("labeled", [name for name in wanted if name not in before]),
    ):
        for name in names:
            tell_label(call.state, call.repository, issue, name, action, call.login)


def _names(call: Call, labels: list[Any]) -> list[str]:
    """As the repository spells them; labels that are new to it are made."""
    names = [one if isinstance(one, str) else str(one.get("name", "")) for one in labels]
    known = call.repository.labels
    for name in names:
        if name.lower() not in known:
            known[name.lower()] = Label(id=call.state.new_id(), name=name)
    return list(dict.fromkeys(known[name.lower()].name for name in names))


def _assignees(call: Call, logins: list[str]) -> list[str]:
    """Those who can read the repository; GitHub drops the others without a word."""
    state, repository = call.state, call.repository
    return [
        state.users[login.lower()].login
        for login in logins
        if login.lower() in state.users and state.role(repository, login) is not None
    ]


def _tell(call: Call, issue: Issue, action: str, **more: Any) -> None:
    if isinstance(issue, Pull):
        from forge.payloads_events import tell_pull

        tell_pull(call.state, call.repository, issue, action, call.login, **more)
        return
    emit(
        call.state,
        call.repository,
        call.login,
        "issues",
        action=action,
        issue=_shown(call, issue),
        **more,
    )


def _shown(call: Call, issue: Issue) -> dict[str, Any]:
    return payloads_issues.issue(call.state, call.repository, issue)


_ALL = "/repos/{owner}/{repo}/issues"
_ONE = _ALL + "/{number}"
_WRITE = "issues:write|pull_requests:write"

routes = [
    Endpoint("GET", _ALL, _list, "issues:read"),
    Endpoint("POST", _ALL, _create, "issues:write"),
    Endpoint("GET", _ONE, _get, "issues:read|pull_requests:read"),
    Endpoint("PATCH", _ONE, _change, _WRITE),
]

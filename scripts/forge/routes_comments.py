"""Comments on issues and pull requests, and the emoji under them."""

from __future__ import annotations

from forge import payloads, payloads_pull
from forge.errors import ApiError, invalid, not_found
from forge.payloads_events import tell_comment
from forge.state import State
from forge.values import ROLES, Comment, Issue, Reaction, iso, now
from forge.web import Call, Endpoint, Reply

LONGEST = 65_536


def issue_of(call: Call) -> Issue:
    """The issue or pull request of the path."""
    found = call.repository.issues.get(call.number("number"))
    if found is None:
        raise not_found()
    return found


def listed(call: Call) -> Reply:
    """GET …/issues/{number}/comments, oldest first"""
    number, repository = issue_of(call).number, call.repository
    since = call.query.get("since", "")
    with call.state.lock:
        rows = [c for c in repository.comments.values() if c.number == number]
        rows = [c for c in rows if not since or c.updated_at.isoformat() >= since[:19]]
        return call.page(rows, lambda one: payloads_pull.comment(call.state, repository, one))


def create(call: Call) -> Reply:
    """POST …/issues/{number}/comments: whoever may read"""
    issue, state = issue_of(call), call.state
    body = _body(call)
    with state.lock:
        app = call.who.app.id if call.who.app is not None else None
        one = Comment(id=state.new_id(), number=issue.number, user=call.login, body=body, app=app)
        call.repository.comments[one.id] = one
        issue.updated_at = now()
        tell_comment(state, call.repository, one, "created", call.login)
        shown = _shown(call, one)
        return Reply(status=201, body=shown, headers={"Location": shown["url"]})


def _body(call: Call) -> str:
    body = str(call.required("IssueComment", "body"))
    if len(body) > LONGEST:
        raise invalid(
            "IssueComment",
            "data",
            "unprocessable",
            f"Body is too long (maximum is {LONGEST} characters)",
        )
    return body


def _shown(call: Call, one: Comment) -> payloads.Json:
    return payloads_pull.comment(call.state, call.repository, one)


def _one(call: Call) -> Comment:
    found = call.repository.comments.get(call.number("comment"))
    if found is None:
        raise not_found()
    return found


def get(call: Call) -> payloads.Json:
    """GET …/issues/comments/{comment}"""
    return _shown(call, _one(call))


def update(call: Call) -> payloads.Json:
    """PATCH …/issues/comments/{comment}: its author, and whoever may write"""
    one, body = _one(call), _body(call)
    _may_edit(call, one)
    with call.state.lock:
        if body != one.body:
            one.body, one.updated_at = body, now()
            tell_comment(call.state, call.repository, one, "edited", call.login)
        return _shown(call, one)


def delete(call: Call) -> Reply:
    """DELETE …/issues/comments/{comment}"""
    one = _one(call)
    _may_edit(call, one)
    with call.state.lock:
        tell_comment(call.state, call.repository, one, "deleted", call.login)
        del call.repository.comments[one.id]
    return Reply(status=204)


def _may_edit(call: Call, one: Comment) -> None:
    """An installation may where its permission does: it was asked for before."""
    if call.login == one.user or call.who.is_installation:
        return
    role = call.state.role(call.repository, call.login) or "read"
    if ROLES.index(role) < ROLES.index("write"):
        raise ApiError(403, "Must have push access to edit comments.")


def reactions(call: Call) -> Reply:
    """GET …/issues/comments/{comment}/reactions"""
    rows = _one(call).reactions
    return call.page(rows, lambda one: _reaction(call.state, one))


def react(call: Call) -> Reply:
    """POST …/issues/comments/{comment}/reactions: 200 where it is there already"""
    comment, content = _one(call), call.required("Reaction", "content")
    if content not in payloads_pull.REACTIONS:
        raise invalid("Reaction", "content")
    with call.state.lock:
        for one in comment.reactions:
            if (one.user, one.content) == (call.login, content):
                return Reply(body=_reaction(call.state, one))
        made = Reaction(id=call.state.new_id(), user=call.login, content=content)
        comment.reactions.append(made)
        return Reply(status=201, body=_reaction(call.state, made))


def _reaction(state: State, one: Reaction) -> payloads.Json:
    """An emoji under a comment."""
    return {
        "id": one.id,
        "node_id": payloads.node("Reaction", one.id),
        "user": payloads.account(state, one.user),
        "content": one.content,
        "created_at": iso(one.created_at),
    }


NEEDS = "issues:{0}|pull_requests:{0}"
READ, WRITE = NEEDS.format("read"), NEEDS.format("write")
ONE = "/repos/{owner}/{repo}/issues/comments/{comment}"
OF = "/repos/{owner}/{repo}/issues/{number}/comments"

routes = [
    Endpoint("GET", OF, listed, READ),
    Endpoint("POST", OF, create, WRITE),
    Endpoint("GET", ONE, get, READ),
    Endpoint("PATCH", ONE, update, WRITE),
    Endpoint("DELETE", ONE, delete, WRITE),
    Endpoint("GET", ONE + "/reactions", reactions, READ),
    Endpoint("POST", ONE + "/reactions", react, WRITE),
]

"""Reviews of a pull request, and who is asked for one."""

from __future__ import annotations

from typing import Any

from forge import payloads, payloads_pull
from forge.errors import ApiError, invalid, not_found
from forge.merging import trial_of
from forge.payloads_events import tell_pull, tell_review
from forge.rules import may_dismiss
from forge.state import State
from forge.values import ROLES, Pull, Repository, Review, now
from forge.web import Call, Endpoint, Reply

EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def listed(call: Call) -> Reply:
    """GET …/reviews, oldest first; a pending one is shown to its author alone."""
    pull = call.pull()
    with call.state.lock:
        rows = [r for r in pull.reviews if r.state != "PENDING" or r.user == call.who.login]
        return call.page(rows, lambda review: _shown(call, pull, review))


def _shown(call: Call, pull: Pull, review: Review) -> payloads.Json:
    return payloads_pull.review(call.state, call.repository, pull, review)


def create(call: Call) -> payloads.Json:
    """POST …/reviews: nobody approves their own"""
    pull, state = call.pull(), call.state
    event = call.body.get("event")
    body = str(call.body.get("body") or "")
    commit = str(call.body.get("commit_id") or pull.head)
    _check(call, pull, event, body)
    if commit != pull.head and commit not in trial_of(call.repository, pull).commits:
        raise ApiError(422, "Unprocessable Entity", ["Could not resolve to a commit."])
    with state.lock:
        review = Review(
            id=state.new_id(),
            user=call.login,
            body=body,
            state="PENDING" if event is None else EVENTS[event],
            commit=commit,
        )
        pull.reviews.append(review)
        if event is not None:
            _submitted(call, pull, review)
        return _shown(call, pull, review)


def _check(call: Call, pull: Pull, event: Any, body: str) -> None:
    if event is not None and event not in EVENTS:
        raise invalid("PullRequestReview", "event")
    if event in {"REQUEST_CHANGES", "COMMENT"} and not body:
        raise ApiError(422, "Unprocessable Entity", ["Body can't be blank"])
    if call.login == pull.user and event in {"APPROVE", "REQUEST_CHANGES"}:
        verb = "approve" if event == "APPROVE" else "request changes on"
        raise ApiError(422, "Unprocessable Entity", [f"Can not {verb} your own pull request"])


def _submitted(call: Call, pull: Pull, review: Review) -> None:
    """A review answers the request for it, the one to a team of the reviewer's as well."""
    state, owner = call.state, call.repository.owner
    if review.user in pull.requested:
        pull.requested.remove(review.user)
    pull.requested_teams = [
        slug
        for slug in pull.requested_teams
        if review.user not in state.members(state.team(owner, slug))
    ]
    pull.updated_at = now()
    tell_review(state, call.repository, pull, review, "submitted", review.user)


def _one(call: Call, pull: Pull) -> Review:
    wanted = call.number("review")
    found = next((review for review in pull.reviews if review.id == wanted), None)
    if found is None:
        raise not_found()
    return found


def get(call: Call) -> payloads.Json:
    """GET …/reviews/{review}"""
    pull = call.pull()
    return _shown(call, pull, _one(call, pull))


def submit(call: Call) -> payloads.Json:
    """POST …/reviews/{review}/events: of a pending one, by its author"""
    pull = call.pull()
    review, event = _one(call, pull), call.required("PullRequestReview", "event")
    body = str(call.body.get("body") or review.body)
    _check(call, pull, event, body)
    with call.state.lock:
        if review.state != "PENDING" or review.user != call.login:
            raise ApiError(422, "Unprocessable Entity", ["Could not submit the review."])
        review.state, review.body, review.submitted_at = EVENTS[event], body, now()
        _submitted(call, pull, review)
        return _shown(call, pull, review)


def dismiss(call: Call) -> payloads.Json:
    """PUT …/reviews/{review}/dismissals"""
    pull = call.pull()
    review = _one(call, pull)
    call.required("PullRequestReview", "message")
    if not may_dismiss(call.state, call.repository, f"refs/heads/{pull.base}", call.who):
        raise ApiError(403, "You are not allowed to dismiss reviews of this pull request.")
    with call.state.lock:
        if review.state not in {"APPROVED", "CHANGES_REQUESTED"}:
            state = review.state.lower()
            raise ApiError(422, "Unprocessable Entity", [f"Can not dismiss a {state} review"])
        review.state = "DISMISSED"
        tell_review(call.state, call.repository, pull, review, "dismissed", call.login)
        return _shown(call, pull, review)


def requested(call: Call) -> payloads.Json:
    """GET …/requested_reviewers"""
    with call.state.lock:
        shown = payloads_pull.pull_request(call.state, call.repository, call.pull())
    return {"users": shown["requested_reviewers"], "teams": shown["requested_teams"]}


def request(call: Call) -> Reply:
    """POST …/requested_reviewers: only people and teams that may see the repository"""
    state, repository, pull = call.state, call.repository, call.pull()
    users, teams = call.body.get("reviewers", []), call.body.get("team_reviewers", [])
    with state.lock:
        _check_requested(state, repository, pull, users, teams)
        for login in users:
            _add(call, pull, pull.requested, state.user(login).login)
        for slug in teams:
            _add(call, pull, pull.requested_teams, slug)
        return Reply(status=201, body=payloads_pull.pull_request(state, repository, pull))


def _check_requested(
    state: State, repository: Repository, pull: Pull, users: list[str], teams: list[str]
) -> None:
    if pull.user in users:
        raise ApiError(422, "Review cannot be requested from pull request author.")
    for login in users:
        # Who may only read a public repository because it is public is no collaborator.
        known = login.lower() in state.users and _collaborates(state, repository, login)
        if not known:
            raise _no_collaborators("reviewers")
    for slug in teams:
        if slug not in repository.team_roles:
            raise _no_collaborators("reviewers")


def _no_collaborators(kind: str) -> ApiError:
    return ApiError(
        422,
        "Reviews may only be requested from collaborators. One or more of the users or teams you "
        f"specified is not a collaborator of the repository ({kind}).",
    )


def _collaborates(state: State, repository: Repository, login: str) -> bool:
    role = state.role(repository, login)
    if role is None or login in repository.collaborators:
        return role is not None
    return ROLES.index(role) > 0 or any(
        login in state.members(state.team(repository.owner, slug))
        for slug in repository.team_roles
        if (repository.owner.lower(), slug) in state.teams
    )


def _add(call: Call, pull: Pull, place: list[str], name: str) -> None:
    if name in place:
        return
    place.append(name)
    if place is pull.requested:
        more = {"requested_reviewer": payloads.account(call.state, name)}
    else:
        team = call.state.team(call.repository.owner, name)
        more = {"requested_team": payloads.team(call.state, team)}
    tell_pull(call.state, call.repository, pull, "review_requested", call.login, **more)


def unrequest(call: Call) -> payloads.Json:
    """DELETE …/requested_reviewers"""
    pull = call.pull()
    with call.state.lock:
        users, teams = call.body.get("reviewers", []), call.body.get("team_reviewers", [])
        pull.requested = [login for login in pull.requested if login not in users]
        pull.requested_teams = [slug for slug in pull.requested_teams if slug not in teams]
        return payloads_pull.pull_request(call.state, call.repository, pull)


ONE = "/repos/{owner}/{repo}/pulls/{number}"

routes = [
    Endpoint("GET", ONE + "/reviews", listed, "pull_requests:read"),
    Endpoint("POST", ONE + "/reviews", create, "pull_requests:write"),
    Endpoint("GET", ONE + "/reviews/{review}", get, "pull_requests:read"),
    Endpoint("POST", ONE + "/reviews/{review}/events", submit, "pull_requests:write"),
    Endpoint("PUT", ONE + "/reviews/{review}/dismissals", dismiss, "pull_requests:write", "write"),
    Endpoint("GET", ONE + "/requested_reviewers", requested, "pull_requests:read"),
    Endpoint("POST", ONE + "/requested_reviewers", request, "pull_requests:write", "triage"),
    Endpoint("DELETE", ONE + "/requested_reviewers", unrequest, "pull_requests:write", "triage"),
]

"""Check runs and commit statuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from forge import payloads, payloads_pull
from forge.bare import opened
from forge.checks import latest_runs, latest_statuses
from forge.errors import ApiError, invalid, not_found
from forge.payloads_events import tell_check, tell_status
from forge.routes_repositories import resolve
from forge.values import App, CheckRun, Repository, Status, now
from forge.web import Call, Endpoint, Reply

CONCLUSIONS = (
    *("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"),
    "stale",
)
STATES = ("error", "failure", "pending", "success")
LONGEST = 65_535
MOST_ANNOTATIONS = 50


def _app(call: Call) -> App:
    """Check runs are apps' alone."""
    if call.who.app is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    return call.who.app


def create(call: Call) -> Reply:
    """POST …/check-runs"""
    app, repository, state = _app(call), call.repository, call.state
    name, sha = call.required("CheckRun", "name"), str(call.required("CheckRun", "head_sha"))
    if len(sha) != 40 or opened(repository.path).get(sha) is None:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    _check(call)
    with state.lock:
        run = CheckRun(
            id=state.new_id(),
            suite=_suite(call, repository, sha, app),
            app=app.id,
            sha=sha,
            name=str(name),
            status="queued",
            started_at=now(),
        )
        _fill(run, call.body)
        repository.checks.setdefault(sha, []).append(run)
        _tell(call, run, "created")
        return Reply(status=201, body=payloads_pull.check_run(state, repository, run))


def _suite(call: Call, repository: Repository, sha: str, app: App) -> int:
    runs = repository.checks.get(sha, [])
    return next((run.suite for run in runs if run.app == app.id), None) or call.state.new_id()


def _check(call: Call) -> None:
    """What GitHub refuses of a run's fields."""
    body, output = call.body, call.body.get("output")
    if body.get("status") == "completed" and not body.get("conclusion"):
        raise invalid("CheckRun", "conclusion", "missing_field")
    if body.get("conclusion") not in {None, *CONCLUSIONS}:
        raise invalid("CheckRun", "conclusion")
    if output is None:
        return
    for field in ("title", "summary"):
        # A change of the text alone may leave the title out, not so the summary.
        if not output.get(field) and (field == "summary" or call.method == "POST"):
            raise invalid("CheckRun", f"output.{field}", "missing_field")
    if any(len(str(output.get(field) or "").encode()) > LONGEST for field in ("summary", "text")):
        raise invalid("CheckRun", "output", "invalid", "is too long")
    if len(output.get("annotations", [])) > MOST_ANNOTATIONS:
        raise invalid("CheckRun", "annotations", "invalid", "no more than 50 at a time")


def _fill(run: CheckRun, body: dict[str, Any]) -> None:
    run.name = body.get("name", run.name)
    run.external_id = body.get("external_id", run.external_id)
    run.details_url = body.get("details_url", run.details_url)
    run.started_at = _moment(body.get("started_at")) or run.started_at
    output = dict(body.get("output") or {})
    run.annotations += output.pop("annotations", [])
    run.output |= output
    run.status = body.get("status", run.status)
    if conclusion := body.get("conclusion"):
        run.status, run.conclusion = "completed", conclusion
        run.completed_at = _moment(body.get("completed_at")) or now()
    elif run.status != "completed":
        run.conclusion = run.completed_at = None


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def _tell(call: Call, run: CheckRun, action: str) -> None:
    tell_check(call.state, call.repository, run, action, call.login)
    if action == "created" and run.status == "completed":
        tell_check(call.state, call.repository, run, "completed", call.login)


def _one(call: Call) -> CheckRun:
    wanted = call.number("run")
    for runs in list(call.repository.checks.values()):
        for run in runs:
            if run.id == wanted:
                return run
    raise not_found()


def get(call: Call) -> payloads.Json:
    """GET …/check-runs/{run}"""
    return payloads_pull.check_run(call.state, call.repository, _one(call))


def update(call: Call) -> payloads.Json:
    """PATCH …/check-runs/{run}: only the app that made it"""
    app, run = _app(call), _one(call)
    if run.app != app.id:
        raise ApiError(
            403,
            f"Invalid app_id `{app.id}` - check run can only be modified by the GitHub App that "
            "created it.",
        )
    _check(call)
    with call.state.lock:
        was = run.status
        _fill(run, call.body)
        if run.status == "completed" != was:
            _tell(call, run, "completed")
        return payloads_pull.check_run(call.state, call.repository, run)


def remarks(call: Call) -> Reply:
    """GET …/check-runs/{run}/annotations"""
    run = _one(call)
    empty = {"start_column": None, "end_column": None, "title": None, "raw_details": None}
    return call.page(run.annotations, lambda row: {**empty, **row, "blob_href": ""})


def rerequest(call: Call) -> Reply:
    """POST …/check-runs/{run}/rerequest: the app learns of it by an event"""
    run = _one(call)
    with call.state.lock:
        tell_check(call.state, call.repository, run, "rerequested", call.login)
    return Reply(status=201, body={})


def of_commit(call: Call) -> Reply:
    """GET …/commits/{ref}/check-runs: the latest of each name and app, or all"""
    state, repository = call.state, call.repository
    sha = str(resolve(repository, call.params["ref"]).id)
    with state.lock:
        every = call.query.get("filter", "latest") == "all"
        runs = repository.checks.get(sha, []) if every else latest_runs(repository, sha)
        rows = [run for run in reversed(runs) if _wanted(call, run)]
        return call.page(
            rows, lambda run: payloads_pull.check_run(state, repository, run), "check_runs"
        )


def _wanted(call: Call, run: CheckRun) -> bool:
    query = call.query
    return (
        query.get("check_name", run.name) == run.name
        and query.get("app_id", str(run.app)) == str(run.app)
        and query.get("status", run.status) == run.status
    )


def set_status(call: Call) -> Reply:
    """POST …/statuses/{sha}: whoever may write, under whatever name"""
    state, repository, sha = call.state, call.repository, call.params["sha"]
    if len(sha) != 40 or opened(repository.path).get(sha) is None:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    if call.required("Status", "state") not in STATES:
        raise invalid("Status", "state")
    with state.lock:
        one = Status(
            id=state.new_id(),
            sha=sha,
            context=str(call.body.get("context") or "default"),
            state=str(call.body["state"]),
            description=call.body.get("description"),
            target_url=call.body.get("target_url"),
            user=call.login,
            created_at=now(),
        )
        repository.statuses.setdefault(sha, []).append(one)
        tell_status(state, repository, one, call.login)
        return Reply(status=201, body=payloads_pull.status(state, repository, one))


def statuses(call: Call) -> Reply:
    """GET …/commits/{ref}/statuses, newest first"""
    state, repository = call.state, call.repository
    sha = str(resolve(repository, call.params["ref"]).id)
    rows = list(reversed(repository.statuses.get(sha, [])))
    return call.page(rows, lambda one: payloads_pull.status(state, repository, one))


def combined(call: Call) -> payloads.Json:
    """GET …/commits/{ref}/status"""
    state, repository = call.state, call.repository
    sha = str(resolve(repository, call.params["ref"]).id)
    rows = latest_statuses(repository, sha)
    held = {row.state for row in rows}
    word = "failure" if held & {"failure", "error"} else "pending"
    url = f"{payloads.repository_url(state, repository)}/commits/{sha}"
    return {
        "state": "success" if held == {"success"} else word,
        "statuses": [payloads_pull.status(state, repository, r, creator=False) for r in rows],
        "sha": sha,
        "total_count": len(rows),
        "repository": payloads.repository(state, repository),
        "commit_url": url,
        "url": f"{url}/status",
    }


ONE = "/repos/{owner}/{repo}"

routes = [
    Endpoint("POST", ONE + "/check-runs", create, "checks:write"),
    Endpoint("GET", ONE + "/check-runs/{run}", get, "checks:read"),
    Endpoint("PATCH", ONE + "/check-runs/{run}", update, "checks:write"),
    Endpoint("GET", ONE + "/check-runs/{run}/annotations", remarks, "checks:read"),
    Endpoint("POST", ONE + "/check-runs/{run}/rerequest", rerequest, "checks:write", "write"),
    Endpoint("GET", ONE + "/commits/{ref:path}/check-runs", of_commit, "checks:read"),
    Endpoint("POST", ONE + "/statuses/{sha}", set_status, "statuses:write", "write"),
    Endpoint("GET", ONE + "/commits/{ref:path}/statuses", statuses, "statuses:read"),
    Endpoint("GET", ONE + "/commits/{ref:path}/status", combined, "statuses:read"),
]

"""Webhook events of which nobody's request tells: runs of workflows, dispatches, the clock.

`State.events` keeps every event with the payload that GitHub would send, so each can be handed to
`act EVENT -e payload.json`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from forge import payloads
from forge.payloads import Json
from forge.payloads_events import envelope, tell_check
from forge.state import State
from forge.values import CheckRun, Event, Repository, iso, now


def emit(state: State, repository: Repository, login: str, name: str, **payload: Any) -> Event:
    """Record an event of a repository, with what every payload carries."""
    body = payload | envelope(state, repository, login)
    with state.lock:
        state.emit(name, body)
        return state.events[-1]


def rerequest(state: State, repository: Repository, run: CheckRun, login: str) -> Event:
    """Somebody pressed "Re-run" at a check run."""
    with state.lock:
        tell_check(state, repository, run, "rerequested", login)
        return state.events[-1]


def dispatch(
    state: State,
    repository: Repository,
    login: str,
    workflow: str,
    *,
    ref: str | None = None,
    inputs: dict[str, str] | None = None,
) -> Event:
    """Somebody started a workflow by hand. `workflow` is its path in the repository."""
    return emit(
        state,
        repository,
        login,
        "workflow_dispatch",
        inputs=inputs or {},
        ref=f"refs/heads/{ref or repository.default_branch}",
        workflow=workflow,
    )


def schedule(state: State, repository: Repository, cron: str) -> Event:
    """The clock starts workflows on the default branch; nobody sends such an event to webhooks."""
    return emit(state, repository, repository.owner, "schedule", schedule=cron)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A workflow's run that ended: `path` is the workflow's, `event` what started it, `branch` and
    `sha` the head that it ran for, `full_name` the repository of that head."""

    path: str
    name: str
    event: str
    branch: str
    sha: str
    full_name: str
    conclusion: str = "success"
    pulls: tuple[Json, ...] = ()
    at: datetime = field(default_factory=now)


def workflow_ran(state: State, repository: Repository, login: str, run: Run) -> Event:
    """A workflow of the repository has ended: `workflow_run` with action `completed`."""
    workflow = _workflow(state, repository, run)
    return emit(
        state,
        repository,
        login,
        "workflow_run",
        action="completed",
        workflow=workflow,
        workflow_run=_run(state, repository, login, run, workflow["id"]),
    )


def _workflow(state: State, repository: Repository, run: Run) -> Json:
    identity = int(hashlib.sha256(run.path.encode()).hexdigest()[:8], 16)
    root, html = (
        payloads.repository_url(state, repository),
        f"{state.web_url}/{repository.full_name}",
    )
    return {
        "id": identity,
        "node_id": payloads.node("Workflow", identity),
        "name": run.name,
        "path": run.path,
        "state": "active",
        "created_at": iso(repository.created_at),
        "updated_at": iso(repository.created_at),
        "url": f"{root}/actions/workflows/{identity}",
        "html_url": f"{html}/blob/{repository.default_branch}/{run.path}",
        "badge_url": f"{html}/workflows/{run.name}/badge.svg",
    }


def _run(state: State, repository: Repository, login: str, run: Run, workflow: int) -> Json:
    identity = state.new_id()
    root = payloads.repository_url(state, repository)
    url = f"{root}/actions/runs/{identity}"
    head = state.repositories.get(run.full_name.lower())
    actor = payloads.account(state, login)
    return {
        "id": identity,
        "node_id": payloads.node("WorkflowRun", identity),
        "name": run.name,
        "display_title": run.name,
        "path": run.path,
        "event": run.event,
        "status": "completed",
        "conclusion": run.conclusion,
        "head_branch": run.branch,
        "head_sha": run.sha,
        "head_commit": {"id": run.sha, "tree_id": run.sha, "message": "", "timestamp": iso(run.at)},
        "head_repository": None if head is None else payloads.repository(state, head),
        "repository": payloads.repository(state, repository),
        "workflow_id": workflow,
        "workflow_url": f"{root}/actions/workflows/{workflow}",
        "check_suite_id": identity + 1,
        "run_number": 1,
        "run_attempt": 1,
        "pull_requests": list(run.pulls),
        "actor": actor,
        "triggering_actor": actor,
        "created_at": iso(run.at),
        "updated_at": iso(run.at),
        "run_started_at": iso(run.at),
        "url": url,
        "html_url": f"{state.web_url}/{repository.full_name}/actions/runs/{identity}",
        **{
            f"{name}_url": f"{url}/{name}"
            for name in ("jobs", "logs", "artifacts", "cancel", "rerun")
        },
        "previous_attempt_url": None,
        "referenced_workflows": [],
    }


def write(event: Event, path: Path) -> Path:
    """The payload as a file, for `act EVENT -e FILE`."""
    path.write_text(json.dumps(event.payload, indent=1) + "\n")
    return path

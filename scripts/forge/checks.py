"""Required checks: which run of a name counts, and what is still missing."""

from __future__ import annotations

from typing import Any

from forge.state import State
from forge.values import CheckRun, Repository, Status

PASSED = ("success", "neutral", "skipped")
"""Conclusions that GitHub takes for success."""


def latest_runs(repository: Repository, sha: str) -> list[CheckRun]:
    """The newest run of each name and app on a commit."""
    newest = {(run.name, run.app): run for run in repository.checks.get(sha, [])}
    return list(newest.values())


def latest_statuses(repository: Repository, sha: str) -> list[Status]:
    """The newest status of each context on a commit, newest first."""
    newest = {status.context: status for status in repository.statuses.get(sha, [])}
    return sorted(newest.values(), key=lambda status: -status.id)


def missing_checks(
    state: State, repository: Repository, sha: str, parameters: dict[str, Any]
) -> list[str]:
    """In GitHub's words, each required check that has not passed on a commit."""
    with state.lock:
        missing = []
        for required in parameters.get("required_status_checks", []):
            results = _results(state, repository, sha, required)
            name = f'Required status check "{required["context"]}"'
            if not results or any(result == "pending" for result in results):
                missing.append(f"{name} is expected." if not results else f"{name} is in progress.")
            elif not all(result in PASSED for result in results):
                missing.append(f"{name} is failing.")
        return missing


def _results(state: State, repository: Repository, sha: str, required: dict[str, Any]) -> list[str]:
    """What counts for a required check: with an `integration_id` only that app's word does."""
    app = required.get("integration_id")
    results = [
        (run.conclusion or "pending") if run.status == "completed" else "pending"
        for run in latest_runs(repository, sha)
        if run.name == required["context"] and app in {None, run.app}
    ]
    bot = state.apps[app].bot if app in state.apps else None
    return results + [
        status.state
        for status in latest_statuses(repository, sha)
        if status.context == required["context"] and (app is None or status.user == bot)
    ]

"""What is made to happen from outside, over HTTP: faults, webhooks, events, pages as files.

faults        {"share"?, "kinds"?, "seed"?, "match"?, "count"?, "delay"?, "wait"?}; {} ends all
webhook       {"url", "secret", "names"?}: deliveries to an address on 127.0.0.1
dispatch      {"repository", "login", "workflow", "ref"?, "inputs"?}
schedule      {"repository", "cron"}
workflow-ran  {"repository", "login", "run": the fields of `events.Run`}
rerequest     {"repository", "login", "check_run": its id}
export        {"folder"}: the pages of all repositories as files
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from forge import events
from forge.errors import ApiError, not_found
from forge.pages import export
from forge.state import State
from forge.values import Event, Repository
from forge.webhooks import Webhook

Json = dict[str, Any]


def _faults(state: State, row: Json) -> Json:
    if not row:
        state.faults.clear()
        return {}
    try:
        state.faults.add(**row)
    except (TypeError, ValueError) as error:
        raise ApiError(422, str(error)) from error
    return {}


def _webhook(state: State, row: Json) -> Json:
    names = frozenset(row.get("names", ()))
    try:
        Webhook(url=row["url"], secret=row["secret"], names=names).connect(state)
    except ValueError as error:
        raise ApiError(422, str(error)) from error
    return {}


def _dispatch(state: State, row: Json) -> Json:
    it = _repository(state, row)
    inputs = row.get("inputs")
    login, workflow = row["login"], row["workflow"]
    return _told(events.dispatch(state, it, login, workflow, ref=row.get("ref"), inputs=inputs))


def _schedule(state: State, row: Json) -> Json:
    return _told(events.schedule(state, _repository(state, row), row["cron"]))


def _workflow_ran(state: State, row: Json) -> Json:
    run = events.Run(**row["run"])
    return _told(events.workflow_ran(state, _repository(state, row), row["login"], run))


def _rerequest(state: State, row: Json) -> Json:
    it = _repository(state, row)
    for runs in it.checks.values():
        for run in runs:
            if run.id == row["check_run"]:
                return _told(events.rerequest(state, it, run, row["login"]))
    raise not_found()


def _repository(state: State, row: Json) -> Repository:
    return state.repository(row["repository"])


def _told(event: Event) -> Json:
    return {"name": event.name, "payload": event.payload}


def _export(state: State, row: Json) -> Json:
    return {"pages": [str(path) for path in export(state, Path(row["folder"]))]}


EVENT_ACTIONS: dict[str, Callable[[State, Json], Json]] = {
    "faults": _faults,
    "webhook": _webhook,
    "dispatch": _dispatch,
    "schedule": _schedule,
    "workflow-ran": _workflow_ran,
    "rerequest": _rerequest,
    "export": _export,
}

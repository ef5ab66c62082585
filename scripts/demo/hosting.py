"""Starts the forge of the story as a process of its own, and ends it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from demo.failure import DemoError
from demo.hub import NAME, ORGANISATION, App, Hub
from demo.people import EVERYBODY, PAT, TEAMS
from demo.sandbox import PROJECT, Sandbox
from modelctl.adapters.local.processes import Command, ProcessId, is_free, scan, spawn, stop
from modelctl.domain.settings import DEPLOY, GATE, PERMISSIONS
from modelctl.errors import DependencyError

_USUAL_PORT = 18070
_SECONDS, _GRACE = 30.0, 3.0
_PROCESS = "forge"
_SLUGS = {GATE: "modelctl-gate", DEPLOY: "modelctl-deploy"}


def start(sandbox: Sandbox) -> Hub:
    """Start the forge, with an empty repository, the people of the story, their teams and Apps.

    It goes on until `end`, whatever becomes of the demo.

    Raises:
        DemoError: it doesn't start.
    """
    _require_http_backend()
    seed = sandbox.forge / "seed.json"
    seed.write_text(json.dumps(_seed()))
    arguments = ("-m", "forge", "--root", str(sandbox.forge), "--seed", str(seed))
    port = ("--port", str(_USUAL_PORT if is_free(_USUAL_PORT) else 0))
    command = Command(
        arguments=(sys.executable, *arguments, *port),
        environment={"PYTHONPATH": str(PROJECT / "scripts")},
    )
    # Its first line has the tokens: it lies with the keys, where nobody else looks.
    told = sandbox.keys / "forge.out"
    try:
        spawn(command, own_id=_PROCESS, folder=sandbox.forge, log=told)
    except DependencyError as error:
        raise DemoError(str(error)) from error
    made = _first_line(told)
    given = {name: made["apps"][slug] for name, slug in _SLUGS.items()}
    apps = {name: App(id=one["id"], key=one["key"]) for name, one in given.items()}
    return Hub(url=made["url"], tokens=made["users"], apps=apps)


def end(sandbox: Sandbox) -> None:
    """End the forge that runs for this sandbox, if one does.

    Raises:
        DemoError: it goes on.
    """
    found = [one for processes in scan(sandbox.forge).values() for one in processes]
    leaders = [ProcessId(pid=one.pid, created=one.create_time()) for one in found]
    try:
        stop(sandbox.forge, [_PROCESS] if found else [], leaders, grace=_GRACE)
    except DependencyError as error:
        raise DemoError("the forge can't be stopped", str(error)) from error


def _require_http_backend() -> None:
    """Most gits have it; Alpine's has it in a package of its own."""
    where = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    if not (Path(where.stdout.strip()) / "git-http-backend").exists():
        raise DemoError("git has no http-backend here", "on Alpine: apk add git-daemon")


def _first_line(told: Path) -> Any:
    """What the forge made, as soon as it says so."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        line, newline, _ = told.read_text().partition("\n")
        if newline and line.startswith("{"):
            return json.loads(line)
        if newline:
            break
        time.sleep(0.05)
    raise DemoError("the forge doesn't start", told.read_text())


def _seed() -> dict[str, Any]:
    return {
        "repositories": [{"owner": ORGANISATION, "name": NAME}],
        "users": [
            {
                "login": one.login,
                "id": one.id,
                "email": one.email,
                "role": "admin" if one is PAT else "write",
            }
            for one in EVERYBODY
        ],
        "teams": [
            {"org": ORGANISATION, "slug": slug, "members": [one.login for one in members]}
            for slug, members in TEAMS.items()
        ],
        "apps": [
            {"slug": slug, "owner": ORGANISATION, "permissions": dict(PERMISSIONS[name])}
            for name, slug in _SLUGS.items()
        ],
    }

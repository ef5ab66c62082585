"""Worlds that hostile pull requests are made in. Those that change nothing but their own branch
share one; a case that changes the ledger or a branch gets its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hostile import cases
from hostile.tampering import TAMPERING
from support.journey import travel
from support.world import MODEL, PROJECT, Template, World

TOO_LONG = 300.0
"""Seconds of the wall; the child itself ends after 20 of a processor."""
CHILD = Path(__file__).with_name("child.py")
ALONE = ("tamper", "promote", "heavy")
"""What makes a case need a world of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended. `seconds` and `megabytes` are of a process of its own, else 0."""

    code: int
    out: str
    error: str
    seconds: float = 0.0
    megabytes: float = 0.0


@dataclass(kw_only=True)
class Stage:
    """The worlds by how far 1.0.0 has come in them, made when they are asked for."""

    directory: Path
    _made: dict[str | None, Template] = field(default_factory=dict)

    def world(self, case: Mapping[str, Any], directory: Path) -> World:
        """The world of a case, at the time that it is now."""
        served = case.get("served")
        template = self._made.get(served) or self._make(served)
        alone = any(name in case for name in ALONE)
        world = template.copy(directory) if alone else template.world
        world.now = datetime.now(UTC)
        return world

    def _make(self, served: str | None) -> Template:
        directory = self.directory / (served or "new")
        directory.mkdir()
        world = World.create(directory)
        travel(world, served)
        if served is None:
            world.evidence("1.0.0", "dev", world.submit())
            world.builder.git("fetch", "--quiet", "origin")
        return self._made.setdefault(served, Template(directory=directory, world=world))


def propose(world: World, case: Mapping[str, Any], name: str) -> tuple[str, str]:
    """The pull request: the branch that it goes into, and its head."""
    into = case.get("into", "ml")
    start, branch = into, f"hostile/{name}"
    if "promote" in case:
        world.promote("1.0.0", case["promote"])
        branch = f"promote/{MODEL}/1.0.0/{case['promote']}"
        start = "ml"
    head = _commit(world, case, branch, start)
    if "tamper" in case:
        head = TAMPERING[case["tamper"]](world, head) or head
    return f"origin/{into}", head


def _commit(world: World, case: Mapping[str, Any], branch: str, start: str) -> str:
    sound = dict(cases.files({"sound": True}, {}))
    paths = [*case.get("edits", ()), *case.get("move", ())]
    if case.get("served"):
        sound = {path: world.show(f"origin/{start}", path) for path in paths}
    files = cases.files(case, {path: str(text) for path, text in sound.items()})
    return world.commit(files, branch, start, message="Hostile")


def in_process(world: World, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Outcome:
    """A command here."""
    from modelctl.cli import main

    capsys.readouterr()
    code = main(["-C", str(world.directory), *arguments])
    out, error = capsys.readouterr()
    return Outcome(code=code, out=out, error=error)


def in_a_child(world: World, arguments: list[str]) -> Outcome:
    """A command in a process of its own, which is stopped when it takes too long."""
    result = world.directory.parent / "peak"
    command = [sys.executable, str(CHILD), str(result), "-C", str(world.directory), *arguments]
    path = os.pathsep.join([str(PROJECT / "scripts"), str(PROJECT / "tests")])
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=TOO_LONG,
        check=False,
    )
    assert result.exists(), done.stderr
    used = json.loads(result.read_text())
    return Outcome(code=done.returncode, out=done.stdout, error=done.stderr, **used)


def blocking(outcome: Outcome) -> list[dict[str, Any]]:
    """The findings of a report that block."""
    assert "Traceback" not in outcome.error
    report = json.loads(outcome.out)
    return [f for verdict in report["verdicts"] for f in verdict["findings"] if f["blocks"]]


def words(finding: Mapping[str, Any]) -> str:
    """Everything that a finding says."""
    texts = [finding.get(key) for key in ("message", "because", "mend", "command")]
    return "\n".join(str(text) for text in [*texts, *finding["values"].values()] if text)

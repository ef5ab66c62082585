"""Versions on their way by the rules, so that tests can begin where something is served."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from modelctl.adapters.signing_keys import Signer, key_document
from support.deploys import run
from support.keys import NOW
from support.repos import Files
from support.world import ENVIRONMENTS, Template, World

APPROVERS = {"dev": ("ben", "lena"), "staging": ("ben",), "production": ("pat", "ben")}
STEP = timedelta(hours=30)
"""Longer than the soak of the default policy."""


def bring(world: World, environment: str, version: str = "1.0.0", **changes: Any) -> None:
    """One version into one environment: evidence, approvals, merge and deploy."""
    transition = world.transition(environment)
    if transition.source is None:
        head = world.submit(version, **changes)
    else:
        head = world.promote(version, environment)
    world.evidence(version, environment, head)
    world.merge(transition.to_branch, head, APPROVERS[environment])
    run(world, environment)


def travel(world: World, environment: str | None) -> None:
    """Version 1.0.0 through every environment up to this one, in the last few days."""
    last = ENVIRONMENTS.index(environment) + 1 if environment else 0
    world.now = datetime.now(UTC) - STEP * (last + 1)
    for name in ENVIRONMENTS[:last]:
        bring(world, name)
        world.now += STEP
    world.now = datetime.now(UTC)


@dataclass(kw_only=True)
class Journeys:
    """Worlds in which 1.0.0 has come so far: each is made once and copied. The clock says now, as
    it does for the command line."""

    directory: Path
    _made: dict[str | None, Template]

    @classmethod
    def at(cls, directory: Path) -> Journeys:
        """Journeys that are kept below a directory."""
        return cls(directory=directory, _made={})

    def copy(self, environment: str | None, directory: Path) -> World:
        """A world of one's own in which `environment`, and each before it, serves 1.0.0."""
        template = self._made.get(environment) or self._make(environment)
        world = template.copy(directory)
        world.pulls, world.now = deepcopy(template.world.pulls), datetime.now(UTC)
        return world

    def _make(self, environment: str | None) -> Template:
        directory = self.directory / (environment or "new")
        directory.mkdir()
        world = World.create(directory)
        travel(world, environment)
        return self._made.setdefault(environment, Template(directory=directory, world=world))


def trust(world: World, private: Path, *kinds: str, name: str = "me") -> None:
    """Lists the public half of a key file on the default branch, to sign these kinds."""
    text = key_document(
        name,
        owner="oncology",
        public=Signer.from_file(private).public,
        valid_from=NOW - timedelta(days=3650),
        valid_until=NOW + timedelta(days=3650),
        kinds=kinds,
        environments=["*"],
    )
    publish(world, "main", {f"policies/keys/{name}.yaml": text})


def publish(world: World, branch: str, files: Files) -> str:
    """Commits files straight to a shared branch, as nobody may by the rules; the commit."""
    world.builder.git("fetch", "--quiet", "origin")
    start = world.builder.git("rev-parse", f"origin/{branch}")
    sha = world.builder.commit(files, "published", parent=start)
    world.builder.git("push", "--quiet", "origin", f"{sha}:{branch}")
    world.builder.git("fetch", "--quiet", "origin")
    return sha

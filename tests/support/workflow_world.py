"""A world behind a forge whose repository carries the product: workflows and code."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from forge import events
from forge.server import Forge
from forge.values import App, Event, Repository
from modelctl.domain.settings import DEPLOY, GATE, PATH, PERMISSIONS, PLACEHOLDER
from support.actions import FOLDER, Actions, Environment, Run
from support.hub import OWNER, REPOSITORY, HubWorld
from support.journey import publish
from support.repos import File
from support.world import PROJECT, World

BRANCHES = ("main", "ml", "develop")
SETUP = """#!/bin/sh
# Stands in for the hash-locked packages; the code is that of the tree that was checked out.
set -eu
mkdir -p .venv/bin
cat >.venv/bin/modelctl <<end
#!/bin/sh
PYTHONPATH=$PWD/scripts exec {python} -B -P -m modelctl "\\$@"
end
chmod +x .venv/bin/modelctl
"""


def product_files() -> dict[str, str | bytes | File | None]:
    """The workflows and the code as they are here, with a set-up that takes no time."""
    files: dict[str, str | bytes | File | None] = {}
    for folder in (".github", "scripts/modelctl"):
        for path in sorted((PROJECT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files[str(path.relative_to(PROJECT))] = path.read_bytes()
    settings = (PROJECT / PATH).read_text()
    files[PATH] = settings.replace(f"organisation: {PLACEHOLDER}", f"organisation: {OWNER}")
    setup = SETUP.format(python=sys.executable).encode()
    return {**files, "scripts/setup": File(mode="100755", data=setup)}


@dataclass(kw_only=True)
class WorkflowWorld:
    """`hub` and the runner of its repository's workflows. `hub.app` is the App of the gates,
    `deployer` the one of the jobs that deploy and sign, each with what the settings ask for."""

    hub: HubWorld
    actions: Actions
    deployer: App

    @classmethod
    def create(cls, world: World, forge: Forge, folder: Path) -> WorkflowWorld:
        """Puts a world behind a forge and gives its environments their secrets."""
        hub = HubWorld.create(world, forge)
        deployer = forge.add_app("modelctl-deploy", permissions=PERMISSIONS[DEPLOY], owner=OWNER)
        hub.app.permissions = {"metadata": "read", **PERMISSIONS[GATE]}
        signing = {
            "evidence": world.ci,
            "deploy": world.deployer,
            "housekeeping": world.deployer,
        }
        actions = Actions(
            folder=folder,
            server_url=forge.url,
            api_url=hub.api_url,
            repository=REPOSITORY,
            bare=hub.path,
            token=lambda permissions: forge.actions_token(REPOSITORY, permissions),
            environments={
                "gates": _environment(hub.app),
                **{
                    name: _environment(deployer, MODELCTL_SIGNING_KEY=key.private.decode())
                    for name, key in signing.items()
                },
            },
        )
        return cls(hub=hub, actions=actions, deployer=deployer)

    @property
    def repository(self) -> Repository:
        """What the forge keeps."""
        return self.hub.forge.state.repositories[REPOSITORY]

    def last(self, name: str, action: str | None = None) -> Event:
        """The newest event of that name, and action."""
        for event in reversed(self.hub.forge.events):
            if event.name == name and action in (None, event.payload.get("action")):
                return event
        raise AssertionError(f"the forge told of no {name} {action or ''}")

    def on_pull(self, workflow: str, action: str, *, job: str | None = None) -> Run:
        """A run for the last event of a pull request."""
        payload = self.last("pull_request", action).payload
        return self.actions.run(workflow, "pull_request_target", payload, job=job)

    def after_review(self, action: str = "submitted") -> tuple[Run, Run]:
        """The signal that the last review starts, and what its end starts on the default branch."""
        payload = self.last("pull_request_review", action).payload
        signal = self.actions.run("review-signal.yml", "pull_request_review", payload)
        return signal, self.signalled(payload["pull_request"]["head"]["sha"])

    def signalled(self, sha: str, login: str = "ben") -> Run:
        """The run that the end of a review signal starts, for that head."""
        ran = events.Run(
            path=f"{FOLDER}/review-signal.yml",
            name="review-signal",
            event="pull_request_review",
            branch="any",
            sha=sha,
            full_name=REPOSITORY,
        )
        event = events.workflow_ran(self.hub.forge.state, self.repository, login, ran)
        return self.actions.run("gates.yml", "workflow_run", event.payload)

    def dispatch(
        self, workflow: str, *, ref: str | None = None, job: str | None = None, **inputs: str
    ) -> Run:
        """A run that somebody started by hand."""
        path = f"{FOLDER}/{workflow}"
        state = self.hub.forge.state
        event = events.dispatch(state, self.repository, "pat", path, ref=ref, inputs=inputs)
        return self.actions.run(workflow, "workflow_dispatch", event.payload, job=job)

    def tick(self, workflow: str, cron: str) -> Run:
        """A run that the clock started."""
        event = events.schedule(self.hub.forge.state, self.repository, cron)
        return self.actions.run(workflow, "schedule", event.payload)

    def pushed(self, workflow: str, *, job: str | None = None) -> Run:
        """A run for the last push."""
        return self.actions.run(workflow, "push", self.last("push").payload, job=job)


def _environment(app: App, **secrets: str) -> Environment:
    """One that acts by that App."""
    return Environment(
        secrets={"MODELCTL_APP_KEY": app.key, **secrets},
        variables={"MODELCTL_APP_ID": str(app.id), "MODELCTL_APP_INSTALLATION": ""},
    )


def with_product(world: World) -> World:
    """The same world, with the product on every branch."""
    files = product_files()
    for branch in BRANCHES:
        publish(world, branch, files)
    return world

"""Adopting modelctl: the project's own policies and overlays, fitted to the people of the story."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pygit2

from demo.failure import DemoError
from demo.people import ADA, BEN, LEADS, MEMBERS, PAT, TEAMS, Person
from demo.sandbox import PROJECT, Sandbox
from demo.stage import JOBS, Actor, Stage

ADOPTED = ("policies", "kustomize", "scripts/modelctl/schemas", "CODEOWNERS", "models")
SOAK_SECONDS = 10
CI_KINDS = (
    *("evaluation", "unit-tests", "data-validation", "security-scan"),
    *("e2e-tests", "load-test"),
)
DEPLOYER_KINDS = ("deployment", "rollback", "quarantine")
_CLONES = (PAT.login, ADA.login, BEN.login, JOBS)


def adopt(stage: Stage) -> None:
    """The first commit on `main`: what the project ships, and the code that trains the models."""
    sandbox = stage.sandbox
    pat = stage.person(PAT)
    here = Actor(name="demo", folder=sandbox.root)
    stage.silently(here, "git", "clone", "--quiet", sandbox.remote.name, PAT.login)
    _identify(stage, PAT)
    for name in ADOPTED:
        _copy(PROJECT / name, pat.folder / name)
    _copy(Path(__file__).parent / "training", pat.folder / "training")
    commit(stage, pat, "Adopt modelctl: policies, overlays, and the training code")
    stage.silently(pat, "git", "push", "--quiet", "origin", "main")
    # A clone of an empty repository doesn't learn by itself which branch is the default one.
    stage.silently(pat, "git", "remote", "set-head", "origin", "--auto")


def fit(stage: Stage) -> None:
    """The rules of this organisation: its people and teams, its keys, and a time that is scaled."""
    policies = stage.person(PAT).folder / "policies"
    roles = (policies / "roles.yaml").read_text()
    for role, members in MEMBERS.items():
        pattern = rf"(^  {role}:\n(?:    .*\n)*?    members: )\[\]"
        roles = _changed(pattern, rf"\g<1>{members}", roles)
    roles = _changed(r"(^  ml-lead:\n(?:    .*\n)*?)    members: \[\]\n", rf"\g<1>{LEADS}", roles)
    (policies / "roles.yaml").write_text(roles)
    ownership = (policies / "ownership.yaml").read_text()
    (policies / "ownership.yaml").write_text(_changed(r"^teams:\n", f"teams:\n{TEAMS}", ownership))
    tests = (policies / "gates" / "tests.yaml").read_text()
    scaled = _changed(r"minimum: 24h", f"minimum: {SOAK_SECONDS}s", tests)
    (policies / "gates" / "tests.yaml").write_text(scaled)


def share(stage: Stage) -> None:
    """Everybody gets the rules, on every branch, in a clone of their own."""
    pat, sandbox = stage.person(PAT), stage.sandbox
    commit(stage, pat, "Our people, teams and keys")
    stage.silently(pat, "git", "push", "--quiet", "origin", "main", "main:ml", "main:develop")
    here = Actor(name="demo", folder=sandbox.root)
    for name in _CLONES[1:]:
        stage.silently(here, "git", "clone", "--quiet", sandbox.remote.name, name)
    for person in (ADA, BEN):
        _identify(stage, person)


def create_remote(sandbox: Sandbox) -> None:
    """A bare repository in the place of GitHub's."""
    repository = pygit2.init_repository(str(sandbox.remote), bare=True, initial_head="main")
    repository.config["receive.denyNonFastForwards"] = True


def commit(stage: Stage, who: Actor, message: str) -> None:
    """Everything in the work tree, committed."""
    stage.silently(who, "git", "add", "--all")
    stage.silently(who, "git", "commit", "--quiet", "--message", message)


def _identify(stage: Stage, person: Person) -> None:
    actor = stage.person(person)
    stage.silently(actor, "git", "config", "user.name", person.login)
    stage.silently(actor, "git", "config", "user.email", person.email)


def _copy(source: Path, target: Path) -> None:
    """A file or folder of the project, where it has it."""
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(source, target, ignore=ignored)
    elif source.is_file():
        shutil.copyfile(source, target)


def _changed(pattern: str, new: str, text: str) -> str:
    changed, count = re.subn(pattern, new, text, count=1, flags=re.MULTILINE)
    if not count:
        raise DemoError(f"the project's policies have no {pattern!r} any more: mend demo/rules.py")
    return changed

"""Adopting modelctl: the project's own policies and overlays, fitted to the people of the story."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path

import pygit2

from demo.failure import DemoError
from demo.hub import ORGANISATION, REPOSITORY
from demo.people import ADA, BEN, LEADS, MEMBERS, OWNERS, PAT, Person
from demo.sandbox import PROJECT, Sandbox
from demo.stage import JOBS, Actor, Stage
from modelctl.adapters.documents import load
from modelctl.domain.settings import DEPLOY, GATE, PATH

ADOPTED = ("policies", "kustomize", "scripts/modelctl/schemas", "CODEOWNERS", "models", ".github")
SOAK_SECONDS = 5
HURRIED = (
    (5, "1h", 2, 1000, 20),
    (25, "4h", 2, 5000, 40),
    (50, "12h", 2, 10000, 60),
    (100, "24h", 2, 10000, 80),
    (0, "7d", 2, 10000, 40),
)
"""Steps of the strategies: share, duration as shipped, in seconds here, requests as shipped, and
here."""
FEWEST = 20
"""How many requests a condition of a strategy wants before it says anything."""
WAY_BACK = "back: {weights: [50, 25, 0], every: 1s}"
CLONES = (PAT.login, ADA.login, BEN.login, JOBS)
# As `gh auth setup-git` does it: git takes the token that the commands take.
_HELPER = '!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f'


def copy(stage: Stage) -> None:
    """A fresh copy of what the project ships, with the code that trains the models."""
    pat = stage.person(PAT)
    _clone(stage, PAT.login, PAT)
    for name in ADOPTED:
        _copy(PROJECT / name, pat.folder / name)
    _copy(Path(__file__).parent / "training", pat.folder / "training")
    commit(stage, pat, "Copy modelctl: policies, overlays, workflows, and the training code")


def init_command(stage: Stage) -> str:
    """How a copy becomes this organisation's own."""
    members = "".join(f" --member {role}={logins}" for role, logins in MEMBERS.items())
    teams = "".join(f" --team {name}={contact}" for name, contact in OWNERS.items())
    apps = f" --gate-app {stage.hub.apps[GATE].id} --deploy-app {stage.hub.apps[DEPLOY].id}"
    return (
        f"modelctl init --organisation {ORGANISATION}{members}{teams} --serving-target local{apps} "
        "--keys ../keys --yes"
    )


def fit(stage: Stage) -> None:
    """By hand: who leads which team, and a time that is scaled."""
    policies = stage.person(PAT).folder / "policies"
    roles = (policies / "roles.yaml").read_text()
    roles = _changed(r"(^  ml-lead:\n(?:    .*\n)*?)    members: \[\]\n", rf"\g<1>{LEADS}", roles)
    (policies / "roles.yaml").write_text(roles)
    tests = (policies / "gates" / "tests.yaml").read_text()
    scaled = _changed(r"minimum: 24h", f"minimum: {SOAK_SECONDS}s", tests)
    (policies / "gates" / "tests.yaml").write_text(scaled)
    _hurry(policies / "strategies.yaml")


def _hurry(strategies: Path) -> None:
    """Hours of a rollout become seconds, and thousands of requests dozens. What it must keep to
    stays as it is shipped."""
    text = strategies.read_text()
    for weight, span, seconds, requests, fewer in HURRIED:
        step = rf"weight: {weight}, duration: {span}, requests: {requests}"
        faster = f"weight: {weight}, duration: {seconds}s, requests: {fewer}"
        changed = text.replace(step, faster)
        if changed == text:
            raise DemoError(f"policies/strategies.yaml has no step `{step}`: mend demo/rules.py")
        text = changed
    text = _changed(r"back: \{weights: \[50, 25, 0\], every: 1m\}", WAY_BACK, text)
    strategies.write_text(
        re.sub(r"^( +requests): 500$", rf"\1: {FEWEST}", text, flags=re.MULTILINE)
    )


def share(stage: Stage) -> None:
    """Everybody gets the rules, on every branch, in a clone of their own."""
    pat = stage.person(PAT)
    commit(stage, pat, "Adopt modelctl: our people, teams and keys")
    stage.silently(pat, "git", "push", "--quiet", "origin", "main", "main:ml", "main:develop")
    # A clone of an empty repository doesn't learn by itself which branch is the default one.
    stage.silently(pat, "git", "remote", "set-head", "origin", "--auto")
    for person in (ADA, BEN):
        _clone(stage, person.login, person)
    _clone(stage, JOBS)


def fill(stage: Stage) -> None:
    """The ids and keys that jobs take from the environments of Actions."""
    settings = load((stage.person(PAT).folder / PATH).read_bytes(), PATH).data
    rows = settings["environments"].items()
    wanted = {name: (*row["secrets"], *row["variables"]) for name, row in rows}
    stage.hub.fill_environments(wanted)


def commit(stage: Stage, who: Actor, message: str) -> None:
    """Everything in the work tree, committed."""
    stage.silently(who, "git", "add", "--all")
    stage.silently(who, "git", "commit", "--quiet", "--message", message)


def leave_forge(sandbox: Sandbox) -> None:
    """Lets the clones do without the forge: they get its bare repository for a remote."""
    shared = sandbox.forge / f"{REPOSITORY}.git"
    if shared.exists():
        with suppress(KeyError):
            del pygit2.Repository(str(shared)).config["core.hooksPath"]
    for name in CLONES:
        if (sandbox.clone(name) / ".git").exists():
            pygit2.Repository(str(sandbox.clone(name))).remotes.set_url("origin", str(shared))


def _clone(stage: Stage, name: str, person: Person | None = None) -> None:
    """A clone for a job, or for a person, who pushes with a token."""
    sandbox = stage.sandbox
    here = Actor(name="demo", folder=sandbox.root)
    stage.silently(here, "git", "clone", "--quiet", stage.hub.clone_url, name)
    if person is not None:
        actor = stage.person(person)
        stage.silently(actor, "git", "config", "user.name", person.login)
        stage.silently(actor, "git", "config", "user.email", person.email)
        stage.silently(actor, "git", "config", "credential.helper", _HELPER)


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

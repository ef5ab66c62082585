"""How a version moves: a branch with its manifest, pull requests, reviews."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demo.cases import Case, Trained
from demo.failure import DemoError
from demo.hub import Pull
from demo.people import Person
from demo.screen import Voice
from demo.stage import ALL, BLOCKED, Actor, Excerpt, Stage
from modelctl.adapters.documents import dump, load

TARGETS = {"dev": "ml", "staging": "develop", "production": "main"}
TAKES_OVER = "canary-standard"
_SCHEMA = "../../scripts/modelctl/schemas/model.schema.json"
_RELEASE_SCHEMA = "../../scripts/modelctl/schemas/release.schema.json"
_WRITTEN = Excerpt(first=6)
_FIRST_CHECK = Excerpt(first=10, last=3)


def branch(stage: Stage, voice: Voice, who: Actor, name: str, base: str = "ml") -> None:
    """A branch cut from where a shared one is now."""
    stage.silently(who, "git", "fetch", "--quiet")
    command = f"git switch --create {name} --no-track origin/{base}"
    stage.types(who, command, None, voice=voice)


def first_version(stage: Stage, voice: Voice, case: Case, name: str, trained: Trained) -> None:
    """A branch with the manifest of a first version, and the model.yaml that a person completed."""
    who = stage.person(case.author)
    branch(stage, voice, who, name)
    new = (
        f"modelctl new {case.model} --run-id {trained.run} --init --owner {case.owner} "
        f"--task {case.task}"
    )
    stage.types(who, new, _WRITTEN, voice=voice)
    edit_model(who, case, lambda data: _completed(data, case))
    fairness = f", and {', '.join(case.protected)} as a protected group" if case.protected else ""
    voice.say(
        f"{case.author.login} adds the promise to its callers to model.yaml{fairness}; and says in "
        "release.yaml how its versions take over in production."
    )
    choose_strategies(who, case, {"production": TAKES_OVER})
    stage.types(who, "modelctl check", _FIRST_CHECK, voice=voice, code=BLOCKED)
    push(stage, voice, who, f"First {case.model}")


def edit_model(
    who: Actor, case: Case, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> None:
    """Change model.yaml in somebody's clone."""
    file = model_folder(who, case) / "model.yaml"
    file.write_text(dump(change(load(file.read_bytes(), file.name).data), schema=_SCHEMA))


def choose_strategies(who: Actor, case: Case, strategies: Mapping[str, str]) -> None:
    """Say in release.yaml how a version takes over, by environment."""
    file = model_folder(who, case) / "release.yaml"
    data = load(file.read_bytes(), file.name).data
    file.write_text(dump({**data, "strategies": dict(strategies)}, schema=_RELEASE_SCHEMA))


def model_folder(who: Actor, case: Case) -> Path:
    """The folder of a model in somebody's clone."""
    return who.folder / "models" / case.model


def push(stage: Stage, voice: Voice, who: Actor, message: str) -> None:
    """Commit and push the branch that is checked out."""
    stage.silently(who, "git", "add", "--all")
    stage.types(who, f"git commit --message '{message}'", None, voice=voice)
    stage.types(who, "git push origin HEAD", None, voice=voice)


def open_pull(
    stage: Stage,
    voice: Voice,
    case: Case,
    version: str,
    environment: str,
    show: Excerpt = ALL,
) -> Pull:
    """A pull request that brings a version to an environment: to the first one from the branch
    that is checked out, else from a branch with this model's files alone."""
    who = stage.person(case.author)
    command = f"modelctl promote {case.model}@{version} --to {environment}"
    done = stage.types(who, command, show, voice=voice)
    found = re.search(r"/pull/(\d+)", done.out)
    if found is None:
        raise DemoError(f"`{command}` names no pull request", done.out)
    stage.fetch()
    return Pull(number=int(found[1]), author=case.author, base=TARGETS[environment])


def approve(stage: Stage, pull: Pull, *reviewers: Person) -> None:
    """People approve it, and it is told."""
    stage.hub.approve(pull, *reviewers)
    names = " and ".join(f"{person.login} ({person.job})" for person in reviewers)
    verb = "approves" if len(reviewers) == 1 else "approve"
    stage.screen.say(f"{names} {verb} #{pull.number}.")


def refuse_merge(stage: Stage, pull: Pull, who: Person) -> None:
    """Somebody presses the button, and the forge's own refusal is shown."""
    stage.screen.say(f"{who.login} would merge #{pull.number}. The forge answers:")
    stage.screen.printed(stage.hub.refused_merge(pull, who))


def _completed(data: Mapping[str, Any], case: Case) -> Mapping[str, Any]:
    """What no run knows: the promise to callers, and who must be treated fairly."""
    contract = dict(data["data_contract"])
    if case.protected:
        contract["protected_groups"] = list(case.protected)
    known = {"description": case.about, "sla": dict(case.sla), "data_contract": contract}
    return {**data, **known}

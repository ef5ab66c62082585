"""How a version moves: a branch with its manifest, a pull request, a promotion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demo.cases import Case, Trained
from demo.forge import PullRequest
from demo.people import Person
from demo.screen import Voice
from demo.stage import BLOCKED, Actor, Excerpt, Stage
from modelctl.adapters.documents import dump, load

TARGETS = {"dev": "ml", "staging": "develop", "production": "main"}
SOURCES = {"staging": "ml", "production": "develop"}
_SCHEMA = "../../scripts/modelctl/schemas/model.schema.json"
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
        f"--task {case.task} --target local"
    )
    stage.types(who, new, _WRITTEN, voice=voice)
    edit_model(who, case, lambda data: _completed(data, case))
    fairness = f", and {', '.join(case.protected)} as a protected group" if case.protected else ""
    voice.say(f"{case.author.login} adds the promise to its callers to model.yaml{fairness}.")
    stage.types(who, "modelctl check", _FIRST_CHECK, voice=voice, code=BLOCKED)
    push(stage, voice, who, f"First {case.model}")


def edit_model(
    who: Actor, case: Case, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> None:
    """Change model.yaml in somebody's clone."""
    file = model_folder(who, case) / "model.yaml"
    file.write_text(dump(change(load(file.read_bytes(), file.name).data), schema=_SCHEMA))


def model_folder(who: Actor, case: Case) -> Path:
    """The folder of a model in somebody's clone."""
    return who.folder / "models" / case.model


def push(stage: Stage, voice: Voice, who: Actor, message: str) -> None:
    """Commit and push the branch that is checked out."""
    stage.silently(who, "git", "add", "--all")
    stage.types(who, f"git commit --message '{message}'", None, voice=voice)
    stage.types(who, "git push origin HEAD", None, voice=voice)


def open_pull(stage: Stage, author: Person, name: str, base: str, title: str) -> PullRequest:
    """A pull request from a pushed branch."""
    pull = stage.forge.open(author, name, base, title)
    stage.fetch()
    return pull


def check_command(pull: PullRequest) -> str:
    """How the job that guards the branches judges a pull request."""
    return (
        f"modelctl check --base origin/{pull.base} --head origin/{pull.branch} "
        f"--reviews ../pulls/{pull.file.name}"
    )


def promotion(stage: Stage, voice: Voice, case: Case, version: str, environment: str) -> str:
    """A short branch with this model's files alone, as the environment before was deployed; its
    name."""
    who, source = stage.person(case.author), SOURCES[environment]
    name = f"promote/{case.model}/{version}/{environment}"
    branch(stage, voice, who, name, TARGETS[environment])
    command = f"git checkout origin/{source} -- models/{case.model}"
    stage.types(who, command, None, voice=voice)
    push(stage, voice, who, f"{case.model} {version} to {environment}")
    return name


def told(pull: PullRequest, *reviewers: Person) -> str:
    """A pull request and its reviewers, as a sentence."""
    names = " and ".join(f"{person.login} ({person.job})" for person in reviewers)
    verb = "approves" if len(reviewers) == 1 else "approve"
    return f"Pull request #{pull.number} into {pull.base}, by {pull.author.login}: {names} {verb}."


def _completed(data: Mapping[str, Any], case: Case) -> Mapping[str, Any]:
    """What no run knows: the promise to callers, and who must be treated fairly."""
    contract = dict(data["data_contract"])
    if case.protected:
        contract["protected_groups"] = list(case.protected)
    known = {"description": case.about, "sla": dict(case.sla), "data_contract": contract}
    return {**data, **known}

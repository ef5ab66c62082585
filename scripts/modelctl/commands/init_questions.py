"""What `modelctl init` asks at a terminal for what no option gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from modelctl.adapters.git import Repository
from modelctl.adapters.policies import load_policy
from modelctl.adapters.settings_file import require_settings
from modelctl.commands import options
from modelctl.commands.init_wishes import TARGETS
from modelctl.domain import answers
from modelctl.domain.policy import Policy
from modelctl.domain.settings import PLACEHOLDER
from modelctl.errors import ModelctlError


def ask(repository: Repository, said: dict[str, Any]) -> None:
    """Fills in what is missing. An empty answer leaves a thing as it is; one that can't be used is
    asked for again."""
    tree = repository.tree(repository.working_tree())
    policy, there = load_policy(tree, tree.oid), require_settings(tree)
    options.progress("What no option gave is asked for here. Enter keeps a thing as it is.")
    _organisation(said, there.organisation)
    if not said["environments"]:
        said["environments"] = tuple(_environments(policy))
    if not said["members"]:
        said["members"] = tuple(_members(policy))
    if not said["teams"]:
        said["teams"] = tuple(_teams())
    for name, text, read in (
        ("serving_target", f"What serves new models ({', '.join(TARGETS)})", _target),
        ("images", "Registry of the serving image, such as ghcr.io/acme", answers.images),
        ("mlflow", "Address of MLflow, without credentials", answers.address),
    ):
        said[name] = said[name] or _answer(text, read)


def _organisation(said: dict[str, Any], there: str) -> None:
    while not said["organisation"]:
        known = there != PLACEHOLDER
        text = f"Organisation on GitHub{f' [{there}]' if known else ''}"
        said["organisation"] = _answer(text, answers.organisation) or (there if known else None)


def _environments(policy: Policy) -> list[str]:
    known = policy.lifecycle.environments
    found = ((name, _answer(f"Another name for the environment {name}", answers.name))
             for name in known)  # fmt: skip
    return [f"{old}={new}" for old, new in found if new and new != old]


def _members(policy: Policy) -> list[str]:
    empty = [name for name, role in policy.roles.items() if not role.members]
    found = ((name, _answer(f"Who holds {name} (logins, by commas)", answers.logins))
             for name in empty)  # fmt: skip
    return [f"{name}={answer}" for name, answer in found if answer]


def _teams() -> list[str]:
    name = _answer("A team that owns models, such as oncology-ml", answers.name)
    if name is None:
        return []
    contact = _answer(f"How to reach {name}", answers.contact)
    slug = _answer(f"The slug of its GitHub team, such as {name}", answers.slug)
    return [f"{name}={contact or name}{f',{slug}' if slug else ''}"]


def _target(text: str) -> str:
    if text not in TARGETS:
        raise ModelctlError(f"{text!r} serves nothing", mend=f"take one of {', '.join(TARGETS)}")
    return text


def _answer(text: str, read: Callable[[str], object]) -> str | None:
    """An answer that can be used; None where it was empty."""
    while True:
        answer = str(click.prompt(text, default="", show_default=False, err=True)).strip()
        if not answer:
            return None
        try:
            read(answer)
        except ModelctlError as error:
            options.progress(str(error))
        else:
            return answer

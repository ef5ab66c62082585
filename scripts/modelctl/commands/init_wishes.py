"""What the options of `modelctl init` ask for, each held to its form before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from modelctl.domain import answers
from modelctl.errors import ModelctlError
from modelctl.services.adopting import OwnerTeam, Wishes

TARGETS = ("kserve", "argo-rollouts", "gateway-api", "local")
_T = TypeVar("_T")


def wishes(**said: Any) -> Wishes:
    """The wishes of a run.

    Raises:
        click.UsageError: an option has a value that can't be used; it is named.
    """
    if not said["organisation"]:
        raise click.UsageError("--organisation is missing")
    apps = {"gate": said["gate_app"], "deploy": said["deploy_app"]}
    given = {name: number for name, number in apps.items() if number is not None}
    if len(set(given.values())) < len(given):
        raise click.UsageError("--gate-app and --deploy-app must be two Apps")
    return Wishes(
        organisation=held("--organisation", answers.organisation, said["organisation"]),
        members=pairs("--member ROLE=LOGIN,…", said["members"], answers.logins),
        role_teams=pairs("--role-team ROLE=SLUG", said["role_teams"], answers.slug),
        teams=[team(text) for text in said["teams"]],
        environments=pairs(
            "--environment OLD=NEW", said["environments"], answers.name, answers.name
        ),
        serving_target=said["serving_target"] or None,
        images=_maybe("--images", answers.images, said["images"]),
        registry=_maybe("--mlflow", answers.address, said["mlflow"]),
        apps=given,
    )


def held(option: str, read: Callable[[str], _T], text: str) -> _T:
    """What an option's text says."""
    try:
        return read(text)
    except ModelctlError as error:
        mend = f" ({error.mend})" if error.mend else ""
        raise click.UsageError(f"{option}: {error.message}{mend}") from None


def team(text: str) -> OwnerTeam:
    """A team that owns models, of NAME=CONTACT[,SLUG]."""
    option = "--team NAME=CONTACT[,SLUG]"
    name, rest = _pair(option, text)
    contact, _, slug = rest.partition(",")
    return OwnerTeam(
        name=held(option, answers.name, name),
        contact=held(option, answers.contact, contact),
        github=held(option, answers.slug, slug) if slug.strip() else None,
    )


def pairs(
    option: str,
    texts: Iterable[str],
    read: Callable[[str], _T],
    read_name: Callable[[str], str] = str.strip,
) -> Mapping[str, _T]:
    """Values by names, of texts NAME=VALUE."""
    found = {}
    for text in texts:
        name, value = _pair(option, text)
        found[held(option, read_name, name)] = held(option, read, value)
    return found


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise click.UsageError(f"{text!r} is not of the form {option}")
    return name.strip(), value.strip()


def _maybe(option: str, read: Callable[[str], str], text: str | None) -> str | None:
    return held(option, read, text) if text and text.strip() else None

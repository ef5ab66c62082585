"""What `modelctl init` changes, and the steps that only a person can take."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlencode

from modelctl.domain.policy import Policy
from modelctl.domain.settings import DEPLOY, GATE, PATH, PERMISSIONS, REGISTRY_VARIABLE, Settings

GATES, SIGNING_KEY, APP_VARIABLE = "gates", "MODELCTL_SIGNING_KEY", "MODELCTL_APP_ID"
_SIGNERS: Mapping[str, str] = {
    "evidence": "ci",
    DEPLOY: "deployer",
    "housekeeping": "registrar",
}
"""Which key each environment of Actions signs with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the repository is: its web address without OWNER/NAME, and its name."""

    server: str
    name: str


def diff(
    changes: Mapping[str, tuple[str | None, str | None]],
    moves: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The changes as one unified diff; `moves` are the old paths of files by their new ones."""
    parts: list[str] = []
    gone = set(moves.values())
    for path, (before, after) in changes.items():
        if path in gone:
            continue
        old_path = moves.get(path)
        if old_path is not None:
            parts.append(f"rename from {old_path}\nrename to {path}\n")
        first = before if old_path is None else changes[old_path][0]
        old, new = (first or "").splitlines(keepends=True), (after or "").splitlines(keepends=True)
        names = f"a/{old_path or path}" if first is not None else "/dev/null", f"b/{path}"
        parts.extend(difflib.unified_diff(old, new, names[0], names[1] if after else "/dev/null"))
    return "".join(parts)


def steps(
    policy: Policy,
    settings: Settings,
    place: Place,
    keys: Sequence[tuple[str, str]],
    *,
    registry: str | None = None,
    remote: bool = True,
) -> str:
    """What is left to do, in order, as a numbered list. `keys` are names and where they lie,
    `registry` is the address of MLflow, `remote` whether the clone has one."""
    found = [
        *_before(policy, settings, place, remote),
        *_after(settings, place, keys, registry),
    ]
    return "\n".join(f"{number}. {text}" for number, text in enumerate(found, 1)) + "\n"


def _before(policy: Policy, settings: Settings, place: Place, remote: bool) -> Iterator[str]:
    """Up to the first push."""
    organisation, lifecycle = settings.organisation, policy.lifecycle
    home = f"{place.server}/{organisation}/{place.name}"
    if not remote:
        yield (
            f"Create the repository {organisation}/{place.name}, empty, and name it here:\n"
            f"   {place.server}/organizations/{organisation}/repositories/new\n"
            f"   git remote add origin {home}.git"
        )
    teams = ", ".join(_teams(policy, settings))
    if teams:
        yield (
            f"Create the teams {teams}, and put people into them:\n"
            f"   {place.server}/orgs/{organisation}/teams"
        )
    for app in (GATE, DEPLOY):
        if settings.apps.get(app) is None:
            yield (
                f"Create the {app} App, install it on this repository alone, generate a private\n"
                f"   key on its page, and write its id to apps.{app}.id in {PATH}:\n"
                f"   {_new_app(place, organisation, app)}"
            )
    branches = dict.fromkeys(
        [lifecycle.default_branch, *(t.to_branch for t in lifecycle.transitions)]
    )
    pushed = " ".join(f"HEAD:refs/heads/{branch}" for branch in branches)
    yield (
        "Set hosts and resources of your own in kustomize/overlays/, and look:\n"
        "   modelctl policy lint"
    )
    yield (
        "Read the changes, commit them, and push every branch of the lifecycle:\n"
        f'   git add --all && git commit --message "Adopt modelctl"\n'
        f"   git push origin {pushed}\n"
        "   git fetch origin && git remote set-head origin --auto"
    )


def _after(
    settings: Settings, place: Place, keys: Sequence[tuple[str, str]], registry: str | None
) -> Iterator[str]:
    """What needs the repository on GitHub."""
    home = f"{place.server}/{settings.organisation}/{place.name}"
    yield (
        "Bring GitHub in line, as somebody who may administer the repository:\n"
        "   export GITHUB_TOKEN=$(gh auth token)\n"
        "   modelctl github apply"
    )
    yield (
        f"Fill the environments; `modelctl github plan` lists what is missing:\n"
        f"   {home}/settings/environments\n" + "\n".join(_filling(settings, dict(keys)))
    )
    for name in settings.variables:
        value = f'"{registry}"' if name == REGISTRY_VARIABLE and registry else "VALUE"
        yield (
            f"Set the variable {name} of the repository:\n   gh variable set {name} --body {value}"
        )
    if keys:
        yield (
            "Take the private keys off this disk, once they are where they are used:\n   "
            + ", ".join(path for _, path in keys)
        )
    yield (
        "In a public repository, allow workflows on `pull_request_target`:\n"
        f"   {home}/settings/actions"
    )
    yield "See whether all is well:\n   modelctl doctor"


def _filling(settings: Settings, keys: Mapping[str, str]) -> Iterator[str]:
    """A command for each secret and variable of each environment."""
    for one in settings.environments:
        app = GATE if one.name == GATES else DEPLOY
        for name in one.secrets:
            file = f"{app.upper()}-APP.pem"
            if name == SIGNING_KEY:
                file = keys.get(_SIGNERS.get(one.name, ""), "KEY.pem")
            yield f"   gh secret set {name} --env {one.name} < {file}"
        for name in one.variables:
            number = settings.apps.get(app) if name == APP_VARIABLE else None
            yield f"   gh variable set {name} --env {one.name} --body {number or 'ID'}"


def _teams(policy: Policy, settings: Settings) -> list[str]:
    roles = (role.team for role in policy.roles.values())
    owners = (team.github for team in policy.ownership.teams.values())
    return list(dict.fromkeys(filter(None, (*roles, *owners, *settings.teams))))


def _new_app(place: Place, organisation: str, app: str) -> str:
    """GitHub's form for a new App, filled in."""
    said = {
        "name": f"{organisation}-modelctl-{app}",
        "url": f"{place.server}/{organisation}/{place.name}",
        "public": "false",
        "webhook_active": "false",
        **PERMISSIONS[app],
    }
    return f"{place.server}/organizations/{organisation}/settings/apps/new?{urlencode(said)}"

"""What the repository on GitHub is set to, as `.github/settings.yaml` says it.

Built from a document that its JSON Schema has accepted. What follows from the lifecycle and the
roles (branch rules, most labels) is worked out, never typed: see `rulesets` and `labels` below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from modelctl.domain.policy import Lifecycle
from modelctl.domain.pull_labels import DEPLOYED, GATE as GATE_LABEL, STAGE, gate_label
from modelctl.domain.pulls import CheckState

PATH = ".github/settings.yaml"
PLACEHOLDER = "example"
"""The organisation of a copy that nobody has adopted yet."""
GATE, DEPLOY = "gate", "deploy"
REGISTRY_VARIABLE = "MLFLOW_TRACKING_URI"
PERMISSIONS: Mapping[str, Mapping[str, str]] = {
    GATE: {
        "actions": "read",  # GitHub lists environments under it
        "actions_variables": "read",
        "administration": "read",  # to compare the settings
        "checks": "write",
        "contents": "write",  # for the branch of a waiver that somebody asks for in a comment
        "environments": "read",
        "issues": "write",
        "members": "read",
        "pull_requests": "write",
    },
    DEPLOY: {
        "contents": "write",
        "deployments": "write",
        "issues": "write",
        "members": "read",
        "pull_requests": "write",
    },
}
"""What each App must be allowed; `metadata: read` comes by itself."""
_REPOSITORY: Mapping[str, bool] = {
    "allow_merge_commit": True,
    "allow_squash_merge": False,
    "allow_rebase_merge": False,
    "allow_auto_merge": False,
    "delete_branch_on_merge": True,
    "has_wiki": False,
}
_COLOUR = "ededed"
_STATES = {
    CheckState.FAILURE: "Something must be mended",
    CheckState.WAITING: "It waits, mostly for approvals",
    CheckState.SUCCESS: "It may be merged",
}
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionsEnvironment:
    """An environment of Actions, and the names of what it must hold."""

    name: str
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label: `colour` is six hex digits."""

    name: str
    colour: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionsRules:
    """Which actions may run."""

    github_owned: bool = True
    verified: bool = False
    patterns: tuple[str, ...] = ()
    pinned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings. `apps` maps `gate` and `deploy` to the ids of Apps, None where there is none;
    `colours` are those of families of labels; `teams` are permissions by slug; `variables` are the
    names of those that the repository itself must hold, for jobs without an environment."""

    organisation: str
    apps: Mapping[str, int | None]
    environments: tuple[ActionsEnvironment, ...]
    repository: Mapping[str, bool] = field(default_factory=lambda: _REPOSITORY)
    colours: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    own_labels: tuple[Label, ...] = ()
    teams: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    actions: ActionsRules = field(default_factory=ActionsRules)
    variables: tuple[str, ...] = ()


def settings_from(data: Mapping[str, Any]) -> Settings:
    """What an accepted document says."""
    labels, actions = data.get("labels", {}), data.get("actions", {})
    repository = dict(data.get("repository", {}))
    variables = tuple(repository.pop("variables", ()))
    states = {GATE_LABEL + name: colour for name, colour in labels.get("gate", {}).items()}
    families = {f"{name}: ": labels[name] for name in ("stage", "deployed") if name in labels}
    return Settings(
        organisation=data["organisation"],
        apps={name: row["id"] for name, row in data["apps"].items()},
        environments=tuple(
            ActionsEnvironment(
                name=name,
                secrets=tuple(row.get("secrets", ())),
                variables=tuple(row.get("variables", ())),
            )
            for name, row in data["environments"].items()
        ),
        repository={**_REPOSITORY, **repository},
        colours={**families, **states},
        own_labels=tuple(
            Label(name=name, colour=row["colour"], description=row.get("description", ""))
            for name, row in labels.get("others", {}).items()
        ),
        teams=data.get("teams", {}),
        actions=ActionsRules(**{**actions, "patterns": tuple(actions.get("patterns", ()))}),
        variables=variables,
    )


def labels(settings: Settings, lifecycle: Lifecycle) -> tuple[Label, ...]:
    """Every label: one for each stage, state and environment, and those of the team's own."""
    return (*_families(settings, lifecycle), *settings.own_labels)


def is_ours(label: str) -> bool:
    """Whether a label is of a family that only this product writes."""
    return label.startswith((STAGE, GATE_LABEL, DEPLOYED))


def _families(settings: Settings, lifecycle: Lifecycle) -> Iterator[Label]:
    colours = settings.colours
    for stage in lifecycle.stages:
        yield Label(
            name=STAGE + stage.name,
            colour=colours.get(STAGE, _COLOUR),
            description=stage.purpose[:100],
        )
    for state, says in _STATES.items():
        name = gate_label(state)
        yield Label(name=name, colour=colours.get(name, _COLOUR), description=says)
    for environment in lifecycle.environments:
        yield Label(
            name=DEPLOYED + environment,
            colour=colours.get(DEPLOYED, _COLOUR),
            description=f"Serves in {environment}",
        )

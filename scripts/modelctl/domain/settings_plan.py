"""How a repository on GitHub differs from its settings, as steps: what to create, change, delete.

Both sides are `Thing`s, in the same words: what is wanted from `.github/settings.yaml`, the
lifecycle and the roles, what is there from the API. Teams are slugs and Apps names on both sides.
Only what is ours is ever deleted: labels of our families, rulesets with our prefix, and branches
that our environments let in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelctl.domain import rulesets
from modelctl.domain.policy import Policy
from modelctl.domain.settings import Label, Settings, is_ours, labels

_ABSENT = object()


class Kind(StrEnum):
    """What can be set, in the order in which it is: what others need comes first, and what shuts
    doors last, so that a run that was killed leaves nothing half shut."""

    REPOSITORY = "repository"
    ACTIONS = "actions"
    LABEL = "label"
    TEAM = "team"
    ENVIRONMENT = "environment"
    SECRET = "secret"
    VARIABLE = "variable"
    RULESET = "ruleset"
    FILE = "file"


class Action(StrEnum):
    """What a step does. What `WAIT`s can't be done by anything but a person."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing with its settings, as plain data. `waits` says why it can't be set by this program,
    None where it can."""

    kind: Kind
    name: str
    fields: Mapping[str, Any]
    waits: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that differs, by its dotted path; None where one side hasn't got it."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `thing` is what is wanted; of a deletion, what is there."""

    action: Action
    thing: Thing
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every step, in the order in which they are taken, and how many things are as they should be.

    `notes` are for people: what GitHub can't be told. `unseen` is what the account that looked
    isn't shown, so that nobody knows whether it is as it should be.
    """

    steps: tuple[Step, ...]
    in_force: int
    notes: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def doable(self) -> tuple[Step, ...]:
        """The steps that `apply` takes."""
        return tuple(step for step in self.steps if step.action is not Action.WAIT)

    def count(self, action: Action) -> int:
        """How many steps of a kind there are."""
        return sum(step.action is action for step in self.steps)


def wanted(policy: Policy, settings: Settings, teams: Mapping[str, int]) -> tuple[Thing, ...]:
    """Everything as it should be. `teams` are the ids of those that can be seen, by slug."""
    lifecycle = policy.lifecycle
    return (
        Thing(kind=Kind.REPOSITORY, name="repository", fields=settings.repository),
        *_actions(settings),
        *(_label(label) for label in labels(settings, lifecycle)),
        *_teams(policy, settings, teams),
        *_variables(settings),
        *_environments(settings, lifecycle.default_branch),
        *_rulesets(policy, settings, teams),
    )


def ours(thing: Thing) -> bool:
    """Whether something that nobody wants may be deleted."""
    match thing.kind:
        case Kind.LABEL:
            return is_ours(thing.name)
        case Kind.RULESET:
            return thing.name.startswith(rulesets.PREFIX)
    return False


def make_plan(
    want: Iterable[Thing],
    found: Iterable[Thing],
    notes: Iterable[str] = (),
    unseen: Iterable[str] = (),
) -> Plan:
    """The steps from what is found to what is wanted."""
    there = {(one.kind, one.name): one for one in found}
    steps: list[Step] = []
    in_force = 0
    for thing in want:
        step = _step(thing, there.pop((thing.kind, thing.name), None))
        steps.extend([step] if step else [])
        in_force += step is None
    steps.extend(
        Step(action=Action.DELETE, thing=one, fields=tuple(_fields(one.fields, {})))
        for one in there.values()
        if ours(one)
    )
    return Plan(steps=tuple(steps), in_force=in_force, notes=tuple(notes), unseen=tuple(unseen))


def _step(thing: Thing, there: Thing | None) -> Step | None:
    """What brings `there` to `thing`; None where nothing is to do."""
    fields = tuple(_fields(there.fields if there else {}, thing.fields))
    if there is not None and not fields:
        return None
    if thing.waits is not None:
        action = Action.WAIT
    else:
        action = Action.CHANGE if there is not None else Action.CREATE
    return Step(action=action, thing=thing, fields=fields)


def _fields(old: Any, new: Any, path: str = "") -> Iterator[Field]:
    """The leaves that differ: mappings are looked into, lists are one value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*new, *old]):
            inner = f"{path}.{name}" if path else str(name)
            yield from _fields(old.get(name, _ABSENT), new.get(name, _ABSENT), inner)
    elif isinstance(new, Mapping) and old is _ABSENT and new:
        yield from _fields({}, new, path)
    elif isinstance(old, Mapping) and new is _ABSENT and old:
        yield from _fields(old, {}, path)
    elif old != new:
        yield Field(path=path, old=_shown(old), new=_shown(new))


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value


def _actions(settings: Settings) -> Iterator[Thing]:
    rules = settings.actions
    yield Thing(
        kind=Kind.ACTIONS,
        name="permissions",
        fields={
            "enabled": True,
            "allowed_actions": "selected",
            "sha_pinning_required": rules.pinned,
        },
    )
    yield Thing(
        kind=Kind.ACTIONS,
        name="selected actions",
        fields={
            "github_owned_allowed": rules.github_owned,
            "verified_allowed": rules.verified,
            "patterns_allowed": sorted(rules.patterns),
        },
    )
    yield Thing(
        kind=Kind.ACTIONS,
        name="default token",
        fields={
            "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": False,
        },
    )


def _label(label: Label) -> Thing:
    fields = {"color": label.colour, "description": label.description}
    return Thing(kind=Kind.LABEL, name=label.name, fields=fields)


def _teams(policy: Policy, settings: Settings, teams: Mapping[str, int]) -> Iterator[Thing]:
    """Who is asked for a review must be able to push, else GitHub takes nobody for an owner."""
    roles = (role.team for role in policy.roles.values())
    owners = (team.github for team in policy.ownership.teams.values())
    asked = {slug: "push" for slug in (*roles, *owners) if slug is not None}
    for slug, permission in {**asked, **settings.teams}.items():
        waits = None if slug in teams else _no_team(settings.organisation, (slug,))
        fields = {"permission": permission}
        yield Thing(kind=Kind.TEAM, name=slug, fields=fields, waits=waits)


def _variables(settings: Settings) -> Iterator[Thing]:
    for name in settings.variables:
        waits = f"set the variable {name} of the repository: `gh variable set {name}`"
        yield Thing(kind=Kind.VARIABLE, name=name, fields={}, waits=waits)


def _environments(settings: Settings, branch: str) -> Iterator[Thing]:
    for one in settings.environments:
        yield Thing(kind=Kind.ENVIRONMENT, name=one.name, fields={"only_branches": [branch]})
        for kind, names in ((Kind.SECRET, one.secrets), (Kind.VARIABLE, one.variables)):
            for name in names:
                command = f"gh {kind} set {name} --env {one.name}"
                command += " < FILE" if kind is Kind.SECRET else ""
                waits = f"put the {kind} {name} into the environment {one.name}: `{command}`"
                yield Thing(kind=kind, name=f"{one.name}/{name}", fields={}, waits=waits)


def _rulesets(policy: Policy, settings: Settings, teams: Mapping[str, int]) -> Iterator[Thing]:
    for ruleset in rulesets.rulesets(policy, settings).values():
        lacking = rulesets.missing(ruleset, teams, settings.apps)
        reasons = [
            *([_no_team(settings.organisation, lacking.teams)] if lacking.teams else []),
            *(f"create the {app} App and write its id to apps.{app}.id" for app in lacking.apps),
        ]
        yield Thing(
            kind=Kind.RULESET,
            name=ruleset["name"],
            fields=comparable(ruleset),
            waits="; ".join(reasons) or None,
        )


def _no_team(organisation: str, slugs: Iterable[str]) -> str:
    named = " and ".join(f"@{organisation}/{slug}" for slug in slugs)
    return f"{named} can't be seen: create it, or let this account see it"


def comparable(ruleset: Mapping[str, Any]) -> dict[str, Any]:
    """A ruleset with its rules by type, and lists in an order of their own."""
    condition = ruleset["conditions"]["ref_name"]
    return {
        "target": ruleset["target"],
        "enforcement": ruleset["enforcement"],
        "refs": ordered({"include": condition["include"], "exclude": condition["exclude"]}),
        "bypass": sorted(f"{a['actor_type']} {a['actor_id']}" for a in ruleset["bypass_actors"]),
        "rules": {
            rule["type"]: ordered(rule.get("parameters", {})) or "on" for rule in ruleset["rules"]
        },
    }


def ordered(value: Any) -> Any:
    """The same with lists sorted, since GitHub gives them in an order of its own."""
    if isinstance(value, Mapping):
        return {name: ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return sorted(map(ordered, value), key=repr)
    return value

"""What GitHub's API says of a repository's settings, in the words of the plan.

The API gives more than anybody asked for: defaults of fields that the settings are silent about are
left out, but a rule that nobody wants, or a branch that may deploy, is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from modelctl.domain.settings_plan import Kind, Thing, comparable, ordered

Raw = Mapping[str, Any]
_EMPTY: Mapping[str, Any] = MappingProxyType({})
ANY_BRANCH, PROTECTED = "any branch", "every protected branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEnvironment:
    """An environment as the API gives it, with its branch policies and the names that it holds."""

    raw: Raw
    policies: tuple[Raw, ...] = ()
    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that a plan compares, as the API gave it.

    `teams` are those with access to the repository; `team_ids` those of the organisation that
    could be seen, by slug; `rulesets` are complete ones of this repository. `selected` is empty
    where not only selected actions may run.
    """

    repository: Raw
    permissions: Raw
    selected: Raw
    token: Raw
    labels: tuple[Raw, ...] = ()
    teams: tuple[Raw, ...] = ()
    team_ids: Mapping[str, int] = field(default_factory=lambda: _EMPTY)
    environments: tuple[FoundEnvironment, ...] = ()
    rulesets: tuple[Raw, ...] = ()
    variables: tuple[str, ...] = ()


def found(
    snapshot: Snapshot, want: Iterable[Thing], apps: Mapping[str, int | None]
) -> tuple[Thing, ...]:
    """What is there, of what is wanted and of what may be ours."""
    like = {(one.kind, one.name): one.fields for one in want}
    return (
        *_plain(snapshot, like),
        *(_label(row) for row in snapshot.labels),
        *(_team(row) for row in snapshot.teams),
        *(Thing(kind=Kind.VARIABLE, name=name, fields={}) for name in snapshot.variables),
        *(thing for one in snapshot.environments for thing in _environment(one)),
        *(_ruleset(row, snapshot.team_ids, apps, like) for row in snapshot.rulesets),
    )


def unseen(snapshot: Snapshot) -> tuple[str, ...]:
    """What this account isn't shown, so that it can't be compared. The day of the last change is
    shown to everybody."""
    return tuple(
        f"who may bypass {row['name']!r}, changed {row.get('updated_at', 'nobody knows when')}"
        for row in snapshot.rulesets
        if _hides(row)
    )


def _hides(row: Raw) -> bool:
    """GitHub says who may bypass a ruleset only to those who may change it."""
    return "bypass_actors" not in row


def _plain(snapshot: Snapshot, like: Mapping[tuple[Kind, str], Raw]) -> Iterator[Thing]:
    rows = (
        (Kind.REPOSITORY, "repository", snapshot.repository),
        (Kind.ACTIONS, "permissions", snapshot.permissions),
        (Kind.ACTIONS, "selected actions", snapshot.selected),
        (Kind.ACTIONS, "default token", snapshot.token),
    )
    for kind, name, raw in rows:
        fields = {key: raw[key] for key in like.get((kind, name), {}) if key in raw}
        yield Thing(kind=kind, name=name, fields=ordered(fields))


def _label(row: Raw) -> Thing:
    fields = {"color": row["color"], "description": row["description"] or ""}
    return Thing(kind=Kind.LABEL, name=row["name"], fields=fields)


def _team(row: Raw) -> Thing:
    return Thing(kind=Kind.TEAM, name=row["slug"], fields={"permission": row["permission"]})


def _environment(one: FoundEnvironment) -> Iterator[Thing]:
    name, policy = one.raw["name"], one.raw.get("deployment_branch_policy")
    if policy is None:
        branches = [ANY_BRANCH]
    elif policy["protected_branches"]:
        branches = [PROTECTED]
    else:
        branches = sorted(map(_pattern, one.policies))
    yield Thing(kind=Kind.ENVIRONMENT, name=name, fields={"only_branches": branches})
    for kind, names in ((Kind.SECRET, one.secrets), (Kind.VARIABLE, one.variables)):
        for inner in names:
            yield Thing(kind=kind, name=f"{name}/{inner}", fields={})


def _pattern(policy: Raw) -> str:
    """A branch that may deploy; a tag is told apart."""
    return (
        str(policy["name"]) if policy.get("type", "branch") == "branch" else f"tag {policy['name']}"
    )


def _ruleset(
    row: Raw,
    teams: Mapping[str, int],
    apps: Mapping[str, int | None],
    like: Mapping[tuple[Kind, str], Raw],
) -> Thing:
    wanted = like.get((Kind.RULESET, row["name"]), {})
    slugs = {number: slug for slug, number in teams.items()}
    names = {number: name for name, number in apps.items() if number is not None}
    named = {
        "target": row.get("target"),
        "enforcement": row["enforcement"],
        "conditions": {"ref_name": {"include": [], "exclude": [], **_refs(row)}},
        "bypass_actors": [
            {**actor, "actor_id": names.get(actor.get("actor_id"), actor.get("actor_id"))}
            for actor in row.get("bypass_actors", ())
        ],
        "rules": [
            {
                "type": rule["type"],
                "parameters": _known(
                    _named(rule.get("parameters") or {}, slugs, names),
                    wanted.get("rules", {}).get(rule["type"]),
                ),
            }
            for rule in row.get("rules", ())
        ],
    }
    fields = comparable(named)
    if _hides(row):
        fields["bypass"] = wanted.get("bypass", [])
        if not fields["bypass"] and row.get("current_user_can_bypass", "never") != "never":
            fields["bypass"] = ["this account"]
    return Thing(kind=Kind.RULESET, name=row["name"], fields=fields)


def _refs(row: Raw) -> Raw:
    conditions: Raw = row.get("conditions") or {}
    refs: Raw = conditions.get("ref_name", {})
    return refs


def _known(parameters: Mapping[str, Any], like: Any) -> dict[str, Any]:
    """Those parameters that are wanted too; none where the rule is wanted without any."""
    return {
        name: value
        for name, value in parameters.items()
        if isinstance(like, Mapping) and name in like
    }


def _named(parameters: Raw, slugs: Mapping[int, str], names: Mapping[int, str]) -> dict[str, Any]:
    """Parameters with teams by slug and Apps by name, where these are known."""
    found = dict(parameters)
    for key, change in (("required_reviewers", _reviewer), ("required_status_checks", _check)):
        if key in found:
            found[key] = [change(row, slugs, names) for row in found[key]]
    return found


def _reviewer(row: Raw, slugs: Mapping[int, str], _names: Mapping[int, str]) -> Raw:
    reviewer = row["reviewer"]
    named = {"id": slugs.get(reviewer["id"], reviewer["id"]), "type": reviewer["type"]}
    return {**row, "reviewer": named}


def _check(row: Raw, _slugs: Mapping[int, str], names: Mapping[int, str]) -> Raw:
    number = row.get("integration_id")
    return {
        "context": row["context"],
        "integration_id": names.get(number, number) if number else None,
    }

"""Brings the repository on GitHub in line with its settings: looks, plans, applies.

Every step can be taken again without harm, and what is left after a run that was killed is found by
the next plan. Rulesets come last, and an environment is limited to its branch in the same step that
makes it, so that no secret ever waits in an open one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelctl.adapters.settings_file import require_settings
from modelctl.domain import codeowners, rulesets
from modelctl.domain.check_marks import digest_of
from modelctl.domain.policy import Policy
from modelctl.domain.settings import PATH, Settings
from modelctl.domain.settings_found import FoundEnvironment, Snapshot, found, unseen
from modelctl.domain.settings_plan import Action, Kind, Plan, Step, Thing, make_plan, wanted
from modelctl.errors import ModelctlError
from modelctl.services.generated import code_owners
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub
    from modelctl.adapters.github.settings import Settings as Door

MARKER = "<!-- modelctl:settings -->"
LABEL = "drift"
TITLE = "The repository's settings on GitHub are not those of .github/settings.yaml"
UNSEEN_TITLE = "Somebody has to look who may bypass the branch rules on GitHub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A plan with what it was made from."""

    plan: Plan
    policy: Policy
    settings: Settings
    snapshot: Snapshot


def look(session: Session, github: GitHub) -> Look:
    """Compares GitHub with the settings of the trusted ref.

    Raises:
        ModelctlError: there are no settings, or this account may not look.
        DependencyError: GitHub can't be reached.
    """
    policy = session.policy
    settings = require_settings(session.repository.tree(policy.commit))
    _check_owner(settings, github.access.owner)
    snapshot = _snapshot(github.settings, settings)
    want = wanted(policy, settings, snapshot.team_ids)
    there = found(snapshot, want, settings.apps)
    files = tuple(_due(session, settings))
    plan = make_plan((*want, *files), there, _notes(policy), unseen(snapshot))
    return Look(plan=plan, policy=policy, settings=settings, snapshot=snapshot)


def apply(one: Look, github: GitHub, tell: Callable[[Step], None]) -> None:
    """Takes every step that a program can take, and tells of each one that is done.

    Raises:
        ModelctlError: GitHub refuses one; those before it are done.
        DependencyError: GitHub can't be reached; run it again.
    """
    for step in one.plan.doable:
        _APPLY[step.thing.kind](github.settings, one, step)
        tell(step)


def report_drift(github: GitHub, plan: Plan, body: str) -> None:
    """Keeps one issue about the settings: opened or brought up to date while something differs,
    closed when all is well.

    What couldn't be compared is for a person to look at, who closes the issue then. It comes back
    when that was changed since.
    """
    seen = f"<!-- {digest_of(plan.unseen)} -->"
    text = f"{MARKER}\n{body}{seen}\n" if plan.unseen else f"{MARKER}\n{body}"
    if plan.steps:
        github.issues.upsert(MARKER, LABEL, TITLE, text)
        return
    issue = github.issues.find(MARKER, LABEL)
    if plan.unseen:
        if issue is None or issue.is_open or seen not in issue.body:
            github.issues.upsert(MARKER, LABEL, UNSEEN_TITLE, text)
    elif issue is not None and issue.is_open:
        github.issues.close(issue.number, "Everything is as it should be.")


def _due(session: Session, settings: Settings) -> Iterator[Thing]:
    """CODEOWNERS, where models have come or gone since it was written: its turn is now."""
    tree = session.repository.tree(session.policy.commit)
    wanted_text = code_owners(session.repository, session.policy, settings.organisation)
    if tree.read(codeowners.PATH) != wanted_text.encode():
        waits = f"open a pull request with what `{codeowners.WRITE}` writes"
        yield Thing(kind=Kind.FILE, name=codeowners.PATH, fields={}, waits=waits)


def _check_owner(settings: Settings, owner: str) -> None:
    """The teams of one organisation mean nothing to the repository of another one."""
    if settings.organisation.lower() != owner.lower():
        raise ModelctlError(
            f"the repository belongs to {owner}, but the settings are for {settings.organisation}",
            mend=f"write organisation: {owner}, or run modelctl init in a fresh copy",
            location=PATH,
        )


def _notes(policy: Policy) -> tuple[str, ...]:
    return tuple(
        f"the role {name} has no GitHub team, so the gate alone asks for its approval"
        for name in rulesets.unasked(policy)
    )


def _snapshot(door: Door, settings: Settings) -> Snapshot:
    permissions = door.actions_permissions()
    some = permissions.get("allowed_actions") == "selected"
    return Snapshot(
        repository=door.repository(),
        permissions=permissions,
        selected=(door.selected_actions() or {}) if some else {},
        token=door.workflow_permissions(),
        labels=tuple(door.labels()),
        teams=tuple(door.team_access()),
        team_ids={row["slug"]: row["id"] for row in door.teams() or ()},
        environments=tuple(_environments(door, [one.name for one in settings.environments])),
        variables=tuple(sorted(door.variables())) if settings.variables else (),
        rulesets=_rulesets(door),
    )


def _environments(door: Door, names: Iterable[str]) -> Iterator[FoundEnvironment]:
    for raw in door.environments():
        name = raw["name"]
        if name in names:
            policy = raw.get("deployment_branch_policy") or {}
            limited = policy.get("custom_branch_policies")
            yield FoundEnvironment(
                raw=raw,
                policies=tuple(door.branch_policies(name)) if limited else (),
                secrets=tuple(sorted(door.secrets(name))),
                variables=tuple(sorted(door.variables(name))),
            )


def _rulesets(door: Door) -> tuple[Mapping[str, Any], ...]:
    """Those of ours, complete: the list leaves the rules out."""
    rows = (row for row in door.rulesets() if row["name"].startswith(rulesets.PREFIX))
    return tuple(door.ruleset(row["id"]) for row in rows)


def _repository(door: Door, _one: Look, step: Step) -> None:
    door.update_repository(_new(step))


def _actions(door: Door, _one: Look, step: Step) -> None:
    write = {
        "permissions": door.put_actions_permissions,
        "selected actions": door.put_selected_actions,
        "default token": door.put_workflow_permissions,
    }
    write[step.thing.name](dict(step.thing.fields))


def _label(door: Door, _one: Look, step: Step) -> None:
    if step.action is Action.CREATE:
        door.create_label({"name": step.thing.name, **step.thing.fields})
    elif step.action is Action.CHANGE:
        door.update_label(step.thing.name, dict(step.thing.fields))
    else:
        door.delete_label(step.thing.name)


def _team(door: Door, _one: Look, step: Step) -> None:
    door.grant_team(step.thing.name, step.thing.fields["permission"])


def _environment(door: Door, one: Look, step: Step) -> None:
    """Limits it first, then lets its branches in, then shuts the others out."""
    name, branches = step.thing.name, step.thing.fields["only_branches"]
    policy = {"protected_branches": False, "custom_branch_policies": True}
    there = next((e for e in one.snapshot.environments if e.raw["name"] == name), None)
    door.put_environment(name, {"deployment_branch_policy": policy, **_kept(there)})
    known = door.branch_policies(name)
    let_in = {row["name"] for row in known if row.get("type", "branch") == "branch"}
    for branch in branches:
        if branch not in let_in:
            door.add_branch_policy(name, branch)
    for row in known:
        if row["name"] not in branches or row.get("type", "branch") != "branch":
            door.delete_branch_policy(name, row["id"])


def _kept(there: FoundEnvironment | None) -> dict[str, Any]:
    """What people set on an environment and the settings are silent about: a write that leaves it
    out would take it away."""
    kept: dict[str, Any] = {}
    for rule in there.raw.get("protection_rules", ()) if there else ():
        if rule["type"] == "wait_timer":
            kept["wait_timer"] = rule["wait_timer"]
        elif rule["type"] == "required_reviewers":
            kept["prevent_self_review"] = rule.get("prevent_self_review", False)
            kept["reviewers"] = [
                {"type": row["type"], "id": row["reviewer"]["id"]} for row in rule["reviewers"]
            ]
    return kept


def _ruleset(door: Door, one: Look, step: Step) -> None:
    name = step.thing.name
    number = next((row["id"] for row in one.snapshot.rulesets if row["name"] == name), None)
    if step.action is Action.DELETE:
        door.delete_ruleset(_required(number, name))
        return
    made = rulesets.rulesets(one.policy, one.settings).values()
    body = rulesets.resolved(
        next(row for row in made if row["name"] == name), one.snapshot.team_ids, one.settings.apps
    )
    if step.action is Action.CREATE:
        door.create_ruleset(dict(body))
    else:
        door.update_ruleset(_required(number, name), dict(body))


def _required(number: int | None, name: str) -> int:
    if number is None:
        raise ModelctlError(f"the ruleset {name} is gone", mend="run it again")
    return number


def _new(step: Step) -> dict[str, Any]:
    return {field.path: field.new for field in step.fields}


_APPLY: Mapping[Kind, Callable[[Any, Look, Step], None]] = {
    Kind.REPOSITORY: _repository,
    Kind.ACTIONS: _actions,
    Kind.LABEL: _label,
    Kind.TEAM: _team,
    Kind.ENVIRONMENT: _environment,
    Kind.RULESET: _ruleset,
}
"""Secrets, variables and files aren't here: their steps only ever wait for a person."""

"""What is wrong with a policy that no single file can know: names that another file must hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelctl.domain.document import Document, Location, Path
from modelctl.domain.evidence import OFFLINE
from modelctl.domain.policy import Policy

Problems = Iterator["PolicyProblem"]
_PLURALS = {"strategy": "strategies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProblem:
    """One thing that is wrong with the policy, where, and what to do."""

    location: Location
    message: str
    mend: str | None = None

    def __str__(self) -> str:
        path = f"{self.location.path}: " if self.location.path else ""
        return f"{self.location}: {path}{self.message}" + (f" ({self.mend})" if self.mend else "")


def cross_check(policy: Policy, documents: Mapping[str, Document]) -> Problems:
    """What no single file can know: names that another file must hold."""
    yield from _lifecycle_problems(policy, documents["lifecycle"])
    yield from _machine_branches(policy, documents["lifecycle"])
    yield from _strategy_problems(policy, documents["strategies"])
    yield from _people_problems(policy, documents["roles"], documents["ownership"])


def key_problems(policy: Policy, key_files: Iterable[Document]) -> Problems:
    """Environments that a key may speak for and that nothing has."""
    known = (*policy.lifecycle.environments, OFFLINE, "*")
    for document in key_files:
        for index, name in enumerate(document.data["environments"]):
            if name not in known:
                yield unknown(document, ("environments", index), "environment", name, known)


def _lifecycle_problems(policy: Policy, document: Document) -> Problems:
    lifecycle = policy.lifecycle
    stages = [stage.name for stage in lifecycle.stages]
    named: list[tuple[Path, str]] = [
        (("transitions", index, "stage"), transition.stage)
        for index, transition in enumerate(lifecycle.transitions)
    ]
    named.extend((("ends", end), stage) for end, stage in lifecycle.ends.items())
    for path, stage in [*named, (("initial_stage",), lifecycle.initial_stage)]:
        if stage not in stages:
            yield unknown(document, path, "stage", stage, stages)
    yield from _order_problems(policy, document)
    yield from _twice(policy, document)
    for path, role in _roles_asked(document.data):
        if role not in policy.roles:
            yield unknown(document, path, "role", role, policy.roles)


def _order_problems(policy: Policy, document: Document) -> Problems:
    before: str | None = None
    for index, transition in enumerate(policy.lifecycle.transitions):
        if before is not None and transition.from_branch != before:
            yield PolicyProblem(
                location=document.locate(("transitions", index, "from")),
                message=f"the step before ends at {before}, not at {transition.from_branch}",
                mend="list the steps in the order in which a version takes them",
            )
        before = transition.to_branch


def _twice(policy: Policy, document: Document) -> Problems:
    for kind in ("to_branch", "environment"):
        values = [getattr(transition, kind) for transition in policy.lifecycle.transitions]
        for index, value in enumerate(values):
            if value in values[:index]:
                yield PolicyProblem(
                    location=document.locate(("transitions", index)),
                    message=f"{value} is the end of two steps",
                    mend="give each step a branch and an environment of its own",
                )


def _machine_branches(policy: Policy, document: Document) -> Problems:
    """What machines write must not be what people merge into, nor the same for everybody."""
    lifecycle = policy.lifecycle
    people = {lifecycle.default_branch, *(t.to_branch for t in lifecycle.transitions)}
    states = {lifecycle.state_of(name) for name in lifecycle.environments}
    if lifecycle.ledger_branch in people | states:
        yield PolicyProblem(
            location=document.locate(("ledger_branch",)),
            message=f"{lifecycle.ledger_branch} is the branch of something else",
            mend="write ledger_branch: ledger",
        )
    if states & people:
        yield PolicyProblem(
            location=document.locate(("state_branch",)),
            message=f"{' and '.join(sorted(states & people))} is a branch that people merge into",
            mend="write state_branch: env/{environment}",
        )


def _roles_asked(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every role that the lifecycle asks for an approval, and where."""
    for index, row in enumerate(data["transitions"]):
        for number, rule in enumerate(row["approvals"]):
            yield ("transitions", index, "approvals", number, "role"), rule["role"]
    for key in ("rule_approvals", "contract_approvals"):
        for number, rule in enumerate(data.get(key, ())):
            yield (key, number, "role"), rule["role"]


def _strategy_problems(policy: Policy, document: Document) -> Problems:
    for tier, name in policy.default_strategies.items():
        if name not in policy.strategies:
            yield unknown(document, ("defaults", tier), "strategy", name, policy.strategies)
    for name, strategy in policy.strategies.items():
        stepped = strategy.kind not in ("immediate", "blue-green")
        if stepped != bool(strategy.steps):
            what, mend = ("needs", "add steps") if stepped else ("takes no", "remove steps")
            yield PolicyProblem(
                location=document.locate(("strategies", name)),
                message=f"a strategy of kind {strategy.kind} {what} steps",
                mend=mend,
            )


def _people_problems(policy: Policy, roles: Document, ownership: Document) -> Problems:
    teams = policy.ownership.teams
    for name, role in policy.roles.items():
        for owner in role.members_by_owner:
            if owner not in teams:
                path = ("roles", name, "members_by_owner", owner)
                yield unknown(roles, path, "team", owner, teams)
    for what, name in policy.ownership.responsibilities.items():
        if name not in policy.roles:
            yield unknown(ownership, ("responsibilities", what), "role", name, policy.roles)


def unknown(
    document: Document, path: Path, what: str, name: str, known: Iterable[str]
) -> PolicyProblem:
    """A name that nothing has, with those that there are."""
    names, several = ", ".join(known), _PLURALS.get(what, f"{what}s")
    return PolicyProblem(
        location=document.locate(path),
        message=f"there is no {what} {name}",
        mend=f"the {several} are {names}" if names else f"add one, there are no {several}",
    )

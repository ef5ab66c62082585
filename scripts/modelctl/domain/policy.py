"""Policy as values: the lifecycle, who approves, which gates judge, by which rule of which line.

A policy is read from `policies/` of the trusted ref (`adapters/policies.py`) and never changes
during a run. Nothing here names a branch, an environment or a role: they are all data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from modelctl.domain.checklists import Checklists
from modelctl.domain.decisions import MANUAL, of_tiers
from modelctl.domain.document import Location
from modelctl.domain.evidence import OFFLINE, Need, TrustedKey
from modelctl.domain.freezes import Freezes
from modelctl.domain.metric_sources import MetricSources
from modelctl.domain.operations import Monitoring, Rollback
from modelctl.domain.retention import Retention
from modelctl.domain.rules import Rule, Scope
from modelctl.domain.strategies import Strategy
from modelctl.domain.waivers import Waiver, WaiverLimits

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of a version's life, with who owns it and what it is for."""

    name: str
    owner: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """How many different people of a role must have approved."""

    role: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step of the way: from a branch (a pattern) to a branch, whose environment it deploys.

    `source` is the environment of the branch that it comes from, None for the first step.
    `decision` says who has the word (`modelctl.domain.decisions`). Where that depends on the tier,
    `decisions` has it by tier, and `decision` is the one that leaves most to people.
    """

    from_branch: str
    to_branch: str
    environment: str
    stage: str
    approvals: tuple[ApprovalRule, ...]
    source: str | None = None
    location: Location | None = None
    decision: str = MANUAL
    decisions: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def for_tiers(self, tiers: Iterable[str]) -> Transition:
        """The same, as it is decided for a model of these tiers: what it is, and would be."""
        if not self.decisions:
            return self
        return replace(self, decision=of_tiers(self.decisions, tiers), decisions=_EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The stages, the transitions in order, and the branches that machines write.

    `ends` names the stages in which lives end: `deprecated`, `archived`, … → a stage.
    """

    default_branch: str
    initial_stage: str
    stages: tuple[Stage, ...]
    transitions: tuple[Transition, ...]
    state_branch: str = "env/{environment}"
    ledger_branch: str = "ledger"
    ends: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments, in the order in which a version passes them."""
        return tuple(t.environment for t in self.transitions)

    @property
    def last(self) -> str:
        """The last environment, whose keys tell of the ends of versions."""
        return self.transitions[-1].environment

    def state_of(self, environment: str) -> str:
        """The branch that holds what an environment runs."""
        return self.state_branch.replace("{environment}", environment)

    def to_branch(self, branch: str) -> Transition | None:
        """The transition that a pull request into `branch` is, or None."""
        return next((t for t in self.transitions if t.to_branch == branch), None)

    def to_environment(self, environment: str) -> Transition | None:
        """The transition that deploys to `environment`, or None."""
        return next((t for t in self.transitions if t.environment == environment), None)

    def after(self, environment: str | None) -> Transition | None:
        """The transition that follows `environment`; the first for None; None after the last."""
        return next((t for t in self.transitions if t.source == environment), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who may approve as what.

    `members` are logins that may approve for every owner; `members_by_owner` only for that team's
    models, so that the ML Lead of one team doesn't approve another team's.
    """

    name: str
    description: str
    members: frozenset[str] = frozenset()
    members_by_owner: Mapping[str, frozenset[str]] = field(default_factory=lambda: _EMPTY)
    team: str | None = None

    def may_approve(self, login: str, owner: str | None) -> bool:
        """Whether `login` holds the role for a model of team `owner` (None: for rules)."""
        return login in self.members_for(owner)

    def members_for(self, owner: str | None) -> frozenset[str]:
        """All logins that hold the role for a model of team `owner`."""
        scoped = self.members_by_owner.get(owner, frozenset()) if owner else frozenset()
        return self.members | scoped


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team that owns models, and how to reach it. `github` is the slug of its GitHub team."""

    name: str
    contact: str
    channel: str | None = None
    github: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """The teams, and which role answers for what (requirement A5)."""

    teams: Mapping[str, Team]
    responsibilities: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate as the policy declares it: rules over evidence, or a built-in check by name.

    `environment` is where the evidence must have been measured: `offline`, `source`, `target` or
    an environment's name. `produce` is the command that makes the evidence, with `{model}`,
    `{version}` and `{environment}` to fill in. `same_dataset` asks that the served version was
    measured on the same data before the two are compared. `on_rollback` says that the gate judges
    a way back as well. `waivable_by` are the roles that may waive it; without one nobody may.
    `options` belong to the built-in check.
    """

    name: str
    title: str
    scope: Scope
    location: Location
    check: str = "rules"
    evidence: str | None = None
    environment: tuple[str, ...] = (OFFLINE,)
    max_age: timedelta | None = None
    min_sample: int | None = None
    same_dataset: bool = True
    on_rollback: bool = False
    produce: str | None = None
    rules: tuple[Rule, ...] = ()
    waivable_by: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    def need(self, transition: Transition) -> Need:
        """The evidence that the gate asks for on this transition.

        On the first step there is no source environment; `source` then means a held-out dataset.
        """
        named = {"source": transition.source or OFFLINE, "target": transition.environment}
        return Need(
            kind=self.evidence or "",
            environments=tuple(named.get(name, name) for name in self.environment),
            max_age=self.max_age,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything in `policies/` of the trusted ref. `commit` is that ref's commit.

    `rule_approvals` are what a change of the rules needs, `contract_approvals` what a change needs
    beside its transition's when it touches what a model is judged by (`CONTRACT` in `gates`).
    `accept_unknown_authors` lets commits by addresses of no account be approved.
    """

    commit: str
    lifecycle: Lifecycle
    roles: Mapping[str, Role]
    ownership: Ownership
    gates: tuple[Gate, ...]
    strategies: Mapping[str, Strategy]
    default_strategies: Mapping[str, str]
    keys: tuple[TrustedKey, ...]
    rule_approvals: tuple[ApprovalRule, ...]
    contract_approvals: tuple[ApprovalRule, ...] = ()
    accept_unknown_authors: bool = False
    waivers: tuple[Waiver, ...] = ()
    waiver_limits: WaiverLimits = field(default_factory=WaiverLimits)
    freezes: Freezes = field(default_factory=Freezes)
    checklists: Checklists = field(default_factory=Checklists)
    retention: Retention = field(default_factory=Retention)
    rollback: Rollback = field(default_factory=Rollback)
    monitoring: Monitoring = field(default_factory=Monitoring)
    metrics: MetricSources = field(default_factory=MetricSources)

    def gates_for(self, scopes: Sequence[Mapping[str, str]]) -> Sequence[Gate]:
        """The gates that cover any of these facts about a promotion (see `Scope.covers`)."""
        return [gate for gate in self.gates if any(gate.scope.covers(facts) for facts in scopes)]

    def gate(self, name: str) -> Gate | None:
        """The gate of this name, or None."""
        return next((gate for gate in self.gates if gate.name == name), None)

    def strategy(self, named: str | None, tier: str) -> Strategy | None:
        """The strategy of this name, or the tier's default; None when there is no such one."""
        return self.strategies.get(named or self.default_strategies.get(tier, ""))

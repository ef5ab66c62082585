"""Which approvals a change needs: its step's, those of the reviews gates, those of the contract.

They are asked for together, since one person never fills two places for the models of one team.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelctl.domain.candidate import Candidate
from modelctl.domain.decisions import MANUAL
from modelctl.domain.manifest import Model
from modelctl.domain.policy import ApprovalRule, Policy

REVIEWS = "reviews"
CONTRACT = ("owner", "task", "tier", "serving", "sla", "data_contract", "ownership")
"""What a model is judged by: the attributes of `Model` that its own pull request could weaken."""


def required_approvals(policy: Policy, candidates: Sequence[Candidate]) -> tuple[ApprovalRule, ...]:
    """Everything that must be approved for these candidates to move, each role once."""
    return merged(rule for candidate in candidates for rule in _for_one(policy, candidate))


def merged(rules: Iterable[ApprovalRule]) -> tuple[ApprovalRule, ...]:
    """The rules with each role once, at its highest count, in their order."""
    counts: dict[str, int] = {}
    for rule in rules:
        counts[rule.role] = max(counts.get(rule.role, 0), rule.count)
    return tuple(ApprovalRule(role=role, count=count) for role, count in counts.items())


def owners(models: Iterable[tuple[Model | None, Model | None]]) -> tuple[str, ...]:
    """The teams whose people must approve, from each model as it is and as it would be."""
    pairs = (model for pair in models for model in pair if model is not None)
    return tuple(dict.fromkeys(model.owner for model in pairs))


def contract_changes(before: Model | None, after: Model) -> tuple[str, ...]:
    """What a change touches of that which the model is judged by; all of it for a new model."""
    return tuple(
        name for name in CONTRACT if before is None or getattr(before, name) != getattr(after, name)
    )


def _for_one(policy: Policy, candidate: Candidate) -> Iterable[ApprovalRule]:
    if candidate.decision == MANUAL:
        yield from candidate.transition.approvals
    if contract_changes(candidate.model_before, candidate.model):
        yield from policy.contract_approvals
    for gate in policy.gates_for(candidate.scopes):
        if gate.check == REVIEWS:
            for row in gate.options.get("approvals", ()):
                yield ApprovalRule(role=row["role"], count=row.get("count", 1))

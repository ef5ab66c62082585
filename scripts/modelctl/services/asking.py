"""Which approvals a change needs, whether it has them, and who will be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from modelctl.domain.approvals import ApprovalState, approval_findings, approvals
from modelctl.domain.candidate import Candidate
from modelctl.domain.decisions import AUTOMATED, HYBRID, MANUAL
from modelctl.domain.document import Location
from modelctl.domain.flow_input import FlowInput
from modelctl.domain.manifest import Model
from modelctl.domain.names import model_path, release_path, version_path
from modelctl.domain.policy import ApprovalRule, Policy
from modelctl.domain.reviews import PullRequest
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.approvals import contract_changes, merged, owners, required_approvals

APPROVALS = "approvals"
_WORD = {
    AUTOMATED: "the gates alone decide on",
    HYBRID: "unless somebody who may approve requests changes, the gates decide on",
}
Touched = Sequence[tuple[Model | None, Model | None]]
"""Each model that a change touches, as it is and as it would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which approvals are asked for, of the people of which owners, by which line.

    `unasked` are the versions on which the gates decide: `model@version` → in which mode.
    """

    rules: tuple[ApprovalRule, ...]
    owners: tuple[str | None, ...]
    where: Location | None = None
    unasked: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def asked_of_change(
    policy: Policy, proposal: FlowInput, candidates: Sequence[Candidate], touched: Touched
) -> Asked:
    """The approvals that a change needs."""
    return Asked(
        rules=_rules(policy, proposal, candidates, touched),
        owners=owners(touched) or (None,),
        where=proposal.transition.location if proposal.transition else None,
        unasked=_decided_by_gates(candidates),
    )


def asked_of_candidates(policy: Policy, candidates: Sequence[Candidate]) -> Asked:
    """The approvals that a pull request with these candidates would need."""
    models = [(candidate.model_before, candidate.model) for candidate in candidates]
    return Asked(
        rules=required_approvals(policy, candidates),
        owners=owners(models) or (None,),
        unasked=_decided_by_gates(candidates),
    )


def _decided_by_gates(candidates: Sequence[Candidate]) -> dict[str, str]:
    modes = {candidate.name: candidate.decision for candidate in candidates}
    return {name: mode for name, mode in modes.items() if mode != MANUAL}


def _rules(
    policy: Policy,
    proposal: FlowInput,
    candidates: Sequence[Candidate],
    touched: Touched,
) -> tuple[ApprovalRule, ...]:
    """Every approval that the change needs, each role once."""
    needed = list(required_approvals(policy, candidates))
    if proposal.rule_changes:
        needed.extend(policy.rule_approvals)
    if proposal.transition is not None and _needs_people(proposal, candidates):
        # What moves no version is approved like what does: it will be part of the next move.
        needed.extend(proposal.transition.approvals)
    if any(after is None or contract_changes(before, after) for before, after in touched):
        needed.extend(policy.contract_approvals)
    return merged(needed)


def _needs_people(proposal: FlowInput, candidates: Sequence[Candidate]) -> bool:
    """Whether it changes more of the models than versions on which the gates decide."""
    judged = {
        path
        for c in candidates
        if c.decision != MANUAL
        for path in (
            model_path(c.model.name),
            release_path(c.model.name),
            version_path(c.model.name, c.version.version),
        )
    }
    return any(change.path not in judged for change in proposal.model_changes)


def judge_approvals(
    policy: Policy, pull_request: PullRequest | None, asked: Asked, *, head: str, target: str
) -> tuple[ApprovalState | None, tuple[Finding, ...]]:
    """Whether the head that is judged has the approvals to go into the branch `target`, with the
    findings that say so."""
    if pull_request is None and not asked.rules:
        return None, (_unheard(asked),)
    if pull_request is None:
        missing = Finding(
            gate=APPROVALS,
            outcome=Outcome.FAIL,
            message="; ".join(announce(policy, asked)),
            mend="give the pull request with --reviews FILE, or judge without: --no-reviews",
            policy=asked.where,
        )
        return None, (missing,)
    if (other := _of_something_else(pull_request, head, target)) is not None:
        message, mend = other
        unfit = Finding(
            gate=APPROVALS,
            outcome=Outcome.INCONCLUSIVE,
            message=message,
            mend=mend,
            policy=asked.where,
        )
        return None, (unfit,)
    state = approvals(
        pull_request,
        asked.rules,
        policy.roles,
        asked.owners,
        accept_unknown_authors=policy.accept_unknown_authors,
    )
    return state, approval_findings(state, gate=APPROVALS, policy=asked.where)


def _unheard(asked: Asked) -> Finding:
    """Nobody must approve, but whoever requests changes holds it, and nobody knows who does."""
    return Finding(
        gate=APPROVALS,
        outcome=Outcome.INCONCLUSIVE,
        message="the reviews are not given, so nobody knows whether somebody requests changes",
        mend="give the pull request with --reviews FILE, or judge without: --no-reviews",
        policy=asked.where,
    )


def _of_something_else(pull: PullRequest, head: str, target: str) -> tuple[str, str] | None:
    """Why the reviews say nothing about this head on its way into this branch, and the mend."""
    if pull.head != head:
        message = f"the reviews are of {pull.head[:12]}, not of {head[:12]}"
        return message, "read the reviews of the head that is judged"
    if pull.base != target:
        message = f"the reviews are of a pull request into {pull.base}, not into {target}"
        return message, f"have it approved in a pull request into {target}"
    return None


def announce(policy: Policy, asked: Asked) -> tuple[str, ...]:
    """Who will be asked and what the gates decide, as sentences for people."""
    decided = tuple(f"{_WORD[mode]} {name} ({mode})" for name, mode in asked.unasked.items())
    if not asked.rules:
        return decided
    roles, parts = policy.roles, []
    for rule in asked.rules:
        people = sorted({p for o in asked.owners for p in roles[rule.role].members_for(o)})
        parts.append(f"{rule.count} {rule.role} ({', '.join(people) or 'nobody holds it yet'})")
    return (*decided, f"it needs the approval of {' and '.join(parts)}")

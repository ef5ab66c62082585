"""Waivers applied: what blocks becomes waived where a waiver counts, and says why one doesn't."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.freezes import emergencies_at
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding, Outcome
from modelctl.domain.waivers import Waiver
from modelctl.domain.waiving import Case, Objection, about, objections
from modelctl.gates.freeze import FREEZE
from modelctl.gates.quarantine import QUARANTINE, held

Judged = tuple[Waiver, tuple[Objection, ...]]


def waived(
    findings: Iterable[Finding], gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> list[Finding]:
    """The findings of one gate, those that block set aside by the waiver that lasts longest.

    What passes stays as it is. Where a waiver is there and doesn't count, each finding that blocks
    says why.
    """
    found = list(findings)
    case = case_of(candidate, since=_since(gate, candidate, policy, facts))
    asked = [_judged(w, policy, case, facts.now) for w in about(policy.waivers, gate.name, case)]
    if not asked:
        return found
    counting = [waiver for waiver, problems in asked if not problems]
    best = max(counting, key=lambda waiver: waiver.expires, default=None)
    return [_set_aside(finding, best, asked) for finding in found]


def case_of(candidate: Candidate, *, since: datetime | None = None) -> Case:
    """What a waiver for a candidate would be for."""
    models = (candidate.model_before, candidate.model)
    return Case(
        model=candidate.model.name,
        version=str(candidate.version.version),
        digest=candidate.digest,
        created_by=candidate.version.created_by,
        brought_by=candidate.brought_by,
        owners=tuple(dict.fromkeys(model.owner for model in models if model is not None)),
        tiers=tuple(dict.fromkeys(model.tier for model in models if model is not None)),
        transition=candidate.transition,
        since=since,
    )


def _since(gate: Gate, candidate: Candidate, policy: Policy, facts: Facts) -> datetime | None:
    """When what blocks came about, where nobody could know of it before: the newest quarantine, or
    emergency. Windows are in the policy for all to see."""
    if gate.check == FREEZE:
        frozen = emergencies_at(policy.freezes, candidate.scopes, facts.now)
        return max((emergency.since for emergency in frozen), default=None)
    if gate.check != QUARANTINE:
        return None
    return max((quarantine.at for quarantine in held(candidate, facts)), default=None)


def _judged(waiver: Waiver, policy: Policy, case: Case, now: datetime) -> Judged:
    return waiver, tuple(objections(waiver, policy, case, now))


def _set_aside(finding: Finding, best: Waiver | None, asked: Iterable[Judged]) -> Finding:
    if not finding.outcome.blocks:
        return finding
    if best is not None:
        return replace(finding, outcome=Outcome.WAIVED, waiver=best)
    idle = {f"waiver {w.file}": "; ".join(p.message for p in problems) for w, problems in asked}
    return replace(finding, values={**finding.values, **idle})

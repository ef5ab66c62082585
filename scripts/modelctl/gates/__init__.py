"""The gates: pure functions from a candidate, a gate of the policy and facts to findings.

`CHECKS` names every built-in check that a gate in `policies/gates/` can ask for. A gate without
`check` judges its rules over evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding, Outcome, Subject, Verdict
from modelctl.gates.approvals import REVIEWS
from modelctl.gates.artifacts import check_artifacts
from modelctl.gates.claims import check_claims
from modelctl.gates.fairness import check_fairness
from modelctl.gates.features import check_features
from modelctl.gates.freeze import check_freeze
from modelctl.gates.metadata import check_metadata
from modelctl.gates.quarantine import check_quarantine
from modelctl.gates.rehearsal import check_rehearsal
from modelctl.gates.rules import check_rules
from modelctl.gates.serving import check_serving
from modelctl.gates.significance import check_significance
from modelctl.gates.soak import check_soak
from modelctl.gates.standing import check_standing
from modelctl.gates.version_bump import check_version_bump
from modelctl.gates.waivers import waived

LEDGER = "ledger"

Check = Callable[[Gate, Candidate, Policy, Facts], Iterable[Finding]]

CHECKS: Mapping[str, Check] = {
    "rules": check_rules,
    "artifacts": check_artifacts,
    "claims": check_claims,
    "fairness": check_fairness,
    "features": check_features,
    "freeze": check_freeze,
    "metadata": check_metadata,
    "quarantine": check_quarantine,
    "rehearsal": check_rehearsal,
    "serving": check_serving,
    "significance": check_significance,
    "soak": check_soak,
    "standing": check_standing,
    "version-bump": check_version_bump,
}


def judge(candidate: Candidate, policy: Policy, facts: Facts) -> Verdict:
    """Every finding of every gate that applies to this candidate.

    Gates that ask for reviews are not among them: reviews belong to the whole pull request
    (`modelctl.gates.approvals`).
    """
    gates = policy.gates_for(candidate.scopes)
    if candidate.is_rollback:
        gates = [gate for gate in gates if gate.on_rollback]
    judging = [gate for gate in gates if gate.check != REVIEWS]
    findings = [finding for gate in judging for finding in _run(gate, candidate, policy, facts)]
    damage = damaged_ledger(candidate.model.name, facts.damage)
    return Verdict(subject=_subject(candidate), findings=(*damage, *findings))


def damaged_ledger(model: str, damage: str | None) -> tuple[Finding, ...]:
    """That nothing about a model can be decided by a ledger that lost some of it; no gate of the
    policy, so nobody waives it."""
    if damage is None:
        return ()
    finding = Finding(
        gate=LEDGER,
        outcome=Outcome.INCONCLUSIVE,
        message=f"the ledger of {model} is damaged: {damage}",
        mend="run modelctl ledger verify, find out who did it, and put back what is missing",
    )
    return (finding,)


def _run(gate: Gate, candidate: Candidate, policy: Policy, facts: Facts) -> list[Finding]:
    # A gate without an opinion must not look like a pass.
    silent = Finding(
        gate=gate.name,
        outcome=Outcome.INCONCLUSIVE,
        message="the gate has nothing to judge by",
        policy=gate.location,
    )
    findings = list(CHECKS[gate.check](gate, candidate, policy, facts)) or [silent]
    return waived(findings, gate, candidate, policy, facts)


def _subject(candidate: Candidate) -> Subject:
    return Subject(
        model=candidate.model.name,
        version=str(candidate.version.version),
        environment=candidate.transition.environment,
        digest=candidate.digest,
        blob=candidate.blob,
    )

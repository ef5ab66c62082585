"""Version bump: the number tells the truth about the signature (Semantic Versioning)."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.compatibility import Bump, allowed, difference, propose, smallest_bump
from modelctl.domain.manifest import ModelVersion
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, failed, passed


def check_version_bump(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """The bump since each predecessor must be at least what the signatures ask for.

    The served version is one of them, so that neither an unreleased version in between nor a lower
    number can hide a break from those who call it.
    """
    number = candidate.version.version
    before = [one for one in candidate.predecessors if str(one.version) != str(number)]
    for one in before:
        yield (
            _compare(gate, candidate, one) if one.version < number else _back(gate, candidate, one)
        )
    if not before:
        yield passed(gate, f"{number} follows no earlier version here")


def _back(gate: Gate, candidate: Candidate, served: ModelVersion) -> Finding:
    """A number that isn't higher promises that nothing changes for callers."""
    step = f"{served.version} → {candidate.version.version}"
    bump, reasons = smallest_bump(difference(served.signature, candidate.version.signature))
    if bump is Bump.PATCH and served.version != candidate.version.version:
        return passed(gate, f"{step} changes nothing for callers")
    why = "; ".join(reasons) if bump is not Bump.PATCH else "the two numbers are equal"
    return failed(
        gate,
        f"{step} is not a higher version: {why}",
        because=gate.title,
        mend=f"call it {propose(served.version, bump)}",
        **at(candidate, "version"),
    )


def _compare(gate: Gate, candidate: Candidate, before: ModelVersion) -> Finding:
    version = candidate.version
    bump, reasons = smallest_bump(difference(before.signature, version.signature))
    values = {"from": str(before.version), "to": str(version.version), "needs": bump.value}
    step = f"{before.version} → {version.version}"
    if allowed(before.version, version.version, bump):
        return passed(gate, f"{step} needs {bump.value}", values=values)
    proposed = propose(before.version, bump)
    run = f"modelctl new {candidate.model.name} --run-id {version.lineage.run}"
    return failed(
        gate,
        f"{step} is too small a bump: {'; '.join(reasons)}",
        values=values,
        because=gate.title,
        mend=f"call it {proposed}",
        command=f"{run} --version {proposed}",
        **at(candidate, "version"),
    )

"""Quarantine: a version that was rolled back in an environment doesn't go there again."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.history import Quarantine
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, failed, passed

QUARANTINE = "quarantine"
"""The name of the check, by which gates of the policy ask for it."""


def held(candidate: Candidate, facts: Facts) -> tuple[Quarantine, ...]:
    """The quarantines of a version where it goes, or where it comes from."""
    transition, version = candidate.transition, str(candidate.version.version)
    where = (transition.environment, transition.source)
    return tuple(q for q in facts.quarantines if q.version == version and q.environment in where)


def check_quarantine(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """Blocks a version that the ledger holds quarantined where it goes, or where it comes from."""
    found = held(candidate, facts)
    for quarantine in found:
        since = f"{quarantine.at:%Y-%m-%d %H:%M UTC}"
        yield failed(
            gate,
            f"{candidate.name} is quarantined in {quarantine.environment} since {since}",
            because=quarantine.reason or None,
            mend=_mend(gate),
            **at(candidate),
        )
    if not found:
        transition = candidate.transition
        where = [name for name in (transition.environment, transition.source) if name]
        yield passed(gate, f"not quarantined in {' or '.join(where)}")


def _mend(gate: Gate) -> str:
    lifts = f", or lift it by a waiver of {gate.name}" if gate.waivable_by else ""
    return f"promote a new version that mends it{lifts}"

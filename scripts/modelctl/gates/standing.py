"""Standing: a version whose life has ended is not promoted, nor gone back to."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.endings import FINAL, RETIRED, Ending, ended
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, failed, passed


def check_standing(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """Rejected, archived and retired versions go nowhere. A deprecated one stays where it serves,
    and a rollback may still choose it."""
    ending = ended(facts.endings, str(candidate.version.version))
    if ending is None:
        yield passed(gate, "its life hasn't ended")
    elif ending.end not in FINAL and (candidate.is_rollback or _serves(candidate, facts)):
        yield passed(gate, f"{ending.end}, which a rollback and what serves already may be")
    else:
        yield failed(
            gate,
            f"{candidate.name} was {ending}",
            because=gate.title,
            mend=_mend(candidate, ending),
            **at(candidate),
        )


def _serves(candidate: Candidate, facts: Facts) -> bool:
    return facts.served is not None and facts.served.digest == candidate.digest


def _mend(candidate: Candidate, ending: Ending) -> str:
    instead = f"{candidate.model.name}@{ending.replaced_by}" if ending.replaced_by else ""
    mend = f"promote {instead or 'another version'}"
    if ending.end == RETIRED:
        return mend
    return f"{mend}; if it was ended by mistake: modelctl reinstate {candidate.name}"

"""Freeze: nothing moves inside of a closed window, outside of an open one, in an emergency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.freezes import Hold, holds, opens
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.findings import finding, passed

FREEZE = "freeze"


def check_freeze(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """What `policies/freezes.yaml` keeps from moving now is pending until it opens, overlapping
    and following windows taken together. What doesn't open by itself fails.
    """
    found = holds(policy.freezes, candidate.scopes, facts.now)
    opening = opens(policy.freezes, candidate.scopes, facts.now) if found else None
    for hold in found:
        details = {"because": hold.reason, "policy": hold.location}
        if opening is not None:
            later = _later(hold, opening)
            yield finding(
                gate,
                Outcome.PENDING,
                hold.message + later,
                until=opening,
                mend="wait; it resolves by itself",
                **details,
            )
        else:
            mend = _mend(hold)
            yield finding(gate, Outcome.FAIL, _for_good(hold), mend=mend, **details)
    if not found:
        yield passed(gate, f"nothing is frozen on the way to {candidate.transition.environment}")


def _later(hold: Hold, opening: datetime) -> str:
    return "" if hold.until == opening else ", and others hold it for longer"


def _for_good(hold: Hold) -> str:
    return hold.message if hold.until is None else f"{hold.message}, and then by what follows it"


def _mend(hold: Hold) -> str:
    where = f"{hold.location.file}:{hold.location.line}"
    if hold.emergency:
        return f"lift it: remove {where} or give it an `until`"
    return f"it never opens by itself: change the window at {where}"

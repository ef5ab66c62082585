"""Forth again in an emergency, to what the environment went back from: as a promotion goes there,
by every gate of now, and not by the word of those who made the version.

A waiver that lifts the quarantine lets the version be promoted again. It doesn't say that all
traffic may go there at once, whatever was found since.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelctl.domain.evidence import Signed
from modelctl.domain.policy import Transition
from modelctl.domain.rollback import Target
from modelctl.errors import ModelctlError
from modelctl.services.deciding import judge_again
from modelctl.services.permission import has_made
from modelctl.services.session import Session
from modelctl.services.ways_back import deployed_request


def against_forth(
    session: Session,
    transition: Transition,
    signed: Sequence[Signed],
    target: Target,
    by: str | None,
) -> str | None:
    """Why an environment can't go forth again to a version that it went back from; None where it
    can."""
    one = deployed_request(session, signed, target.deployment)
    if one is None:
        return "nothing shows how it was deployed"
    if by is None or has_made(session, one, by):
        return f"{by or 'whoever says so'} made it or brought it there: it takes another one's word"
    try:
        report = judge_again(session, transition, one)
    except ModelctlError as error:
        return error.message
    if not report.outcome.blocks:
        return None
    found = [f for verdict in report.verdicts for f in verdict.findings if f.outcome.blocks]
    return "gates speak against it by now: " + "; ".join(
        f"{f.gate}: {f.message}" for f in found[:3]
    )

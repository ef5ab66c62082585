"""Ways back that an environment's branch has, and the ledger doesn't: a job wrote the state and was
killed before it signed, or somebody pushed what ran before.

Nobody can tell the two apart, and to undo the first is to serve again what was just taken back. So
such a state stands until a person says which it is. Whoever may push the branch wins by it that the
environment stays at what was proved there: the bytes are always those that trusted code renders of
what was signed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import incoming_of, serving_of, split, steps_of
from modelctl.services.accounted import same, settled
from modelctl.services.recording import writing_commit
from modelctl.services.session import Session
from modelctl.services.ways_back import ways_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecorded:
    """A way back that nobody recorded, since `at` (UTC). `request` is what the state is held to."""

    request: RenderRequest
    at: datetime
    told: str
    mend: str


def unrecorded(
    session: Session,
    transition: Transition,
    now: RenderRequest | None,
    runs: RenderRequest | None,
    tip: str | None,
) -> Unrecorded | None:
    """The way back that a record of the state is, where the signed history tells of none: exactly
    what the environment could go back to now, or exactly a lower share of the rollout under way.
    None where it is anything else."""
    if now is None or runs is None or tip is None or same(now, runs):
        return None
    found = _lower(session, now, runs) or _before(session, transition, now, runs)
    if found is None:
        return None
    model, environment = now.model, transition.environment
    commit = writing_commit(session, tip, model)
    at = datetime.fromtimestamp(commit.at, UTC)
    share = incoming_of(found)
    where = f"{share.version} at {share.weight} %" if share is not None else found.version
    return Unrecorded(
        request=found,
        at=at,
        told=f"{environment} went back to {where} of {model} at {at:%Y-%m-%d %H:%M} UTC (commit "
        f"{commit.sha[:12]} of {session.policy.lifecycle.state_of(environment)}), and no job "
        "recorded it: it is held there",
        mend=f"if it is to stay: modelctl rollback {model} --env {environment} --emergency "
        f'--reason "…"; if nobody meant it: modelctl deploy {environment} --forward {model}',
    )


def _before(
    session: Session, transition: Transition, now: RenderRequest, runs: RenderRequest
) -> RenderRequest | None:
    """What ran there before, and could be gone back to in an emergency."""
    if now.digest in {one.digest for one in runs.split if one.weight}:
        return None
    found, _ = ways_back(session, transition, now.model)
    return next((one for one in found if same(now, one)), None)


def _lower(session: Session, now: RenderRequest, runs: RenderRequest) -> RenderRequest | None:
    """A lower share of the version on its way, or none."""
    coming = incoming_of(runs)
    if coming is None or not steps_of(runs, now):
        return None
    stable = settled(session, now.model, session.signed(now.model), now.environment)
    if stable is None:
        return None
    if now.digest == serving_of(runs).digest:
        return stable if same(now, stable) else None
    plan, share = session.policy.strategies.get(runs.strategy), incoming_of(now)
    if plan is None or share is None or share.weight >= coming.weight:
        return None
    lower = split(plan, stable, replace(runs, backends=()), weight=share.weight)
    return lower if same(now, lower) else None

"""Each version that a change moves: read from the trees, and judged by every gate that applies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from modelctl.adapters.ledger_verify import broken
from modelctl.domain.candidate import Candidate, Facts, Served
from modelctl.domain.endings import endings
from modelctl.domain.evidence import Signed
from modelctl.domain.flow import FlowKind, Move
from modelctl.domain.history import Deployment, deployments, quarantines, served
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Subject, Verdict
from modelctl.gates import judge
from modelctl.services.candidates import read_candidate
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A version that was judged, and by what: the candidate is None where its documents can't be
    read."""

    verdict: Verdict
    facts: Facts
    candidate: Candidate | None = None


def facts_for(
    session: Session, model: str, environment: str, *, whole_history: bool = False
) -> Facts:
    """What the gates may know about a model on its way to an environment.

    With `whole_history` the commits of the ledger are asked, too, whether anything of it was lost.
    """
    entries = session.ledger.entries(model)
    signed = tuple(entry.signed for entry in entries)
    history = deployments(signed)
    now_served = _served(session, model, environment, history)
    last = session.policy.lifecycle.last
    damage = broken(entries)
    if damage is None and whole_history:
        damage = session.ledger.losses().get(model)
    return replace(facts_of(signed, history, session.now, now_served, last), damage=damage)


def facts_of(
    signed: tuple[Signed, ...],
    history: tuple[Deployment, ...],
    now: datetime,
    now_served: Served | None,
    last: str,
) -> Facts:
    """What these statements about a model, with the deployments among them, tell at a time.

    `last` is the last environment of the lifecycle, whose keys tell of ends.
    """
    return Facts(
        now=now,
        signed=signed,
        served=now_served,
        history=history,
        quarantines=quarantines(signed),
        endings=endings(signed, last),
    )


def _served(
    session: Session, model: str, environment: str, history: tuple[Deployment, ...]
) -> Served | None:
    """What the environment serves: by the signed history, or by a state that is too new for it."""
    last = served(history, environment) or record(state_tree(session, environment), model)
    return Served(version=last.version, digest=last.digest) if last else None


def judge_moves(
    session: Session,
    moves: Iterable[Move],
    transition: Transition | None,
    before: Tree,
    after: Tree,
    *,
    ask_gates: bool = True,
    brought_by: tuple[str, ...] = (),
) -> tuple[Moved, ...]:
    """A candidate and a verdict for each version that moves. Without gates the verdict is about the
    documents alone. `brought_by` are those whose pull request it is, where that is known."""
    if transition is None:
        return ()
    return tuple(
        _judge_move(session, move, transition, before, after, ask_gates, brought_by)
        for move in moves
    )


def _judge_move(
    session: Session,
    move: Move,
    transition: Transition,
    before: Tree,
    after: Tree,
    ask_gates: bool,
    brought_by: tuple[str, ...],
) -> Moved:
    facts = facts_for(session, move.model, transition.environment)
    candidate, findings = read_candidate(
        after,
        before,
        move.model,
        move.version,
        transition,
        served=facts.served.version if facts.served else None,
        is_rollback=move.kind is FlowKind.ROLLBACK,
    )
    if candidate is None or not ask_gates:
        subject = Subject(
            model=move.model, version=move.version, environment=transition.environment
        )
        verdict = Verdict(subject=subject, findings=findings)
        return Moved(verdict=verdict, facts=facts, candidate=candidate)
    candidate = replace(unpointed(candidate), brought_by=brought_by)
    verdict = judge(candidate, session.policy, facts)
    judged = replace(verdict, findings=(*findings, *verdict.findings))
    return Moved(verdict=judged, facts=facts, candidate=candidate)


def unpointed(candidate: Candidate) -> Candidate:
    """A candidate asked about by name: then the release pointer may name another version, and says
    nothing about this one."""
    release = candidate.release
    if release is not None and release.version == candidate.version.version:
        return candidate
    return replace(candidate, release=None, release_document=None)

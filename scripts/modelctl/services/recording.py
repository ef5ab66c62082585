"""Writes what an environment's branch says onto the ledger: one signed statement each.

Only what this run has decided is signed, and only where the state branch holds exactly that: what
else lies there may be anybody's. The statement is made from the commit that wrote it: its time, the
record beside the manifests, and the evidence that was there at that time. So two jobs that record
the same deployment write the same bytes, and the ledger keeps them once. A deployment comes in one
commit with the quarantine of what merged rollbacks took out before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from modelctl.adapters.ledger import Expected
from modelctl.adapters.signing import sign
from modelctl.adapters.signing_keys import Signer
from modelctl.domain.evidence import Statement
from modelctl.domain.history import DEPLOYMENT, MOVES, QUARANTINE, deployments, served
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Commit
from modelctl.errors import ModelctlError
from modelctl.services.accounted import same
from modelctl.services.deciding import Decision
from modelctl.services.evidence import signer_key
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import readable_record
from modelctl.services.statements import decided_statements

_RECENT = timedelta(hours=1)
"""How old the time of a state commit may be to be believed: much longer than a deploy takes, much
shorter than any soak, since whoever may push the branch can date a commit as he likes."""


def require_key(
    session: Session,
    transition: Transition,
    signer: Signer,
    kinds: Iterable[str] = (DEPLOYMENT, QUARANTINE),
) -> None:
    """Makes sure that what is deployed now can be recorded afterwards.

    Raises:
        ModelctlError: the policy doesn't know the key, or it may not sign such statements there:
            deployments, and the quarantines that those bring which go back.
    """
    key = signer_key(session, signer)
    for kind in kinds:
        coming = Statement(
            kind=kind,
            subject="",
            digest="",
            made_at=session.now,
            environment=transition.environment,
            predicate={},
        )
        if (objection := key.objection(coming, session.now)) is not None:
            mend = "sign with a key that may, or widen it in the policy"
            raise ModelctlError(objection, mend=mend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How many entries are new, and the models that another job has moved on."""

    entries: int = 0
    passed: frozenset[str] = frozenset()


def record_deployments(
    session: Session,
    transition: Transition,
    state: str | None,
    decided: Iterable[Decision],
    signer: Signer,
) -> Recorded:
    """Appends what was decided, that the state holds and the ledger lacks.

    A job that was killed after the state was written leaves some behind: they are recorded where
    the next one, judging again, decides the same. Of a model that another job moved on since this
    was decided nothing is recorded.
    """
    batch: dict[str, list[bytes]] = {}
    expected: dict[str, Expected] = {}
    for commit, decision in _missing(session, transition, state, decided) if state else ():
        told = decided_statements(
            session, transition, commit, written_at(session, commit), decision
        )
        batch[decision.model] = [sign(statement, signer) for statement in told]
        expected[decision.model] = Expected(
            seq=decision.seen, environment=transition.environment, kinds=MOVES
        )
    if not batch:
        return Recorded()
    done = session.ledger.append_all(batch, author=MACHINE, at=session.now, expected=expected)
    return Recorded(
        entries=sum(map(len, done.values())),
        passed=frozenset(model for model, entries in done.items() if not entries),
    )


def _missing(
    session: Session, transition: Transition, state: str, decided: Iterable[Decision]
) -> Iterator[tuple[Commit, Decision]]:
    """The unrecorded decisions, each with the commit that wrote it."""
    tree = session.repository.tree(state)
    for decision in decided:
        one = decision.request
        if one is None or _is_told(session, one, decision):
            continue
        if same(readable_record(tree, one.model), one):  # else another deploy was faster
            yield writing_commit(session, state, one.model), decision


def _is_told(session: Session, one: RenderRequest, decision: Decision) -> bool:
    """Whether it is what served last, by a record that this clone lacks."""
    if decision.begins is not None or decision.ended is not None:
        return False
    last = served(deployments(session.signed(one.model)), one.environment)
    return last is not None and (last.commit, last.digest) == (one.commit, one.digest)


def writing_commit(session: Session, state: str, model: str) -> Commit:
    """The commit that made the model's folder what it is: the first that holds these very bytes."""
    repository = session.repository
    folder = repository.tree(state).subtree(model)
    found = repository.commit(state)
    for commit in repository.first_parents(state):
        if repository.tree(commit.tree).subtree(model) != folder:
            break
        found = commit
    return found


def written_at(session: Session, commit: Commit) -> datetime:
    """When a state was written (UTC), as far as that can be believed."""
    at = datetime.fromtimestamp(commit.at, UTC)
    return session.now if abs(session.now - at) > _RECENT else at

"""What an environment served at some time, from the signed history alone.

The ledger is read backwards from about that time, so what it costs follows the answer and not the
length of the history. Where that can't be trusted, because a statement comes again or an entry is
damaged, the whole history of the model is read instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from modelctl.adapters.ledger import Damage, Ledger, LedgerEntry
from modelctl.domain import audit as audits
from modelctl.domain.audit import Audit, Doubt, Evidence, Proof, Served
from modelctl.domain.history import (
    DEPLOYMENT,
    MOVES,
    ROLLBACK,
    ROLLOUT,
    Deployment,
    deployments,
)
from modelctl.domain.rollout_events import rollouts
from modelctl.errors import ModelctlError
from modelctl.services.pointers import require_model, unknown_environment
from modelctl.services.session import Session
from modelctl.services.state import readable_record

KINDS = frozenset({DEPLOYMENT, ROLLBACK})
"""The kinds of statement by which a version comes to serve."""

_MARGIN = 16
"""How many entries are looked at beyond the one that seems to be later: jobs that ran at the same
time may have recorded in another order, and their clocks differ."""

Found = tuple[Deployment, LedgerEntry]


class _DoubtError(Exception):
    """Reading backwards would not be safe here."""


def in_force(session: Session, model: str, environment: str, at: datetime) -> Found | None:
    """The deployment by which `environment` served `model` at that time, and its entry.

    It is the last one on the ledger that was made by then (UTC). None before the first one.
    """
    return _answer(session, model, environment, at)[0]


def _answer(
    session: Session, model: str, environment: str, at: datetime
) -> tuple[Found | None, tuple[Doubt, ...]]:
    """What is in force, and what casts doubt on that."""
    try:
        return _backwards(session, model, environment, at), ()
    except _DoubtError:
        found = _exactly(session, model, environment, at)
        return found, tuple(_doubts(session, model, at, found))


def who_served(
    session: Session, environment: str, at: datetime, models: Iterable[str] | None = None
) -> Audit:
    """What `environment` served of these models, or of all on the ledger, with the proof of each.

    Raises:
        ModelctlError: there is no such environment, the time is still to come, or nobody knows one
            of the models.
    """
    lifecycle, ledger = session.policy.lifecycle, session.ledger
    if environment not in lifecycle.environments:
        raise unknown_environment(environment, lifecycle.environments)
    if at > session.now:
        raise ModelctlError(
            f"{at:%Y-%m-%d %H:%M:%S} UTC is still to come", mend="ask about a time that is past"
        )
    wanted = models if models is not None else ledger.models()
    names = [one if models is None else require_model(session, one) for one in wanted]
    answers = {name: _answer(session, name, environment, at) for name in names}
    sound = {name: found for name, (found, doubts) in answers.items() if not doubts}
    return Audit(
        environment=environment,
        at=at,
        asked_at=session.now,
        ledger=session.repository.remote_first(lifecycle.ledger_branch),
        trusted=session.policy.commit,
        served=tuple(
            _with_coming(session, _served(ledger, *one), at) for one in sound.values() if one
        ),
        nothing=tuple(name for name, one in sound.items() if one is None),
        doubts=tuple(doubt for _, doubts in answers.values() for doubt in doubts),
    )


def _doubts(session: Session, model: str, at: datetime, found: Found | None) -> Iterator[Doubt]:
    """The entries that might tell of something else that served then, if they could be believed.

    They come after the answer's own, and before anything that happened later; an altered one may
    have told of any environment. A statement that only comes again leaves no doubt.
    """
    for entry in session.ledger.entries(model, KINDS):
        if found is not None and entry.seq <= found[1].seq:
            continue
        if entry.damage not in (None, Damage.DUPLICATE):
            yield Doubt(model=model, seq=entry.seq, path=entry.path)
        elif any(one.at > at for one in deployments([entry.signed])):
            return


def _with_coming(session: Session, served: Served, at: datetime) -> Served:
    """The same with the version that was taking over then, if one was: what came between the
    deployment that served and that time tells."""
    one, ledger = served.deployment, session.ledger
    later = ledger.backwards(one.model, MOVES, before=_beyond(ledger, one.model, at))
    since = list(takewhile(lambda entry: entry.seq > one.seq, later))
    if not any(entry.kind == ROLLOUT for entry in since):
        return served
    told = (entry.signed for entry in reversed(since) if not ledger.repeats(entry))
    return replace(served, coming=audits.coming(rollouts(told, one.environment), at))


def _served(ledger: Ledger, deployment: Deployment, entry: LedgerEntry) -> Served:
    statement = entry.signed.statement
    predicate = statement.predicate if statement else {}
    digests = audits.envelopes(predicate)
    held = ledger.holding(deployment.model, digests, before=entry.seq)
    evidence = [_evidence(digest, held.get(digest)) for digest in digests]
    return audits.served(deployment, predicate, _proof(entry), evidence)


def _evidence(digest: str, entry: LedgerEntry | None) -> Evidence:
    statement = entry.signed.statement if entry else None
    if entry is None or statement is None:
        return Evidence(envelope=digest)
    return Evidence(
        envelope=digest,
        kind=statement.kind,
        environment=statement.environment,
        made_at=statement.made_at,
        passed=statement.passed,
        proof=_proof(entry),
    )


def _proof(entry: LedgerEntry) -> Proof:
    signers = tuple(key.name for key in entry.signed.keys)
    return Proof(path=entry.path, digest=entry.digest, seq=entry.seq, signers=signers)


def _exactly(session: Session, model: str, environment: str, at: datetime) -> Found | None:
    """The answer from the whole history of the model."""
    found: Found | None = None
    for entry in session.ledger.entries(model, KINDS):
        for one in deployments([entry.signed]):
            if one.environment == environment and one.at <= at:
                found = one, entry
    return found


def _backwards(session: Session, model: str, environment: str, at: datetime) -> Found | None:
    """The answer from the entries around that time, or doubt."""
    ledger = session.ledger
    start = _beyond(ledger, model, at)
    following: LedgerEntry | None = None
    for one, entry in _sound(ledger.backwards(model, KINDS, before=start)):
        if one.environment != environment:
            continue
        if one.at <= at:
            sure = following is not None and _was_there(session, one, following)
            if not sure and ledger.repeats(entry):
                raise _DoubtError
            return one, entry
        following = entry
    return None


def _was_there(session: Session, one: Deployment, following: LedgerEntry) -> bool:
    """Whether the environment's own branch had this one just before the next one came: then it
    can't be an old statement that came again. The next one's statement names that commit; what
    the branch has now is nobody's signed word."""
    record = readable_record(session.repository.tree(_before(session, following)), one.model)
    return record is not None and (record.commit, record.digest) == (one.commit, one.digest)


def _before(session: Session, entry: LedgerEntry) -> str | None:
    """The commit of the environment's branch before a deployment, if this clone has it."""
    statement = entry.signed.statement
    sha = statement.predicate.get("state_commit") if statement else None
    try:
        commit = session.repository.commit(sha) if isinstance(sha, str) else None
    except ModelctlError:
        return None
    return next(iter(commit.parents), None) if commit else None


def _sound(entries: Iterator[LedgerEntry]) -> Iterator[Found]:
    """The deployments, as long as nothing is damaged."""
    for entry in entries:
        if entry.damage is not None:
            raise _DoubtError
        yield from ((one, entry) for one in deployments([entry.signed]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A number on the ledger, and when the newest deployment below it was made."""

    seq: int
    made: datetime | None

    def is_later(self, at: datetime) -> bool:
        """Whether that was after `at`; there may be none."""
        return self.made is not None and self.made > at


def _beyond(ledger: Ledger, model: str, at: datetime) -> int | None:
    """The number before which to look: a little beyond the first deployment that is later.

    Found by growing strides from the end, then between two places. None means the end.
    """
    newest = ledger.latest(model)
    late = _place(ledger, model, newest.seq + 1 if newest else 1)
    if not late.is_later(at):
        return None
    stride = _MARGIN
    while (early := _place(ledger, model, late.seq - stride)).is_later(at):
        late, stride = early, stride * 4
    while late.seq - early.seq > _MARGIN:
        guess, middle = _by_time(early, late, at), (early.seq + late.seq) // 2
        for seq in (guess - _MARGIN // 2, guess + _MARGIN // 2, middle):
            if early.seq < seq < late.seq:
                here = _place(ledger, model, seq)
                early, late = (early, here) if here.is_later(at) else (here, late)
    return late.seq + _MARGIN


def _by_time(early: _Place, late: _Place, at: datetime) -> int:
    """Where that time would be if deployments came evenly."""
    span = late.seq - early.seq
    if early.made is None or late.made is None:
        return early.seq + span // 2
    return early.seq + int(span * ((at - early.made) / (late.made - early.made)))


def _place(ledger: Ledger, model: str, seq: int) -> _Place:
    one, _ = next(_sound(ledger.backwards(model, KINDS, before=seq)), (None, None))
    return _Place(seq=seq, made=one.at if one else None)

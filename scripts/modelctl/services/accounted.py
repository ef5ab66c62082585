"""What an environment runs by the signed history. The state branch alone is anybody's word: whoever
may push it can write a record, but not the statement that names the commit with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.history import DEPLOYMENT, MOVES, ROLLBACK, ROLLOUT, proved
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_events import ROLLED_BACK, SUPERSEDED
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.session import Session
from modelctl.services.state import readable_record

_BACK = frozenset({ROLLED_BACK, SUPERSEDED})
"""The events after which what served before has all traffic again."""


def accounted(
    session: Session, model: str, signed: Iterable[Signed], environment: str
) -> RenderRequest | None:
    """The record that the last signed move of a model's traffic wrote, or None.

    It is read from the commit that the statement names, whatever the state branch holds now. None
    as well where that commit isn't here, or its record says something else than what was signed.
    While a version takes over it is that version's, with its split; after it was taken back, that
    of what served before.
    """
    entries = tuple(signed)
    last = last_move(entries, environment)
    if last is None:
        return None
    if last.kind == ROLLOUT and last.predicate.get("event") in _BACK:
        return settled(session, model, entries, environment)
    return _by(session, model, last)


def last_move(signed: Iterable[Signed], environment: str) -> Statement | None:
    """The last signed move of a model's traffic in an environment."""
    last = max(_here(signed, environment, MOVES), key=itemgetter(0), default=None)
    return last[1] if last is not None else None


def settled(
    session: Session, model: str, signed: Iterable[Signed], environment: str
) -> RenderRequest | None:
    """The record of what served last, with all traffic, whatever takes over from it."""
    found = _here(signed, environment, (DEPLOYMENT, ROLLBACK))
    last = max(found, key=itemgetter(0), default=None)
    one = _by(session, model, last[1]) if last is not None else None
    return replace(one, backends=()) if one is not None else None


def unshown(session: Session, model: str, environment: str) -> DependencyError:
    """That a model runs in an environment by the signed history, and nobody can tell here how."""
    branch = session.policy.lifecycle.state_of(environment)
    last = last_move(session.signed(model), environment)
    commit = str(last.predicate.get("state_commit")) if last is not None else "its commits"
    return DependencyError(
        f"{model} runs in {environment}, but {branch} here lacks the commit that the history "
        "names, or it holds something else",
        mend=f"git fetch --unshallow, or restore {branch} from a clone that has {commit}",
    )


def _here(
    signed: Iterable[Signed], environment: str, kinds: Collection[str]
) -> Iterator[tuple[int, Statement]]:
    """The proved statements of these kinds about an environment, each with its number."""
    for seq, statement, _ in proved(signed, kinds):
        if statement.environment == environment and _names_a_commit(statement):
            yield seq, statement


def _names_a_commit(statement: Statement) -> bool:
    return isinstance(statement.predicate.get("commit"), str)


def _by(session: Session, model: str, statement: Statement) -> RenderRequest | None:
    """The record that a statement tells of, where it says the same."""
    predicate = statement.predicate
    one = _written(session, model, predicate.get("state_commit"))
    if one is None or (one.environment, one.digest) != (statement.environment, statement.digest):
        return None
    return one if all(predicate.get(name) == value for name, value in told(one).items()) else None


def told(one: RenderRequest) -> Mapping[str, Any]:
    """What a deployment's statement says of a record, beside its digest."""
    return {
        "version": one.version,
        "commit": one.commit,
        "approvers": list(one.approvers),
        "strategy": one.strategy,
        "target": one.target,
        "pull_request": one.pull_request,
        "waivers": [waiver.as_data() for waiver in one.waivers],
    }


def same(one: RenderRequest | None, other: RenderRequest | None) -> bool:
    """Whether two records say the same, field by field, however their split is written."""
    if one is None or other is None:
        return one is other
    if one == other:
        return True
    return replace(one, backends=()) == replace(other, backends=()) and one.split == other.split


def _written(session: Session, model: str, state_commit: object) -> RenderRequest | None:
    if not isinstance(state_commit, str):
        return None
    try:
        commit = session.repository.commit(state_commit)
    except ModelctlError:
        return None
    one = readable_record(session.repository.tree(commit.tree), model)
    return one if one is not None and one.model == model else None

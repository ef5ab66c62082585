"""Ends what was kept long enough: looked at, recorded, and taken out of the registry.

Statements are made from policy, history and the day alone, so that two jobs at once write the same
bytes and the ledger keeps them once. Nothing is remembered between runs: each looks at what is
there and does what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC

from modelctl.adapters.registry import MlflowRegistry
from modelctl.adapters.signing_keys import Signer
from modelctl.domain.endings import RETIRED
from modelctl.domain.evidence import Statement
from modelctl.domain.keeping import Kept, kept
from modelctl.domain.names import version_path
from modelctl.domain.whereabouts import Standing, standing
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.endings import seal
from modelctl.services.evidence import signer_key
from modelctl.services.pointers import known_models
from modelctl.services.session import MACHINE, Session
from modelctl.services.whereabouts import whereabouts

Refresh = Callable[[], Session]
"""A session with everything as the remote has it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What left the registry: `model@version` each; `left` are sentences on what didn't."""

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def overview(session: Session, models: Iterable[str] | None = None) -> tuple[Kept, ...]:
    """Every version of these models, or of all, with when it ends and what keeps it."""
    policy = session.policy
    names = known_models(session) if models is None else models
    return tuple(
        one
        for model in names
        for one in kept(policy.lifecycle, policy.retention, whereabouts(session, model))
    )


def expired(session: Session, models: Iterable[str] | None = None) -> tuple[Kept, ...]:
    """The versions whose time is over and which nothing needs."""
    return tuple(one for one in overview(session, models) if one.due(session.now))


def apply(
    session: Session, signer: Signer, models: Iterable[str] | None = None
) -> tuple[Kept, ...]:
    """Records the end of every expired version, in one commit or not at all; those versions.

    Raises:
        ModelctlError: the key may not sign it.
        ConflictError, DependencyError: it could not be published; nothing was recorded.
    """
    due = expired(session, models)
    batch: dict[str, list[bytes]] = {}
    for one in due:
        envelope = seal(session, _statement(session, one, signer), signer)
        batch.setdefault(one.standing.model, []).append(envelope)
    if batch:
        session.ledger.append_all(batch, author=MACHINE, at=session.now)
    return due


def clean(refresh: Refresh, tracking_uri: str, models: Iterable[str] | None = None) -> Removal:
    """Takes retired versions out of the registry, each looked at anew right before.

    Raises:
        DependencyError: the remote can't be reached.
    """
    removed: list[str] = []
    left: list[str] = []
    for one in _retired(refresh(), models):
        fresh = _again(refresh(), one)
        if fresh.guards or not _is_retired(fresh):
            left.append(f"{one.name} stays: {' and '.join(fresh.guards) or 'it is not retired'}")
            continue
        try:
            gone = MlflowRegistry(tracking_uri).remove(one.model, one.version, one.digest)
            removed += [one.name] if gone else []
        except DependencyError as error:
            left.append(f"{one.name}: {error.message}")
            break  # it is down: the next run does the rest
        except ModelctlError as error:
            left.append(f"{one.name}: {error.message}")
    return Removal(removed=tuple(removed), left=tuple(left))


def _retired(session: Session, models: Iterable[str] | None) -> Iterator[Standing]:
    return (one.standing for one in overview(session, models) if _is_retired(one.standing))


def _is_retired(one: Standing) -> bool:
    return one.ending is not None and one.ending.end == RETIRED


def _again(session: Session, one: Standing) -> Standing:
    """Where a version stands now."""
    policy, known = session.policy, whereabouts(session, one.model)
    return standing(policy.lifecycle, known, one.version, policy.retention.pins)


def _statement(session: Session, one: Kept, signer: Signer) -> Statement:
    """Dated by the day, or by when the key became valid if that was later."""
    day = session.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Statement(
        kind=one.kind,
        subject=version_path(one.standing.model, one.standing.version),
        digest=one.standing.digest,
        made_at=max(day, signer_key(session, signer).valid_from),
        environment=session.policy.lifecycle.environments[-1],
        predicate=one.predicate(MACHINE.name),
    )

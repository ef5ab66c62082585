"""The newest end of a model's history, read back only as far as it is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from modelctl.domain.endings import Ending, endings
from modelctl.domain.evidence import Signed
from modelctl.domain.history import (
    DEPLOYMENT,
    END_KINDS,
    QUARANTINE,
    ROLLBACK,
    Deployment,
    Quarantine,
    deployments,
    quarantines,
)
from modelctl.services.session import Session

_KINDS = frozenset({DEPLOYMENT, ROLLBACK, QUARANTINE, *END_KINDS})
History = tuple[tuple[Deployment, ...], tuple[Quarantine, ...], tuple[Ending, ...]]


def recent_history(session: Session, model: str, running: Mapping[str, str]) -> History:
    """The deployments and quarantines since what runs now came to run, oldest first; and every end
    of the model's versions, if one of them is as new: what runs had not ended when it came.

    `running` is the digest of what each environment runs. It is read back until each environment
    was seen with something else before; what was quarantined before that has been lifted since.

    An old statement that was put on the ledger again would be met first here, so where anything is
    damaged or out of the order of time the whole history is read instead, which tells them apart.
    """
    found: list[Signed] = []
    seen: dict[str, datetime] = {}
    open_ = set(running)
    entries = session.ledger.backwards(model, _KINDS)
    while open_ and (entry := next(entries, None)) is not None:
        found.append(entry.signed)
        for deployment in deployments([entry.signed]):
            where = deployment.environment
            later = seen.get(where)
            if later is not None and deployment.at > later:
                return _whole(session, model)
            if later is not None and running.get(where) != deployment.digest:
                open_.discard(where)
            seen[where] = deployment.at
        if entry.damage is not None:
            return _whole(session, model)
    found.reverse()
    return deployments(found), quarantines(found), _ends(session, model, found)


def _whole(session: Session, model: str) -> History:
    signed = [entry.signed for entry in session.ledger.entries(model, _KINDS)]
    return deployments(signed), quarantines(signed), _ends(session, model, signed)


def _ends(session: Session, model: str, found: Iterable[Signed]) -> tuple[Ending, ...]:
    last = session.policy.lifecycle.last
    if not endings(found, last):
        return ()
    return endings((entry.signed for entry in session.ledger.entries(model, END_KINDS)), last)

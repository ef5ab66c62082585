"""The timeline of a model, from the ledger of this clone."""

from __future__ import annotations

from modelctl.domain.timeline import Timeline, timeline
from modelctl.services.pointers import require_model, unknown_environment
from modelctl.services.session import Session


def model_timeline(
    session: Session, model: str, environment: str | None = None, limit: int | None = None
) -> Timeline:
    """What the ledger tells of a model, in all environments or in one; so many newest events.

    Raises:
        ModelctlError: nobody knows the model, or there is no such environment.
    """
    environments = session.policy.lifecycle.environments
    if environment is not None and environment not in environments:
        raise unknown_environment(environment, environments)
    name = require_model(session, model)
    signed = session.signed(name)
    return timeline(name, signed, environments, session.now, environment, limit)

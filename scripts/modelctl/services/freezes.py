"""What is frozen at a time, about one model or about every one."""

from __future__ import annotations

from datetime import datetime

from modelctl.domain.candidate import scope_of
from modelctl.domain.freeze_board import FreezeBoard, freeze_board
from modelctl.domain.names import parse_model
from modelctl.services.candidates import read_model
from modelctl.services.pointers import known_models, unknown_environment, unknown_model
from modelctl.services.session import Session

_NO_MODEL = {"task": "", "tier": "", "target": "", "model": ""}


def frozen(
    session: Session, *, at: datetime, model: str | None = None, environment: str | None = None
) -> FreezeBoard:
    """What `policies/freezes.yaml` says at an instant.

    Raises:
        ModelctlError: there is no such model or environment.
    """
    known = session.policy.lifecycle.environments
    if environment is not None and environment not in known:
        raise unknown_environment(environment, known)
    names = (environment,) if environment else known
    asked = [_facts(session, model, name) for name in names]
    return freeze_board(session.policy.freezes, asked, model=model, at=at)


def _facts(session: Session, name: str | None, environment: str) -> dict[str, str]:
    """The facts of a promotion of the model, as the first branch has it that does."""
    if name is None:
        return {"environment": environment, **_NO_MODEL}
    wanted = parse_model(name)
    trees = (session.repository.tree(commit) for commit in session.places())
    model = next((found for tree in trees if (found := read_model(tree, wanted))), None)
    if model is None:
        raise unknown_model(wanted, known_models(session))
    return scope_of(model, environment)

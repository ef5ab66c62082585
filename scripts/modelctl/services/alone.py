"""Ways back that a job puts into force alone: the remote is down, or has what no clone accepts.

Traffic isn't left with a version that fails because nobody can record where it goes. What is put
into force was approved there and ran there, as for any way back; it is written down as soon as the
branches can be had again. Nothing ever goes forward like this.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.acting import Effects, nothing_applied
from modelctl.services.lying import lying
from modelctl.services.session import MACHINE, Session
from modelctl.services.writing import edits_for


def back_alone(
    session: Session,
    transition: Transition,
    request: RenderRequest,
    files: Mapping[str, str],
    effects: Effects,
    *,
    seen: int,
    error: ModelctlError,
) -> ModelctlError:
    """What a job fails with that couldn't write a way back, once traffic is back all the same.

    It is done once for each move that was decided: where only this job is cut off, others go on,
    and it must not undo again and again what they did. Where something else puts the environment's
    branch into force, it stays with `error`.
    """
    if effects.apply is nothing_applied or not effects.verifies(request):
        return error
    where, model = transition.environment, request.model
    known = (where, model, seen)
    if known not in effects.alone:
        tip = session.repository.remote_first(session.policy.lifecycle.state_of(where))
        here = session.repository.tree(tip)
        wanted = {f"{model}/{name}": text.encode() for name, text in files.items()}
        state = session.repository.write_commit(
            tip,
            dict(edits_for(here, lying(here, model), wanted)),
            message=f"Move {model} in {where} back alone",
            author=MACHINE,
            at=int(session.now.timestamp()),
        )
        problems = effects.apply(session, transition, session.repository.tree(state), (model,))
        if problems:
            told = "; ".join(problems.values())
            return DependencyError(f"{error.message}; nor is it in force: {told}", mend=error.mend)
        effects.alone.add(known)
    return DependencyError(
        f"{where} was sent back to {request.version} of {model}, and that couldn't be recorded: "
        f"{error.message}",
        mend=f"until it is recorded, whatever else applies {where} may undo it; {error.mend}",
    )

"""Puts what an environment runs into force again, where it isn't: servers may have died, or a job
before they were told.

Only what the environment's branch has to the byte as it is rendered is taken from there. What else
lies there may be anybody's, and is put back first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelctl.domain.history import position
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import ModelctlError
from modelctl.services.acting import WHOLE_TARGET, Effects
from modelctl.services.lying import holds
from modelctl.services.rendering import render
from modelctl.services.rollout_moves import move, nothing_told, put_into_force, strays_told
from modelctl.services.session import Session
from modelctl.services.verifying import Ours


def put_again(
    session: Session, transition: Transition, effects: Effects, requests: Sequence[RenderRequest]
) -> Mapping[str, str]:
    """Puts what the signed history says of these models into force; what isn't, by model."""
    if not requests:
        return {}
    branch = session.policy.lifecycle.state_of(transition.environment)
    sound, problems = list[str](), dict[str, str]()
    try:
        state, files = session.repository.latest(branch), render(session, requests)
        here = session.repository.tree(state)
    except ModelctlError as error:
        return {WHOLE_TARGET: str(error)}
    for one in requests:
        if holds(here, one.model, files[one.model]):
            sound.append(one.model)
        else:
            problems |= _put_back(session, transition, effects, one)
    if not sound:
        return problems
    try:
        seen = {m: position(session.signed(m), transition.environment) for m in sound}
        ours = Ours(files=files, seen=seen)
        return problems | dict(put_into_force(session, transition, effects, state, sound, ours))
    except ModelctlError as error:
        return problems | {WHOLE_TARGET: str(error)}


def _put_back(
    session: Session, transition: Transition, effects: Effects, one: RenderRequest
) -> Mapping[str, str]:
    seen = position(session.signed(one.model), transition.environment)
    try:
        moved = move(session, transition, one, effects, nothing_told, seen=seen)
        strange = {one.model: "; ".join(strays_told(moved))} if moved.unaccounted else {}
        return {**strange, **moved.problems}
    except ModelctlError as error:
        return {one.model: str(error)}

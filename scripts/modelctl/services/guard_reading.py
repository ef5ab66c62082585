"""What a guard reads of an environment, again only where the ledger or the rules changed: its
rollouts, what serves, and both sides of the figures that come of one question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from modelctl.domain.names import is_model_name
from modelctl.domain.observations import (
    BASELINE,
    LIVE_SIDE,
    STABLE,
    Counts,
    Observation,
    Watched,
)
from modelctl.domain.policy import Transition
from modelctl.domain.rollout_split import BASELINE as COPY, part, serving_of
from modelctl.errors import ModelctlError
from modelctl.services.guard_memory import Place, serving_by_history
from modelctl.services.rollouts import Open, endpoint_of, open_rollout
from modelctl.services.session import Session

Problem = Callable[[str, ModelctlError], None]
"""Told of a model that can't be told: no reason to leave the others."""

_SERVING = "serving"
"""The side of what serves, where a fresh copy of it stands for it on the stable side."""


def read_rollouts(
    session: Session, transition: Transition, place: Place, problem: Problem
) -> tuple[Open, ...]:
    """The rollouts that are under way, read again where the ledger changed."""
    known, rules = place.opened, session.policy.commit
    folders = session.ledger.folders()
    for model, folder in folders.items():
        stamp = (folder, rules)
        if is_model_name(model) and known.get(model, (None, None))[0] != stamp:
            known.pop(model, None)
            try:
                one = open_rollout(session, transition, model)
            except ModelctlError as error:
                problem(model, error)
            else:
                known[model] = (stamp, one)
    found = (one for model, (_, one) in known.items() if model in folders)
    return tuple(one for one in found if one is not None)


def read_serving(session: Session, transition: Transition, place: Place, problem: Problem) -> None:
    """What serves, whatever takes over from it, read again where the ledger changed; by other
    rules, all of it."""
    folders, rules = session.ledger.folders(), session.policy.commit
    before = place.folders if place.rules == rules else {}
    untold = set[str]()
    for model, folder in folders.items():
        if before.get(model) == folder or not is_model_name(model):
            continue
        place.pending.add(model)
        place.serving.pop(model, None)
        try:
            found = serving_by_history(session, transition, model)
        except ModelctlError as error:
            problem(model, error)
            untold.add(model)
            continue
        if found is not None:
            place.serving[model] = found
    for model in before.keys() - folders.keys():
        place.serving.pop(model, None)
    place.folders = {m: folder for m, folder in folders.items() if m not in untold}
    place.rules = rules


def with_serving(asked: Watched, one: Open) -> Watched:
    """The question about a rollout, with what serves beside the copy that stands for it."""
    if part(one.request, COPY) is None:
        return asked
    serves = endpoint_of(one.request, serving_of(one.request))
    return replace(asked, sides={**asked.sides, _SERVING: serves})


def of_rollout(heard: Iterable[Observation]) -> Sequence[Observation]:
    """What is heard of the two versions of a rollout."""
    return [replace(one, sides=_without(one.sides)) for one in heard]


def of_serving(heard: Iterable[Observation]) -> Sequence[Observation]:
    """What the same says of the version that serves, as if there were no rollout."""
    return [_served(one) for one in heard]


def _served(one: Observation) -> Observation:
    counted = one.sides.get(_SERVING, one.sides.get(STABLE))
    sides = {} if counted is None else {LIVE_SIDE: counted}
    if BASELINE in one.sides:
        sides[BASELINE] = one.sides[BASELINE]
    figures = {}
    for name, value in one.figures.items():
        side, _, figure = name.partition(".")
        if side == BASELINE:
            figures[name] = value
        elif side == (_SERVING if _SERVING in one.sides else STABLE):
            figures[f"{LIVE_SIDE}.{figure}"] = value
    return replace(one, sides=MappingProxyType(sides), figures=MappingProxyType(figures))


def _without(sides: Mapping[str, Counts]) -> Mapping[str, Counts]:
    if _SERVING not in sides:
        return sides
    return {side: counted for side, counted in sides.items() if side != _SERVING}

"""How the traffic of a model is divided while one version takes over from another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from modelctl.domain.fitting import same_address
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.rendering import Backend, RenderRequest
from modelctl.domain.serving import WHOLE
from modelctl.domain.strategies import BLUE_GREEN, SHADOW, STEPPED, Strategy, shares

STABLE, CANARY, BASELINE, PREVIOUS = "stable", "canary", "baseline", "previous"


def goes_by_steps(plan: Strategy, stable: RenderRequest | None, incoming: RenderRequest) -> bool:
    """Whether a version takes over step by step from what serves, or at once.

    At once where nothing serves yet, where it is the same version in another way, where one target
    can't serve them both, and where a controller of the cluster does the steps.
    """
    return plan.kind in STEPPED and _beside(stable, incoming)


def is_handed_over(stable: RenderRequest | None, incoming: RenderRequest) -> bool:
    """Whether a controller of the cluster has a version take over from what serves."""
    return incoming.target in STEPPED_BY_CONTROLLER and _is_another(stable, incoming)


def is_warmed_up(plan: Strategy, stable: RenderRequest | None, incoming: RenderRequest) -> bool:
    """Whether a version is loaded beside what serves before all traffic moves at once."""
    return plan.kind == BLUE_GREEN and _beside(stable, incoming)


def _beside(stable: RenderRequest | None, incoming: RenderRequest) -> bool:
    return incoming.target not in STEPPED_BY_CONTROLLER and _is_another(stable, incoming)


def _is_another(stable: RenderRequest | None, incoming: RenderRequest) -> bool:
    """Whether it is another version than what serves, at the same address."""
    if stable is None or stable.digest == incoming.digest:
        return False
    return same_address(stable, incoming)


def split(
    plan: Strategy, stable: RenderRequest, incoming: RenderRequest, *, weight: int
) -> RenderRequest:
    """The incoming version's request with a split, `weight` being its share in percent.

    A shadow gets a copy of every request. A fresh copy of what serves, as large as the new version,
    is there as long as there is room for it.
    """
    parts = _shares(plan, weight)
    backends = [_backend(STABLE, stable, parts[STABLE])]
    if SHADOW in parts:
        backends.append(replace(_backend(SHADOW, incoming, 0), mirror=WHOLE))
    else:
        header = plan.experiment.header if plan.experiment is not None else None
        backends.append(replace(_backend(CANARY, incoming, parts[CANARY]), header=header))
    if BASELINE in parts:
        backends.append(_backend(BASELINE, stable, parts[BASELINE]))
    return replace(incoming, backends=tuple(backends))


def _shares(plan: Strategy, weight: int) -> Mapping[str, int]:
    if plan.baseline and WHOLE < 2 * weight < 2 * WHOLE:  # on the way back
        return {STABLE: WHOLE - weight, CANARY: weight}
    return shares(plan, weight)


def warming(stable: RenderRequest, incoming: RenderRequest) -> RenderRequest:
    """The incoming version beside what serves, without traffic: to be loaded first."""
    return replace(
        incoming, backends=(_backend(STABLE, stable, WHOLE), _backend(CANARY, incoming, 0))
    )


def whole(incoming: RenderRequest, previous: RenderRequest | None = None) -> RenderRequest:
    """The incoming version with all traffic, and what served before kept warm, if it is to be."""
    if previous is None:
        return replace(incoming, backends=())
    backends = (_backend(STABLE, incoming, WHOLE), _backend(PREVIOUS, previous, 0))
    return replace(incoming, backends=backends)


def steps_between(plan: Strategy, stable: RenderRequest | None, incoming: RenderRequest) -> int:
    """By how many steps a version takes over from what serves; 0 where it does at once. Where all
    traffic moves at once, but the version is brought up first, that is the one step."""
    if is_handed_over(stable, incoming) or goes_by_steps(plan, stable, incoming):
        return len(plan.steps) or 1
    return 1 if is_warmed_up(plan, stable, incoming) else 0


def at_step(
    plan: Strategy, stable: RenderRequest, incoming: RenderRequest, step: int
) -> RenderRequest:
    """What runs of a version that takes over at a step of its plan, counted from 0; after the last
    one the end. A controller of the cluster is told once, and does them all."""
    if step >= steps_between(plan, stable, incoming):
        keeps = _beside(stable, incoming) and bool(plan.keep_warm)
        return whole(incoming, stable if keeps else None)
    if goes_by_steps(plan, stable, incoming):
        return split(plan, stable, incoming, weight=plan.steps[step].weight)
    return warming(stable, incoming)


def first_of(
    plan: Strategy | None, stable: RenderRequest | None, incoming: RenderRequest
) -> RenderRequest:
    """What a deploy has run of a version that may: all of it, or the first step of its rollout."""
    if plan is None or stable is None:
        return incoming
    if is_handed_over(stable, incoming):
        return warming(stable, incoming)  # how far it is only its controller knows
    if goes_by_steps(plan, stable, incoming):
        return split(plan, stable, incoming, weight=plan.steps[0].weight)
    keeps = is_warmed_up(plan, stable, incoming) and bool(plan.keep_warm)
    return whole(incoming, stable if keeps else None)


def incoming_of(request: RenderRequest) -> Backend | None:
    """The version that is taking over, None where nothing is."""
    return next((one for one in request.backends if one.name in (CANARY, SHADOW)), None)


def part(request: RenderRequest, name: str) -> Backend | None:
    """The backend with this part."""
    return next((one for one in request.split if one.name == name), None)


def serving_of(request: RenderRequest) -> Backend:
    """What serves, whatever takes over from it."""
    return part(request, STABLE) or request.split[0]


def is_split(request: RenderRequest) -> bool:
    """Whether a version is taking over."""
    return incoming_of(request) is not None


def steps_of(runs: RenderRequest, now: RenderRequest) -> bool:
    """Whether `now` is another step of the rollout that `runs` is a step of, or its end."""
    if not is_split(runs) or not set(_versions(now)) <= set(_versions(runs)):
        return False
    ours, theirs = replace(runs, backends=()), replace(now, backends=())
    return ours == theirs or (not is_split(now) and now.digest == serving_of(runs).digest)


def _versions(request: RenderRequest) -> Iterator[tuple[str, str, str]]:
    return ((one.version, one.digest, one.artifacts) for one in request.split)


def _backend(name: str, request: RenderRequest, weight: int) -> Backend:
    return Backend(
        name=name,
        version=request.version,
        digest=request.digest,
        artifacts=request.storage_uri,
        weight=weight,
    )

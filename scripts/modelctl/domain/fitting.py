"""Whether a serving target truly carries out a strategy, or would silently ignore a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from modelctl.domain.manifest import Serving
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.strategies import AB_TEST, SHADOW, STEPPED, Strategy

_KNATIVE = "knative"
_IN_MODES = frozenset({"kserve"})
"""The targets that read `mode` and `gateway`; to the others they mean nothing."""

Objection = tuple[str, str]


class Addressed(Protocol):
    """What says where callers reach a model."""

    @property
    def target(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def gateway(self) -> bool: ...


def same_address(one: Addressed, other: Addressed) -> bool:
    """Whether callers reach both at the same place, so that one can take over from the other by
    steps."""
    if one.target != other.target:
        return False
    return one.target not in _IN_MODES or (one.mode, one.gateway) == (other.mode, other.gateway)


def moving(before: Serving, serving: Serving, strategy: Strategy) -> Iterator[Objection]:
    """Why a version can't take over by the strategy's steps from what is served `before`."""
    if strategy.kind in STEPPED and not same_address(before, serving):
        between = f"{_told(before)}, which serves, and {_told(serving)}"
        yield (
            f"{strategy.name} would take over at once: nothing splits traffic between {between}",
            "leave serving as it is, or name an immediate or blue-green strategy in release.yaml",
        )


def _told(serving: Serving) -> str:
    if serving.target not in _IN_MODES:
        return serving.target
    return f"{serving.target} ({serving.mode}, gateway {str(serving.gateway).lower()})"


def objections(serving: Serving, strategy: Strategy) -> Iterator[Objection]:
    """Each reason why the target wouldn't do what the strategy says, with what to do instead."""
    target, mode = serving.target, serving.mode
    if target != "kserve" and mode != "standard":
        yield f"{target} has no {mode} mode; only kserve does", "remove serving.mode"
    if strategy.kind in STEPPED and not splits(serving):
        ignored = f"{target} would ignore {strategy.name}"
        yield (
            f"{ignored}: nothing splits its traffic without a Gateway API route",
            "set serving.gateway to true where the cluster has one, or choose blue-green",
        )
    if target == "kserve" and mode == _KNATIVE:
        yield from _in_knative(strategy)
    if target in STEPPED_BY_CONTROLLER:
        yield from _by_controller(target, strategy)


def splits(serving: Serving) -> bool:
    """Whether something divides or mirrors this target's traffic."""
    if serving.target == "kserve":
        return serving.gateway or serving.mode == _KNATIVE
    return serving.target in ("gateway-api", "local") or serving.gateway


def _in_knative(strategy: Strategy) -> Iterator[Objection]:
    """Two revisions and one share: nothing is mirrored, no header read, no third part served."""
    standard = "use serving.mode: standard with a Gateway API route, or a canary"
    if strategy.kind in (SHADOW, AB_TEST):
        yield (
            f"KServe's Knative mode has no {strategy.kind}: it only splits traffic by a share",
            standard,
        )
    if strategy.baseline:
        yield (
            f"KServe's Knative mode serves two versions, so {strategy.name} gets no baseline",
            standard,
        )


def _by_controller(target: str, strategy: Strategy) -> Iterator[Objection]:
    """What the controller that steps the rollout by itself has no words for."""
    other = "serve it by gateway-api or kserve, or choose another strategy"
    if strategy.kind == SHADOW:
        yield f"the controller of {target} compares no shadow with what serves", other
    if strategy.baseline:
        yield f"the controller of {target} knows no baseline, which {strategy.name} asks for", other
    if strategy.experiment is not None and strategy.experiment.header is not None:
        yield f"the controller of {target} sends no header's requests to a version", other

"""Whether a serving target truly carries out a strategy, or would silently ignore a part of it."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.manifest import Serving
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.strategies import AB_TEST, SHADOW, STEPPED, Strategy

_KNATIVE = "knative"
Objection = tuple[str, str]


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

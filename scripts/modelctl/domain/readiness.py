"""Whether objects of a cluster are ready, as their controllers say in `status`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from modelctl.domain.problems import Object, get, items


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """`ready`, or why not; `failed` says that waiting won't help."""

    ready: bool
    because: str = ""
    failed: bool = False


READY: Final = Readiness(ready=True)


def readiness(obj: Object) -> Readiness:
    """Whether an object is ready; those without a controller always are."""
    rule = RULES.get(str(obj.get("kind")))
    return READY if rule is None else rule(obj)


def answers(obj: Object) -> bool:
    """Whether a Deployment has a pod that answers: traffic may go there."""
    return int(get(obj, "status", "availableReplicas", default=0)) > 0


def _waiting(because: str) -> Readiness:
    return Readiness(ready=False, because=because)


def _seen(obj: Object) -> bool:
    """Whether the controller looked at this generation. Argo Rollouts writes it as text."""
    seen = get(obj, "status", "observedGeneration", default=0)
    return int(seen) >= int(get(obj, "metadata", "generation", default=0))


def _deployment(obj: Object) -> Readiness:
    progress = _condition(get(obj, "status", default={}), "Progressing")
    if get(progress, "reason") == "ProgressDeadlineExceeded":
        return Readiness(ready=False, because=str(get(progress, "message")), failed=True)
    if not _seen(obj):
        return _waiting("its controller hasn't seen it yet")
    wanted = get(obj, "spec", "replicas", default=1)
    updated = get(obj, "status", "updatedReplicas", default=0)
    available = get(obj, "status", "availableReplicas", default=0)
    if updated < wanted or available < wanted:
        return _waiting(f"{min(updated, available)} of {wanted} pods answer")
    return READY


def _inference_service(obj: Object) -> Readiness:
    if not _seen(obj):
        return _waiting("KServe hasn't seen it yet")
    ready = _condition(get(obj, "status", default={}), "Ready")
    if get(ready, "status") != "True":
        return _waiting(str(get(ready, "message") or get(ready, "reason") or "it isn't ready"))
    return READY


def _rollout(obj: Object) -> Readiness:
    """The controller takes hours for a rollout: it is enough that it took it on."""
    if not _seen(obj):
        return _waiting("Argo Rollouts hasn't seen it yet")
    if get(obj, "status", "phase") == "Degraded":
        message = str(get(obj, "status", "message", default="it is degraded"))
        return Readiness(ready=False, because=message, failed=True)
    return READY


def _route(obj: Object) -> Readiness:
    parents = items(obj, "status", "parents")
    if not parents:
        return _waiting("no Gateway has taken it yet")
    generation = int(get(obj, "metadata", "generation", default=0))
    for parent in parents:
        for kind in ("Accepted", "ResolvedRefs"):
            found = _condition(parent, kind)
            seen = int(get(found, "observedGeneration", default=0)) >= generation
            if not seen or get(found, "status") != "True":
                told = str(get(found, "message", default="")) if seen else ""
                return _waiting(f"it isn't {kind} yet{': ' if told else ''}{told}")
    return READY


def _condition(status: Any, kind: str) -> Mapping[str, Any]:
    found = (one for one in items(status, "conditions") if get(one, "type") == kind)
    return next(found, {})


RULES: Final[Mapping[str, Callable[[Object], Readiness]]] = MappingProxyType(
    {
        "Deployment": _deployment,
        "HTTPRoute": _route,
        "InferenceService": _inference_service,
        "Rollout": _rollout,
    }
)
"""How each kind tells."""

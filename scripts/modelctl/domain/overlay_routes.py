"""The `gateway-api` target: a Deployment and a Service for each version, and one route to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelctl.domain.backends import routed, service_of
from modelctl.domain.patching import (
    PLACEHOLDER,
    Operation,
    Patch,
    Patches,
    add,
    annotate,
    rename,
    replace,
)
from modelctl.domain.rendering import Backend, RenderRequest, plain
from modelctl.domain.serving import WHOLE

_PORT: Final = 80
_RULE: Final = "/spec/rules/0"


def workload(request: RenderRequest, backend: Backend, kind: str, name: str) -> Patches:
    """The pods of one version, and the autoscaler that an environment may have put over them.

    What is set in the pods depends on the version alone: else a step of a rollout would start them
    anew.
    """
    operations = [
        annotate("/spec/template/metadata", "version", backend.version),
        annotate("/spec/template/metadata", "digest", backend.digest),
        annotate("/spec/template/metadata", "artifacts", backend.artifacts),
    ]
    if request.resources:
        container = "/spec/template/spec/containers/0"
        operations.append({"op": "test", "path": f"{container}/name", "value": "model-server"})
        operations.append(replace(f"{container}/resources", plain(request.resources)))
    scaler = list(rename("/spec/scaleTargetRef/name", name))
    return {
        "pods.json": Patch(select={"kind": kind}, content=operations),
        "autoscaler.json": Patch(select={"kind": "HorizontalPodAutoscaler"}, content=scaler),
    }


def path_of(request: RenderRequest) -> Iterator[Operation]:
    """The path at which callers find a model."""
    path = f"{_RULE}/matches/0/path/value"
    yield from rename(path, request.model, before="/")


def splitting(request: RenderRequest) -> Iterator[Operation]:
    """The rules of a route: weights, copies for a shadow, and a rule of its own for a header.

    Whatever the base says of its one backend, each gets: its port, and filters if it has some. A
    backend has the same place in every rule, for some gateways count by that. The rule with the
    header comes first in the list, though the Gateway API prefers it for its header wherever it
    stands.
    """
    for field, value in (("name", PLACEHOLDER), ("weight", WHOLE)):
        yield {"op": "test", "path": f"{_RULE}/backendRefs/0/{field}", "value": value}
    weighted = routed(request)
    for _ in weighted[1:]:
        yield {"op": "copy", "from": f"{_RULE}/backendRefs/0", "path": f"{_RULE}/backendRefs/-"}
    for place, one in enumerate(weighted):
        yield replace(f"{_RULE}/backendRefs/{place}/name", service_of(request, one))
        yield replace(f"{_RULE}/backendRefs/{place}/weight", one.weight)
    for backend in request.split:
        if backend.mirror:
            yield add(f"{_RULE}/filters/-", _mirror(request, backend))
    marked = [(one, one.header) for one in request.split if one.header]
    for backend, (name, value) in marked:
        yield {"op": "copy", "from": _RULE, "path": "/spec/rules/0"}
        header = {"type": "Exact", "name": name, "value": value}
        yield add(f"{_RULE}/matches/0/headers", [header])
        for place, one in enumerate(weighted):
            share = WHOLE if one is backend else 0
            yield replace(f"{_RULE}/backendRefs/{place}/weight", share)


def _mirror(request: RenderRequest, backend: Backend) -> dict[str, Any]:
    mirror = {
        "backendRef": {"name": service_of(request, backend), "port": _PORT},
        "percent": backend.mirror,
    }
    return {"type": "RequestMirror", "requestMirror": mirror}

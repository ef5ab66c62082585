"""The `kserve` target: one InferenceService, whose predictors are named by version.

In Standard mode each version beside the stable one is an entry of `spec.canary`, a copy of the
stable predictor as the overlays made it. Promotion gives the stable predictor the name of the
canary and drops the entry, and KServe keeps the pods, for it names them by the predictor. Knative
mode keeps the version before as a revision, so only the new one stands in the object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from modelctl.domain.backends import BACKEND_LABEL, slug
from modelctl.domain.overlay_routes import path_of, splitting
from modelctl.domain.patching import Operation, Patch, Patches, add, annotate, drop, replace
from modelctl.domain.rendering import (
    VERSION_LABEL,
    Backend,
    RenderRequest,
    label_value,
    plain,
)
from modelctl.errors import ModelctlError

_AUTOSCALING: Final = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling")
"""What a predictor of `spec.canary` may not have: its replicas are fixed."""

_STABLE: Final = "/spec/predictor"


def inference_service(request: RenderRequest) -> Patches:
    """The InferenceService, and the route beside it where requests are copied or picked.

    Raises:
        ModelctlError: Knative mode is asked for what it can't do.
    """
    operations = [annotate("/metadata", "gateway-api", json.dumps(request.gateway))]
    if request.mode == "standard":
        operations += _standard(request)
    else:
        operations += _knative(request)
    patches = {
        "inference-service.json": Patch(select={"kind": "InferenceService"}, content=operations)
    }
    if beside(request) is None:
        return patches
    route = Patch(select={"kind": "HTTPRoute"}, content=[*path_of(request), *splitting(request)])
    return {**patches, "http-route.json": route}


def beside(request: RenderRequest) -> str | None:
    """The component with the route that this needs beside the one which KServe makes."""
    if request.mode != "standard":
        return None
    if any(backend.mirror for backend in request.backends):
        return "shadow"
    return "ab-test" if any(backend.header for backend in request.backends) else None


def _standard(request: RenderRequest) -> Iterator[Operation]:
    stable, *others = request.split
    yield from _predictor(request, stable, _STABLE)
    yield add(f"{_STABLE}/name", slug(request, stable))
    if not others:
        return
    if not request.gateway:
        raise ModelctlError(
            f"{request.model} would get no canary: nothing splits KServe's traffic without the "
            "Gateway API",
            mend="set serving.gateway to true where the cluster routes by it",
        )
    yield add("/spec/canary", [{"trafficPercent": other.weight} for other in others])
    for n, other in enumerate(others):
        path = f"/spec/canary/{n}/predictor"
        yield {"op": "copy", "from": _STABLE, "path": path}
        for field in _AUTOSCALING:
            yield from drop(f"{path}/{field}")
        yield from _predictor(request, other, path)
        yield replace(f"{path}/name", slug(request, other))


def _knative(request: RenderRequest) -> Iterator[Operation]:
    parts = [backend.name for backend in request.backends if backend.name != "previous"]
    if parts not in ([], ["stable"], ["stable", "canary"]) or any(
        backend.header or backend.mirror for backend in request.backends
    ):
        raise ModelctlError(
            f"KServe's Knative mode can't split {request.model} into {', '.join(parts)}: it only "
            "gives one new version a share",
            mend="use serving.mode: standard with a Gateway API route, or a plain canary",
        )
    newest = request.split[len(parts) - 1 if parts else 0]
    yield from _predictor(request, newest, _STABLE)
    if newest.name == "canary":
        yield add(f"{_STABLE}/canaryTrafficPercent", newest.weight)


def _predictor(request: RenderRequest, backend: Backend, path: str) -> Iterator[Operation]:
    """What depends on the version, and on nothing else: the pods are to stay as they are."""
    labels = {**request.labels, VERSION_LABEL: label_value(backend.version)}
    for key, value in {**labels, BACKEND_LABEL: slug(request, backend)}.items():
        yield add(f"{path}/labels/{key.replace('/', '~1')}", value)
    yield annotate(path, "version", backend.version)
    yield annotate(path, "digest", backend.digest)
    yield replace(f"{path}/model/modelFormat/name", request.model_format)
    yield replace(f"{path}/model/storageUri", backend.artifacts)
    if request.resources:
        yield replace(f"{path}/model/resources", plain(request.resources))

"""From a request to the files of a generated Kustomize overlay.

The overlay joins the base of the model's target with the environment's components, and patches what
only the request knows: the name, the version, the artifacts, and labels and annotations that say
who and what. The objects of a base are named `model`, `model-stable` or `model-canary`.

Kustomize isn't asked to follow references: it resolves them over the whole build, where it can't
tell one `model` from the next. So the fields that refer to one of these names are patched here, and
each patch tests first that the base still has the placeholder there. Custom resources get JSON 6902
patches: a strategic merge would replace their lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from modelctl.domain.rendering import NAME_LABEL, PREFIX, Backend, RenderRequest, plain, to_json
from modelctl.errors import ModelctlError

KUSTOMIZATION: Final = "kustomization.yaml"

_PLACEHOLDER: Final = "model"
_SUFFIXES: Final = ("", "-stable", "-canary")
_SPREAD: Final = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"
_GATEWAY_PLUGIN: Final = "/spec/strategy/canary/trafficRouting/plugins/argoproj-labs~1gatewayAPI"
_BACKEND_REFS: Final = "/spec/rules/0/backendRefs"

Operation = Mapping[str, Any]
"""One operation of RFC 6902."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A patch, and what it applies to: `select` holds regular expressions, as Kustomize has it."""

    select: Mapping[str, str]
    content: Any
    renames: bool = False

    def entry(self, file: str) -> Mapping[str, Any]:
        """Its line in a kustomization, with `file` as the patch."""
        options = {"options": {"allowNameChange": True}} if self.renames else {}
        return {"target": dict(self.select), "path": file, **options}


Patches = Mapping[str, Patch]
"""Patches by the names of their files."""


def folders_of(request: RenderRequest, folders: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The base and the components that the overlay joins, in the order in which they apply.

    `folders` are those of the trusted `kustomize/` that hold a kustomization.

    Raises:
        ModelctlError: a folder that the request needs isn't there.
    """
    base, overlay = f"base/{request.target}", f"overlays/{request.environment}"
    for_target, for_model = f"{overlay}/{request.target}", f"{overlay}/models/{request.model}"
    mode = [f"components/{request.target}-{request.mode}"] if request.mode != "standard" else []
    for needed in (base, overlay, *mode):
        if needed not in folders:
            raise _missing(request, needed, folders)
    components = (overlay, *(f for f in (for_target,) if f in folders), *mode)
    return base, (*components, *(f for f in (for_model,) if f in folders))


def overlay_files(
    request: RenderRequest, base: str, components: Sequence[str] = ()
) -> Mapping[str, str]:
    """The files of the generated overlay by their names, `kustomization.yaml` among them.

    `base` and `components` are paths as seen from the overlay's folder. Everything is written as
    JSON, which is YAML with each string quoted.

    Raises:
        ModelctlError: several backends, which only the local target can serve.
    """
    patches = {**_identity(request), **PATCHES[request.target](request), **_names(request)}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "components": list(components),
        "labels": _labels(request),
        "patches": [patch.entry(file) for file, patch in patches.items()],
    }
    files = {file: to_json(patch.content) for file, patch in patches.items()}
    return {KUSTOMIZATION: to_json(kustomization), **files}


def _missing(request: RenderRequest, needed: str, folders: Collection[str]) -> ModelctlError:
    parent = needed.rpartition("/")[0]
    there = sorted(f for f in folders if f.rpartition("/")[0] == parent)
    return ModelctlError(
        f"{request.model} needs kustomize/{needed}, which has no {KUSTOMIZATION}",
        mend=f"add it, or choose one of: {', '.join(there)}" if there else "add it",
    )


def _identity(request: RenderRequest) -> Patches:
    # Only metadata is merged here, which has no lists; so it suits objects of every kind.
    content = {
        "apiVersion": "v1",
        "kind": "Any",
        "metadata": {"name": "any", "annotations": dict(request.annotations)},
    }
    return {"annotations.json": Patch(select={"kind": ".*"}, content=content)}


def _names(request: RenderRequest) -> Patches:
    return {
        f"name{suffix}.json": Patch(
            select={"name": f"{_PLACEHOLDER}{suffix}"},
            content=[_replace("/metadata/name", f"{request.name}{suffix}")],
            renames=True,
        )
        for suffix in _SUFFIXES
    }


def _labels(request: RenderRequest) -> list[Mapping[str, Any]]:
    """Selectors go by the name, because it never changes; the other labels are for people."""
    pods = [
        {"kind": "Rollout", "path": "spec/template/metadata/labels", "create": True},
        {"kind": "InferenceService", "path": "spec/predictor/labels", "create": True},
    ]
    selectors = [
        {"kind": "Rollout", "path": "spec/selector/matchLabels", "create": True},
        {"kind": "Rollout", "path": _SPREAD},
    ]
    name = {NAME_LABEL: request.model}
    others = {key: value for key, value in request.labels.items() if key not in name}
    return [
        {"pairs": name, "includeSelectors": True, "fields": [*pods, *selectors]},
        {"pairs": others, "includeTemplates": True, "fields": pods},
    ]


def _kserve(request: RenderRequest) -> Patches:
    backend = _alone(request)
    operations = [
        _annotate("/metadata", "gateway-api", json.dumps(request.gateway)),
        _annotate("/spec/predictor", "version", backend.version),
        _annotate("/spec/predictor", "digest", backend.digest),
        _replace("/spec/predictor/model/modelFormat/name", request.model_format),
        _replace("/spec/predictor/model/storageUri", backend.artifacts),
    ]
    if request.resources:
        operations.append(_replace("/spec/predictor/model/resources", plain(request.resources)))
    return {
        "inference-service.json": Patch(select={"kind": "InferenceService"}, content=operations)
    }


def _gateway_api(request: RenderRequest) -> Patches:
    route = [
        *_rename(f"{_BACKEND_REFS}/0/name", request),
        *_rename("/spec/rules/0/matches/0/path/value", request, before="/", to=request.model),
    ]
    return {
        **_pods(request, "Deployment"),
        "http-route.json": Patch(select={"kind": "HTTPRoute"}, content=route),
    }


def _argo_rollouts(request: RenderRequest) -> Patches:
    route = [
        *_rename(f"{_BACKEND_REFS}/0/name", request, suffix="-stable"),
        *_rename(f"{_BACKEND_REFS}/1/name", request, suffix="-canary"),
        *_rename("/spec/rules/0/matches/0/path/value", request, before="/", to=request.model),
    ]
    references = [
        *_rename("/spec/strategy/canary/stableService", request, suffix="-stable"),
        *_rename("/spec/strategy/canary/canaryService", request, suffix="-canary"),
        *_rename(f"{_GATEWAY_PLUGIN}/httpRoute", request),
    ]
    return {
        **_pods(request, "Rollout"),
        "references.json": Patch(select={"kind": "Rollout"}, content=references),
        "http-route.json": Patch(select={"kind": "HTTPRoute"}, content=route),
    }


def _local(request: RenderRequest) -> Patches:
    operations = [
        *_rename("/spec/path", request, before="/", to=request.model),
        _replace("/spec/model", request.model),
        _replace("/spec/version", request.version),
        _replace("/spec/digest", request.digest),
        _replace("/spec/artifacts", request.storage_uri),
        _replace("/spec/backends", [backend.as_data() for backend in request.split]),
    ]
    return {"local-serving.json": Patch(select={"kind": "LocalServing"}, content=operations)}


PATCHES: Final[Mapping[str, Callable[[RenderRequest], Patches]]] = MappingProxyType(
    {
        "argo-rollouts": _argo_rollouts,
        "gateway-api": _gateway_api,
        "kserve": _kserve,
        "local": _local,
    }
)
"""What each target needs to be told, beside names, labels and annotations."""


def _pods(request: RenderRequest, kind: str) -> Patches:
    """The pods of a workload, and the autoscaler that an environment may have put over it."""
    backend = _alone(request)
    operations = [
        _annotate("/spec/template/metadata", "version", backend.version),
        _annotate("/spec/template/metadata", "digest", backend.digest),
        _annotate("/spec/template/metadata", "artifacts", backend.artifacts),
    ]
    if request.resources:
        container = "/spec/template/spec/containers/0"
        operations.append({"op": "test", "path": f"{container}/name", "value": "model-server"})
        operations.append(_replace(f"{container}/resources", plain(request.resources)))
    scaler = [*_rename("/spec/scaleTargetRef/name", request)]
    return {
        "pods.json": Patch(select={"kind": kind}, content=operations),
        "autoscaler.json": Patch(select={"kind": "HorizontalPodAutoscaler"}, content=scaler),
    }


def _alone(request: RenderRequest) -> Backend:
    if len(request.split) != 1:
        raise ModelctlError(
            f"{request.model} has {len(request.split)} backends, but {request.target} is deployed "
            "with one version at a time"
        )
    return request.split[0]


def _rename(
    path: str, request: RenderRequest, *, before: str = "", suffix: str = "", to: str | None = None
) -> Iterator[Operation]:
    """Put a name where the base has the placeholder; anything else there fails the build."""
    yield {"op": "test", "path": path, "value": f"{before}{_PLACEHOLDER}{suffix}"}
    yield _replace(path, f"{before}{to or request.name}{suffix}")


def _annotate(parent: str, name: str, value: str) -> Operation:
    return _replace(f"{parent}/annotations/{PREFIX}~1{name}", value)


def _replace(path: str, value: Any) -> Operation:
    return {"op": "replace", "path": path, "value": value}

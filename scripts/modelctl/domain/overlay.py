"""From a request to the files of a generated Kustomize overlay.

The overlay joins the base of the model's target with the environment's components, and patches what
only the request knows: the names, the versions, the artifacts, and labels and annotations that say
who and what. The objects of a base are named `model`, `model-stable`, `model-canary`
or `model-split`.

Where each version has objects of its own, the base is built once for each of them, below one
kustomization; the route is kept from the first alone. Components of a part (`canary`, `shadow` …)
say how that part differs, such as in its replicas.

Kustomize isn't asked to follow references: it resolves them over the whole build, where it can't
tell one `model` from the next. So the fields that refer to one of these names are patched here, and
each patch tests first that the base still has the placeholder there. Custom resources get JSON 6902
patches: a strategic merge would replace their lists.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from modelctl.domain.backends import BACKEND_LABEL, backend_name, slug
from modelctl.domain.overlay_argo import argo_rollouts
from modelctl.domain.overlay_kserve import beside, inference_service
from modelctl.domain.overlay_routes import path_of, splitting, workload
from modelctl.domain.patching import PLACEHOLDER, Patch, Patches, rename, replace
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.rendering import (
    NAME_LABEL,
    PARTS,
    PREFIX,
    VERSION_LABEL,
    Backend,
    RenderRequest,
    label_value,
    to_json,
)
from modelctl.errors import ModelctlError

KUSTOMIZATION: Final = "kustomization.yaml"

_SUFFIXES: Final = ("", "-stable", "-canary", "-split")
_SPREAD: Final = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"
_EACH_ITS_OWN: Final = frozenset({"gateway-api"})
"""The targets whose versions have objects of their own; the others hold all in one."""

_SERVING: Final = "serving"
_NO_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The folders that an overlay joins: the base, the components in the order in which they apply,
    and those of each part, which come after them."""

    base: str
    components: tuple[str, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_PARTS)


def layers_of(request: RenderRequest, folders: Collection[str]) -> Layers:
    """What the overlay joins. `folders` are those of the trusted `kustomize/` that hold a
    kustomization.

    Raises:
        ModelctlError: a folder that the request needs isn't there.
    """
    base, overlay = f"base/{request.target}", f"overlays/{request.environment}"
    for_target, for_model = f"{overlay}/{request.target}", f"{overlay}/models/{request.model}"
    mode = [f"components/{request.target}-{request.mode}"] if request.mode != "standard" else []
    route = beside(request) if request.target == "kserve" else None
    first = [f"components/{route}/{request.target}"] if route else []
    for needed in (base, *first, overlay, *mode):
        if needed not in folders:
            raise _missing(request, needed, folders)
    found = (*(f for f in (for_target,) if f in folders), *mode)
    components = (*first, overlay, *found, *(f for f in (for_model,) if f in folders))
    parts = {
        part: tuple(f for f in (f"{for_target}/{part}", f"{for_model}/{part}") if f in folders)
        for part in PARTS
    }
    return Layers(base=base, components=components, parts=parts)


def overlay_files(request: RenderRequest, layers: Layers, above: str = "") -> Mapping[str, str]:
    """The files of the generated overlay by their names, `kustomization.yaml` among them.

    `above` leads from the overlay's folder to that of `layers`. Everything is written as JSON,
    which is YAML with each string quoted.

    Raises:
        ModelctlError: a split that the target can't serve.
    """
    if request.target in _EACH_ITS_OWN and len(request.split) > 1:
        return _several(request, layers, above)
    # A controller has one object for all: what a part of it were like would start its pods anew.
    shown = request.split[:1] if request.target in STEPPED_BY_CONTROLLER else request.split
    parts = [one for backend in shown for one in layers.parts.get(backend.name, ())]
    if request.target != "kserve" or not parts:
        return _unit(request, request.split[0], layers, above, parts)
    return _inside(request, layers, above, parts)


def _inside(
    request: RenderRequest, layers: Layers, above: str, parts: Sequence[str]
) -> Mapping[str, str]:
    """One object with all versions: what its parts are to be like is said once they are in it."""
    outer = {"resources": [_SERVING], "components": [above + part for part in parts]}
    unit = _unit(request, request.split[0], layers, f"../{above}", ())
    inner = {f"{_SERVING}/{file}": text for file, text in unit.items()}
    return {KUSTOMIZATION: to_json(outer), **inner}


def _several(request: RenderRequest, layers: Layers, above: str) -> Mapping[str, str]:
    files = {KUSTOMIZATION: to_json({"resources": [one.name for one in request.split]})}
    for backend in request.split:
        parts = layers.parts.get(backend.name, ())
        unit = _unit(request, backend, layers, f"../{above}", parts)
        files.update({f"{backend.name}/{file}": text for file, text in unit.items()})
    return files


def _unit(
    request: RenderRequest, backend: Backend, layers: Layers, above: str, part: Sequence[str]
) -> Mapping[str, str]:
    """One base with its components, for one version or for all in one."""
    patches = {
        **_identity(request, backend),
        **PATCHES[request.target](request, backend),
        **_names(request, backend),
    }
    added = {file: patch for file, patch in patches.items() if not patch.select}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [above + layers.base, *added],
        "components": [above + one for one in (*layers.components, *part)],
        "labels": _labels(request, backend),
        "patches": [patch.entry(file) for file, patch in patches.items() if file not in added],
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


def _identity(request: RenderRequest, backend: Backend) -> Patches:
    """What and by whose word: the objects of another version than the one that comes in say only
    which it is, for this request knows no more of it."""
    annotations = dict(request.annotations)
    if request.target in _EACH_ITS_OWN and backend.digest != request.digest:
        annotations = {
            f"{PREFIX}/version": backend.version,
            f"{PREFIX}/digest": backend.digest,
        }
    # Only metadata is merged here, which has no lists; so it suits objects of every kind.
    patches = {"annotations.json": Patch(select={"kind": ".*"}, content=_annotations(annotations))}
    if annotations != request.annotations:
        shared = _annotations(request.annotations)
        patches["shared.json"] = Patch(select={"kind": "HTTPRoute"}, content=shared)
    return patches


def _annotations(annotations: Mapping[str, str]) -> Mapping[str, Any]:
    metadata = {"name": "any", "annotations": dict(annotations)}
    return {"apiVersion": "v1", "kind": "Any", "metadata": metadata}


def _names(request: RenderRequest, backend: Backend) -> Patches:
    own = backend_name(request, backend) if request.target in _EACH_ITS_OWN else request.name
    patches = {
        f"name{suffix}.json": Patch(
            select={"name": f"{PLACEHOLDER}{suffix}"},
            content=[replace("/metadata/name", f"{own}{suffix}")],
            renames=True,
        )
        for suffix in _SUFFIXES
    }
    if own == request.name:
        return patches
    # After the others, for a selection by name goes by the first one, too.
    route = Patch(
        select={"kind": "HTTPRoute", "name": PLACEHOLDER},
        content=[replace("/metadata/name", request.name)],
        renames=True,
    )
    return {**patches, "route-name.json": route}


def _labels(request: RenderRequest, backend: Backend) -> list[Mapping[str, Any]]:
    """Selectors go by names that never change: the model's, and the version's where each has pods
    of its own; the other labels are for people."""
    pods = [{"kind": "Rollout", "path": "spec/template/metadata/labels", "create": True}]
    selectors = [
        {"kind": "Rollout", "path": "spec/selector/matchLabels", "create": True},
        {"kind": "Rollout", "path": _SPREAD},
    ]
    pairs = {NAME_LABEL: request.model}
    labels = dict(request.labels)
    if request.target in _EACH_ITS_OWN:
        pairs[BACKEND_LABEL] = slug(request, backend)
        labels[VERSION_LABEL] = label_value(backend.version)
    others = {key: value for key, value in labels.items() if key not in pairs}
    return [
        {"pairs": pairs, "includeSelectors": True, "fields": [*pods, *selectors]},
        {"pairs": others, "includeTemplates": True, "fields": pods},
    ]


def _kserve(request: RenderRequest, _: Backend) -> Patches:
    return inference_service(request)


def _gateway_api(request: RenderRequest, backend: Backend) -> Patches:
    pods = workload(request, backend, "Deployment", backend_name(request, backend))
    if backend != request.split[0]:
        gone = {"$patch": "delete", "apiVersion": "v1", "kind": "Any", "metadata": {"name": "any"}}
        return {**pods, "http-route.json": Patch(select={"kind": "HTTPRoute"}, content=gone)}
    rules = [*path_of(request), *splitting(request)]
    return {**pods, "http-route.json": Patch(select={"kind": "HTTPRoute"}, content=rules)}


def _argo_rollouts(request: RenderRequest, _: Backend) -> Patches:
    return argo_rollouts(request)


def _local(request: RenderRequest, _: Backend) -> Patches:
    operations = [
        *rename("/spec/path", request.model, before="/"),
        replace("/spec/model", request.model),
        replace("/spec/version", request.version),
        replace("/spec/digest", request.digest),
        replace("/spec/artifacts", request.storage_uri),
        replace("/spec/backends", [backend.as_data() for backend in request.split]),
    ]
    return {"local-serving.json": Patch(select={"kind": "LocalServing"}, content=operations)}


PATCHES: Final[Mapping[str, Callable[[RenderRequest, Backend], Patches]]] = MappingProxyType(
    {
        "argo-rollouts": _argo_rollouts,
        "gateway-api": _gateway_api,
        "kserve": _kserve,
        "local": _local,
    }
)
"""What each target needs to be told of a version, beside names, labels and annotations."""

"""Rules for rendered Kubernetes objects that no schema states, or that the CRDs leave open."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from modelctl.domain.kserve import check_inference_service
from modelctl.domain.local_manifest import parse_local_serving
from modelctl.domain.problems import Issue, Object, Problem, get, items, pairs, percent
from modelctl.domain.rendering import PREFIX
from modelctl.domain.serving import WHOLE
from modelctl.errors import ModelctlError

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LOCATION = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*:/")
_LONGEST_NAME: Final = 253
_ARTIFACTS: Final = f"{PREFIX}/artifacts"

_SERVICES: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "canary": ("stableService", "canaryService"),
        "blueGreen": ("activeService", "previewService"),
    }
)
"""The Services that each strategy of a Rollout names."""

Key = tuple[str, str, str]
"""Kind, namespace and name."""


def check_objects(objects: Sequence[Object]) -> tuple[Problem, ...]:
    """Every problem of these objects by themselves and with each other, in a stable order."""
    alone = (issue.of(obj) for obj in objects for issue in _check(obj))
    return tuple(sorted([*alone, *_check_duplicates(objects), *_check_references(objects)]))


def key_of(obj: Object) -> Key:
    """What must be unique."""
    namespace = get(obj, "metadata", "namespace", default="")
    return str(obj.get("kind")), str(namespace), str(get(obj, "metadata", "name", default=""))


def _check(obj: Object) -> Iterator[Issue]:
    yield from _check_name(obj)
    for path in (("metadata", "labels"), ("spec", "template", "metadata", "labels")):
        yield from _check_labels(obj, path)
    rule = RULES.get(str(obj.get("kind")))
    if rule:
        yield from rule(obj)


def _check_name(obj: Object) -> Iterator[Issue]:
    name = str(get(obj, "metadata", "name", default=""))
    parts = name.split(".")
    if not all(_DNS_LABEL.fullmatch(part) for part in parts) or len(name) > _LONGEST_NAME:
        yield Issue(path="metadata.name", message=f"{name!r} is not a DNS name (RFC 1123)")
    namespace = get(obj, "metadata", "namespace")
    if namespace is not None and not _DNS_LABEL.fullmatch(str(namespace)):
        yield Issue(path="metadata.namespace", message=f"{namespace!r} is not a DNS label")


def _check_labels(obj: Object, path: tuple[str, ...]) -> Iterator[Issue]:
    for key, value in pairs(obj, *path):
        prefix, slash, name = key.rpartition("/")
        named = all(_DNS_LABEL.fullmatch(part) for part in prefix.split(".")) if slash else True
        if not named or not _LABEL_NAME.fullmatch(name):
            yield Issue(path=f"{'.'.join(path)}.{key}", message="this can't be the name of a label")
        if not isinstance(value, str) or (value and not _LABEL_NAME.fullmatch(value)):
            yield Issue(
                path=f"{'.'.join(path)}.{key}",
                message=f"{value!r} can't be the value of a label",
                mend="at most 63 of A-Z, a-z, 0-9, -, _ and ., as text",
            )


def _check_service(obj: Object) -> Iterator[Issue]:
    name = str(get(obj, "metadata", "name", default=""))
    if not _SERVICE_NAME.fullmatch(name):
        yield Issue(path="metadata.name", message="a Service begins with a letter (RFC 1035)")


def _check_workload(obj: Object) -> Iterator[Issue]:
    for field in ("initContainers", "containers"):
        for n, container in enumerate(items(obj, "spec", "template", "spec", field)):
            if not get(container, "image"):
                path = f"spec.template.spec.{field}[{n}].image"
                yield Issue(path=path, message="there is no image")
    if not items(obj, "spec", "template", "spec", "containers"):
        yield Issue(path="spec.template.spec.containers", message="there is no container")
    labels = dict(pairs(obj, "spec", "template", "metadata", "labels"))
    for key, value in pairs(obj, "spec", "selector", "matchLabels"):
        if labels.get(key) != value:
            yield Issue(
                path=f"spec.selector.matchLabels.{key}", message="the pods have another label"
            )
    artifacts = get(obj, "spec", "template", "metadata", "annotations", _ARTIFACTS)
    if artifacts is not None and not _LOCATION.match(str(artifacts)):
        yield Issue(
            path=f"spec.template.metadata.annotations.{_ARTIFACTS}",
            message=f"a pod can't load a model from {artifacts!r}",
            mend="use models:/… or an object store",
        )


def _check_rollout(obj: Object) -> Iterator[Issue]:
    yield from _check_workload(obj)
    canary = get(obj, "spec", "strategy", "canary")
    for n, step in enumerate(items(canary, "steps")):
        weight = get(step, "setWeight")
        if weight is not None and percent(weight) is None:
            path = f"spec.strategy.canary.steps[{n}].setWeight"
            yield Issue(path=path, message=f"{weight} is not a share from 0 to 100")
    for field in ("stableService", "canaryService"):
        if get(canary, "trafficRouting") and not get(canary, field):
            path = f"spec.strategy.canary.{field}"
            yield Issue(path=path, message="traffic can't be routed without it")


def _check_route(obj: Object) -> Iterator[Issue]:
    if not items(obj, "spec", "hostnames"):
        yield Issue(
            path="spec.hostnames",
            message="without one it takes the requests of every host",
            mend="set it in the overlay of the environment",
        )
    for n, rule in enumerate(items(obj, "spec", "rules")):
        refs = items(rule, "backendRefs")
        weights = [get(ref, "weight", default=WHOLE if len(refs) == 1 else 1) for ref in refs]
        if refs:
            yield from _check_weights(weights, f"spec.rules[{n}].backendRefs")
        yield from _check_mirrors(rule, f"spec.rules[{n}]")


def _check_mirrors(rule: object, path: str) -> Iterator[Issue]:
    for n, one in enumerate(items(rule, "filters")):
        share = get(one, "requestMirror", "percent")
        if share is not None and percent(share) is None:
            where = f"{path}.filters[{n}].requestMirror.percent"
            yield Issue(path=where, message=f"{share} is not a share from 0 to {WHOLE}")


def _check_weights(weights: Sequence[Any], path: str) -> Iterator[Issue]:
    wrong = [weight for weight in weights if percent(weight) is None]
    for weight in wrong:
        yield Issue(path=path, message=f"the weight {weight} is not a share from 0 to {WHOLE}")
    if not wrong and sum(weights) != WHOLE:
        yield Issue(path=path, message=f"the weights add up to {sum(weights)}, not {WHOLE}")


def _check_autoscaler(obj: Object) -> Iterator[Issue]:
    least, most = get(obj, "spec", "minReplicas", default=1), get(obj, "spec", "maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Issue(path="spec.minReplicas", message=f"{least} is more than maxReplicas, {most}")


def _check_local(obj: Object) -> Iterator[Issue]:
    try:
        parse_local_serving(obj)
    except ModelctlError as error:
        yield Issue(path="spec", message=error.message, mend=error.mend or "")


RULES: Final[Mapping[str, Callable[[Object], Iterable[Issue]]]] = MappingProxyType(
    {
        "Deployment": _check_workload,
        "HTTPRoute": _check_route,
        "HorizontalPodAutoscaler": _check_autoscaler,
        "InferenceService": check_inference_service,
        "LocalServing": _check_local,
        "Rollout": _check_rollout,
        "Service": _check_service,
    }
)
"""The rules of each kind."""


def _check_duplicates(objects: Iterable[Object]) -> Iterator[Problem]:
    first: dict[Key, Object] = {}
    count = Counter(key_of(obj) for obj in objects)
    for obj in objects:
        first.setdefault(key_of(obj), obj)
    for key, obj in first.items():
        if count[key] > 1:
            issue = Issue(path="", message=f"it is there {count[key]} times, so one would be lost")
            yield issue.of(obj)


def _check_references(objects: Sequence[Object]) -> Iterator[Problem]:
    """What an object sends traffic to, or scales, must be rendered with it."""
    there = {key_of(obj) for obj in objects} | {key for obj in objects for key in _made(obj)}
    for obj in objects:
        for path, kind, name, namespace in _references(obj):
            if (kind, namespace, name) not in there:
                yield Issue(path=path, message=f"there is no {kind} {name}").of(obj)


def _made(obj: Object) -> Iterator[Key]:
    """The Services that KServe makes for the predictors of an InferenceService that have a name."""
    kind, namespace, name = key_of(obj)
    if kind != "InferenceService":
        return
    canaries = (get(canary, "predictor") for canary in items(obj, "spec", "canary"))
    for predictor in (get(obj, "spec", "predictor"), *canaries):
        if get(predictor, "name"):
            yield "Service", namespace, f"{name}-{get(predictor, 'name')}-predictor"


def _references(obj: Object) -> Iterator[tuple[str, str, str, str]]:
    """Each path that refers to an object, with its kind, name and namespace."""
    own = str(get(obj, "metadata", "namespace", default=""))
    for n, rule in enumerate(items(obj, "spec", "rules") if obj.get("kind") == "HTTPRoute" else ()):
        for path, ref in _sent_to(rule, f"spec.rules[{n}]"):
            namespace = str(get(ref, "namespace", default=own))
            yield path, str(get(ref, "kind", default="Service")), str(get(ref, "name")), namespace
    if obj.get("kind") == "Rollout":
        yield from _named_by_rollout(obj, own)
    if obj.get("kind") == "HorizontalPodAutoscaler":
        target = get(obj, "spec", "scaleTargetRef")
        yield "spec.scaleTargetRef", str(get(target, "kind")), str(get(target, "name")), own


def _sent_to(rule: object, path: str) -> Iterator[tuple[str, object]]:
    """Where a rule sends requests, or copies of them."""
    for m, ref in enumerate(items(rule, "backendRefs")):
        yield f"{path}.backendRefs[{m}].name", ref
    for m, one in enumerate(items(rule, "filters")):
        mirrored = get(one, "requestMirror", "backendRef")
        if mirrored is not None:
            yield f"{path}.filters[{m}].requestMirror.backendRef.name", mirrored


def _named_by_rollout(obj: Object, own: str) -> Iterator[tuple[str, str, str, str]]:
    """The Services and the AnalysisTemplates of a Rollout."""
    for strategy, fields in _SERVICES.items():
        chosen = get(obj, "spec", "strategy", strategy)
        for field in fields:
            if get(chosen, field):
                path = f"spec.strategy.{strategy}.{field}"
                yield path, "Service", str(get(chosen, field)), own
    for path, name in _analyses(get(obj, "spec", "strategy", default={}), "spec.strategy"):
        yield path, "AnalysisTemplate", name, own


def _analyses(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Each `templateName` below `value`, with its path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "templateName":
                yield f"{path}.{key}", str(inner)
            else:
                yield from _analyses(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _analyses(inner, f"{path}[{n}]")

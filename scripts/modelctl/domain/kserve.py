"""What KServe 0.20 refuses or silently ignores in an InferenceService that its CRD accepts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from modelctl.domain.problems import Issue, Object, get, items, percent
from modelctl.domain.rendering import PREFIX

MODE: Final = "serving.kserve.io/deploymentMode"
GATEWAY: Final = f"{PREFIX}/gateway-api"

_MODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Standard": "Standard",
        "RawDeployment": "Standard",
        "Knative": "Knative",
        "Serverless": "Knative",
    }
)
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# The last three through the storage container of `kustomize/cluster/kserve`.
_SCHEMES: Final = (
    "gs://",
    "s3://",
    "hf://",
    "pvc://",
    "hdfs://",
    "webhdfs://",
    "http://",
    "https://",
    "oci://",
    "oci+native://",
    "oci+fetch://",
    "models:/",
    "runs:/",
    "mlflow-artifacts:/",
)
_FIXED: Final = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling", "workerSpec")


def check_inference_service(obj: Object) -> Iterator[Issue]:
    """All that is wrong with one InferenceService."""
    mode = _MODES.get(str(get(obj, "metadata", "annotations", MODE)))
    if mode is None:
        yield Issue(
            path=f"metadata.annotations.{MODE}",
            message="without it the default of each cluster decides the mode",
            mend="set it to Standard or Knative",
        )
    if not _NAME.fullmatch(str(get(obj, "metadata", "name"))):
        yield Issue(path="metadata.name", message="KServe wants a letter first, then a-z, 0-9, -")
    predictor = get(obj, "spec", "predictor", default={})
    yield from _check_predictor(predictor, "spec.predictor")
    yield from _check_traffic_percent(predictor, mode)
    canaries = items(obj, "spec", "canary")
    if canaries:
        yield from _check_split(obj, mode)
        yield from _check_canaries(predictor, canaries)


def _check_predictor(predictor: Any, path: str) -> Iterator[Issue]:
    if not get(predictor, "model"):
        yield Issue(path=f"{path}.model", message="it is missing")
        return
    if not get(predictor, "model", "modelFormat", "name"):
        yield Issue(
            path=f"{path}.model.modelFormat.name",
            message="without it no runtime can be chosen",
            mend="set it, to mlflow for instance",
        )
    uri = get(predictor, "model", "storageUri", default="")
    if not str(uri).startswith(_SCHEMES):
        yield Issue(
            path=f"{path}.model.storageUri",
            message=f"a pod can't load a model from {uri!r}",
            mend="use models:/… or an object store",
        )
    smallest, largest = get(predictor, "minReplicas", default=1), get(predictor, "maxReplicas")
    # KServe reads 0 as no limit.
    if _above(smallest, largest) and largest != 0:
        yield Issue(
            path=f"{path}.minReplicas", message=f"{smallest} is more than maxReplicas, {largest}"
        )


def _check_traffic_percent(predictor: Any, mode: str | None) -> Iterator[Issue]:
    share = get(predictor, "canaryTrafficPercent")
    path = "spec.predictor.canaryTrafficPercent"
    if share is None:
        return
    if percent(share) is None:
        yield Issue(path=path, message=f"{share} is not a share from 0 to 100")
    if mode != "Knative":
        yield Issue(
            path=path,
            message="KServe ignores it except in Knative mode, so the canary would get no share",
            mend="use spec.canary, or the Knative mode",
        )


def _check_split(obj: Object, mode: str | None) -> Iterator[Issue]:
    if mode != "Standard":
        yield Issue(
            path="spec.canary",
            message="it works in Standard mode only",
            mend="use canaryTrafficPercent in Knative mode",
        )
    elif str(get(obj, "metadata", "annotations", MODE)) != "Standard":
        yield Issue(
            path=f"metadata.annotations.{MODE}",
            message="spec.canary needs it to be Standard, not its old name",
        )
    if str(get(obj, "metadata", "annotations", GATEWAY)) != "true":
        yield Issue(
            path="spec.canary",
            message="nothing splits its traffic without the Gateway API",
            mend="set serving.gateway to true where the cluster routes by the Gateway API",
        )


def _check_canaries(stable: Any, canaries: Any) -> Iterator[Issue]:
    for n, canary in enumerate(canaries):
        path = f"spec.canary[{n}]"
        if percent(get(canary, "trafficPercent")) is None:
            yield Issue(
                path=f"{path}.trafficPercent",
                message=f"{get(canary, 'trafficPercent')} is not a share from 0 to 100",
            )
        predictor = get(canary, "predictor", default={})
        yield from _check_predictor(predictor, f"{path}.predictor")
        yield from _check_canary(predictor, stable, f"{path}.predictor")
    yield from _check_names(stable, canaries)
    total = sum(percent(get(canary, "trafficPercent")) or 0 for canary in canaries)
    if total > 100:
        yield Issue(path="spec.canary", message=f"the shares add up to {total}, more than 100")


def _check_canary(predictor: Any, stable: Any, path: str) -> Iterator[Issue]:
    """A canary has a fixed number of replicas, no more than the stable predictor's least."""
    for field in _FIXED:
        if get(predictor, field) not in (None, 0):
            yield Issue(
                path=f"{path}.{field}", message="a canary has fixed replicas", mend="remove it"
            )
    if get(predictor, "canaryTrafficPercent") is not None:
        yield Issue(
            path=f"{path}.canaryTrafficPercent",
            message="KServe ignores it here",
            mend="set trafficPercent beside the predictor",
        )
    least = get(stable, "minReplicas", default=1)
    if _above(get(predictor, "minReplicas"), least):
        yield Issue(
            path=f"{path}.minReplicas",
            message=f"{get(predictor, 'minReplicas')} is more than the stable predictor's {least}",
        )


def _check_names(stable: Any, canaries: Any) -> Iterator[Issue]:
    names = [str(get(canary, "predictor", "name", default="")) for canary in canaries]
    count = Counter([*names, str(get(stable, "name", default=""))])
    for n, name in enumerate(names):
        path = f"spec.canary[{n}].predictor.name"
        if not _NAME.fullmatch(name):
            yield Issue(path=path, message=f"{name!r} is not a name", mend="such as v1-2-0")
        elif count[name] > 1:
            yield Issue(path=path, message=f"{name} is the name of another predictor too")


def _above(value: Any, limit: Any) -> bool:
    return isinstance(value, int) and isinstance(limit, int) and value > limit

"""What KServe 0.20 refuses (its `inference_service_validation.go`) or silently ignores."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from modelctl.domain.kserve import check_inference_service

Object = dict[str, Any]
Change = Callable[[Object, Object, Object], object]
"""Changes an InferenceService, given it, its predictor and its first canary."""

PREDICTOR = {
    "minReplicas": 3,
    "maxReplicas": 6,
    "model": {"modelFormat": {"name": "mlflow"}, "storageUri": "models:/m-1"},
}


def canary(name: str, **share: int) -> Object:
    model = {"modelFormat": {"name": "mlflow"}, "storageUri": "s3://models/m-2"}
    return {"predictor": {"name": name, "minReplicas": 1, "model": model}, **share}


SERVICE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {
        "name": "tumor-classifier",
        "annotations": {
            "serving.kserve.io/deploymentMode": "Standard",
            "modelctl.dev/gateway-api": "true",
        },
    },
    "spec": {
        "predictor": PREDICTOR,
        "canary": [canary("v1-1-0", trafficPercent=10), canary("v1-2-0", trafficPercent=0)],
    },
}
MODE = "serving.kserve.io/deploymentMode"


def changed(change: Change) -> Object:
    service: Object = json.loads(json.dumps(SERVICE))
    spec: Any = service["spec"]
    change(service, spec["predictor"], spec["canary"][0])
    return service


def annotate(service: Object, **annotations: str) -> None:
    names = {"mode": MODE, "gateway": "modelctl.dev/gateway-api"}
    service["metadata"]["annotations"].update(
        {names[key]: value for key, value in annotations.items()}
    )


def knative(service: Object, **changes: int) -> None:
    """The same service in Knative mode, without `spec.canary`."""
    annotate(service, mode="Knative")
    del service["spec"]["canary"]
    service["spec"]["predictor"].update(changes)


FINE: list[Change] = [
    lambda s, p, c: None,
    lambda s, p, c: s["spec"].pop("canary"),
    lambda s, p, c: knative(s),
    lambda s, p, c: knative(s, canaryTrafficPercent=0),
    lambda s, p, c: knative(s, canaryTrafficPercent=100),
    lambda s, p, c: (knative(s, canaryTrafficPercent=10), annotate(s, mode="Serverless")),
    lambda s, p, c: (s["spec"].pop("canary"), annotate(s, mode="RawDeployment", gateway="false")),
    lambda s, p, c: (p.pop("minReplicas"), p.pop("maxReplicas")),
    lambda s, p, c: p.update(maxReplicas=0),
    lambda s, p, c: c["predictor"].pop("minReplicas"),
    lambda s, p, c: c["predictor"].update(minReplicas=3, maxReplicas=0),
    lambda s, p, c: p["model"].update(storageUri="pvc://claim/model"),
]


@pytest.mark.parametrize("change", FINE)
def test_what_kserve_takes_is_fine(change: Change) -> None:
    assert list(check_inference_service(changed(change))) == []


BROKEN: list[tuple[Change, str, str]] = [
    (
        lambda s, p, c: (s["metadata"]["annotations"].pop(MODE), s["spec"].pop("canary")),
        f"metadata.annotations.{MODE}",
        "without it the default of each cluster decides the mode",
    ),
    (
        lambda s, p, c: s["metadata"].update(name="2nd"),
        "metadata.name",
        "KServe wants a letter first, then a-z, 0-9, -",
    ),
    (lambda s, p, c: p.pop("model"), "spec.predictor.model", "it is missing"),
    (
        lambda s, p, c: p["model"].pop("modelFormat"),
        "spec.predictor.model.modelFormat.name",
        "without it no runtime can be chosen",
    ),
    (
        lambda s, p, c: p["model"].update(modelFormat={"name": ""}),
        "spec.predictor.model.modelFormat.name",
        "without it no runtime can be chosen",
    ),
    (
        lambda s, p, c: p["model"].update(storageUri="artifacts/tumor"),
        "spec.predictor.model.storageUri",
        "a pod can't load a model from 'artifacts/tumor'",
    ),
    (
        lambda s, p, c: c["predictor"]["model"].update(storageUri="file:///home/ada"),
        "spec.canary[0].predictor.model.storageUri",
        "a pod can't load a model from 'file:///home/ada'",
    ),
    (
        lambda s, p, c: p.update(minReplicas=7),
        "spec.predictor.minReplicas",
        "7 is more than maxReplicas, 6",
    ),
    (
        lambda s, p, c: p.update(canaryTrafficPercent=10),
        "spec.predictor.canaryTrafficPercent",
        "KServe ignores it except in Knative mode, so the canary would get no share",
    ),
    (
        lambda s, p, c: knative(s, canaryTrafficPercent=150),
        "spec.predictor.canaryTrafficPercent",
        "150 is not a share from 0 to 100",
    ),
    (
        lambda s, p, c: annotate(s, mode="Knative"),
        "spec.canary",
        "it works in Standard mode only",
    ),
    (
        lambda s, p, c: annotate(s, mode="RawDeployment"),
        f"metadata.annotations.{MODE}",
        "spec.canary needs it to be Standard, not its old name",
    ),
    (
        lambda s, p, c: annotate(s, gateway="false"),
        "spec.canary",
        "nothing splits its traffic without the Gateway API",
    ),
    (
        lambda s, p, c: c.update(trafficPercent=-1),
        "spec.canary[0].trafficPercent",
        "-1 is not a share from 0 to 100",
    ),
    (
        lambda s, p, c: c.pop("trafficPercent"),
        "spec.canary[0].trafficPercent",
        "None is not a share from 0 to 100",
    ),
    (
        lambda s, p, c: [canary.update(trafficPercent=51) for canary in s["spec"]["canary"]],
        "spec.canary",
        "the shares add up to 102, more than 100",
    ),
    *(
        (
            lambda s, p, c, field=field: c["predictor"].update({field: {"x": 1}}),
            f"spec.canary[0].predictor.{field}",
            "a canary has fixed replicas",
        )
        for field in ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling", "workerSpec")
    ),
    (
        lambda s, p, c: c["predictor"].update(canaryTrafficPercent=10),
        "spec.canary[0].predictor.canaryTrafficPercent",
        "KServe ignores it here",
    ),
    (
        lambda s, p, c: c["predictor"].update(minReplicas=4),
        "spec.canary[0].predictor.minReplicas",
        "4 is more than the stable predictor's 3",
    ),
    (
        lambda s, p, c: (p.pop("minReplicas"), c["predictor"].update(minReplicas=2)),
        "spec.canary[0].predictor.minReplicas",
        "2 is more than the stable predictor's 1",
    ),
    (
        lambda s, p, c: c["predictor"].pop("name"),
        "spec.canary[0].predictor.name",
        "'' is not a name",
    ),
    (
        lambda s, p, c: c["predictor"].update(name="1.1.0"),
        "spec.canary[0].predictor.name",
        "'1.1.0' is not a name",
    ),
    (
        lambda s, p, c: p.update(name="v1-1-0"),
        "spec.canary[0].predictor.name",
        "v1-1-0 is the name of another predictor too",
    ),
]


@pytest.mark.parametrize(("change", "path", "message"), BROKEN)
def test_what_kserve_refuses_or_ignores_is_found(change: Change, path: str, message: str) -> None:
    issues = list(check_inference_service(changed(change)))
    assert [(issue.path, issue.message) for issue in issues] == [(path, message)]


def test_two_canaries_of_one_name_are_both_named() -> None:
    service = changed(lambda s, p, c: s["spec"]["canary"][1]["predictor"].update(name="v1-1-0"))
    issues = list(check_inference_service(service))
    assert [i.path for i in issues] == [f"spec.canary[{n}].predictor.name" for n in (0, 1)]

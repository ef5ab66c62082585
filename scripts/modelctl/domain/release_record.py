"""The record beside a model's manifests: `release.json`, from which it can be rendered again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelctl.domain.plans import plan_from
from modelctl.domain.rendering import RELEASE, TEXTS, Backend, RenderRequest, plain, to_json
from modelctl.domain.waivers import WaiverRecord
from modelctl.errors import ModelctlError


def release_record(
    request: RenderRequest, *, namespace: str, address: Mapping[str, str] | None = None
) -> str:
    """The `release.json` of a rendered model: a ConfigMap that says all that was asked for.

    `address` tells how the model is reached, as far as its manifests say so: `host` and `path`.
    """
    data = {
        **{name: getattr(request, name) for name in TEXTS},
        "approvers": ",".join(request.approvers),
        "backends": _compact([backend.as_data() for backend in request.split]),
        "gateway": _compact(request.gateway),
        **(address or {}),
    }
    if request.resources:
        data["resources"] = _compact(plain(request.resources))
    if request.pull_request is not None:
        data["pull_request"] = str(request.pull_request)
    if request.waivers:
        data["waivers"] = _compact([waiver.as_data() for waiver in request.waivers])
    if request.plan is not None:
        data["plan"] = _compact(request.plan.as_data())
    metadata = {
        "name": f"{request.name}-release",
        "namespace": namespace,
        "labels": dict(request.labels),
        "annotations": dict(request.annotations),
    }
    return to_json({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def recorded_request(data: Mapping[str, str]) -> RenderRequest:
    """The request whose release record has this `data`: rendered again, it gives the same.

    Raises:
        ModelctlError: it isn't the data of a release record.
    """
    try:
        number = data.get("pull_request")
        return RenderRequest(
            **{name: data[name] for name in TEXTS},
            approvers=tuple(login for login in data["approvers"].split(",") if login),
            backends=tuple(_backend(backend) for backend in json.loads(data["backends"])),
            gateway=json.loads(data["gateway"]),
            resources=json.loads(data.get("resources", "{}")),
            pull_request=int(number) if number else None,
            waivers=tuple(WaiverRecord(**one) for one in json.loads(data.get("waivers", "[]"))),
            plan=plan_from(json.loads(data["plan"])) if "plan" in data else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelctlError(
            f"{RELEASE} is not what a deploy writes: {error}",
            mend="undo the change on the environment's branch, and let the deploy write it",
        ) from error


def address_of(objects: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """How callers reach a model: the `host` and `path` of its route or local serving.

    Empty for KServe, which makes the route itself and tells in the status.
    """
    for obj in objects:
        spec = obj.get("spec", {})
        if obj["kind"] == "HTTPRoute":
            path = spec["rules"][0]["matches"][0]["path"]["value"]
            return {"host": ",".join(spec["hostnames"]), "path": path}
        if obj["kind"] == "LocalServing":
            return {"path": spec["path"], **({"host": spec["host"]} if "host" in spec else {})}
    return {}


def _backend(data: Mapping[str, Any]) -> Backend:
    header = data.get("header")
    return Backend(**{**data, "header": None if header is None else tuple(header)})


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)

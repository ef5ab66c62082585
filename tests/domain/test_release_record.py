"""The record of a release: complete, canonical, and enough to render the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from modelctl.domain.release_record import address_of, recorded_request, release_record
from modelctl.domain.rendering import Backend, RenderRequest
from modelctl.domain.waivers import WaiverRecord
from modelctl.errors import ModelctlError
from support.renders import REQUEST, TARGETS, request


def record(asked: RenderRequest) -> dict[str, Any]:
    return dict(json.loads(release_record(asked, namespace="models-dev")))


def backends() -> tuple[Backend, ...]:
    old = Backend(
        name="stable", version="1.0.0", digest="a" * 64, artifacts="models:/m-1", weight=90
    )
    new = Backend(
        name="canary", version="1.1.0", digest="b" * 64, artifacts="models:/m-2", weight=10
    )
    return (old, new)


def test_it_is_a_config_map_in_the_namespace_of_the_model() -> None:
    found = record(REQUEST)
    assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
    assert found["metadata"]["name"] == "tumor-classifier-release"
    assert found["metadata"]["namespace"] == "models-dev"
    assert found["metadata"]["labels"] == REQUEST.labels
    assert found["metadata"]["annotations"] == REQUEST.annotations


def test_its_data_is_text_as_a_config_map_wants_it() -> None:
    data = record(request(resources={"limits": {"cpu": "1"}}))["data"]
    assert all(isinstance(value, str) for value in data.values())
    assert data["approvers"] == "ada,grace"
    assert data["pull_request"] == "42"
    assert data["gateway"] == "true"
    assert data["storage_uri"] == REQUEST.storage_uri


def test_it_says_how_the_model_is_reached() -> None:
    text = release_record(REQUEST, namespace="x", address={"host": "example.com", "path": "/t"})
    data = json.loads(text)["data"]
    assert (data["host"], data["path"]) == ("example.com", "/t")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"approvers": (), "pull_request": None},
        {"resources": {"requests": {"cpu": "2"}, "limits": {"memory": "1Gi"}}},
        {"backends": backends()},
        {"gateway": False, "model_format": "sklearn"},
    ],
)
def test_a_recorded_request_renders_the_same_record(target: str, changes: dict[str, Any]) -> None:
    asked = request(target=target, **changes)
    again = recorded_request(record(asked)["data"])
    assert record(again) == record(asked)
    assert (again.approvers, again.split, again.gateway) == (
        asked.approvers,
        asked.split,
        asked.gateway,
    )


@pytest.mark.parametrize(
    "change", [{"digest": None}, {"backends": "{"}, {"backends": "[1]"}, {"pull_request": "x"}]
)
def test_a_record_that_somebody_wrote_by_hand_is_refused(change: dict[str, str | None]) -> None:
    data = {**record(REQUEST)["data"], **change}
    with pytest.raises(ModelctlError):
        recorded_request({key: value for key, value in data.items() if value is not None})


def test_the_address_comes_from_the_route_or_the_local_serving() -> None:
    rule = {"matches": [{"path": {"value": "/tumor"}}]}
    route = {"kind": "HTTPRoute", "spec": {"hostnames": ["a.example.com"], "rules": [rule]}}
    service = {"kind": "Service", "spec": {}}
    assert address_of([service, route]) == {"host": "a.example.com", "path": "/tumor"}
    local = {"kind": "LocalServing", "spec": {"path": "/tumor", "host": "dev.localhost"}}
    assert address_of([local]) == {"host": "dev.localhost", "path": "/tumor"}
    assert address_of([{"kind": "LocalServing", "spec": {"path": "/t"}}]) == {"path": "/t"}
    assert address_of([{"kind": "InferenceService"}]) == {}


def test_waivers_in_force_are_kept_and_older_records_have_none() -> None:
    kept = WaiverRecord(
        gate="fairness",
        file="policies/waivers/x.yaml",
        approved_by="lena",
        expires="2026-12-01T00:00:00Z",
        reason="the small group gets its own model",
    )
    asked = replace(REQUEST, waivers=(kept,))
    data = json.loads(release_record(asked, namespace="dev"))["data"]
    assert recorded_request(data).waivers == (kept,)
    older = json.loads(release_record(REQUEST, namespace="dev"))["data"]
    assert "waivers" not in older
    assert recorded_request(older).waivers == ()
    with pytest.raises(ModelctlError):
        recorded_request({**data, "waivers": '[{"gate": "fairness"}]'})

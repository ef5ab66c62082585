"""What `policies/metrics.yaml` says, and what its absence says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from modelctl.adapters.documents import dump, load
from modelctl.adapters.schema import validate
from modelctl.domain.metric_sources import (
    TOKEN,
    Gauge,
    MetricSources,
    PrometheusAt,
    metrics_from,
)

MESH = {
    "backend": {"service": "{service}"},
    "requests": {"counter": "calls_total", "code": "code", "errors": "5.."},
}


def read(data: dict[str, Any]) -> MetricSources:
    document = load(dump(data).encode(), "policies/metrics.yaml")
    assert list(validate(document, "metrics")) == []
    return metrics_from(document)


def test_without_the_file_the_router_of_this_machine_is_read() -> None:
    assert MetricSources().at("production") is None
    assert MetricSources().own.names == ()


def test_a_prometheus_is_one_by_environment() -> None:
    found = read(
        {
            "sources": {
                "staging": {"kind": "local"},
                "production": {"kind": "prometheus", "url": "http://p:9090", "mesh": "mine"},
            },
            "meshes": {"mine": MESH},
        }
    )
    assert found.at("staging") is None
    assert found.at("elsewhere") is None
    assert found.at("production") == PrometheusAt(mesh="mine", url="http://p:9090")
    mesh = found.meshes["mine"]
    assert (mesh.durations, mesh.health, mesh.target) == (None, None, ("job", "instance"))


def test_what_is_a_failure_at_the_router_of_this_machine_is_said_by_environment() -> None:
    found = read({"sources": {"dev": {"kind": "local", "errors": "5..|429"}}})
    assert (found.at("dev"), found.failures_at("dev")) == (None, "5..|429")
    assert (found.failures_at("staging"), MetricSources().failures_at("dev")) == ("5..", "5..")


def test_everything_that_can_be_said_is_read() -> None:
    source = {
        "kind": "prometheus",
        "url_from": "WHERE",
        "token_from": "SECRET",
        "mesh": "mine",
        "scrape_interval": "30s",
        "timeout": "1m",
    }
    more = {
        "only": {"reporter": "destination"},
        "durations": {"histogram": "took", "unit": "milliseconds"},
        "health": "up",
        "target": ["pod"],
    }
    own = {
        "backend": {"model": "{model}", "version": "{version}"},
        "correct": "correct_total",
        "ratios": {"rate": {"hits": "hits_total", "trials": "trials_total"}},
        "means": {"mean": {"sum": "sum_total", "count": "trials_total"}},
        "gauges": {"drift": {"metric": "drift", "by": "avg"}},
        "target": ["pod"],
    }
    data = {"sources": {"production": source}, "meshes": {"mine": {**MESH, **more}}, "own": own}
    found = read(data)
    at = found.at("production")
    assert at is not None
    assert (at.url, at.url_from, at.token_from) == (None, "WHERE", "SECRET")
    assert (at.scrape_interval, at.timeout) == (timedelta(seconds=30), timedelta(minutes=1))
    assert (at.fresh, at.settle) == (timedelta(seconds=75), timedelta(seconds=1))
    mesh = found.meshes["mine"]
    assert (mesh.durations, mesh.unit_ms, mesh.target) == ("took", 1.0, ("pod",))
    assert found.own.names == ("correct_total", "hits_total", "trials_total", "sum_total")
    assert found.own.gauges == (Gauge(name="drift", metric="drift", by="avg"),)
    data["meshes"]["mine"]["durations"]["unit"] = "seconds"  # type: ignore[index]
    assert read(data).meshes["mine"].unit_ms == 1000.0


def test_a_token_is_never_written_down() -> None:
    for more in (
        {"token": "secret"},
        {"url": "http://me:secret@p:9090"},
        {"url": "http://p:9090?token=secret"},
        {"url": "file:///etc/passwd"},
        {"url": "http://p", "url_from": "WHERE"},
        {"token_from": "not a name"},
    ):
        row = {"kind": "prometheus", "mesh": "mine", "url": "http://p", **more}
        document = load(dump({"sources": {"a": row}}).encode(), "policies/metrics.yaml")
        assert list(validate(document, "metrics")), more
    assert PrometheusAt(mesh="mine").token_from == TOKEN

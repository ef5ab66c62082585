"""Where figures come from goes by the policy, and the doctor sees whether it answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelctl.adapters.documents import dump
from modelctl.adapters.local.metrics import LocalMetrics
from modelctl.domain.metric_sources import TOKEN
from modelctl.domain.observations import Endpoint, Watched
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.doctor_local import figures
from modelctl.services.patient import Patient, UnaskedError
from modelctl.services.session import Session
from modelctl.services.sources import source_of
from support.prometheus import START, Page, openmetrics, sample, serving
from support.world import PROJECT, World


def session(tmp_path: Path, **row: Any) -> Session:
    """The product's rules, with production's figures from a Prometheus."""
    world = World.create(tmp_path)
    data = yaml.safe_load((PROJECT / "policies" / "metrics.yaml").read_text())
    if row:
        data["sources"]["production"] = {"kind": "prometheus", "mesh": "plain", **row}
        files = {"policies/metrics.yaml": dump(data)}
        world.builder.git("push", "-q", "origin", world.commit(files, "more", "main") + ":main")
    return world.session()


def patient(found: Session, *, offline: bool = False) -> Patient:
    hub = None if offline else (lambda: pytest.fail("GitHub was asked"))
    one = Patient(found.repository.directory, trusted=None, hub=hub, tracking_uri=None)
    one.__dict__["session"] = found
    return one


def test_the_router_of_this_machine_is_the_default(tmp_path: Path) -> None:
    found = session(tmp_path)
    for name in found.policy.lifecycle.environments:
        assert isinstance(source_of(found, name, tmp_path / "served"), LocalMetrics)
    with pytest.raises(UnaskedError, match="router of this machine"):
        figures(patient(found))


def test_a_prometheus_is_asked_where_the_policy_names_one(
    tmp_path: Path, prometheus: Callable[[str], str]
) -> None:
    labels = {"model": "tumor-classifier", "version": "1.0.0", "namespace": "ns", "code": "200"}
    labels["job"] = "models"
    rows = [sample("model_requests_total", labels, 5 * n, START + 15 * n) for n in range(241)]
    url = prometheus(openmetrics({"model_requests": ("counter", rows)}))
    found = session(tmp_path, url_from="WHERE")
    source = source_of(found, "production", tmp_path, {"WHERE": url})
    one = Watched(
        model="tumor-classifier",
        environment="production",
        namespace="ns",
        since=datetime.fromtimestamp(START, UTC),
        sides={"live": Endpoint(version="1.0.0", service="any")},
    )
    rows_found = source.observe([one], one.since + timedelta(hours=1, seconds=1))[one.model]
    assert sum(row.sides["live"].requests for row in rows_found) == 1200
    assert "baseline.error_rate" in rows_found[-1].figures


def test_an_address_that_nobody_set_is_told_with_its_variable(tmp_path: Path) -> None:
    found = session(tmp_path, url_from="WHERE")
    with pytest.raises(ModelctlError, match="WHERE isn't set") as caught:
        source_of(found, "production", tmp_path, {})
    assert caught.value.exit_code == 2


def test_the_token_comes_from_the_environment(tmp_path: Path) -> None:
    body = b'{"status": "success", "data": {"resultType": "vector", "result": []}}'
    watched = Watched(
        model="m-one",
        environment="production",
        namespace="ns",
        since=datetime(2026, 11, 20, tzinfo=UTC),
        sides={"live": Endpoint(version="1.0.0", service="any")},
    )
    with serving(Page([(200, body)])) as page:
        found = session(tmp_path, url=page.url)
        source = source_of(found, "production", tmp_path, {TOKEN: " word\n"})
        source.observe([watched], watched.since + timedelta(minutes=1))
        assert {headers["Authorization"] for _, headers, _ in page.seen} == {"Bearer word"}


def test_the_doctor_asks_every_prometheus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prometheus: Callable[[str], str]
) -> None:
    found = session(tmp_path, url_from="WHERE")
    with pytest.raises(UnaskedError, match="left out"):
        figures(patient(found, offline=True))
    monkeypatch.setenv("WHERE", "http://127.0.0.1:9")
    with pytest.raises(DependencyError, match="can't be asked for version"):
        figures(patient(found))
    rows = [sample("a_total", {}, n, START + n) for n in range(2)]
    monkeypatch.setenv("WHERE", prometheus(openmetrics({"a": ("counter", rows)})))
    assert "for production" in figures(patient(found))

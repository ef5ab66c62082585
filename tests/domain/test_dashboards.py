"""Dashboards: Grafana's own model, with questions that Prometheus understands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from modelctl.domain.dashboard_rows import ROWS
from modelctl.domain.dashboards import DASHBOARD_LABEL, dashboard, dashboard_object
from modelctl.domain.recorded_figures import BACKEND_SHOWN, SHOWN
from support.alerting import groups, rules, run
from support.prometheus import tool

FOUND = dashboard("production")
GRAPHS = [one for one in FOUND["panels"] if one["type"] == "timeseries"]


def questions() -> list[str]:
    """Everything that the dashboard asks, as Grafana fills it for one model."""
    told = [target["expr"] for graph in GRAPHS for target in graph["targets"]]
    told += [one["expr"] for one in FOUND["annotations"]["list"]]
    for name, value in (("environment", "production"), ("model", ".*"), ("version", ".*")):
        told = [text.replace(f"${name}", value) for text in told]
    return told


def test_the_same_input_gives_the_same_bytes_and_another_one_another_address() -> None:
    assert dashboard_object("production", "a") == dashboard_object("production", "a")
    assert FOUND["uid"] != dashboard("staging")["uid"]
    assert len(dashboard("x" * 63)["uid"]) <= 40
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", FOUND["uid"])


def test_the_sidecar_finds_it() -> None:
    found = dashboard_object("production", "models")
    assert found["metadata"]["labels"][DASHBOARD_LABEL] == "1"
    assert found["metadata"]["namespace"] == "models"
    assert json.loads(found["data"]["modelctl-production.json"]) == FOUND


def test_it_has_the_four_rows_that_people_asked_for() -> None:
    rows = [one["title"] for one in FOUND["panels"] if one["type"] == "row"]
    assert rows == ["Real time", "Historical", "Business", "Technical"]
    assert len(GRAPHS) == sum(len(panels) for panels in ROWS.values())


def test_no_panel_lies_on_another_and_each_has_its_number() -> None:
    numbers = [one["id"] for one in FOUND["panels"]]
    assert len(numbers) == len(set(numbers))
    taken: set[tuple[int, int]] = set()
    for one in FOUND["panels"]:
        at = one["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, one["title"]
        taken |= cells


def test_a_row_stands_above_its_panels() -> None:
    heights = [one["gridPos"]["y"] for one in FOUND["panels"]]
    assert heights == sorted(heights)


def test_model_and_version_can_be_chosen() -> None:
    variables = {one["name"]: one for one in FOUND["templating"]["list"]}
    assert list(variables) == ["datasource", "environment", "model", "version"]
    assert variables["environment"]["query"] == "production"
    assert variables["version"]["definition"] == (
        'label_values(modelctl:backend_weight{environment="production",model=~"$model"}, version)'
    )


def test_every_question_is_one_that_prometheus_understands(tmp_path: Path) -> None:
    asked = [{"record": f"a{n}", "expr": text} for n, text in enumerate(questions())]
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "a", "rules": asked}]}))
    code, said = run(tool("promtool"), "check", "rules", str(path), cwd=tmp_path)
    assert code == 0, said


def test_what_is_shown_is_recorded() -> None:
    """A panel over a metric that no rule records would stay empty for ever."""
    conditional = {"modelctl:baseline_latency_p99_ms"}  # where a condition reads it
    known = {f"modelctl:live_{name}" for name in SHOWN}
    known |= {f"modelctl:backend_{name}" for name in (*BACKEND_SHOWN, "weight")} | conditional
    shown = {name for text in questions() for name in re.findall(r"modelctl:\w+", text)}
    assert shown - {"modelctl:live_metrics"} <= known
    recorded = {r.get("record") for g in groups(rules()) for r in g["rules"]}
    assert conditional <= recorded


def test_ways_back_and_steps_are_marked() -> None:
    marks: list[Any] = FOUND["annotations"]["list"]
    assert [one["name"] for one in marks] == ["Rollbacks", "Weights"]
    assert 'alertname=~"Rollback.+"' in marks[0]["expr"]
    alerts = {r.get("alert", "") for g in groups(rules()) for r in g["rules"]}
    assert any(re.fullmatch("Rollback.+", name) for name in alerts)


@pytest.mark.parametrize("name", ["it's", 'a"b'])
def test_any_name_of_an_environment_is_only_text(name: str) -> None:
    assert json.loads(json.dumps(dashboard(name)))["title"] == f"Models in {name}"

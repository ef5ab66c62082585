"""Figures as PromQL: from what is counted, and nothing where nobody counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelctl.domain.alert_rules import ModelRules
from modelctl.domain.condition import Figure
from modelctl.domain.metric_sources import Gauge, Mesh, MetricSources, OwnFigures
from modelctl.domain.observations import BASELINE
from modelctl.domain.recorded_figures import Watch, selector
from support.alerting import alone, groups, judge, questions, rules, watch
from support.governed import policy as shipped

LABELS = {"model": "{model}", "version": "{version}"}
MESH = Mesh(
    name="own",
    backend=LABELS,
    requests="hits_total",
    code="code",
    errors="5..",
    durations="seconds",
)
OWN = OwnFigures(
    backend=LABELS,
    counters={"labelled": "labelled_total", "correct": "correct_total"},
    ratios={"sold": {"hits": "sold_total", "trials": "shown_total"}},
    means={"basket": {"sum": "basket_sum", "count": "basket_count"}},
    gauges=(
        Gauge(name="psi", query="max by ($by) (last_over_time(psi{$selector}[$window]))", by="max"),
        Gauge(name="feature_psi", metric="psi", label="feature"),
    ),
)
SERIES = '{model="tumor-classifier",version="1.2.0"}'


def sources(mesh: Mesh = MESH, own: OwnFigures = OWN) -> MetricSources:
    return MetricSources(meshes={"plain": mesh}, own=own)


def asked(name: str, key: str | None = None, **changes: Any) -> str | None:
    found: MetricSources = changes.pop("metrics", sources())
    return watch(metrics=found, **changes).query(Figure(name=name, key=key))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("nobody.requests", None),
        ("canary.requests", None),
        ("live.business_metric", None),
        ("live.metrics", "other"),
        ("live.feature_psi", None),
        ("live.psi", "age"),
        ("live.elsewhere", "age"),
    ],
)
def test_what_nobody_counts_has_no_query(name: str, key: str | None) -> None:
    assert asked(name, key) is None


@pytest.mark.parametrize("name", ["accuracy", "accuracy_drop", "labelled", "failed_health_checks"])
def test_nor_has_what_the_policy_leaves_out(name: str) -> None:
    assert asked(f"live.{name}", metrics=sources(own=OwnFigures(backend=LABELS))) is None


@pytest.mark.parametrize("lacking", ["labelled", "correct"])
def test_accuracy_needs_both_counters(lacking: str) -> None:
    counters = {name: text for name, text in OWN.counters.items() if name != lacking}
    found = sources(own=replace(OWN, counters=counters))
    assert asked("live.accuracy", metrics=found) is None
    assert asked("live.accuracy_drop", metrics=found) is None


def test_without_a_histogram_there_are_no_quantiles() -> None:
    found = sources(mesh=replace(MESH, durations=None))
    assert asked("live.latency_p99_ms", metrics=found) is None


def test_milliseconds_stay_as_they_are() -> None:
    found = asked("live.latency_p99_ms", metrics=sources(mesh=replace(MESH, unit_ms=1.0)))
    assert found is not None
    assert found.endswith("[60000ms])))")


def test_a_query_of_ones_own_is_filled() -> None:
    assert asked("live.psi") == (
        "max(max by (model, version) (last_over_time("
        'psi{model=~"tumor\\\\-classifier",version=~"1\\\\.2\\\\.0"}'
        "[37500ms])))"
    )


def test_one_label_of_a_gauge_is_selected_with_whatever_it_holds() -> None:
    found = asked("live.feature_psi", 'a"b')
    assert found is not None
    assert 'feature="a\\"b"' in found


def test_the_window_is_the_guards_but_holds_a_few_scrapes() -> None:
    counted = questions(metrics=sources())
    slow = replace(counted, interval=timedelta(minutes=1))
    figure = Figure(name="live.throughput_rps")
    assert "[60000ms]" in str(counted.query(figure))
    assert "[240000ms]" in str(slow.query(figure))
    assert "[1800000ms]" in str(slow.query(Figure(name="baseline.throughput_rps")))


def test_without_a_norm_there_is_no_loss() -> None:
    counted = questions(metrics=sources())
    sides = {side: end for side, end in counted.watched.sides.items() if side != BASELINE}
    alone = replace(counted, watched=replace(counted.watched, sides=sides))
    assert alone.query(Figure(name="live.accuracy_drop")) is None
    assert alone.query(Figure(name="live.accuracy")) is not None


def test_figures_of_ones_own_are_shares_and_means(tmp_path: Path) -> None:
    found: ModelRules = alone(
        "live.metrics.sold < 0.25 && live.metrics.basket > 30.0",
        of=watch(metrics=sources()),
    )
    inputs = [
        {"series": f"{name}{SERIES}", "values": f"0+{each}x40"}
        for name, each in (
            ("sold_total", 2),
            ("shown_total", 10),
            ("basket_sum", 400),
            ("basket_count", 10),
        )
    ]
    of: Watch = watch(metrics=sources())
    tests = [
        {
            "interval": "15s",
            "input_series": inputs,
            "promql_expr_test": [
                {
                    "expr": selector(f"modelctl:live_metrics:{name}", of.labels),
                    "eval_time": "5m",
                    "exp_samples": [
                        {
                            "labels": selector(f"modelctl:live_metrics:{name}", of.labels),
                            "value": value,
                        }
                    ],
                }
                for name, value in (("sold", 0.2), ("basket", 40.0))
            ],
        }
    ]
    assert judge(tmp_path, groups(found), tests) == ""


def test_dashboards_show_a_version_without_a_histogram_too() -> None:
    found = rules(watch(metrics=sources(mesh=replace(MESH, durations=None))), shipped())
    records = {one.get("record") for group in groups(found) for one in group["rules"]}
    assert "modelctl:backend_error_rate" in records
    assert "modelctl:backend_latency_p99_ms" not in records

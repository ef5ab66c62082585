"""Rollback and monitoring as values, as shipped and where nothing is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.documents import dump, load
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.document import Document, Path
from modelctl.domain.operations import (
    Incident,
    Monitoring,
    Rehearsal,
    Retraining,
    Rollback,
    monitoring_from,
    rollback_from,
)
from modelctl.domain.recurrence import Recurrence
from modelctl.domain.rules import Expression
from modelctl.domain.triggers import due
from support.world import PROJECT

ERRORS = {"when": "live.error_rate > 0.05", "because": "errors"}
HERE = {"environment": "here", "task": "other", "tier": "standard", "target": "local", "model": "m"}


class Rules:
    """Compiles every rule but those that say `broken`."""

    def rule(self, document: Document, path: Path, facts: Any) -> Expression | None:
        source = document.value(path)
        return None if source == "broken" else compile_rule(source, facts)


def rollback(**data: Any) -> Rollback:
    least = {"triggers": [ERRORS], "within": "5m", "incident": {"root_cause_within": "48h"}}
    return rollback_from(load(dump({**least, **data}).encode(), "r.yaml"), Rules())


def monitoring(**data: Any) -> Monitoring:
    alert = {"severity": "critical", **ERRORS}
    least = {"reference": "7d", "alerts": [alert], "channels": {"critical": ["slack"]}}
    return monitoring_from(load(dump({**least, **data}).encode(), "m.yaml"), Rules())


def test_without_a_file_nothing_goes_back_by_itself() -> None:
    assert Rollback().triggers == ()
    assert Rollback().within == timedelta(minutes=5)
    assert Rollback().incident.root_cause_within == timedelta(hours=48)
    assert Monitoring().alerts == ()


def test_the_least_that_a_rollback_says() -> None:
    found = rollback()
    [trigger] = found.triggers
    assert (trigger.action, trigger.because) == ("rollback", "errors")
    assert (found.rehearsal, found.afterwards) == (None, ())
    assert found.incident == Incident(root_cause_within=timedelta(hours=48))


def test_everything_that_a_rollback_may_say() -> None:
    found = rollback(
        within="4m",
        rehearsal={"environment": "here", "max_age": "30d"},
        incident={"root_cause_within": "24h", "checklist": ["look"]},
        afterwards=["tell"],
    )
    assert found.within == timedelta(minutes=4)
    assert found.rehearsal == Rehearsal(environment="here", max_age=timedelta(days=30))
    assert found.incident == Incident(root_cause_within=timedelta(days=1), checklist=("look",))
    assert found.afterwards == ("tell",)


def test_a_trigger_watches_where_it_says() -> None:
    there = {**ERRORS, "applies": {"environments": ["there"]}}
    found = rollback(triggers=[ERRORS, there])
    assert len(found.triggers_for(HERE)) == 1
    assert len(found.triggers_for({**HERE, "environment": "there"})) == 2


def test_the_least_that_monitoring_says() -> None:
    found = monitoring()
    [alert] = found.alerts_for(HERE)
    assert (alert.severity, alert.trigger.action) == ("critical", "alert")
    assert found.reference == timedelta(days=7)
    assert found.channels == {"critical": ("slack",)}
    assert found.retraining == Retraining()


def test_an_alert_watches_where_it_says() -> None:
    alert = {**ERRORS, "severity": "info", "applies": {"environments": ["there"]}}
    broken = {"severity": "info", "when": "broken", "because": "told elsewhere"}
    found = monitoring(alerts=[alert, broken])
    assert len(found.alerts) == 1
    assert found.alerts_for(HERE) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"new_data": True}, Retraining(new_data=True)),
        (
            {"schedule": {"rrule": "FREQ=MONTHLY", "start": "2026-01-01T03:00"}},
            Retraining(
                schedule=Recurrence(
                    rrule="FREQ=MONTHLY",
                    start="2026-01-01T03:00",
                    timezone="UTC",
                    duration=timedelta(seconds=1),
                )
            ),
        ),
    ],
)
def test_what_asks_for_retraining(row: dict[str, Any], expected: Retraining) -> None:
    assert monitoring(retraining=row).retraining == expected


def test_figures_ask_for_retraining_too() -> None:
    found = monitoring(retraining={"triggers": [ERRORS]}).retraining
    assert [t.action for t in found.triggers] == ["retrain"]


SHIPPED = [
    ("rollback", "emergency", "live.error_rate", 0.1, 0.101),
    ("rollback", "errors", "live.error_rate", 0.05, 0.0501),
    ("rollback", "response-time", "live.latency_p99_ms", 500.0, 500.1),
    ("rollback", "latency-against-baseline", "live.latency_p99_ms", 200.0, 200.1),
    ("rollback", "health", "live.failed_health_checks", 2, 3),
    ("rollback", "accuracy", "live.accuracy_drop", 0.1, 0.101),
    ("rollback", "staging-errors", "live.error_rate", 0.05, 0.0501),
    ("rollback", "staging-latency", "live.latency_p95_ms", 2000.0, 2000.1),
    ("monitoring", "accuracy-critical", "live.accuracy_drop", 0.05, 0.0501),
    ("monitoring", "accuracy", "live.accuracy_drop", 0.02, 0.0201),
    ("monitoring", "accuracy-fluctuates", "live.accuracy_drop", 0.01, 0.0101),
    ("monitoring", "errors-critical", "live.error_rate", 0.01, 0.0101),
    ("monitoring", "errors", "live.error_rate", 0.001, 0.0011),
    ("monitoring", "latency", "live.latency_p95_ms", 200.0, 200.1),
    ("monitoring", "latency-sla", "live.latency_p99_ms", 150.0, 150.1),
    ("monitoring", "cpu", "live.cpu_percent", 80.0, 80.1),
    ("monitoring", "memory", "live.memory_percent", 80.0, 80.1),
    ("monitoring", "feature-drift", "live.psi", 0.2, 0.201),
    ("monitoring", "prediction-distribution", "live.prediction_kl", 0.1, 0.101),
    ("monitoring", "traffic", "live.traffic_zscore", 3.0, 3.01),
    ("monitoring", "traffic", "live.traffic_zscore", -3.0, -3.01),
]
AROUND = {
    "live.requests": 100000,
    "live.labelled": 100000,
    "live.compared": 100000,
    "baseline.latency_p99_ms": 100.0,
    "baseline.requests": 100000,
    "model.sla": {"latency_p99_ms": 150.0},
}


@pytest.mark.parametrize(("file", "name", "figure", "inside", "outside"), SHIPPED)
def test_a_shipped_condition_holds_just_outside_of_its_figure(
    file: str, name: str, figure: str, inside: float, outside: float
) -> None:
    path = PROJECT / "policies" / f"{file}.yaml"
    document = load(path.read_bytes(), path.name)
    if file == "rollback":
        triggers = rollback_from(document, Rules()).triggers
    else:
        triggers = tuple(alert.trigger for alert in monitoring_from(document, Rules()).alerts)
    [trigger] = [t for t in triggers if t.name == name]
    assert due(trigger, {**AROUND, figure: inside}) is False
    assert due(trigger, {**AROUND, figure: outside}) is True

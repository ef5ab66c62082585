"""What is watched where versions serve, and when they are taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from modelctl.domain.document import Document, Path
from modelctl.domain.recurrence import Recurrence
from modelctl.domain.rules import RuleReader, parse_span
from modelctl.domain.triggers import (
    ALERT,
    RETRAIN,
    ROLLBACK,
    WINDOW,
    Trigger,
    trigger_at,
    triggers_from,
)

SEVERITIES = ("critical", "warning", "info")
_INSTANT = timedelta(seconds=1)
_NO_CHANNELS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Where a rollback must have been rehearsed before a version goes further, and how lately."""

    environment: str
    max_age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What follows a rollback: the checklist of the incident, and when its cause must be known.

    `ticked` names the lines that the history answers by itself: `failing_version`, `trigger`,
    `serving` → a line of the checklist.
    """

    root_cause_within: timedelta
    checklist: tuple[str, ...] = ()
    ticked: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What `policies/rollback.yaml` says. Without the file nothing is rolled back by itself.

    `within` is how long a rollback may take until the version before serves; the SLA of a model
    may be shorter. `afterwards` is what people look after once traffic is back. For `again_after` a
    way back the next one takes a person who says so.
    `window` is the time that `live.…` figures are over.
    """

    triggers: tuple[Trigger, ...] = ()
    within: timedelta = timedelta(minutes=5)
    rehearsal: Rehearsal | None = None
    incident: Incident = field(
        default_factory=lambda: Incident(root_cause_within=timedelta(hours=48))
    )
    afterwards: tuple[str, ...] = ()
    again_after: timedelta = timedelta(hours=1)
    window: timedelta = WINDOW

    def triggers_for(self, facts: Mapping[str, str]) -> Sequence[Trigger]:
        """Those for a model in an environment (see `modelctl.domain.rules.Scope.covers`)."""
        return [trigger for trigger in self.triggers if trigger.scope.covers(facts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """When to tell people, and how loudly: `critical`, `warning` or `info`."""

    severity: str
    trigger: Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """What asks for a new training run: a calendar, live figures, or new training data.

    Whatever was retrained takes the whole way through the gates.
    """

    schedule: Recurrence | None = None
    triggers: tuple[Trigger, ...] = ()
    new_data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """What `policies/monitoring.yaml` says.

    `reference` is the window that `baseline.…` looks back over, `channels` where an alert of a
    severity goes to.
    """

    reference: timedelta = timedelta(days=7)
    alerts: tuple[Alert, ...] = ()
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_CHANNELS)
    retraining: Retraining = field(default_factory=Retraining)

    def alerts_for(self, facts: Mapping[str, str]) -> Sequence[Alert]:
        """Those for a model in an environment (see `modelctl.domain.rules.Scope.covers`)."""
        return [alert for alert in self.alerts if alert.trigger.scope.covers(facts)]


def rollback_from(document: Document, rules: RuleReader) -> Rollback:
    """What an accepted document says."""
    data = document.data
    rehearsal, incident = data.get("rehearsal"), data["incident"]
    return Rollback(
        triggers=triggers_from(document, ("triggers",), rules, action=ROLLBACK),
        within=parse_span(data["within"]),
        rehearsal=rehearsal
        and Rehearsal(
            environment=rehearsal["environment"], max_age=parse_span(rehearsal["max_age"])
        ),
        incident=Incident(
            root_cause_within=parse_span(incident["root_cause_within"]),
            checklist=tuple(incident.get("checklist", ())),
            ticked=MappingProxyType(dict(incident.get("ticked", {}))),
        ),
        afterwards=tuple(data.get("afterwards", ())),
        again_after=parse_span(data.get("again_after", "1h")),
        window=parse_span(data["window"]) if "window" in data else WINDOW,
    )


def monitoring_from(document: Document, rules: RuleReader) -> Monitoring:
    """What an accepted document says."""
    data = document.data
    channels = {severity: tuple(names) for severity, names in data["channels"].items()}
    return Monitoring(
        reference=parse_span(data["reference"]),
        alerts=_alerts(document, rules),
        channels=MappingProxyType(channels),
        retraining=_retraining(document, ("retraining",), rules),
    )


def _alerts(document: Document, rules: RuleReader) -> tuple[Alert, ...]:
    found = (
        (row["severity"], trigger_at(document, ("alerts", index), rules, action=ALERT))
        for index, row in enumerate(document.data["alerts"])
    )
    return tuple(
        Alert(severity=severity, trigger=trigger)
        for severity, trigger in found
        if trigger is not None
    )


def _retraining(document: Document, path: Path, rules: RuleReader) -> Retraining:
    row = document.data.get(path[0])
    if row is None:
        return Retraining()
    place = (*path, "triggers")
    return Retraining(
        schedule=_schedule(row["schedule"]) if "schedule" in row else None,
        triggers=triggers_from(document, place, rules, action=RETRAIN) if "triggers" in row else (),
        new_data=row.get("new_data", False),
    )


def _schedule(row: Mapping[str, str]) -> Recurrence:
    return Recurrence(
        rrule=row["rrule"],
        start=row["start"],
        timezone=row.get("timezone", "UTC"),
        duration=_INSTANT,
    )

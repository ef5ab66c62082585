"""How the figures of rollouts, monitoring and retention are judged: see `profile_judges`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from modelctl.domain.comparing import answer, sustained
from modelctl.domain.endings import ENDS, Ending
from modelctl.domain.history import Deployment
from modelctl.domain.keeping import kept
from modelctl.domain.manifest import model_from
from modelctl.domain.policy import Policy
from modelctl.domain.rules import parse_span
from modelctl.domain.triggers import Trigger, live_facts
from modelctl.domain.whereabouts import Whereabouts
from reference_pages.profiles import Row
from support.profiles import Said, place
from support.situations import situation
from support.world import MODEL

START = datetime(2026, 1, 1, tzinfo=UTC)
"""A midnight: what ended during a day is counted from the end of it."""

_SIDE: Mapping[str, float] = {
    "error_rate": 0.0,
    "latency_p50_ms": 20.0,
    "latency_p95_ms": 60.0,
    "latency_p99_ms": 80.0,
    "throughput_rps": 600.0,
    "requests": 1_000_000,
    "labelled": 1_000_000,
    "accuracy": 0.9,
}
_ONE: Mapping[str, float] = {
    "failed_health_checks": 0,
    "compared": 1_000_000,
    "drift": 0.0,
    "psi": 0.0,
    "prediction_psi": 0.0,
    "prediction_kl": 0.0,
    "business_metric_change": 0.0,
}
_WATCHED = {**_ONE, "accuracy_drop": 0.0, "cpu_percent": 30.0, "memory_percent": 30.0,
            "traffic_zscore": 0.0}  # fmt: skip
HEALTHY: Mapping[str, float] = {
    f"{side}.{name}": value
    for side, figures in (
        ("canary", {**_SIDE, **_ONE}),
        ("stable", _SIDE),
        ("live", {**_SIDE, **_WATCHED}),
        ("baseline", _SIDE),
    )
    for name, value in figures.items()
}
"""Live figures under which nothing is due."""


def by_trigger(found: Policy, row: Row, value: Any) -> Said:
    """The condition at the row's line, by live figures that held for a day; `held` varies that."""
    trigger = _trigger(found, row)
    told = {**row.how.get("given", {}), row.how["vary"]: value}
    held = parse_span(told.pop("held", "1d"))
    facts = live_facts(model_from(situation()["model"]), {**HEALTHY, **told})
    one = answer(trigger, facts)
    [now], _ = sustained([one], {one.name: START}, START + held)
    if now.undecided is not None and row.how["vary"] != "held":
        raise LookupError(f"{trigger.location} can't be decided: {now.undecided}")
    return Said(lets=now.holds is not True)


def _trigger(found: Policy, row: Row) -> Trigger:
    """The condition of the row's line; it must be watched where, and ask for what the row says."""
    where = place(row)
    line = where.document.locate((*where.path[:-1], "when"))
    for trigger, action in _triggers(found, row.how.get("to", "production")):
        if trigger.location == line:
            if action != row.how["then"]:
                raise LookupError(f"{line} asks for {action}, not for {row.how['then']}")
            return trigger
    raise LookupError(f"nothing is watched by {line}")


def _triggers(found: Policy, environment: str) -> Iterator[tuple[Trigger, str]]:
    """Every condition that is watched in an environment, with what it asks for."""
    facts = {
        "environment": environment,
        "task": "classification",
        "tier": "standard",
        "target": "gateway-api",
        "model": MODEL,
    }
    steps = chain.from_iterable(
        plan.conditions_at(index)
        for plan in found.strategies.values()
        for index in range(len(plan.steps))
    )
    rails = (
        rail.trigger
        for plan in found.strategies.values()
        if plan.experiment
        for rail in plan.experiment.guardrails
    )
    watched = (*found.rollback.triggers_for(facts), *found.monitoring.retraining.triggers)
    yield from ((trigger, trigger.action) for trigger in (*steps, *rails, *watched))
    yield from ((alert.trigger, alert.severity) for alert in found.monitoring.alerts_for(facts))


def by_plan(found: Policy, row: Row, value: Any) -> Said:
    """The value of the row's line as the policy has it, against what is held, spent or counted.

    `sense` says what would do: `least` so much, at `most` so much, or just the `same`. Lists are
    compared whole, or by how many entries they have.
    """
    asked = _asked(found, row)
    if isinstance(asked, timedelta):
        value = parse_span(value)
    elif isinstance(asked, tuple):
        asked = len(asked) if isinstance(value, int) else list(asked)
    senses: Mapping[str, Callable[[], bool]] = {
        "least": lambda: value >= asked,
        "most": lambda: value <= asked,
        "same": lambda: value == asked,
    }
    return Said(lets=senses[row.how["sense"]]())


def _asked(found: Policy, row: Row) -> Any:
    """What the policy says at the row's line: the same steps, through its values."""
    where = place(row)
    stem = row.line.file.removesuffix(".yaml")
    value: Any = found if stem == "strategies" else getattr(found, stem)
    for step in where.path:
        value = value[step] if isinstance(value, Mapping | tuple) else getattr(value, str(step))
    return value


def by_calendar(found: Policy, row: Row, value: Any) -> Said:
    """Whether the schedule comes round within a span, counted from one of its own times."""
    schedule = found.monitoring.retraining.schedule
    if schedule is None:
        raise LookupError("the policy has no schedule")
    first = schedule.following(START, whole=False)
    second = schedule.following(first.start, whole=False) if first else None
    if first is None or second is None:
        raise LookupError("the schedule comes round once at most")
    return Said(lets=second.start - first.start <= parse_span(value))


def by_retention(found: Policy, row: Row, value: Any) -> Said:
    """Whether a version is still kept that has been in the stage of the row's line for so long."""
    where = place(row)
    stage = where.document.value((*where.path[:-1], "stage"))
    known = _whereabouts(found, stage)
    [oldest, *_] = kept(found.lifecycle, found.retention, known)
    if oldest.rule is None or oldest.standing.stage != stage:
        raise LookupError(f"no rule of {where.location} is about {stage}")
    return Said(lets=not oldest.due(START + parse_span(value)))


def _whereabouts(found: Policy, stage: str) -> Whereabouts:
    """Three versions, each of which took the place of the one before; the oldest lost its place, or
    ended, at `START`."""
    step = next((t for t in found.lifecycle.transitions if t.stage == stage), None)
    last = found.lifecycle.transitions[-1]
    environment = step.environment if step else last.environment
    times = (START - timedelta(days=9), START, START + timedelta(hours=1))
    if step is None:
        times = tuple(time - timedelta(days=2) for time in times)
    versions = ("1.0.0", "1.1.0", "1.2.0")
    return Whereabouts(
        model=MODEL,
        versions={version: str(index) * 64 for index, version in enumerate(versions)},
        merged=frozenset(versions),
        serving={environment: frozenset({versions[-1]})},
        history=tuple(
            Deployment(
                model=MODEL, version=version, digest=str(index) * 64, environment=environment,
                commit="a" * 40, at=at, seq=index,
            )
            for index, (version, at) in enumerate(zip(versions, times, strict=True))
        ),
        endings=() if step else (_ending(found, stage),),
    )  # fmt: skip


def _ending(found: Policy, stage: str) -> Ending:
    """How the oldest version ended, on the day before `START`."""
    ends = [end for end, name in found.lifecycle.ends.items() if name == stage]
    return Ending(
        model=MODEL, version="1.0.0", digest="0" * 64, reason="kept", by="retention",
        kind=next(kind for kind, end in ENDS.items() if end == ends[0]),
        at=START - timedelta(hours=1), seq=9,
    )  # fmt: skip

"""How a version takes over: the steps, what ends them early, and how traffic goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from modelctl.domain.document import Document, Location, Path
from modelctl.domain.rules import RuleReader, parse_span
from modelctl.domain.triggers import ROLLBACK, Trigger, trigger_at, triggers_from

STEPPED = frozenset({"canary", "shadow", "ab-test"})
"""The kinds that go by steps."""

_PROMOTING = frozenset({"immediate", "blue-green", "canary"})
"""The kinds that promote themselves at the end, unless the policy says otherwise."""

PATIENCE = timedelta(hours=2)
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a strategy: the new version's share of traffic in percent, and how long it must
    hold, both in time and in requests. `conditions` are judged at this step beside the strategy's.
    """

    weight: int
    duration: timedelta
    requests: int = 0
    conditions: tuple[Trigger, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A figure that must not suffer while another one is tested."""

    metric: str
    trigger: Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What an A/B test decides by: `primary` is a live figure, or a name in `metrics`.

    No verdict comes before `minimum_sample` requests on each side. `confidence` is that of the
    two-sided interval of the difference.
    """

    primary: str
    minimum_sample: int
    higher_is_better: bool = True
    confidence: float = CONFIDENCE
    guardrails: tuple[Guardrail, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """How traffic goes back without an emergency: the weights in turn, each held for `every`."""

    weights: tuple[int, ...]
    every: timedelta

    @property
    def takes(self) -> timedelta:
        """How long it takes until the last weight."""
        return self.every * (len(self.weights) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """When a version that was just loaded counts as healthy: its address answers with success
    within `timeout`, at least once in `attempts`. Else the one before is put back."""

    timeout: timedelta = timedelta(seconds=60)
    attempts: int = 3
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a version takes over: `immediate`, `blue-green`, `canary`, `shadow` or `ab-test`.

    `conditions` are judged at every step. After `patience` without data the version is rolled back.
    `automatic` says whether it promotes itself at the end, or waits for a person. `compare` names
    the figures in which a shadow is held against what serves.
    """

    name: str
    kind: str
    steps: tuple[Step, ...] = ()
    location: Location | None = None
    conditions: tuple[Trigger, ...] = ()
    patience: timedelta = PATIENCE
    automatic: bool = True
    experiment: Experiment | None = None
    compare: tuple[str, ...] = ()
    back: WayBack | None = None
    health: Health = Health()

    @property
    def facts(self) -> dict[str, str]:
        """What a rule of a gate may read of it."""
        return {"strategy.name": self.name, "strategy.kind": self.kind}

    def conditions_at(self, step: int) -> tuple[Trigger, ...]:
        """What is judged at a step, counted from 0.

        A condition of the step replaces the strategy's of the same name.
        """
        return overriding(self.conditions, self.steps[step].conditions)


def strategies_from(document: Document, rules: RuleReader) -> Mapping[str, Strategy]:
    """The strategies of an accepted document by name."""
    shared = _triggers(document, ("conditions",), rules)
    names: Sequence[str] = list(document.data["strategies"])
    return {name: _strategy(document, name, rules, shared) for name in names}


def overriding(first: Sequence[Trigger], then: Sequence[Trigger]) -> tuple[Trigger, ...]:
    """Both, without those of the first whose name the second has as well."""
    named = {trigger.name for trigger in then if trigger.name}
    return (*(trigger for trigger in first if trigger.name not in named), *then)


def _strategy(
    document: Document, name: str, rules: RuleReader, shared: Sequence[Trigger]
) -> Strategy:
    path: Path = ("strategies", name)
    row = document.value(path)
    own = _triggers(document, (*path, "conditions"), rules)
    stepped = row["kind"] in STEPPED
    return Strategy(
        name=name,
        kind=row["kind"],
        steps=tuple(
            _step(document, (*path, "steps", index), rules)
            for index in range(len(row.get("steps", ())))
        ),
        location=document.locate(path),
        conditions=overriding(shared, own) if stepped else own,
        patience=parse_span(row["patience"]) if "patience" in row else PATIENCE,
        automatic=row.get("automatic", row["kind"] in _PROMOTING),
        experiment=_experiment(document, (*path, "experiment"), rules),
        compare=tuple(row.get("compare", ())),
        back=_back(row.get("back")),
        health=_health(row.get("health", {})),
    )


def _step(document: Document, path: Path, rules: RuleReader) -> Step:
    row = document.value(path)
    return Step(
        weight=row["weight"],
        duration=parse_span(row["duration"]),
        requests=row.get("requests", 0),
        conditions=_triggers(document, (*path, "conditions"), rules),
    )


def _triggers(document: Document, path: Path, rules: RuleReader) -> tuple[Trigger, ...]:
    """The conditions at `path`; none where there is no such list."""
    if path[-1] not in document.value(path[:-1]):
        return ()
    return triggers_from(document, path, rules)


def _experiment(document: Document, path: Path, rules: RuleReader) -> Experiment | None:
    row = document.value(path[:-1]).get(path[-1])
    if row is None:
        return None
    return Experiment(
        primary=row["primary"],
        minimum_sample=row["minimum_sample"],
        higher_is_better=row.get("higher_is_better", True),
        confidence=row.get("confidence", CONFIDENCE),
        guardrails=_guardrails(document, (*path, "guardrails"), rules),
    )


def _guardrails(document: Document, path: Path, rules: RuleReader) -> tuple[Guardrail, ...]:
    rows = document.value(path[:-1]).get(path[-1], ())
    found = (
        (row["metric"], trigger_at(document, (*path, index), rules, action=ROLLBACK))
        for index, row in enumerate(rows)
    )
    return tuple(
        Guardrail(metric=metric, trigger=trigger)
        for metric, trigger in found
        if trigger is not None
    )


def _back(row: Mapping[str, Any] | None) -> WayBack | None:
    if row is None:
        return None
    return WayBack(weights=tuple(row["weights"]), every=parse_span(row["every"]))


def _health(row: Mapping[str, Any]) -> Health:
    known = dict(row)
    if "timeout" in known:
        known["timeout"] = parse_span(known["timeout"])
    return Health(**known)

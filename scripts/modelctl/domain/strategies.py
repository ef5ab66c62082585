"""How a version takes over: the steps, what ends them early, and how traffic goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from modelctl.domain.comparing import CONFIDENCE
from modelctl.domain.document import Document, Location, Path
from modelctl.domain.rules import RuleReader, parse_span
from modelctl.domain.serving import WHOLE
from modelctl.domain.triggers import (
    RECENT,
    ROLLBACK,
    WINDOW,
    Trigger,
    trigger_at,
    triggers_from,
)
from modelctl.errors import ModelctlError

CANARY, BLUE_GREEN, AB_TEST, SHADOW = "canary", "blue-green", "ab-test", "shadow"
STEPPED = frozenset({CANARY, SHADOW, AB_TEST})
"""The kinds that go by steps."""

SEQUENTIAL, FIXED = "sequential", "fixed"
"""How an A/B test is judged: by limits that hold at every look, or once, at its end."""

_PROMOTING = frozenset({"immediate", "blue-green", "canary"})
"""The kinds that promote themselves at the end, unless the policy says otherwise."""

PATIENCE = timedelta(hours=2)
_OF_THE_FILE = ("confidence", "recent")
"""What the document says for all strategies that don't say it themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a strategy: the new version's share of traffic in percent, and how long it must
    hold, both in time and in requests. `conditions` are judged at this step beside the strategy's.
    With `pause` a person must say that it may be left.
    """

    weight: int
    duration: timedelta
    requests: int = 0
    conditions: tuple[Trigger, ...] = ()
    pause: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A figure that must not suffer while another one is tested."""

    metric: str
    trigger: Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What an A/B test decides by: `primary` is a live figure, or a name in `metrics`.

    No verdict comes before `minimum_sample` requests on each side. `confidence` is that of the
    two-sided interval of the difference, at all looks together where `method` is `sequential`, at
    the one look at the end where it is `fixed`. Requests with the `header` (name, value) all go to
    the new version, and of the others the step's share.
    """

    primary: str
    minimum_sample: int
    higher_is_better: bool = True
    confidence: float = CONFIDENCE
    guardrails: tuple[Guardrail, ...] = ()
    method: str = SEQUENTIAL
    header: tuple[str, str] | None = None


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

    @property
    def patience(self) -> timedelta:
        """How long it may take in all."""
        return self.timeout * self.attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a version takes over: `immediate`, `blue-green`, `canary`, `shadow` or `ab-test`.

    `conditions` are judged at every step. After `patience` without data the version is rolled back.
    `automatic` says whether it promotes itself at the end, or waits for a person. `compare` names
    the figures in which a shadow is held against what serves. `confidence` is how sure a comparison
    must be before it decides, at all looks at a step together. With `baseline` the new version is
    held against a fresh copy of what serves, as large as itself. For `keep_warm` after the end what
    served before stays loaded. `window` is that of `live.…` figures, from rollback.yaml; `recent`
    that of the conditions, beside the whole step (see `modelctl.domain.recent`). `judged` is what
    decides at each step, and after the last: conditions and guardrails; `lasts` how long the steps
    take at the least. They follow from the others, and are asked for at every look.
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
    confidence: float = CONFIDENCE
    baseline: bool = False
    keep_warm: timedelta | None = None
    window: timedelta = WINDOW
    recent: timedelta = RECENT
    judged: tuple[tuple[Trigger, ...], ...] = field(init=False, repr=False, compare=False)
    lasts: timedelta = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rails = self.experiment.guardrails if self.experiment else ()
        guards = tuple(rail.trigger for rail in rails)
        rest = self.conditions if self.kind in STEPPED else ()
        steps = (self.conditions_at(step) for step in range(len(self.steps)))
        judged = tuple((*conditions, *guards) for conditions in (*steps, rest))
        object.__setattr__(self, "judged", judged)
        lasts = sum((step.duration for step in self.steps), timedelta())
        object.__setattr__(self, "lasts", lasts)

    @property
    def facts(self) -> dict[str, str]:
        """What a rule of a gate may read of it."""
        return {"strategy.name": self.name, "strategy.kind": self.kind}

    def conditions_at(self, step: int) -> tuple[Trigger, ...]:
        """What is judged at a step, counted from 0.

        A condition of the step replaces the strategy's of the same name.
        """
        return overriding(self.conditions, self.steps[step].conditions)


def weights(plan: Strategy, step: int) -> Mapping[str, int]:
    """The share of each part (`modelctl.domain.rendering.PARTS`) at a step, counted from 0."""
    return shares(plan, plan.steps[step].weight)


def shares(plan: Strategy, weight: int) -> Mapping[str, int]:
    """The share of each part while the new version has `weight` percent; they add up to 100.

    A baseline is as large as the new version, and goes once that has all traffic.

    Raises:
        ModelctlError: a baseline as large as that doesn't fit.
    """
    if plan.kind == SHADOW:
        return {"stable": WHOLE, SHADOW: 0}
    if not plan.baseline or weight == WHOLE:
        return {"stable": WHOLE - weight, CANARY: weight}
    if 2 * weight > WHOLE:
        raise ModelctlError(
            f"{plan.name} wants {weight} % for the new version and as much for its baseline",
            mend="keep the steps with a baseline at 50 % or less",
        )
    return {"stable": WHOLE - 2 * weight, CANARY: weight, "baseline": weight}


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
    document: Document,
    name: str,
    rules: RuleReader,
    shared: Sequence[Trigger],
) -> Strategy:
    path: Path = ("strategies", name)
    row = document.value(path)
    whole = {key: document.data[key] for key in _OF_THE_FILE if key in document.data}
    sure = whole | {key: row[key] for key in _OF_THE_FILE if key in row}
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
        confidence=sure.get("confidence", CONFIDENCE),
        recent=parse_span(sure["recent"]) if "recent" in sure else RECENT,
        baseline=row.get("baseline", False),
        keep_warm=parse_span(row["keep_warm"]) if "keep_warm" in row else None,
    )


def _step(document: Document, path: Path, rules: RuleReader) -> Step:
    row = document.value(path)
    return Step(
        weight=row["weight"],
        duration=parse_span(row["duration"]),
        requests=row.get("requests", 0),
        conditions=_triggers(document, (*path, "conditions"), rules),
        pause=row.get("pause", False),
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
        method=row.get("method", SEQUENTIAL),
        header=(row["header"]["name"], row["header"]["value"]) if "header" in row else None,
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

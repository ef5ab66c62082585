"""Conditions on live figures under which something is done: rolled back, halted, looked into.

A figure that nobody measured is left out of the sample, and a condition that needs it is undecided:
never false, which would read like health. So a policy asks before it reads what may rightly be
missing: `live.labelled >= 1000 && live.accuracy_drop > 0.1` is false where nothing was labelled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from modelctl.domain.document import Document, Location, Path
from modelctl.domain.evidence import human
from modelctl.domain.facts import METRICS, declared, model_facts
from modelctl.domain.manifest import Model
from modelctl.domain.rules import Expression, RuleReader, Scope, Undecided, parse_span

ROLLBACK, ALERT, RETRAIN = "rollback", "alert", "retrain"
ACTIONS = (ROLLBACK, "halt", "investigate", "review", "analyse")
"""What a condition of a strategy may ask for, the gravest first."""

_HOLDING = frozenset({ROLLBACK, "halt"})

LIVE_KIND = "live"
"""What live figures are asked for as, where kinds of evidence are."""

Figures = Mapping[str, float | Mapping[str, float]]
"""What one sample holds: names of `LIVE` → numbers, or numbers by name."""

_SIDE: Mapping[str, tuple[str, str]] = {
    "error_rate": ("double", "share of the requests that failed, 0 to 1"),
    "latency_p50_ms": ("double", "median response time, in ms"),
    "latency_p95_ms": ("double", "95th percentile of the response time, in ms"),
    "latency_p99_ms": ("double", "99th percentile of the response time, in ms"),
    "throughput_rps": ("double", "answered requests a second"),
    "requests": ("int", "how many requests the figures rest on"),
    "labelled": ("int", "how many requests have a known outcome by now; 0 where none has"),
    "accuracy": ("double", "share of right answers among the labelled requests, 0 to 1"),
    "metrics": (METRICS, "figures of your own by name, such as conversion_rate"),
}
_BESIDE_STABLE: Mapping[str, tuple[str, str]] = {
    "failed_health_checks": ("int", "health checks that failed one after the other until now"),
    "compared": ("int", "how many inputs were compared with the reference data; 0 where none was"),
    "drift": ("double", "drift score of the inputs against the reference data, 0 to 1"),
    "psi": ("double", "highest population stability index of any feature"),
    "prediction_psi": ("double", "population stability index of the answers against stable's"),
    "prediction_kl": ("double", "Kullback-Leibler divergence of the answers from stable's, nats"),
    "business_metric_change": ("double", "business metric against stable's, as a share, ±"),
}  # fmt: skip
_WATCHED: Mapping[str, tuple[str, str]] = {
    "failed_health_checks": ("int", "health checks that failed one after the other until now"),
    "accuracy_drop": ("double", "loss of accuracy as a share of the baseline's: 0.9 → 0.81 is 0.1"),
    "cpu_percent": ("double", "CPU in use, in percent of what is granted"),
    "memory_percent": ("double", "memory in use, in percent of what is granted"),
    "traffic_zscore": ("double", "requests a second, in standard deviations from their norm, ±"),
    "compared": ("int", "how many inputs were compared with the reference data; 0 where none was"),
    "drift": ("double", "drift score of the inputs against the reference data, 0 to 1"),
    "psi": ("double", "highest population stability index of any feature"),
    "feature_psi": (METRICS, "population stability index by feature"),
    "prediction_psi": ("double", "population stability index of the answers from the baseline"),
    "prediction_kl": ("double", "Kullback-Leibler divergence of answers from the baseline, nats"),
    "business_metric": ("double", "the business metric, in its own unit"),
    "business_metric_change": ("double", "business metric against the baseline, as a share, ±"),
}  # fmt: skip

SIDES: Mapping[str, str] = {
    "canary": "the version that is taking over, since its step began",
    "stable": "the version that it takes over from, in the same time",
    "live": "whatever the environment serves, now",
    "baseline": "what is normal there: the figures over the reference window of monitoring.yaml",
}
"""Whose figures they are."""

MEANINGS: Mapping[str, tuple[str, str]] = {
    f"{side}.{name}": meaning
    for side in SIDES
    for name, meaning in {
        **_SIDE,
        **(_BESIDE_STABLE if side == "canary" else {}),
        **(_WATCHED if side == "live" else {}),
    }.items()
}
"""Every live figure → its CEL type, and what it is in which unit."""

LIVE: Mapping[str, str] = {
    **{name: type_ for name, (type_, _) in MEANINGS.items()},
    **{name: type_ for name, type_ in declared(None).items() if name.startswith("model.")},
}
"""Everything that a condition may read, with its CEL type: live figures, and model.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When `when` holds for as long as `sustained`, `action` is due.

    `action` is one of `ACTIONS`, `ALERT` or `RETRAIN`. Fewer than `requests` requests on a side
    that the condition reads decide nothing. `scope` says of which models, and in which
    environments. In an emergency all traffic goes back at once, whatever way back there is.
    """

    when: Expression
    action: str
    because: str
    location: Location
    name: str | None = None
    sustained: timedelta | None = None
    requests: int = 0
    scope: Scope = field(default_factory=Scope)
    emergency: bool = False

    @property
    def holds_when_undecided(self) -> bool:
        """Whether nothing may move on while nobody can tell if it is due."""
        return self.action in _HOLDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The facts at one instant (see `live_facts`), UTC."""

    at: datetime
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def triggers_from(
    document: Document, path: Path, rules: RuleReader, *, action: str | None = None
) -> tuple[Trigger, ...]:
    """The conditions in the list at `path`; `action` is that of those which name none."""
    found = (
        trigger_at(document, (*path, index), rules, action=action)
        for index in range(len(document.value(path)))
    )
    return tuple(trigger for trigger in found if trigger is not None)


def trigger_at(
    document: Document, path: Path, rules: RuleReader, *, action: str | None = None
) -> Trigger | None:
    """The condition at `path`; None where its rule doesn't compile, which was told."""
    row = document.value(path)
    when = rules.rule(document, (*path, "when"), LIVE)
    if when is None:
        return None
    scope = {key: tuple(value) for key, value in row.get("applies", {}).items()}
    return Trigger(
        when=when,
        action=row.get("action", action or ROLLBACK),
        because=row["because"],
        location=document.locate((*path, "when")),
        name=row.get("name"),
        sustained=parse_span(row["sustained"]) if "sustained" in row else None,
        requests=row.get("requests", 0),
        scope=Scope(**scope),
        emergency=row.get("emergency", False),
    )


def live_facts(model: Model, figures: Figures) -> dict[str, Any]:
    """The facts of one sample: declared figures that are finite, each of its type, and the model's.

    A count that isn't whole, a share that is NaN, a name that nobody declared: none gets through.
    """
    typed = ((name, _typed(figures.get(name), type_)) for name, (type_, _) in MEANINGS.items())
    return {**model_facts(model), **{name: value for name, value in typed if value is not None}}


def due(trigger: Trigger, facts: Mapping[str, Any]) -> bool | Undecided:
    """Whether the condition holds in one sample, whatever `sustained` asks for.

    Undecided where a figure that matters is missing, or where too few requests were seen.
    """
    for name in _counts(trigger):
        seen = facts.get(name)
        if seen is None or seen < trigger.requests:
            told = "missing" if seen is None else f"{seen}, fewer than {trigger.requests}"
            return Undecided(reason=f"{name} is {told}")
    return trigger.when.decide(facts)


def lasting(trigger: Trigger, samples: Sequence[Sample]) -> bool | Undecided:
    """Whether it is due by these samples, the oldest first: it holds now, and has held throughout
    the last `sustained`.

    A sample that can't be judged ends no run: an outage that hides its figures for a moment isn't
    over. A condition that holds, but not yet for long enough, is undecided: nothing may move on.
    """
    if not samples:
        return Undecided(reason="nothing was measured")
    now = due(trigger, samples[-1].facts)
    if now is not True or trigger.sustained is None:
        return now
    span = samples[-1].at - _run_start(trigger, samples)
    if span >= trigger.sustained:
        return True
    return Undecided(reason=f"it holds for {human(span)} of {human(trigger.sustained)}")


def _run_start(trigger: Trigger, samples: Sequence[Sample]) -> datetime:
    """When the run of samples began in which the condition holds, up to the last one."""
    start = samples[-1].at
    for sample in reversed(samples):
        answer = due(trigger, sample.facts)
        if answer is False:
            break
        if answer is True:
            start = sample.at
    return start


def _counts(trigger: Trigger) -> Iterator[str]:
    """The request counts of the sides that the condition reads, where it asks for some."""
    if trigger.requests:
        sides = dict.fromkeys(name.split(".")[0] for name in trigger.when.names)
        yield from (f"{side}.requests" for side in sides if f"{side}.requests" in LIVE)


def _typed(value: float | Mapping[str, float] | None, type_: str) -> Any:
    if isinstance(value, Mapping):
        numbers = {name: _typed(one, "double") for name, one in value.items()}
        found = {name: one for name, one in numbers.items() if one is not None}
        return found if type_ == METRICS and found else None
    if value is None or type_ == METRICS or isinstance(value, bool) or not math.isfinite(value):
        return None
    if type_ == "int":
        return int(value) if value == int(value) else None
    return float(value)

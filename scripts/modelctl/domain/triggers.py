"""Conditions on live figures under which something is done: rolled back, halted, looked into.

A figure that nobody measured is left out of the sample, and a condition that needs it is undecided:
never false, which would read like health. So a policy asks before it reads what may rightly be
missing: `live.labelled >= 1000 && live.accuracy_drop > 0.1` is false where nothing was labelled.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from modelctl.domain.document import Document, Location, Path
from modelctl.domain.facts import METRICS, declared, model_facts
from modelctl.domain.manifest import Model
from modelctl.domain.rules import Expression, RuleReader, Scope, Undecided, parse_span

ROLLBACK, ALERT, RETRAIN = "rollback", "alert", "retrain"
HALT, ADVANCE = "halt", "advance"
ACTIONS = (ROLLBACK, HALT, "investigate", "review", "analyse", ADVANCE)
"""What a condition of a strategy may ask for, the gravest first; `advance` is what must be so
before a step is left."""

WINDOW = timedelta(minutes=1)
"""What the figures of conditions are about where nothing else is said."""

RECENT = timedelta(minutes=5)
"""What a rollout looks at beside the whole step where its strategy says nothing else."""

_HOLDING = frozenset({ROLLBACK, HALT, ADVANCE})

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

_OF_THE_MODEL = LIVE.keys() - MEANINGS.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When `when` holds for as long as `sustained`, `action` is due.

    `action` is one of `ACTIONS`, `ALERT` or `RETRAIN`. Fewer than `requests` requests on a side
    that the condition reads decide nothing. `scope` says of which models, and in which
    environments. In an emergency all traffic goes back at once, whatever way back there is.
    `confidence` is how sure a comparison of two versions must be, where it isn't the plan's.
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
    confidence: float | None = None

    @property
    def holds_when_undecided(self) -> bool:
        """Whether nothing may move on while nobody can tell if it is due."""
        return self.action in _HOLDING


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
        confidence=row.get("confidence"),
    )


def live_facts(
    model: Model, figures: Figures, wanted: Collection[str] | None = None
) -> dict[str, Any]:
    """The facts of one sample: declared figures that are finite, each of its type, and the model's.
    Only those that are `wanted`, where that is given.

    A count that isn't whole, a share that is NaN, a name that nobody declared: none gets through.
    """
    about = wanted is None or not _OF_THE_MODEL.isdisjoint(wanted)
    facts = model_facts(model) if about else {}
    for name, value in figures.items():
        if name not in MEANINGS or (wanted is not None and name not in wanted):
            continue
        if type(value) is float and MEANINGS[name][0] == "double":  # by far the most
            if math.isfinite(value):
                facts[name] = value
        else:
            typed = _typed(value, MEANINGS[name][0])
            if typed is not None:
                facts[name] = typed
    return facts


def due(trigger: Trigger, facts: Mapping[str, Any]) -> bool | Undecided:
    """Whether the condition holds in one sample, whatever `sustained` asks for.

    Undecided where a figure that matters is missing, or where too few requests were seen.
    """
    short = enough(trigger, facts)
    return trigger.when.decide(facts) if short is None else short


def enough(trigger: Trigger, facts: Mapping[str, Any]) -> Undecided | None:
    """None where each side that the condition reads has seen the requests that it asks for; else
    which one has not."""
    for name in _counts(trigger):
        seen = facts.get(name)
        if seen is None or seen < trigger.requests:
            told = "missing" if seen is None else f"{seen}, fewer than {trigger.requests}"
            return Undecided(reason=f"{name} is {told}")
    return None


def _counts(trigger: Trigger) -> tuple[str, ...]:
    """The request counts of the sides that the condition reads, where it asks for some."""
    return _requests_of(trigger.when.names) if trigger.requests else ()


@lru_cache(maxsize=4096)
def _requests_of(names: tuple[str, ...]) -> tuple[str, ...]:
    sides = dict.fromkeys(name.split(".")[0] for name in names)
    return tuple(f"{side}.requests" for side in sides if f"{side}.requests" in LIVE)


def _typed(value: float | Mapping[str, float] | None, type_: str) -> Any:
    if type(value) is float and type_ == "double":  # by far the most, and asked at every look
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        numbers = {name: _typed(one, "double") for name, one in value.items()}
        found = {name: one for name, one in numbers.items() if one is not None}
        return found if type_ == METRICS and found else None
    if value is None or type_ == METRICS or isinstance(value, bool) or not math.isfinite(value):
        return None
    if type_ == "int":
        return int(value) if value == int(value) else None
    return float(value)

"""The alerts of a model as rules of Prometheus: one PrometheusRule each, made from the policies.

Every figure is recorded first, as one series with the labels of the model, and the conditions read
what was recorded. So each rule is as short as in the policy, rules and dashboards see the same
figures, and what nobody could measure (NaN, infinite) is absent. A figure that is absent fires
nothing; that nothing is measured at all has an alert of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from modelctl.domain.condition import Figure, Node
from modelctl.domain.document import Location
from modelctl.domain.manifest import Model
from modelctl.domain.observations import QUANTILES
from modelctl.domain.operations import Monitoring, Rollback
from modelctl.domain.promql import Translated, reads, translate
from modelctl.domain.recorded_figures import (
    Watch,
    backend_records,
    record,
    shown,
    span,
    untemplated,
)
from modelctl.domain.rules import Expression
from modelctl.domain.triggers import LIVE, LIVE_KIND, Trigger
from modelctl.errors import ModelctlError

RULE_API, RULE_KIND = "monitoring.coreos.com/v1", "PrometheusRule"
FOLDER: Final = ".monitoring"
"""Where an environment's branch has what watches it. No model can have this name."""
CRITICAL, WARNING = "critical", "warning"
UNMEASURED: Final = "ModelUnmeasured"
UNMEASURED_FOR: Final = timedelta(minutes=10)
ROLLBACK_ALERT: Final = "Rollback"
"""What the names of the alerts begin with that make the guard roll back."""

Tree = Callable[[Expression, Model], Node]
"""Takes a condition apart, for one model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertProblem:
    """A condition that can't become an alert, and what to do about it."""

    location: Location | None
    message: str
    mend: str

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        return f"{where}{self.message} ({self.mend})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRules:
    """The PrometheusRule of a model, and every condition of the policies that it lacks."""

    object: Mapping[str, Any]
    problems: tuple[AlertProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    """What becomes one alert. `effect` is what follows beside that people are told."""

    alert: str
    severity: str
    trigger: Trigger
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A condition with its tree, and the figures it needs beside those that it reads."""

    condition: _Condition
    node: Node
    counts: tuple[Figure, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        return (*reads(self.node), *self.counts)


def model_rules(watch: Watch, monitoring: Monitoring, rollback: Rollback, tree: Tree) -> ModelRules:
    """Every alert that the policies ask for where this model serves."""
    problems: list[AlertProblem] = []
    queries: dict[Figure, str] = dict(shown(watch))
    alerts: list[dict[str, Any]] = []
    for condition in _conditions(watch, monitoring, rollback):
        try:
            found = _read(condition, tree(condition.trigger.when, watch.model))
            if any(figure.side not in watch.sides for figure in found.figures):
                continue  # it is about a version that is taking over, and none is
            answer = _translated(watch, found)
            if answer.expression is None:
                problems.extend(_never(watch, condition, answer))
                continue
            queries.update(_queries(watch, found))
            alerts.append(_alert(watch, condition, answer.expression))
        except ModelctlError as error:
            problems.append(_problem(condition, error))
    rules = [*(record(watch, *row) for row in sorted(queries.items())), *backend_records(watch)]
    return ModelRules(
        object=_object(watch, [*rules, *alerts, _unmeasured(watch)]), problems=tuple(problems)
    )


def _conditions(watch: Watch, monitoring: Monitoring, rollback: Rollback) -> Iterator[_Condition]:
    for alert in monitoring.alerts_for(watch.facts):
        name = f"Model{_camel(_name(alert.trigger))}"
        yield _Condition(alert=name, severity=alert.severity, trigger=alert.trigger)
    for trigger in rollback.triggers_for(watch.facts):
        effect = "All traffic goes back at once." if trigger.emergency else "The guard rolls back."
        name = f"{ROLLBACK_ALERT}{_camel(_name(trigger))}"
        yield _Condition(alert=name, severity=CRITICAL, trigger=trigger, effect=effect)


def _name(trigger: Trigger) -> str:
    """Its name; one without is told apart by its line."""
    return trigger.name or f"line-{trigger.location.line}"


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _read(condition: _Condition, node: Node) -> _Read:
    trigger = condition.trigger
    sides = dict.fromkeys(name.split(".")[0] for name in trigger.when.names)
    names = [f"{side}.requests" for side in sides if f"{side}.requests" in LIVE]
    counts = tuple(Figure(name=name) for name in names) if trigger.requests else ()
    return _Read(condition=condition, node=node, counts=counts)


def _translated(watch: Watch, found: _Read) -> Translated:
    least = found.condition.trigger.requests
    asked = [f"{watch.series(count)} >= {least}" for count in found.counts]
    return translate(found.node, watch.series, asked)


def _queries(watch: Watch, found: _Read) -> Iterator[tuple[Figure, str]]:
    for figure in found.figures:
        query = watch.query(figure)
        if query is None:
            raise ModelctlError(
                f"nothing says how {figure} is measured in {watch.request.environment}",
                mend=_how(figure),
            )
        yield figure, query


def _how(figure: Figure) -> str:
    """What to write into policies/metrics.yaml to have a figure measured."""
    name = figure.name.partition(".")[2]
    known = {
        "failed_health_checks": "add health to its mesh",
        "labelled": "add own.labelled",
        "accuracy": "add own.labelled and own.correct",
        "accuracy_drop": "add own.labelled and own.correct",
        "metrics": f"add {figure.key} to own.ratios or own.means",
    }
    quantile = "add durations to its mesh" if name in QUANTILES else f"add {name} to own.gauges"
    return f"{known.get(name, quantile)} in policies/metrics.yaml"


def _never(watch: Watch, condition: _Condition, answer: Translated) -> Iterator[AlertProblem]:
    """What the documents of the model decide is fine, but not what they leave open."""
    if answer.lacking is not None:
        yield AlertProblem(
            location=condition.trigger.location,
            message=f"it can never hold for {watch.request.model}: {answer.lacking}",
            mend=f"add it to models/{watch.request.model}/model.yaml, or ask for it first: "
            '"…" in model.sla && …',
        )


def _problem(condition: _Condition, error: ModelctlError) -> AlertProblem:
    place = condition.trigger.location
    return AlertProblem(location=place, message=error.message, mend=error.mend or "write it anew")


def _alert(watch: Watch, condition: _Condition, expression: str) -> dict[str, Any]:
    trigger = condition.trigger
    rule = {
        "alert": condition.alert,
        "expr": expression,
        "labels": _alert_labels(watch, condition.severity, _name(trigger)),
        "annotations": _annotations(watch, trigger, condition.effect),
    }
    return {**rule, "for": span(trigger.sustained)} if trigger.sustained else rule


def _alert_labels(watch: Watch, severity: str, trigger: str) -> dict[str, str]:
    labels = {
        **watch.labels,
        "namespace": watch.namespace,
        "owner": watch.request.owner,
        "severity": severity,
        "trigger": trigger,
    }
    return {name: untemplated(value) for name, value in labels.items()}


def _annotations(watch: Watch, trigger: Trigger, effect: str) -> dict[str, str]:
    at = trigger.location
    told = f"{watch.request.model} {watch.request.version} in {watch.request.environment}"
    because = trigger.because.strip()
    return _told(
        watch,
        summary=f"{told}: {because}",
        because=because,
        condition=" ".join(trigger.when.source.split()),
        policy=f"{at.file}:{at.line}",
        effect=effect,
    )


def _told(watch: Watch, **texts: str) -> dict[str, str]:
    links = {"runbook_url": watch.runbook} if watch.runbook else {}
    everything = {**texts, "contact": watch.model.contact, **links}
    return {name: untemplated(text) for name, text in everything.items() if text}


def _unmeasured(watch: Watch) -> dict[str, Any]:
    """No data is never health: without figures no other alert can fire."""
    told = f"{watch.request.model} {watch.request.version} in {watch.request.environment}"
    figure = Figure(name=f"{LIVE_KIND}.requests")
    return {
        "alert": UNMEASURED,
        "expr": f"absent({watch.series(figure)})",
        "for": span(UNMEASURED_FOR),
        "labels": _alert_labels(watch, WARNING, "unmeasured"),
        "annotations": _told(
            watch,
            summary=f"{told}: nothing is measured",
            because="no requests are counted, so no other alert can fire and nothing rolls back",
        ),
    }


def _object(watch: Watch, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    request = watch.request
    return {
        "apiVersion": RULE_API,
        "kind": RULE_KIND,
        "metadata": {
            "name": f"{request.name}-alerts",
            "namespace": watch.namespace,
            "labels": dict(request.labels),
            "annotations": dict(request.annotations),
        },
        "spec": {
            "groups": [
                {
                    "name": f"modelctl/{request.environment}/{request.model}",
                    "interval": span(watch.interval),
                    "rules": list(rules),
                }
            ]
        },
    }

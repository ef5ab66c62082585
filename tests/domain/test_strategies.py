"""Strategies as values: what is judged at which step, and what is meant where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.documents import dump, load
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.document import Document, Path
from modelctl.domain.rules import Expression
from modelctl.domain.strategies import (
    PATIENCE,
    Experiment,
    Health,
    Strategy,
    WayBack,
    strategies_from,
    weights,
)

MORE_ERRORS = "canary.error_rate > stable.error_rate"


class Rules:
    """Compiles every rule but those that say `broken`."""

    def rule(self, document: Document, path: Path, facts: Any) -> Expression | None:
        source = document.value(path)
        return None if source == "broken" else compile_rule(source, facts)


def condition(because: str, name: str | None = None, when: str = MORE_ERRORS) -> dict[str, Any]:
    row = {"when": when, "action": "rollback", "because": because}
    return {"name": name, **row} if name else row


def read(strategies: Mapping[str, Any], **top: Any) -> Mapping[str, Strategy]:
    data = {"defaults": {}, **top, "strategies": strategies}
    return strategies_from(load(dump(data).encode(), "policies/strategies.yaml"), Rules())


def one(kind: str, **row: Any) -> Strategy:
    return read({"it": {"kind": kind, **row}})["it"]


def test_what_nothing_says_is_cautious() -> None:
    canary = one("canary", steps=[{"weight": 5, "duration": "1h"}])
    assert (canary.patience, canary.automatic) == (PATIENCE, True)
    assert (canary.experiment, canary.compare, canary.back) == (None, (), None)
    assert (canary.steps[0].weight, canary.steps[0].requests) == (5, 0)
    assert canary.health == Health(timeout=timedelta(minutes=1), attempts=3)
    assert canary.facts == {"strategy.name": "it", "strategy.kind": "canary"}


@pytest.mark.parametrize(
    ("kind", "automatic"),
    [
        ("immediate", True), ("blue-green", True), ("canary", True),
        ("shadow", False), ("ab-test", False),
    ],
)  # fmt: skip
def test_who_only_looks_promotes_nothing_by_itself(kind: str, automatic: bool) -> None:
    assert one(kind).automatic is automatic
    assert one(kind, automatic=not automatic).automatic is not automatic


def test_everything_that_a_strategy_may_say() -> None:
    guardrail = {"metric": "error_rate", "when": MORE_ERRORS, "because": "g"}
    broken = {"metric": "error_rate", "when": "broken", "because": "told elsewhere"}
    found = one(
        "ab-test",
        steps=[{"weight": 50, "duration": "14d", "requests": 9}],
        patience="30m",
        experiment={
            "primary": "conversion_rate",
            "minimum_sample": 10000,
            "confidence": 0.9,
            "higher_is_better": False,
            "guardrails": [guardrail, broken],
        },
        compare=["accuracy"],
        back={"weights": [50, 25, 0], "every": "90s"},
        health={"timeout": "5s", "attempts": 7, "path": "/ping"},
    )
    assert found.patience == timedelta(minutes=30)
    assert found.experiment is not None
    [guard] = found.experiment.guardrails
    assert (guard.metric, guard.trigger.action) == ("error_rate", "rollback")
    assert (found.experiment.primary, found.experiment.minimum_sample) == ("conversion_rate", 10000)
    assert (found.experiment.confidence, found.experiment.higher_is_better) == (0.9, False)
    assert found.compare == ("accuracy",)
    assert found.back == WayBack(weights=(50, 25, 0), every=timedelta(seconds=90))
    assert found.back.takes == timedelta(minutes=3)
    assert found.health == Health(timeout=timedelta(seconds=5), attempts=7, path="/ping")


def test_a_plan_may_be_surer_have_a_baseline_and_keep_what_served_warm() -> None:
    bare = one("canary", steps=[{"weight": 5, "duration": "1h"}])
    assert (bare.confidence, bare.baseline, bare.keep_warm) == (0.95, False, None)
    assert (bare.steps[0].pause, bare.window) == (False, timedelta(minutes=1))
    steps = [{"weight": 5, "duration": "1h", "pause": True}]
    own = {"kind": "canary", "steps": steps, "baseline": True, "keep_warm": "1h"}
    rows = {"it": own, "other": {**own, "confidence": 0.9}}
    sure = {**condition("sure"), "confidence": 0.999}
    found = read(rows, confidence=0.99, conditions=[sure])
    assert (found["it"].confidence, found["other"].confidence) == (0.99, 0.9)
    assert (found["it"].baseline, found["it"].keep_warm) == (True, timedelta(hours=1))
    assert found["it"].steps[0].pause
    assert found["it"].conditions[0].confidence == 0.999
    assert weights(found["it"], 0) == {"stable": 90, "canary": 5, "baseline": 5}


def test_an_experiment_may_look_once_and_take_requests_by_a_header() -> None:
    test = {"primary": "accuracy", "minimum_sample": 1, "method": "fixed"}
    found = one("ab-test", experiment={**test, "header": {"name": "x-variant", "value": "b"}})
    assert found.experiment is not None
    assert (found.experiment.method, found.experiment.header) == ("fixed", ("x-variant", "b"))


def test_an_experiment_is_by_default_at_95_percent_and_wants_more() -> None:
    found = one("ab-test", experiment={"primary": "accuracy", "minimum_sample": 1})
    assert found.experiment == Experiment(primary="accuracy", minimum_sample=1)
    assert (found.experiment.confidence, found.experiment.higher_is_better) == (0.95, True)


def test_a_step_adds_its_conditions_and_replaces_those_of_the_same_name() -> None:
    strategy = read(
        {
            "it": {
                "kind": "canary",
                "conditions": [condition("own", "b"), condition("nameless")],
                "steps": [
                    {"weight": 5, "duration": "1h", "conditions": [condition("step", "a")]},
                    {"weight": 50, "duration": "1h"},
                ],
            }
        },
        conditions=[condition("all a", "a"), condition("all b", "b")],
    )["it"]
    assert [c.because for c in strategy.conditions_at(0)] == ["own", "nameless", "step"]
    assert [c.because for c in strategy.conditions_at(1)] == ["all a", "own", "nameless"]


def test_what_goes_by_no_steps_has_no_conditions_of_steps() -> None:
    strategies = read(
        {"now": {"kind": "immediate"}, "slow": {"kind": "shadow"}}, conditions=[condition("all")]
    )
    assert strategies["now"].conditions == ()
    assert len(strategies["slow"].conditions) == 1

"""Rules: type-checked when they are read, decided by facts, undecided without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from modelctl.adapters.expressions import MAX_LENGTH, compile_rule
from modelctl.domain.facts import declared, kinds
from modelctl.domain.rules import Undecided
from modelctl.errors import ModelctlError

EVALUATION = declared("evaluation")


def decide(rule: str, facts: Mapping[str, Any]) -> bool | Undecided:
    return compile_rule(rule, EVALUATION).decide(facts)


@pytest.mark.parametrize(
    ("rule", "facts", "answer"),
    [
        ("evidence.metrics.f1_score >= 0.85", {"evidence.metrics": {"f1_score": 0.85}}, True),
        ("evidence.metrics.f1_score >= 0.85", {"evidence.metrics": {"f1_score": 0.84}}, False),
        ("evidence.latency.p99_ms <= 100.0", {"evidence.latency.p99_ms": 100.0}, True),
        ("evidence.passed", {"evidence.passed": False}, False),
        ('model.tier == "critical"', {"model.tier": "critical"}, True),
        ("model.protected_groups.all(g, g != '')", {"model.protected_groups": ["a"]}, True),
        ('"team" in version.tags', {"version.tags": {"team": "x"}}, True),
        ("evidence.sample_size > 9", {"evidence.sample_size": 10}, True),
        # What is missing doesn't matter where the rest decides.
        ("evidence.passed || evidence.metrics.f1 > 0.5", {"evidence.passed": True}, True),
        ("evidence.passed && evidence.metrics.f1 > 0.5", {"evidence.passed": False}, False),
    ],
)
def test_rules_are_decided(rule: str, facts: Mapping[str, Any], answer: bool) -> None:
    assert decide(rule, facts) is answer


@pytest.mark.parametrize(
    ("rule", "facts", "reason"),
    [
        ("evidence.passed", {}, "evidence.passed is missing"),
        ("evidence.metrics.f1 > 0.5", {}, "evidence.metrics is missing"),
        ("evidence.metrics.f1 > 0.5", {"evidence.metrics": {"a": 1.0}}, "f1 is missing"),
        ("evidence.sample_size / 0 > 1", {"evidence.sample_size": 1}, "the rule failed: "),
        ("evidence.passed || evidence.metrics.f1 > 0.5", {"evidence.passed": False},
         "evidence.metrics is missing"),
    ],
)  # fmt: skip
def test_a_rule_that_lacks_what_matters_is_undecided(
    rule: str, facts: Mapping[str, Any], reason: str
) -> None:
    answer = decide(rule, facts)
    assert isinstance(answer, Undecided)
    assert answer.reason.startswith(reason)


@pytest.mark.parametrize(
    ("rule", "message", "mend"),
    [
        ("evidence.f1 > 0.5", "undeclared reference to 'evidence.f1'", "did you mean evidence."),
        ("zzzzzzzz > 0.5", "undeclared reference to 'zzzzzzzz'",
         "a rule may read evidence.…, model.…, serving.…, strategy.…, version.…; see "),
        ("evidence.passed == 1", "column 17: == can't be applied to bool, int",
         "compare values of one type; `modelctl policy facts` lists the types"),
        ("evidence.latency.p99_ms < 100", "column 25: < can't be applied to double, int",
         "a decimal number is compared with a whole one: write 100.0 for 100"),
        ("evidence.sample_size < 1.0", "column 22: < can't be applied to int, double",
         "a decimal number is compared with a whole one: write 100.0 for 100"),
        ("size(evidence.passed) > 1", "size can't be applied to bool", "compare values of one"),
        ("evidence.metrics.f1_score", "the rule gives a double, not true or false",
         "compare it with something"),
        ("evidence.passed ||", "Syntax error: mismatched input '<EOF>'",
         "rules are in the Common Expression Language: https://cel.dev"),
        ("(" * 99 + "true" + ")" * 99, "the rule is nested too deeply", "split it"),
        ("", "Syntax error", "rules are in the Common Expression Language: https://cel.dev"),
        ("true || " * (MAX_LENGTH // 8) + "true", "longer than 2000 characters", "split it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_said_in_plain_words(
    rule: str, message: str, mend: str
) -> None:
    with pytest.raises(ModelctlError) as caught:
        compile_rule(rule, EVALUATION)
    assert message in caught.value.message
    assert "container" not in caught.value.message
    assert "expecting" not in caught.value.message
    assert (caught.value.mend or "").startswith(mend)


def test_facts_that_are_read_are_named_once_in_their_order() -> None:
    rule = (
        "evidence.metrics.f1_score > 0.5 && model.tier == 'evidence.passed' && "
        "evidence.metrics.f1_score < 1.0 && evidence.metrics['a'] < serving.metrics.accuracy"
    )
    assert compile_rule(rule, EVALUATION).names == (
        "evidence.metrics.f1_score",
        "model.tier",
        "evidence.metrics",
        "serving.metrics.accuracy",
    )


def test_functions_loop_variables_and_comments_are_no_facts() -> None:
    rule = (
        "model.protected_groups.all(c, evidence.groups[c].all(g, evidence.groups[c][g].a > 0.8)) "
        "&& version.dependencies.all(d, d.size() > 0) "
        "&& version.number.matches('1') // evidence.passed"
    )
    assert compile_rule(rule, EVALUATION).names == (
        "model.protected_groups",
        "evidence.groups",
        "version.dependencies",
        "version.number",
    )


@pytest.mark.parametrize("kind", [None, "custom", *kinds()])
def test_every_declared_fact_can_be_read(kind: str | None) -> None:
    for name, type_ in declared(kind).items():
        test = {"bool": name, "string": f"{name} != ''", "int": f"{name} > 0"}.get(
            type_, f"{name} > 0.0" if type_ == "double" else f"size({name}) > 0"
        )
        assert compile_rule(test, declared(kind)).names[0].startswith(name)

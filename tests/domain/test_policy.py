"""Policy as values: which step, which gate, which people, which strategy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.evidence import OFFLINE
from modelctl.domain.policy import Role
from modelctl.domain.rules import Scope, is_span, parse_span
from support.judging import STEPS, gate, policy

LIFECYCLE = policy().lifecycle
FACTS = {
    "environment": "dev",
    "task": "classification",
    "tier": "standard",
    "target": "kserve",
    "model": "tumor-classifier",
}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
    ],
)
def test_spans(text: str, span: timedelta) -> None:
    assert is_span(text)
    assert parse_span(text) == span


@pytest.mark.parametrize(
    "value", ["", "24", "h", "0d", "01d", "1w", "1d ", "-1d", "1.5h", 24, None]
)
def test_what_is_no_span(value: object) -> None:
    assert not is_span(value)


@pytest.mark.parametrize("text", ["99999999d", "9" * 5000 + "s"])
def test_a_span_without_an_end_is_a_century(text: str) -> None:
    assert is_span(text)
    assert parse_span(text) == timedelta(days=36500)


def test_steps_are_found_by_their_ends() -> None:
    dev, staging, production = STEPS
    assert LIFECYCLE.environments == ("dev", "staging", "production")
    assert LIFECYCLE.to_branch("develop") == staging
    assert LIFECYCLE.to_environment("production") == production
    assert [LIFECYCLE.after(name) for name in (None, "dev", "staging", "production")] == [
        dev,
        staging,
        production,
        None,
    ]


def test_a_branch_or_environment_that_no_step_has_is_none() -> None:
    assert LIFECYCLE.to_branch("feature/x") is None
    assert LIFECYCLE.to_environment("prod") is None


def test_each_environment_has_a_state_branch_of_its_own() -> None:
    assert LIFECYCLE.state_of("dev") == "env/dev"
    assert replace(LIFECYCLE, state_branch="{environment}/now").state_of("qa-1") == "qa-1/now"


ROLE = Role(
    name="ml-lead",
    description="leads",
    members=frozenset({"pat"}),
    members_by_owner={"oncology": frozenset({"lena"})},
)


@pytest.mark.parametrize(
    ("login", "owner", "may"),
    [
        ("pat", "oncology", True),
        ("pat", "metabolic", True),
        ("pat", None, True),
        ("lena", "oncology", True),
        ("lena", "metabolic", False),
        ("lena", None, False),
        ("eve", "oncology", False),
    ],
)
def test_a_scoped_role_is_held_for_the_teams_own_models_alone(
    login: str, owner: str | None, may: bool
) -> None:
    assert ROLE.may_approve(login, owner) is may


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (Scope(), True),
        (Scope(environments=("dev", "staging")), True),
        (Scope(environments=("staging",)), False),
        (Scope(tasks=("classification",), tiers=("standard",)), True),
        (Scope(tasks=("classification",), tiers=("critical",)), False),
        (Scope(targets=("local",)), False),
        (Scope(models=("fraud-*", "tumor-*")), True),
        (Scope(models=("fraud-*",)), False),
        (Scope(models=("Tumor-*",)), False),
    ],
)
def test_a_gate_judges_what_its_scope_covers(scope: Scope, covers: bool) -> None:
    assert scope.covers(FACTS) is covers
    judging = policy(gates=(gate(scope=scope),)).gates_for([FACTS])
    assert bool(judging) is covers


def test_a_gate_that_covers_any_of_the_scopes_judges_once() -> None:
    one = gate(scope=Scope(tiers=("standard",)))
    other = {**FACTS, "tier": "critical"}
    assert policy(gates=(one,)).gates_for([other, FACTS, FACTS]) == [one]


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (Scope(), "every model"),
        (Scope(environments=("dev",)), "to dev"),
        (
            Scope(
                environments=("dev", "staging"),
                tasks=("ranking",),
                tiers=("critical",),
                targets=("kserve",),
                models=("fraud-*",),
            ),
            "to dev or staging, task ranking, tier critical, target kserve, model fraud-*",
        ),
    ],
)
def test_a_scope_reads_as_a_sentence(scope: Scope, text: str) -> None:
    assert str(scope) == text


@pytest.mark.parametrize(
    ("asked", "to", "environments"),
    [
        ((OFFLINE,), "dev", (OFFLINE,)),
        (("source",), "dev", (OFFLINE,)),
        (("source",), "production", ("staging",)),
        (("target", "staging"), "production", ("production", "staging")),
    ],
)
def test_where_evidence_must_come_from(
    asked: tuple[str, ...], to: str, environments: tuple[str, ...]
) -> None:
    transition = LIFECYCLE.to_environment(to)
    assert transition is not None
    need = gate(environment=asked, max_age=timedelta(days=1)).need(transition)
    assert (need.kind, need.environments) == ("evaluation", environments)
    assert need.max_age == timedelta(days=1)
    assert need.ageless().max_age is None


def test_a_gate_without_evidence_needs_no_kind() -> None:
    assert gate(evidence=None).need(STEPS[0]).kind == ""


@pytest.mark.parametrize(
    ("named", "tier", "found"),
    [
        (None, "standard", "blue-green"),
        ("canary", "standard", "canary"),
        ("unheard-of", "standard", None),
        (None, "critical", None),
    ],
)
def test_a_strategy_is_the_named_one_or_the_default_of_the_tier(
    named: str | None, tier: str, found: str | None
) -> None:
    strategy = policy().strategy(named, tier)
    assert (strategy.name if strategy else None) == found

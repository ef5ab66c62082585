"""Triggers: due by the figures that are there, and never healthy by those that aren't."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.adapters.documents import load
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.document import Document, Location, Path
from modelctl.domain.facts import METRICS
from modelctl.domain.manifest import model_from
from modelctl.domain.rules import Expression, Scope, Undecided
from modelctl.domain.triggers import (
    ACTIONS,
    LIVE,
    MEANINGS,
    SIDES,
    Trigger,
    due,
    live_facts,
    trigger_at,
    triggers_from,
)
from support.world import model_data

MODEL = model_from(model_data())
ERRORS = "live.error_rate > 0.05"


class Rules:
    """Compiles every rule but those that say `broken`."""

    def rule(self, document: Document, path: Path, facts: Any) -> Expression | None:
        source = document.value(path)
        return None if "broken" in source else compile_rule(source, facts)


def trigger(when: str = ERRORS, **changes: Any) -> Trigger:
    values = {"action": "rollback", "because": "b", "location": Location(file="x.yaml"), **changes}
    return Trigger(when=compile_rule(when, LIVE), **values)


def answer(when: str, figures: dict[str, Any], **changes: Any) -> bool | Undecided:
    return due(trigger(when, **changes), live_facts(MODEL, figures))


def reason(found: bool | Undecided) -> str:
    assert isinstance(found, Undecided)
    return found.reason


def test_every_figure_says_whose_it_is_and_what_it_means() -> None:
    assert {name.split(".")[0] for name in MEANINGS} == set(SIDES)
    assert {type_ for type_, _ in MEANINGS.values()} == {"double", "int", METRICS}
    assert all(meaning for _, meaning in MEANINGS.values())
    assert set(LIVE) - set(MEANINGS) == {n for n in LIVE if n.startswith("model.")}


@pytest.mark.parametrize(
    ("when", "name", "inside", "outside"),
    [
        (ERRORS, "live.error_rate", 0.05, 0.0501),
        ("live.failed_health_checks >= 3", "live.failed_health_checks", 2, 3),
        ("live.accuracy_drop > 0.1", "live.accuracy_drop", 0.1, 0.11),
        ("live.feature_psi.exists(f, live.feature_psi[f] > 0.2)", "live.feature_psi",
         {"a": 0.2}, {"a": 0.1, "b": 0.21}),
        ("canary.metrics.conversion_rate < 0.1", "canary.metrics", {"conversion_rate": 0.1},
         {"conversion_rate": 0.09}),
    ],
)  # fmt: skip
def test_a_condition_holds_just_outside_of_its_figure(
    when: str, name: str, inside: Any, outside: Any
) -> None:
    assert answer(when, {name: inside}) is False
    assert answer(when, {name: outside}) is True
    assert reason(answer(when, {})).endswith("is missing")


def test_two_sides_are_compared() -> None:
    when = "live.latency_p99_ms > baseline.latency_p99_ms * 2.0"
    slow = {"live.latency_p99_ms": 201.0}
    assert answer(when, {**slow, "baseline.latency_p99_ms": 100.0}) is True
    assert answer(when, {**slow, "baseline.latency_p99_ms": 101.0}) is False
    assert isinstance(answer(when, slow), Undecided)


def test_the_promises_of_the_model_can_be_asked_for() -> None:
    when = '"latency_p99_ms" in model.sla && live.latency_p99_ms > model.sla["latency_p99_ms"]'
    assert answer(when, {"live.latency_p99_ms": 200.0}) is False
    assert answer(when, {"live.latency_p99_ms": 200.1}) is True
    assert isinstance(answer(when, {}), Undecided)


def test_who_asks_first_whether_there_are_labels_is_not_held_up_by_their_lack() -> None:
    when = "live.labelled >= 500 && live.accuracy_drop > 0.1"
    assert answer(when, {"live.labelled": 0}) is False
    assert answer(when, {"live.labelled": 499, "live.accuracy_drop": 0.5}) is False
    assert isinstance(answer(when, {"live.labelled": 500}), Undecided)
    assert answer(when, {"live.labelled": 500, "live.accuracy_drop": 0.5}) is True


@pytest.mark.parametrize(
    "value", [None, math.nan, math.inf, -math.inf, True, {}, {"a": 1.0}, {"a": math.nan}]
)
def test_what_is_no_number_is_no_figure(value: Any) -> None:
    assert "live.error_rate" not in live_facts(MODEL, {"live.error_rate": value})


@pytest.mark.parametrize(("value", "there"), [(3.0, True), (3, True), (3.5, False), (0, True)])
def test_a_count_is_whole(value: float, there: bool) -> None:
    facts = live_facts(MODEL, {"live.requests": value})
    assert ("live.requests" in facts) is there
    assert not isinstance(facts.get("live.requests", 0), float)


def test_figures_by_name_keep_those_that_are_numbers() -> None:
    figures = {"live.metrics": {"a": 1, "b": math.nan}, "live.feature_psi": 0.3, "live.more": 1.0}
    facts = live_facts(MODEL, figures)
    assert {name: v for name, v in facts.items() if name.startswith("live.")} == {
        "live.metrics": {"a": 1.0}
    }
    assert facts["model.name"] == MODEL.name


def test_too_few_requests_on_any_side_that_is_read_decide_nothing() -> None:
    when = "canary.error_rate > stable.error_rate + 0.005"
    bad = {"canary.error_rate": 0.5, "stable.error_rate": 0.0}
    few = {**bad, "canary.requests": 99, "stable.requests": 5000}
    assert reason(answer(when, few, requests=100)) == "canary.requests is 99, fewer than 100"
    enough = {**few, "canary.requests": 100}
    assert answer(when, enough, requests=100) is True
    unknown = {**bad, "canary.requests": 100}
    assert reason(answer(when, unknown, requests=100)) == "stable.requests is missing"
    assert answer(when, bad) is True


def test_what_the_model_promises_has_no_requests() -> None:
    when = 'live.error_rate > 0.1 && model.tier == "standard"'
    figures = {"live.error_rate": 0.2, "live.requests": 100}
    assert answer(when, figures, requests=100) is True


@given(st.sampled_from(sorted(LIVE)), st.floats(allow_nan=True) | st.integers() | st.none())
def test_whatever_was_measured_a_condition_answers(name: str, value: Any) -> None:
    found = answer(ERRORS, {name: value})
    expected = isinstance(value, int | float) and math.isfinite(value)
    if name == "live.error_rate" and expected:
        assert found is (value > 0.05)
    else:
        assert isinstance(found, Undecided)


HOLDING = ("rollback", "halt", "advance")


@pytest.mark.parametrize("action", ACTIONS)
def test_what_takes_back_or_halts_holds_while_nobody_can_tell(action: str) -> None:
    assert trigger(action=action).holds_when_undecided is (action in HOLDING)


def test_triggers_are_read_with_their_lines() -> None:
    text = """\
list:
  - when: live.error_rate > 0.1
    because: first
  - {when: broken, because: told elsewhere}
  - name: slow
    when: live.latency_p99_ms > 500.0
    because: second
    action: halt
    sustained: 10m
    requests: 50
    emergency: true
    applies: {environments: [here], tiers: [critical]}
"""
    document = load(text.encode(), "policies/x.yaml")
    first, slow = triggers_from(document, ("list",), Rules(), action="alert")
    assert (first.action, first.because, first.location.line) == ("alert", "first", 2)
    assert (first.name, first.sustained, first.requests, first.emergency) == (None, None, 0, False)
    assert first.scope == Scope()
    assert (slow.name, slow.action, slow.requests, slow.emergency) == ("slow", "halt", 50, True)
    assert slow.sustained == timedelta(minutes=10)
    assert slow.scope == Scope(environments=("here",), tiers=("critical",))
    assert str(slow.location) == "policies/x.yaml:6:11"
    bare = trigger_at(document, ("list", 0), Rules())
    assert bare is not None
    assert bare.action == "rollback"

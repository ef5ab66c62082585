"""Trees of conditions: as the runtime parsed them, with the constants of a model."""

from __future__ import annotations

import pytest

from modelctl.adapters.condition_tree import condition_tree
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.condition import Constant, Figure, Measured, Missing, Node, Operation, Other
from modelctl.domain.triggers import LIVE
from support.alerting import about

MODEL = about(tier="standard", sla={"latency_p99_ms": 200.0})
PSI = Figure(name="live.psi")


def tree(when: str) -> Node:
    return condition_tree(compile_rule(when, LIVE), MODEL)


def test_operators_come_with_types_and_places() -> None:
    compared = Operation(name="_>_", args=(PSI, Constant(value=0.2)), kind="double", column=10)
    assert tree("live.psi > 0.2") == compared
    whole = tree("live.requests / 2 > 3")
    assert isinstance(whole, Operation)
    assert isinstance(whole.args[0], Operation)
    assert (whole.args[0].name, whole.args[0].kind, whole.args[0].column) == ("_/_", "int64", 15)


def test_precedence_is_the_languages_own() -> None:
    found = tree("live.psi > 1.0 || live.drift > 1.0 && live.accuracy - 1.0 * 2.0 < 3.0")
    assert isinstance(found, Operation)
    assert found.name == "_||_"
    assert isinstance(found.args[1], Operation)
    assert found.args[1].name == "_&&_"


@pytest.mark.parametrize(
    ("when", "value"),
    [
        ('model.tier == "standard"', True),
        ('"nope" in model.sla', False),
        ("has(model.sla.latency_p99_ms)", True),
        ("model.sla.exists(k, model.sla[k] > 100.0)", True),
        ('model.name.startsWith("live.psi")', False),
        ('{"live.psi": 1.0}["live.psi"] > 0.5', True),
    ],
)
def test_what_the_model_decides_is_a_constant(when: str, value: bool) -> None:
    assert tree(when) == Constant(value=value)


def test_numbers_of_the_model_are_constants() -> None:
    found = tree('live.latency_p99_ms > model.sla["latency_p99_ms"] * 1.5')
    assert isinstance(found, Operation)
    assert found.args[1] == Constant(value=300.0)


def test_what_the_model_doesnt_say_is_missing_and_no_text() -> None:
    found = tree("live.psi > model.sla.nope")
    assert isinstance(found, Operation)
    assert found.args[1] == Missing(reason="nope is missing")


@pytest.mark.parametrize("when", ["live.metrics.sold > 1.0", 'live.metrics["sold"] > 1.0'])
def test_a_figure_of_ones_own_has_its_key(when: str) -> None:
    found = tree(when)
    assert isinstance(found, Operation)
    assert found.args[0] == Figure(name="live.metrics", key="sold")


@pytest.mark.parametrize("when", ['"sold" in live.metrics', "has(live.metrics.sold)"])
def test_whether_a_figure_is_there_can_be_asked(when: str) -> None:
    assert tree(when) == Measured(figure=Figure(name="live.metrics", key="sold"))


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("live.feature_psi.exists(k, live.feature_psi[k] > 1.0)", "a loop"),
        ("live.psi in [1.0, 2.0]", "a list"),
        ("live.psi in [live.drift]", "a list"),
        ('{"a": live.psi} == {"a": 1.0}', "a map"),
        ('{"a": live.psi}.a > 1.0', "a map"),
        ('[{"a": live.psi}].exists(x, x.a > 1.0)', "a loop"),
    ],
)
def test_what_only_the_runtime_understands_is_named(when: str, what: str) -> None:
    found = tree(when)
    others = [found] if isinstance(found, Other) else list(getattr(found, "args", ()))
    assert what in {one.what for one in others if isinstance(one, Other)}


def test_long_rules_are_read_whole() -> None:
    """Lengths of more than one byte."""
    when = " || ".join(f"live.metrics.figure_{'x' * 40}_{n} > 200000.0" for n in range(20))
    found, count = tree(when), 0
    stack = [found]
    while stack:
        one = stack.pop()
        count += isinstance(one, Figure)
        stack.extend(one.args if isinstance(one, Operation) else ())
    assert count == 20
    folded = tree("live.psi > " + " + ".join(["1.0"] * 30))
    assert isinstance(folded, Operation)
    assert folded.args[1] == Constant(value=30.0)

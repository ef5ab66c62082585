"""Conditions as PromQL: what fires there is what is true by the language of the policies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from modelctl.adapters.condition_tree import condition_tree
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.condition import Constant, Figure, Missing, Operation
from modelctl.domain.promql import Translated, literal, reads, translate
from modelctl.domain.triggers import LIVE, live_facts
from modelctl.errors import ModelctlError
from support.alerting import about, run
from support.prometheus import tool

MODEL = about(tier="standard", sla={"latency_p99_ms": 200.0})


def series(figure: Figure) -> str:
    return f"{figure.name}_{figure.key}" if figure.key else figure.name.replace(".", "_")


def translated(when: str, *requests: str) -> Translated:
    return translate(condition_tree(compile_rule(when, LIVE), MODEL), series, requests)


@pytest.mark.parametrize(
    ("when", "expression"),
    [
        ("live.psi > 0.2", "live_psi > 0.2"),
        ("0.2 < live.psi", "0.2 < live_psi"),
        ("live.requests >= 5", "live_requests >= 5"),
        ("!(live.psi > 0.2)", "live_psi <= 0.2"),
        ("!(live.psi == 0.2)", "live_psi != 0.2"),
        ("!!(live.psi != 0.2)", "live_psi != 0.2"),
        ("-live.psi < -0.2", "-live_psi < -0.2"),
        ("live.psi - (live.drift - 1.0) > 2.0", "live_psi - (live_drift - 1.0) > 2.0"),
        ("(live.psi + 1.0) * 2.0 > 2.0", "(live_psi + 1.0) * 2.0 > 2.0"),
        ("live.psi * -2.0 > 2.0", "live_psi * (-2.0) > 2.0"),
        ("live.psi / (live.drift / 2.0) > 1.0", "live_psi / (live_drift / 2.0) > 1.0"),
        ("double(live.requests) > 1.5", "live_requests > 1.5"),
        ("live.metrics.sold > 1.0", "live.metrics_sold > 1.0"),
        ('live.metrics["sold"] > 1.0', "live.metrics_sold > 1.0"),
        ('"sold" in live.metrics', "live.metrics_sold"),
        ("has(live.metrics.sold)", "live.metrics_sold"),
        (
            "live.psi > 1.0 && (live.drift > 1.0 || live.accuracy < 1.0)",
            "live_psi > 1.0 and (live_drift > 1.0 or live_accuracy < 1.0)",
        ),
        (
            "!(live.psi > 1.0 || live.drift > 1.0)",
            "live_psi <= 1.0 and live_drift <= 1.0",
        ),
        (
            "live.psi > 1.0 ? live.drift > 1.0 : live.accuracy < 1.0",
            "live_psi > 1.0 and live_drift > 1.0 or live_psi <= 1.0 and live_accuracy < 1.0",
        ),
        (
            '"latency_p99_ms" in model.sla && live.latency_p99_ms > model.sla["latency_p99_ms"]',
            "live_latency_p99_ms > 200.0",
        ),
        ('live.psi > (model.tier == "critical" ? 0.1 : 0.2)', "live_psi > 0.2"),
        ('(model.tier == "standard" ? live.psi : 1.0) > 0.2', "live_psi > 0.2"),
        ('(model.tier == "critical" ? 1.0 : live.psi) > 0.2', "live_psi > 0.2"),
        ('model.tier == "standard" || live.psi > 0.2', "vector(1)"),
        ("live.psi > 1e300 * 1e300", "live_psi > +Inf"),
        (
            "!(live.psi / live.drift > 1.0)",
            "live_psi / live_drift <= 1.0 or live_psi / live_drift != live_psi / live_drift",
        ),
    ],
)
def test_a_condition_reads_as_it_does_in_the_policy(when: str, expression: str) -> None:
    assert translated(when) == Translated(expression=expression)


@pytest.mark.parametrize(
    ("when", "expression"),
    [
        ("live.psi > 0.2", "live_psi > 0.2 and r >= 5"),
        ("live.psi > 0.2 || live.drift > 1.0", "(live_psi > 0.2 or live_drift > 1.0) and r >= 5"),
        ('model.tier == "standard"', "r >= 5"),
    ],
)
def test_what_must_hold_beside_it_is_joined(when: str, expression: str) -> None:
    assert translated(when, "r >= 5").expression == expression


@pytest.mark.parametrize(
    ("when", "lacking"),
    [
        ('"nope" in model.sla && live.psi > model.sla["nope"]', None),
        ('model.tier == "critical" && live.psi > 0.2', None),
        ("live.psi > model.sla.nope", "nope is missing"),
        ("model.sla.nope > 1.0 && live.psi > 0.2", "nope is missing"),
        ("live.psi > 0.2 && live.drift > model.sla.nope", "nope is missing"),
        ('live.psi > model.sla.nope && model.tier == "critical"', None),
    ],
)
def test_what_can_never_hold_says_whether_something_is_lacking(
    when: str, lacking: str | None
) -> None:
    assert translated(when) == Translated(expression=None, lacking=lacking)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("live.requests / 2 > 3", "column 15: the condition divides whole numbers"),
        ("live.requests % 2 > 3", "column 15: the condition uses `%`"),
        ("live.feature_psi.exists(k, live.feature_psi[k] > 1.0)", "column 24: the condition has a"),
        ("live.psi in [1.0, 2.0]", "column 10: the condition uses `in`"),
        ("(live.psi > 1.0) == true", "the condition uses `>`"),
        ("(live.psi > 1.0 ? 2.0 : 3.0) > 1.0", "the condition uses `?:`"),
        ("!has(live.metrics.sold)", "is not measured can't be asked"),
        ("live.psi > 0.0 / 0.0", "has a number that is none"),
        ('(model.tier == "critical" ? live.psi : 1.0) > 0.2', "compares two constants"),
        ("[live.psi].exists(x, x > 1.0)", "has a loop"),
        ('{"a": live.psi}.a > 1.0', "has a map"),
        ("live.feature_psi == live.feature_psi", "compares all of live.feature_psi"),
    ],
)
def test_what_cant_be_said_is_refused_with_its_place(when: str, message: str) -> None:
    with pytest.raises(ModelctlError, match=re.escape(message)) as caught:
        translated(when)
    assert caught.value.mend


def test_a_figure_or_a_text_is_no_condition() -> None:
    with pytest.raises(ModelctlError, match=r"reads live\.psi as true or false"):
        translate(Figure(name="live.psi"), series)
    text = Operation(name="_==_", args=(Figure(name="live.psi"), Constant(value="a")), column=4)
    with pytest.raises(ModelctlError, match="column 4: the condition reads what isn't a number"):
        translate(text, series)


def test_numbers_are_written_exactly() -> None:
    assert [literal(value) for value in (0.1, 5, 1e-7, float("inf"), float("-inf"))] == [
        "0.1", "5", "1e-07", "+Inf", "-Inf",
    ]  # fmt: skip


def test_the_figures_of_a_condition_are_listed_once() -> None:
    when = 'live.psi > 0.2 && live.psi < 1.0 && "a" in live.metrics && live.requests > 1'
    names = [str(figure) for figure in reads(condition_tree(compile_rule(when, LIVE), MODEL))]
    assert names == ["live.psi", 'live.metrics["a"]', "live.requests"]
    assert Figure(name="live.psi").side == "live"
    assert reads(Missing(reason="x")) == ()


# What follows lets Prometheus itself evaluate conditions made at random.

DOUBLES = ("live.psi", "live.drift", "live.accuracy")
WHOLES = ("live.requests", "live.labelled")
VALUES = (0.0, 0.5, 1.0, 2.0, -1.0, 1e308)
COMPARED = ("<", "<=", ">", ">=", "==", "!=")
CONSTANT = (
    'model.tier == "standard"',
    '"nope" in model.sla',
    'model.sla["nope"] > 1.0',
    'model.sla["latency_p99_ms"] > 100.0',
)

doubles = st.recursive(
    st.sampled_from([*DOUBLES, *DOUBLES, "0.5", "1.0", "2.0", 'model.sla["latency_p99_ms"]']),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        inner.map(lambda one: f"-({one})"),
        st.sampled_from(WHOLES).map(lambda one: f"double({one})"),
    ),
    max_leaves=4,
)
wholes = st.recursive(
    st.sampled_from([*WHOLES, "1", "2"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    ),
    max_leaves=3,
)


ZERO = {"live.psi": 0.0, "live.drift": 0.0}
HUGE = {"live.psi": 1e308, "live.drift": 1e308}
ONES = {"live.psi": 1.0, "live.drift": 2.0, "live.accuracy": 2.0}
DIRECTED: tuple[tuple[str, Mapping[str, float]], ...] = (
    ("!(live.psi / live.drift > 1.0)", ZERO),  # 0/0 is no number: the comparison is false
    ("!(live.psi / live.drift <= 1.0) || live.accuracy > 1.0", ZERO),
    ("!(1.0 < live.psi / live.drift)", ZERO),
    ("live.psi / live.drift != 1.0", ZERO),
    ("!(live.psi * 10.0 - live.drift * 10.0 >= 0.0)", HUGE),  # infinite less infinite
    ("live.psi - (live.drift - live.accuracy) > 0.5", ONES),
    ("live.psi / (live.drift / live.accuracy) < 1.5", ONES),
    ("-(live.psi - live.drift) > 0.5", ONES),
)
"""What chance finds too seldom."""


def compared(numbers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(numbers, st.sampled_from(COMPARED), numbers).map(" ".join)


conditions = st.recursive(
    st.one_of(compared(doubles), compared(wholes), st.sampled_from(CONSTANT)),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(" ".join),
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, inner, inner).map(lambda t: f"(({t[0]}) ? ({t[1]}) : ({t[2]}))"),
    ),
    max_leaves=6,
)
figures = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(DOUBLES, st.sampled_from(VALUES)),
        **dict.fromkeys(WHOLES, st.sampled_from((0, 1, 2, 5))),
    },
)


@settings(
    max_examples=6,
    suppress_health_check=list(HealthCheck),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # promtool names the case that differs
)
@given(cases=st.lists(st.tuples(conditions, figures), min_size=60, max_size=120))
def test_prometheus_decides_random_conditions_as_the_policy_does(
    tmp_path_factory: pytest.TempPathFactory, cases: list[tuple[str, Mapping[str, float]]]
) -> None:
    folder = tmp_path_factory.mktemp("promql")
    inputs: list[Any] = []
    asked: list[Any] = []
    for number, (when, values) in enumerate([*DIRECTED, *cases]):
        try:
            rule = compile_rule(when, LIVE)
            found = translate(
                condition_tree(rule, MODEL), lambda f, n=number: f'{series(f)}{{case="{n}"}}'
            )
        except ModelctlError:
            continue
        holds = rule.decide(live_facts(MODEL, values)) is True
        if found.expression is None:
            assert not holds, when
            continue
        for name, value in values.items():
            sample = f'{name.replace(".", "_")}{{case="{number}"}}'
            inputs.append({"series": sample, "values": repr(value)})
        expected = [{"labels": "{}", "value": int(holds)}]
        expression = f"count({found.expression}) or vector(0)"
        asked.append({"expr": expression, "eval_time": "0m", "exp_samples": expected})
    test = {"interval": "1m", "input_series": inputs, "promql_expr_test": asked}
    (folder / "tests.yaml").write_text(json.dumps({"tests": [test]}))
    code, said = run(tool("promtool"), "test", "rules", "tests.yaml", cwd=Path(folder))
    assert code == 0, said

"""What is decided without the runtime is what the runtime decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.adapters.expressions import compile_rule
from modelctl.adapters.plain_rules import plain

DECLARED = {
    "live.requests": "int",
    "a.x": "double",
    "a.y": "double",
    "a.n": "int",
    "a.m": "map(string, double)",
}
numbers = st.one_of(
    st.floats(), st.floats(-2, 2), st.sampled_from([0.0, -0.0, 0.1, 0.3, 0.30000000000000004])
)
written = st.sampled_from(["0.0", "0.1", "-0.05", "1.2", "500.0", "0.30000000000000"])
compares = st.sampled_from(["<", "<=", ">", ">="])
shifts = st.sampled_from(["", " + 0.1", " - 0.1", "*1.2", " * -0.5", " + 0.005"])


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    compare = draw(compares)
    return draw(
        st.sampled_from(
            [
                f"a.x {compare} {draw(written)}",
                f"a.n {compare} {draw(st.integers(-3, 3))}",
                f"a.x{compare}a.y{draw(shifts)}",
            ]
        )
    )


rules = st.tuples(st.sampled_from([" && ", "||"]), st.lists(comparisons(), min_size=1, max_size=3))
facts = st.fixed_dictionaries(
    {}, optional={"a.x": numbers, "a.y": numbers, "a.n": st.integers(-3, 3)}
)


@given(rules, facts)
def test_it_decides_as_the_runtime_does(rule: tuple[str, list[str]], known: Any) -> None:
    word, parts = rule
    compiled = compile_rule(word.join(parts), DECLARED)
    assert compiled.plain is not None
    assert compiled.decide(known) == replace(compiled, plain=None).decide(known)


@pytest.mark.parametrize(
    "rule",
    [
        "!(a.x > 1.0)",
        "a.x > 1.0 && a.y > 1.0 || a.n > 1",
        "(a.x > 1.0)",
        "a.x == 1.0",
        "1.0 < a.x",
        "a.n > a.n",
        "a.n + 1 > 2",
        'a.m["k"] > 1.0',
        "a.m.k > 1.0",
        "a.x > a.y + 1.0 + 1.0",
        "a.x > a.m.k",
    ],
)
def test_what_is_not_plain_is_left_to_the_runtime(rule: str) -> None:
    compile_rule(rule, DECLARED)
    assert plain(rule, DECLARED) is None


def test_a_figure_of_another_type_is_left_to_the_runtime() -> None:
    decide = plain("a.x > 1.0", DECLARED)
    assert decide is not None
    assert [decide({"a.x": value}) for value in (2.0, 2, True, None, "2")] == [True] + [None] * 4

"""The chart: only what Mermaid's grammar of xychart-beta takes, whatever the metrics are called.

The lines below are that grammar as far as we write it; Mermaid's own parser has taken the golden
charts (`docs` of Mermaid: syntax/xyChart).
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, strategies as st

from modelctl.domain.differences import Measured, MetricChange, compare
from modelctl.report.chart import chart, name
from support.pages import measured, versions

NUMBER = r"-?\d+(?:\.\d{1,4})?"
SERIES = rf"\[{NUMBER}(?:, {NUMBER})*\]"
GRAMMAR = re.compile(
    r"```mermaid\n---\n(?P<style>.*)---\nxychart-beta horizontal\n"
    r'    x-axis \[(?P<names>"[A-Za-z0-9_.@-]{1,24}"(?:, "[A-Za-z0-9_.@-]{1,24}")*)\]\n'
    r'    y-axis "change against [A-Za-z0-9_.@-]{1,24} in %, right of 0 is better" '
    rf"(?P<low>{NUMBER}) --> (?P<high>{NUMBER})\n"
    rf"(?P<bars>(?:    bar {SERIES}\n){{3}})    line \[0(?:, 0)*\]\n```\n\n<sub>[^<\n]+</sub>",
    re.DOTALL,
)


def drawn(*metrics: MetricChange) -> str | None:
    before, after = versions()
    return chart(replace(compare(before, after), metrics=metrics))


def change(named: str, before: float, after: float, width: float = 0.02) -> MetricChange:
    old, new = (
        Measured(value=value, lower=value - width, upper=value + width, size=100)
        for value in (before, after)
    )
    return MetricChange(name=named, source="measured", before=old, after=new)


def test_each_metric_is_a_bar_from_its_lower_to_its_upper_limit() -> None:
    before, after = versions()
    comparison = compare(
        before, after, (measured("1.0.0", 0.94, 0.86), measured("1.1.0", 0.95, 0.93))
    )
    match = GRAMMAR.fullmatch(chart(comparison) or "")
    assert match is not None
    assert match["names"] == '"accuracy", "f1_score", "log_loss"'
    upper, value, lower = (
        [float(number) for number in re.findall(NUMBER, line)]
        for line in match["bars"].splitlines()
    )
    assert all(low <= here <= high for low, here, high in zip(lower, value, upper, strict=True))
    assert float(match["low"]) == -float(match["high"]) < min(lower)
    assert set(yaml.safe_load(match["style"])) == {"config"}


def test_a_metric_that_falls_is_better_where_less_is_better() -> None:
    found = drawn(change("accuracy", 0.9, 0.95), change("log_loss", 0.5, 0.4))
    match = GRAMMAR.fullmatch(found or "")
    assert match is not None
    values = re.findall(NUMBER, match["bars"].splitlines()[1])
    assert [float(v) > 0 for v in values] == [True, True]


@pytest.mark.parametrize(
    "metrics",
    [
        (),
        (change("accuracy", 0.9, 0.95),),
        (change("accuracy", 0.9, 0.95), change("what_is_this", 0.9, 0.95)),
        (change("accuracy", 0.9, 0.95), change("recall", 0.0, 0.5)),
        (change("accuracy", 0.9, 0.95), change("recall", 1e-9, 0.5)),
        (change("accuracy", 0.9, 0.95), change("recall", 0.5, float("inf"))),
        (
            change("accuracy", 0.9, 0.95),
            replace(change("recall", 0.5, 0.6), before=Measured(value=0.5)),
        ),
        (change("accuracy", 0.9, 0.95), replace(change("recall", 0.5, 0.6), after=None)),
    ],
)
def test_fewer_than_two_metrics_are_no_chart(metrics: tuple[MetricChange, ...]) -> None:
    assert drawn(*metrics) is None


def test_differences_that_are_hardly_there_have_room_too() -> None:
    found = drawn(*(change(named, 1.0, 1.0, 0.0) for named in ("accuracy", "recall")))
    assert GRAMMAR.fullmatch(found or "")


def test_a_chart_has_no_more_than_eight_metrics() -> None:
    found = drawn(*(change(f"accuracy@{n}", 0.9, 0.95) for n in range(1, 20)))
    match = GRAMMAR.fullmatch(found or "")
    assert match is not None
    assert match["names"].count('"') == 16


@given(
    st.text() | st.sampled_from(['"]', "```", "%%{init: {}}%%", "#quot;", "a\nbar [1]", "", "é"])
)
def test_a_name_ends_nothing(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.@-]{1,24}", name(text))


@given(
    st.floats(-1e6, 1e6).filter(bool), st.floats(-1e6, 1e6), st.floats(0, 1e3), st.floats(0, 1e3)
)
def test_whatever_the_figures_the_grammar_holds(
    before: float, after: float, width: float, other: float
) -> None:
    found = drawn(change("accuracy", before, after, width), change("mae", after, before, other))
    assert found is None or GRAMMAR.fullmatch(found)

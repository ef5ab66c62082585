"""Significance: limits by the book, verdicts only beyond chance, and numbers that really decide."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from modelctl.domain.rules import Undecided
from modelctl.domain.significance import (
    MOST_SAMPLES,
    Comparison,
    Figure,
    critical,
    decides,
    difference,
    exactly,
    figure,
    grown,
    samples_that_decide,
    wilson,
)

shares = st.floats(0, 1)
counts = st.integers(1, 100_000)


def measured(**changes: Any) -> dict[str, Any]:
    """Facts with an accuracy of 0.9 and its 95 % interval."""
    facts = {
        "evidence.metrics": {"accuracy": 0.9, "rmse": 2.0},
        "evidence.lower": {"rmse": 1.8},
        "evidence.upper": {"rmse": 2.3},
        "evidence.confidence": 0.95,
        "evidence.sample_size": 100,
    }
    return {**facts, **{f"evidence.{name}": value for name, value in changes.items()}}


def of(metric: str, at: float = 0.95, **changes: Any) -> Figure | Undecided:
    return figure(measured(**changes), "evidence", metric, at)


def sure(share: float, samples: int, confidence: float = 0.95) -> Figure:
    lower, upper = wilson(share, samples, confidence)
    return Figure(value=share, lower=lower, upper=upper, samples=samples, share=True)


def test_the_critical_values_are_those_of_the_tables() -> None:
    assert critical(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert critical(0.90) == pytest.approx(1.644854, abs=1e-6)


@pytest.mark.parametrize(
    ("hits", "samples", "lower", "upper"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_that_of_the_paper(hits: int, samples: int, lower: float, upper: float) -> None:
    assert wilson(hits / samples, samples, 0.95) == pytest.approx((lower, upper), abs=5e-5)


def test_the_difference_of_two_shares_is_that_of_the_paper() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), comparison of 56/70 with 48/80: method 10."""
    found = difference(sure(56 / 70, 70), sure(48 / 80, 80))
    assert found.value == pytest.approx(0.2)
    assert (found.lower, found.upper) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(shares, counts)
def test_a_share_lies_within_its_limits(share: float, samples: int) -> None:
    lower, upper = wilson(share, samples, 0.95)
    assert -1e-12 <= lower <= share <= upper <= 1 + 1e-12
    wide_lower, wide_upper = wilson(share, samples, 0.99)
    assert wide_lower <= lower + 1e-12
    assert upper <= wide_upper + 1e-12


@given(shares, counts, st.integers(2, 50))
def test_more_samples_narrow_the_limits(share: float, samples: int, times: int) -> None:
    lower, upper = wilson(share, samples, 0.95)
    narrow_lower, narrow_upper = wilson(share, samples * times, 0.95)
    assert narrow_lower >= lower - 1e-12
    assert narrow_upper <= upper + 1e-12


def test_a_recorded_interval_is_taken_as_it_is() -> None:
    found = of("rmse")
    assert isinstance(found, Figure)
    assert (found.value, found.lower, found.upper) == pytest.approx((2.0, 1.8, 2.3))
    assert (found.samples, found.share) == (100, False)


def test_a_recorded_interval_is_widened_to_the_confidence_that_is_asked_for() -> None:
    found = of("rmse", 0.99)
    assert isinstance(found, Figure)
    wider = critical(0.99) / critical(0.95)
    assert (found.lower, found.upper) == pytest.approx((2.0 - 0.2 * wider, 2.0 + 0.3 * wider))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lower": {"accuracy": 0.85}},
        {"lower": {"accuracy": 0.9}, "upper": {"accuracy": 0.9}},
        {"lower": {"accuracy": 0.91}, "upper": {"accuracy": 0.95}},
        {"lower": {"accuracy": 0.8}, "upper": {"accuracy": 0.95}, "confidence": None},
    ],
)
def test_a_share_needs_no_interval(changes: dict[str, Any]) -> None:
    assert of("accuracy", **changes) == sure(0.9, 100)


@pytest.mark.parametrize(
    ("metric", "changes", "reason"),
    [
        ("f1_score", {}, "evidence.metrics.f1_score is missing"),
        ("rmse", {"metrics": {}}, "evidence.metrics.rmse is missing"),
        ("rmse", {"metrics": {"rmse": "2"}}, "evidence.metrics.rmse is missing"),
        ("rmse", {"lower": {}}, "evidence has no interval of rmse"),
        ("rmse", {"upper": {}}, "evidence has no interval of rmse"),
        ("rmse", {"confidence": None}, "evidence doesn't say how confident its intervals are"),
        ("rmse", {"confidence": 1.0}, "evidence doesn't say how confident its intervals are"),
        ("rmse", {"upper": {"rmse": 1.9}}, "the interval of rmse of evidence says nothing"),
        (
            "rmse",
            {"lower": {"rmse": 2.0}, "upper": {"rmse": 2.0}},
            "the interval of rmse of evidence says nothing",
        ),
        (
            "accuracy",
            {"sample_size": None},
            "evidence has no interval of accuracy, and evidence.sample_size is missing",
        ),
        (
            "accuracy",
            {"sample_size": 0},
            "evidence has no interval of accuracy, and evidence.sample_size is missing",
        ),
        (
            "accuracy",
            {"metrics": {"accuracy": 93.0}},
            "evidence has no interval of accuracy, and evidence.sample_size is missing",
        ),
    ],
)
def test_what_is_missing_is_named(metric: str, changes: dict[str, Any], reason: str) -> None:
    found = of(metric, **changes)
    assert isinstance(found, Undecided)
    assert found.reason == reason


def test_a_figure_of_its_own_counts_as_a_metric() -> None:
    facts = {"serving.error_rate": 0.001, "serving.sample_size": 5000}
    assert figure(facts, "serving", "error_rate", 0.95) == sure(0.001, 5000)


@pytest.mark.parametrize(
    ("lower", "upper", "answer"),
    [
        (-0.01, 0.02, True), (0.0, 0.02, True), (-0.0101, 0.02, None),
        (-0.05, -0.01, None), (-0.05, -0.0101, False),
    ],
)  # fmt: skip
def test_the_whole_interval_decides(lower: float, upper: float, answer: bool | None) -> None:
    compared = Comparison(value=(lower + upper) / 2, lower=lower, upper=upper)
    assert decides(compared, 0.01) is answer


def test_against_a_threshold_only_ones_own_limits_count() -> None:
    found = difference(sure(0.9, 100), exactly(0.85))
    lower, upper = wilson(0.9, 100, 0.95)
    assert (found.lower, found.upper) == pytest.approx((lower - 0.85, upper - 0.85))


def test_an_interval_narrows_with_the_root_of_the_samples() -> None:
    wide = Figure(value=2.0, lower=1.8, upper=2.4, samples=100)
    assert grown(wide, 4.0, 0.95) == Figure(value=2.0, lower=1.9, upper=2.2, samples=100)
    assert grown(exactly(2.0), 4.0, 0.95) == exactly(2.0)


@st.composite
def undecided(draw: st.DrawFn) -> tuple[float, float, int, float]:
    """Two shares of so many samples that differ by about the margin, as far as anybody can tell."""
    served, samples = draw(shares), draw(st.integers(5, 5000))
    margin = draw(st.floats(0, min(0.2, served)))
    at = served - margin
    there = difference(sure(at, samples), sure(served, samples))
    away = draw(st.floats(0.9 * (there.lower + margin), 0.9 * (there.upper + margin)))
    return min(max(at + away, 0.0), 1.0), served, samples, margin


@given(undecided())
def test_the_number_of_samples_that_is_named_really_decides(
    drawn: tuple[float, float, int, float],
) -> None:
    new, served, samples, margin = drawn

    def compare(factor: float) -> Comparison:
        one, other = sure(new, samples), sure(served, samples)
        return difference(grown(one, factor, 0.95), grown(other, factor, 0.95))

    assume(decides(compare(1.0), margin) is None)
    needed = samples_that_decide(samples, margin, compare)
    if needed is None:
        assert abs(new - served + margin) < 1e-3
        return
    assert samples < needed <= MOST_SAMPLES
    wanted = new - served > -margin
    assert decides(compare(needed / samples), margin) is wanted
    assert decides(compare((needed - 1) / samples), margin) is None
    assert decides(compare(2 * needed / samples), margin) is wanted


@pytest.mark.parametrize("margin", [0.0, 0.01])
def test_at_the_margin_no_number_decides(margin: float) -> None:
    def compare(factor: float) -> Comparison:
        return difference(
            grown(sure(0.9 - margin, 100), factor, 0.95), grown(sure(0.9, 100), factor, 0.95)
        )

    assert samples_that_decide(100, margin, compare) is None

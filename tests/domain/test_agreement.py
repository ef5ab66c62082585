"""Whether two versions answer alike: by request, by slice, and as a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.agreement import (
    Agreement,
    Comparing,
    Prediction,
    Share,
    compare,
    comparing,
    population_stability,
)

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def said(version: str, *answers: Any, first: int = 0, **inputs: Sequence[Any]) -> list[Prediction]:
    """A prediction for each answer; `inputs` has the value of each request."""
    return [
        Prediction(
            at=AT,
            request=f"r{first + n}",
            version=version,
            outputs=tuple(answer) if isinstance(answer, list) else (answer,),
            inputs={name: (values[n],) for name, values in inputs.items()},
        )
        for n, answer in enumerate(answers)
    ]


def against(
    stable: Sequence[Any], canary: Sequence[Any], how: Comparing | None = None, **inputs: Any
) -> Agreement:
    return compare(said("1", *stable, **inputs), said("2", *canary, **inputs), how or Comparing())


class TestWhole:
    def test_equal_answers_agree(self) -> None:
        found = against([0, 1, 1, "a"], [0, 1, 0, "a"])
        assert found.whole == Share(rows=4, agreed=3)
        assert found.whole.rate == 0.75
        assert found.metrics == {"agreement": 0.75}
        lower, upper = found.whole.limits()
        assert 0 < lower < 0.75 < upper < 1

    def test_one_is_not_true(self) -> None:
        assert against([1, 1.0], [True, 1]).whole.agreed == 1

    def test_rows_of_one_request_are_compared_in_their_order(self) -> None:
        found = against([[0, 1, 2]], [[0, 2, 2]])
        assert found.whole == Share(rows=3, agreed=2)

    def test_a_row_that_only_one_side_has_does_not_agree(self) -> None:
        assert against([[0, 1]], [[0]]).whole == Share(rows=2, agreed=1)
        assert against([[0]], [[0, None]]).whole == Share(rows=2, agreed=1)

    def test_only_the_same_requests_are_compared(self) -> None:
        found = compare(said("1", 0, 0, 0), said("2", 0, 0, first=2), Comparing())
        assert found.whole == Share(rows=1, agreed=1)
        assert (found.stable, found.canary) == (3, 2)
        assert (found.lone_stable, found.lone_canary) == (2, 1)

    def test_a_request_that_came_twice_is_paired_in_its_order(self) -> None:
        twice = [*said("1", 0), *said("1", 1)]
        found = compare(twice, [*said("2", 0), *said("2", 1), *said("2", 1)], Comparing())
        assert found.whole == Share(rows=2, agreed=2)
        assert found.lone_canary == 1

    def test_of_nothing_nothing_is_said(self) -> None:
        found = compare([], [], Comparing(slices=("a",)))
        assert found.metrics == {}
        assert found.whole.limits() == (0.0, 1.0)
        assert found.whole.rate == 0.0
        assert (found.psi, found.differences, found.lowest) == (None, None, None)


class TestNumbers:
    def test_within_the_tolerance_they_agree(self) -> None:
        found = against([100.0, 100.0, -100.0, 0.0], [101.0, 101.1, -99.5, 0.0], comparing("x", ()))
        assert found.whole.agreed == 1
        found = against(
            [100.0, 100.0, -100.0, 0.0], [101.0, 101.1, -99.5, 0.0], comparing("regression", ())
        )
        assert found.whole.agreed == 3

    def test_what_is_no_number_must_be_equal(self) -> None:
        how = comparing("regression", (), 0.5)
        assert against(["a", math.nan, 1.0], ["a", math.nan, "b"], how).whole.agreed == 1

    def test_how_far_they_are_apart(self) -> None:
        numbers = [1.0 + n / 100 for n in range(100)]
        assert against([1.0] * 100, numbers).differences is None  # classes
        far = against([1.0] * 100, numbers, Comparing(tolerance=0)).differences
        assert far is not None
        assert far.mean == pytest.approx(0.495)
        assert (far.p50, far.p95, far.p99, far.most) == pytest.approx((0.49, 0.94, 0.98, 0.99))

    def test_of_answers_that_are_not_all_numbers_it_is_not_said(self) -> None:
        assert against([1.0, "a"], [1.0, "a"], Comparing(tolerance=0)).differences is None

    @pytest.mark.parametrize(
        ("task", "given", "tolerance"),
        [
            ("classification", None, None),
            ("classification", 0.1, 0.1),
            ("regression", None, 0.01),
            ("forecasting", None, 0.01),
            ("regression", 0.0, 0.0),
        ],
    )
    def test_the_task_decides_how(self, task: str, given: float, tolerance: float) -> None:
        assert comparing(task, ["a"], given) == Comparing(slices=("a",), tolerance=tolerance)


class TestSlices:
    AGES = ["young"] * 40 + ["old"] * 60 + ["ancient"] * 5

    def agreement(self) -> Agreement:
        canary = [0] * 40 + [0] * 45 + [1] * 15 + [1] * 5
        return against([0] * 105, canary, Comparing(slices=("age", "none")), age=self.AGES)

    def test_each_value_has_its_own_share_the_largest_first(self) -> None:
        found = self.agreement()
        assert list(found.slices["age"].items()) == [
            ("old", Share(rows=60, agreed=45)),
            ("young", Share(rows=40, agreed=40)),
            ("ancient", Share(rows=5, agreed=0)),
        ]
        assert found.slices["none"] == {}

    def test_the_lowest_is_of_those_with_enough_rows(self) -> None:
        found = self.agreement()
        assert found.lowest == ("age", "old", Share(rows=60, agreed=45))
        assert found.metrics == {"agreement": pytest.approx(85 / 105), "agreement_min_slice": 0.75}

    def test_a_side_without_inputs_borrows_the_others(self) -> None:
        stable, canary = said("1", 0, age=["old"]), said("2", 0)
        how = Comparing(slices=("age",))
        assert compare(stable, canary, how).slices == compare(canary, stable, how).slices
        assert compare(stable, canary, how).slices["age"] == {"old": Share(rows=1, agreed=1)}


class TestDistribution:
    def test_the_same_is_zero(self) -> None:
        assert population_stability([0, 1, 1], [1, 0, 1]) == 0
        assert population_stability([0.0, 1.0], [0, 1]) == 0

    def test_another_one_is_more(self) -> None:
        slightly = population_stability([0] * 50 + [1] * 50, [0] * 45 + [1] * 55)
        much = population_stability([0] * 50 + [1] * 50, [0] * 10 + [1] * 90)
        assert slightly is not None
        assert much is not None
        assert 0 < slightly < 0.1
        assert much > 0.2

    def test_a_value_that_never_came_counts(self) -> None:
        found = population_stability(["a"] * 100, ["b"] * 100)
        assert found is not None
        assert found > 5

    def test_numbers_are_counted_between_the_deciles(self) -> None:
        reference = [n / 100 for n in range(1000)]
        assert population_stability(reference, reference[::-1]) == pytest.approx(0)
        moved = population_stability(reference, [n + 3 for n in reference])
        assert moved is not None
        assert moved > 0.2

    def test_figures_that_differ_a_little_are_the_same_distribution(self) -> None:
        """A regression may answer with few different figures, and a new version near them."""
        reference = [float(n % 7) + 100 for n in range(700)]
        near = [answer + 0.1 for answer in reference]
        assert population_stability(reference, near, numeric=True) == pytest.approx(0)
        by_value = population_stability(reference, near)
        assert by_value is not None
        assert by_value > 1
        assert against(reference, near, comparing("regression", ())).psi == pytest.approx(0)

    def test_what_is_missing_is_left_out(self) -> None:
        assert population_stability([None, math.nan], [1]) is None
        assert population_stability([1], [math.inf]) is None
        assert population_stability([1, None], [1]) == 0

    def test_many_different_texts_are_counted_by_value(self) -> None:
        texts = [f"t{n}" for n in range(30)]
        assert population_stability(texts, texts) == 0

    @given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.lists(st.floats(-1e6, 1e6), min_size=1))
    def test_it_is_never_negative(self, first: list[float], second: list[float]) -> None:
        found = population_stability(first, second)
        assert found is not None
        assert found >= -1e-9

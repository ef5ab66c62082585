"""The agreement of two versions as evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modelctl.domain.agreement import Comparing, Prediction, compare
from modelctl.probes.agreement import passed, predicate_of

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def predictions(version: str, values: list[float], group: str = "a") -> list[Prediction]:
    return [
        Prediction(
            at=AT + timedelta(minutes=n),
            request=f"{group}{n}",
            version=version,
            outputs=(value,),
            inputs={"site": (group,)},
        )
        for n, value in enumerate(values)
    ]


def test_numbers_say_how_far_they_are_apart() -> None:
    canary = predictions("2.0.0", [1.0] * 60 + [2.0])
    found = compare(predictions("1.0.0", [1.0] * 61), canary, Comparing(tolerance=0.01))
    predicate = predicate_of(found, canary, against="1.0.0", at_least=None)
    assert predicate["passed"] is True
    assert predicate["hours"] == 1.0
    assert predicate["requests"] == 61
    assert predicate["values"]["difference_p99"] == 1.0
    assert predicate["values"]["lone_stable"] == 0
    assert predicate["prediction_psi"] > 0


def test_of_nothing_no_version_has_passed() -> None:
    found = compare([], [], Comparing())
    predicate = predicate_of(found, [], against="1.0.0", at_least=None)
    assert (predicate["passed"], predicate["hours"], predicate["metrics"]) == (False, 0.0, {})
    assert "prediction_psi" not in predicate


@pytest.mark.parametrize(("at_least", "expected"), [(None, True), (0.5, True), (0.9, False)])
def test_the_lowest_slice_decides_as_well(at_least: float | None, expected: bool) -> None:
    """95 % agree on the whole, but of one slice only 75 % do."""
    stable = [*predictions("1", [0.0] * 400, "a"), *predictions("1", [0.0] * 100, "b")]
    canary = [
        *predictions("2", [0.0] * 400, "a"),
        *predictions("2", [0.0] * 75 + [1.0] * 25, "b"),
    ]
    found = compare(stable, canary, Comparing(slices=("site",)))
    assert passed(found, at_least) is expected
    assert passed(compare(stable, canary, Comparing()), 0.9) is True

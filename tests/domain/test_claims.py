"""Which of a run's figures a manifest claims."""

from __future__ import annotations

import pytest

from modelctl.domain.claims import claims, figures, latency
from modelctl.domain.manifest import Dataset, Metric

CONTEXTS = {"train": "training", "held": "evaluation", "other": None}
CONTRACT = Dataset(name="contract", digest="sha256:0")


def metric(value: float, dataset: str | None = None, name: str = "accuracy") -> Metric:
    return Metric(name=name, value=value, dataset=dataset)


ORDERED = ["contract", "held", "other", None, "train"]


@pytest.mark.parametrize("better", range(4))
@pytest.mark.parametrize("reverse", [False, True])
def test_the_figure_on_the_data_that_counts_most_is_claimed(better: int, reverse: bool) -> None:
    rows = [metric(0.9, ORDERED[better]), *(metric(0.1, d) for d in ORDERED[better + 1 :])]
    if reverse:
        rows.reverse()
    assert claims(rows, CONTEXTS, CONTRACT) == (metric(0.9, ORDERED[better]),)


def test_without_a_contract_held_out_data_counts_most() -> None:
    rows = [metric(0.1, "contract"), metric(0.9, "held")]
    assert claims(rows, CONTEXTS, None) == (metric(0.9, "held"),)


def test_figures_of_the_machine_and_of_latency_are_no_claims() -> None:
    rows = [metric(1, name="system/cpu"), metric(2, name="latency_p95_ms"), metric(3)]
    assert [one.value for one in claims(rows, {}, None)] == [3]


def test_claims_are_sorted_by_name() -> None:
    rows = [metric(1, name="recall"), metric(2, name="accuracy"), metric(3, name="precision")]
    assert [one.name for one in claims(rows, {}, None)] == ["accuracy", "precision", "recall"]


def test_lower_and_upper_are_the_interval_of_the_figure_they_name() -> None:
    rows = [
        metric(0.9, "held"),
        metric(0.8, name="accuracy_lower"),
        metric(0.95, name="accuracy_upper"),
        metric(7, name="bound_lower"),
    ]
    found = {one.name: one for one in claims(rows, CONTEXTS, None)}
    assert set(found) == {"accuracy", "bound_lower"}
    assert (found["accuracy"].lower, found["accuracy"].upper) == (0.8, 0.95)


def test_an_interval_that_the_figure_has_itself_is_kept() -> None:
    row = Metric(name="rmse", value=2.0, lower=1.5, upper=2.5)
    assert claims([row], {}, None) == (row,)


def test_latency_is_told_by_the_name_of_the_metric() -> None:
    rows = [metric(3.5, name="latency_p99_ms"), metric(2.0, name="latency_p50_ms"), metric(1)]
    assert latency(rows) == {"p50_ms": 2.0, "p99_ms": 3.5}
    assert latency([metric(1, name="latency_p90_ms")]) == {}


def test_every_number_has_a_name_to_show() -> None:
    rows = [Metric(name="f1", value=1, lower=2, upper=3), metric(4, name="system/memory")]
    assert list(figures(rows)) == [("f1", 1), ("f1 (lower)", 2), ("f1 (upper)", 3)]

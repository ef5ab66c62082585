"""Which way the metrics are better that the field knows."""

from __future__ import annotations

import pytest

from modelctl.domain.metrics import Better, better, is_share


@pytest.mark.parametrize(
    "name",
    [
        "accuracy",
        "f1_score",
        "F1-Score",
        "val_roc_auc",
        "ndcg@10",
        "precision_at_5",
        "r2",
        "test_r2_score",
    ],
)
def test_higher_is_better(name: str) -> None:
    assert better(name) is Better.HIGHER


@pytest.mark.parametrize(
    "name",
    [
        "rmse",
        "log_loss",
        "eval/mae",
        "triplet_loss",
        "calibration_error",
        "latency_p99_ms",
        "p99_ms",
        "brier_score",
    ],
)
def test_lower_is_better(name: str) -> None:
    assert better(name) is Better.LOWER


@pytest.mark.parametrize("name", ["", "happiness", "test_", "epoch"])
def test_nobody_knows(name: str) -> None:
    assert better(name) is None


def test_shares_count_all_rows_of_the_sample() -> None:
    assert is_share("val_accuracy")
    assert not is_share("precision")

"""Metrics are scikit-learn's, for every weighting; intervals cover what they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from sklearn import metrics as sk

from modelctl.probes.statistics import Classified, Regressed, intervals, once, roc_auc


def classified(seed: int, rows: int, classes: int, *, ties: bool = False) -> Classified:
    """Random truth and predictions, better than chance, in which every class is there."""
    random = np.random.default_rng(seed)
    truth = np.r_[np.arange(classes), random.integers(0, classes, rows - classes)]
    scores = random.dirichlet(np.ones(classes), rows) + np.eye(classes)[truth] * 0.3
    scores /= scores.sum(axis=1, keepdims=True)
    if ties:
        scores = np.round(scores, 1) + 1e-3
        scores /= scores.sum(axis=1, keepdims=True)
    positive = 1 if classes == 2 else None
    return Classified(
        truth=truth,
        predicted=scores.argmax(axis=1),
        classes=classes,
        positive=positive,
        scores=scores,
    )


def by_sklearn(sample: Classified, weight: Any) -> dict[str, float]:
    average = "binary" if sample.classes == 2 else "macro"
    of = {"y_true": sample.truth, "y_pred": sample.predicted, "sample_weight": weight}
    scores = sample.scores
    assert scores is not None
    columns = [1] if sample.classes == 2 else range(sample.classes)
    areas = [
        sk.roc_auc_score(sample.truth == c, scores[:, c], sample_weight=weight) for c in columns
    ]
    return {
        "accuracy": sk.accuracy_score(**of),
        "precision": sk.precision_score(**of, average=average, zero_division=0),
        "recall": sk.recall_score(**of, average=average, zero_division=0),
        "f1_score": sk.f1_score(**of, average=average, zero_division=0),
        "roc_auc": float(np.mean(areas)),
        "log_loss": sk.log_loss(
            sample.truth, scores, sample_weight=weight, labels=range(sample.classes)
        ),
    }


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(12, 60),
    classes=st.integers(2, 4),
    ties=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_classification_is_scikit_learns(seed: int, rows: int, classes: int, ties: bool) -> None:
    sample = classified(seed, rows, classes, ties=ties)
    weights = np.random.default_rng(seed).integers(1, 4, (3, rows)).astype(float)
    measured = sample.measure(weights)
    for index, weight in enumerate(weights):
        ours = {name: values[index] for name, values in measured.items()}
        assert ours == pytest.approx(by_sklearn(sample, weight), abs=1e-12)
    assert once(sample) == pytest.approx(by_sklearn(sample, np.ones(rows)), abs=1e-12)


def test_weights_of_nothing_are_as_if_the_rows_were_not_there() -> None:
    sample = classified(7, 40, 3)
    weights = np.ones((1, 40))
    weights[0, ::2] = 0
    kept = sample.take(np.arange(1, 40, 2))
    assert {k: v[0] for k, v in sample.measure(weights).items()} == pytest.approx(once(kept))


@given(seed=st.integers(0, 10_000), rows=st.integers(3, 60), offset=st.sampled_from([0, 5, 1e6]))
@settings(max_examples=60, deadline=None)
def test_regression_is_scikit_learns(seed: int, rows: int, offset: float) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(size=rows) + offset
    sample = Regressed(truth=truth, predicted=truth + random.normal(size=rows))
    weights = random.integers(1, 4, (2, rows)).astype(float)
    measured = sample.measure(weights)
    for index, weight in enumerate(weights):
        of = (sample.truth, sample.predicted)
        expected = {
            "rmse": sk.root_mean_squared_error(*of, sample_weight=weight),
            "mae": sk.mean_absolute_error(*of, sample_weight=weight),
            "r2": sk.r2_score(*of, sample_weight=weight),
            "mape": sk.mean_absolute_percentage_error(*of, sample_weight=weight),
        }
        ours = {name: values[index] for name, values in measured.items()}
        assert ours == pytest.approx(expected, rel=1e-6)


def test_what_is_not_defined_is_no_number() -> None:
    one_class = Classified(
        truth=np.zeros(5, int),
        predicted=np.zeros(5, int),
        classes=2,
        positive=1,
        scores=np.full((5, 2), 0.5),
    )
    measured = once(one_class)
    assert np.isnan(measured["roc_auc"])
    assert measured["precision"] == measured["recall"] == measured["f1_score"] == 0
    assert measured["accuracy"] == 1
    flat = once(Regressed(truth=np.full(4, 0.1), predicted=np.arange(4.0)))
    assert np.isnan(flat["r2"])
    zero = once(Regressed(truth=np.array([0.0, 1.0]), predicted=np.array([1.0, 1.0])))
    assert "mape" not in zero


def test_a_sample_of_one_class_has_no_scores_to_judge() -> None:
    sample = Classified(
        truth=np.zeros(3, int), predicted=np.zeros(3, int), classes=1, scores=np.ones((3, 1))
    )
    assert once(sample) == {"accuracy": 1, "precision": 1, "recall": 1, "f1_score": 1}


def test_classes_without_probabilities_have_neither_area_nor_loss() -> None:
    sample = Classified(truth=np.array([0, 1]), predicted=np.array([0, 1]), classes=2, positive=1)
    assert set(once(sample)) == {"accuracy", "precision", "recall", "f1_score"}
    assert set(once(sample.baseline())) == set(once(sample))


def test_a_certain_and_wrong_answer_has_a_large_but_finite_loss() -> None:
    sample = Classified(
        truth=np.array([0, 1]),
        predicted=np.array([1, 1]),
        classes=2,
        positive=1,
        scores=np.array([[0.0, 1.0], [0.0, 1.0]]),
    )
    assert once(sample)["log_loss"] == pytest.approx(
        sk.log_loss(sample.truth, np.array([[0.0, 1.0], [0.0, 1.0]]))
    )


def test_the_area_counts_ties_half() -> None:
    truth, score = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.5, 0.5])
    assert roc_auc(truth, score, np.ones((1, 4)))[0] == 0.5
    assert np.isnan(roc_auc(truth, score, np.array([[1.0, 0.0, 1.0, 0.0]]))[0])


def test_the_baseline_is_the_most_frequent_class_or_the_mean() -> None:
    truth = np.array([0, 1, 1, 1])
    sample = Classified(
        truth=truth, predicted=1 - truth, classes=2, positive=1, scores=np.eye(2)[1 - truth]
    )
    baseline = once(sample.baseline())
    assert baseline["accuracy"] == 0.75
    assert baseline["roc_auc"] == 0.5
    assert baseline["log_loss"] == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))
    numbers = Regressed(truth=np.array([1.0, 3.0]), predicted=np.array([9.0, 9.0]))
    assert once(numbers.baseline())["rmse"] == 1
    assert once(numbers.baseline())["r2"] == 0


def test_an_interval_is_that_of_scipys_bootstrap() -> None:
    random = np.random.default_rng(3)
    hits = (random.random(200) < 0.8).astype(int)
    sample = Classified(truth=np.ones(200, int), predicted=hits, classes=2, positive=1, scores=None)
    lower, upper = intervals(sample, resamples=4000, seed=1)
    expected = stats.bootstrap(
        (hits,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert lower["accuracy"] == pytest.approx(expected.low, abs=0.01)
    assert upper["accuracy"] == pytest.approx(expected.high, abs=0.01)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random, covered = np.random.default_rng(5), 0
    for seed in range(200):
        hits = (random.random(150) < 0.85).astype(int)
        sample = Classified(
            truth=np.ones(150, int), predicted=hits, classes=2, positive=1, scores=None
        )
        lower, upper = intervals(sample, resamples=300, seed=seed)
        covered += lower["accuracy"] <= 0.85 <= upper["accuracy"]
    assert 0.90 <= covered / 200 <= 0.985


def test_a_seed_gives_the_same_intervals_however_much_memory_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sample = classified(1, 50, 3)
    known = intervals(sample, resamples=100, seed=4)
    monkeypatch.setattr("modelctl.probes.statistics._CELLS", 7 * 50)
    assert intervals(sample, resamples=100, seed=4) == known
    assert intervals(sample, resamples=100, seed=5) != known


def test_the_figure_lies_between_the_ends() -> None:
    sample = classified(2, 120, 2)
    lower, upper = intervals(sample, resamples=500, seed=0)
    for name, value in once(sample).items():
        assert lower[name] <= value <= upper[name]


def test_resamples_in_which_a_metric_is_not_defined_are_left_out() -> None:
    truth = np.r_[np.zeros(19, int), 1]
    sample = Classified(
        truth=truth, predicted=truth, classes=2, positive=1, scores=np.eye(2)[truth]
    )
    lower, upper = intervals(sample, resamples=200, seed=0)
    assert lower["roc_auc"] == upper["roc_auc"] == 1
    alone = sample.take(np.arange(19))
    assert "roc_auc" not in intervals(alone, resamples=50, seed=0)[0]


def test_no_resamples_give_no_intervals() -> None:
    assert intervals(classified(1, 20, 2), resamples=0, seed=0) == ({}, {})

"""Metrics of predictions, with bootstrap intervals.

Every metric is computed from *weights*, how often each row counts, for many weightings at once: the
plain figure is the one in which each row counts once, and a bootstrap resample is one in which rows
count as often as they were drawn. So a thousand resamples are a few matrix products, and figure and
interval can't differ in their definition. Definitions are scikit-learn's (the tests hold them to
it); where one is not defined for a sample it is NaN.

Shapes: `n` rows, `k` classes, `b` weightings; weights are `(b, n)`, a metric is `(b,)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Measured = Mapping[str, Floats]

LEVEL = 0.95
"""The share of the resamples that an interval holds."""

_CELLS = 4_000_000
"""How many weights are kept in memory at once: 32 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """True and predicted classes as codes `0 … k-1`, both `(n,)`.

    `scores` are the probabilities `(n, k)` where the model gives them; `positive` is the code of
    the class that binary metrics are about, None for more or fewer than two classes.
    """

    truth: Ints
    predicted: Ints
    classes: int
    positive: int | None = None
    scores: Floats | None = None

    def take(self, rows: Any) -> Classified:
        """The same for some of the rows."""
        scores = None if self.scores is None else self.scores[rows]
        return Classified(
            truth=self.truth[rows],
            predicted=self.predicted[rows],
            classes=self.classes,
            positive=self.positive,
            scores=scores,
        )

    def measure(self, weights: Floats) -> Measured:
        """Accuracy, precision, recall and F1 (of the positive class, else their macro average);
        with scores also ROC AUC (one against the rest) and log loss."""
        import numpy as np

        codes = np.arange(self.classes)
        truth = (self.truth[:, None] == codes).astype(float)
        predicted = (self.predicted[:, None] == codes).astype(float)
        hits, said, there = weights @ (truth * predicted), weights @ predicted, weights @ truth
        by_class = {
            "precision": _ratio(hits, said),
            "recall": _ratio(hits, there),
            "f1_score": _ratio(2 * hits, said + there),
        }
        seen = (said + there) > 0
        averages = {name: self._average(values, seen) for name, values in by_class.items()}
        accuracy = hits.sum(axis=1) / weights.sum(axis=1)
        return {"accuracy": accuracy, **averages, **self._by_score(weights, truth)}

    def baseline(self) -> Classified:
        """What always answering the most frequent class would give."""
        import numpy as np

        counts = np.bincount(self.truth, minlength=self.classes)
        rows = len(self.truth)
        shares = np.tile(counts / rows, (rows, 1))
        constant = np.full(rows, int(counts.argmax()))
        return Classified(
            truth=self.truth,
            predicted=constant,
            classes=self.classes,
            positive=self.positive,
            scores=shares if self.scores is not None else None,
        )

    def _average(self, values: Floats, seen: NDArray[np.bool_]) -> Floats:
        """The positive class's column, else the mean over the classes that are in the sample."""
        import numpy as np

        if self.positive is not None:
            average: Floats = values[:, self.positive]
        else:
            average = np.where(seen, values, 0.0).sum(axis=1) / seen.sum(axis=1)
        return average

    def _by_score(self, weights: Floats, truth: Floats) -> Measured:
        import numpy as np

        if self.scores is None or self.classes < 2:
            return {}
        smallest = np.finfo(float).eps
        said = np.take_along_axis(self.scores, self.truth[:, None], axis=1)[:, 0]
        loss = -np.log(np.clip(said, smallest, 1.0))
        columns = range(self.classes) if self.positive is None else [self.positive]
        areas = [roc_auc(truth[:, c], self.scores[:, c], weights) for c in columns]
        return {
            "roc_auc": np.mean(areas, axis=0),
            "log_loss": weights @ loss / weights.sum(axis=1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressed:
    """True and predicted numbers, both `(n,)`."""

    truth: Floats
    predicted: Floats

    def take(self, rows: Any) -> Regressed:
        """The same for some of the rows."""
        return Regressed(truth=self.truth[rows], predicted=self.predicted[rows])

    def measure(self, weights: Floats) -> Measured:
        """RMSE and MAE in the target's unit, R², and MAPE as a share, where no true value is 0."""
        import numpy as np

        error, total = self.truth - self.predicted, weights.sum(axis=1)
        squares = weights @ error**2
        centred = self.truth - self.truth.mean()
        spread = weights @ centred**2 - (weights @ centred) ** 2 / total
        # A spread that is nothing but rounding is none.
        constant = spread <= 1e-12 * (weights @ centred**2)
        measured = {
            "rmse": np.sqrt(squares / total),
            "mae": weights @ np.abs(error) / total,
            "r2": np.where(constant, np.nan, 1 - squares / np.where(constant, 1.0, spread)),
        }
        if np.all(self.truth != 0):
            measured["mape"] = weights @ np.abs(error / self.truth) / total
        return measured

    def baseline(self) -> Regressed:
        """What always answering the mean would give."""
        import numpy as np

        mean = np.full(len(self.truth), self.truth.mean())
        return Regressed(truth=self.truth, predicted=mean)


def once(sample: Classified | Regressed) -> dict[str, float]:
    """The metrics of a sample in which each row counts once."""
    import numpy as np

    measured = sample.measure(np.ones((1, len(sample.truth))))
    return {name: float(values[0]) for name, values in measured.items()}


def intervals(
    sample: Classified | Regressed, *, resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The lower and upper ends of the 95 % bootstrap percentile intervals, by metric.

    A resample in which a metric is not defined says nothing about it.
    """
    import numpy as np

    rows, generator = len(sample.truth), np.random.default_rng(seed)
    parts: list[Measured] = []
    for start in range(0, resamples, size := max(1, _CELLS // rows)):
        parts.append(sample.measure(_drawn(generator, min(size, resamples - start), rows)))
    lower, upper = {}, {}
    for name in parts[0] if parts else ():
        values = np.concatenate([part[name] for part in parts])
        values = values[~np.isnan(values)]
        if len(values):
            ends = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            lower[name], upper[name] = float(ends[0]), float(ends[1])
    return lower, upper


def roc_auc(truth: Floats, score: Floats, weights: Floats) -> Floats:
    """The share of pairs of a true and an untrue row that the score orders rightly; ties count
    half. `truth` is 0 or 1. NaN where a weighting holds only one of the two."""
    import numpy as np

    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    ordered = weights[:, order]
    positive = np.add.reduceat(ordered * truth[order], starts, axis=1)
    negative = np.add.reduceat(ordered, starts, axis=1) - positive
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    right: Floats = (positive * (below + negative / 2)).sum(axis=1)
    return np.where(pairs > 0, right / np.where(pairs > 0, pairs, 1.0), np.nan)


def _drawn(generator: np.random.Generator, resamples: int, rows: int) -> Floats:
    """How often each row was drawn, with replacement, in each resample."""
    import numpy as np

    drawn = (generator.integers(0, rows, rows) for _ in range(resamples))
    return np.stack([np.bincount(one, minlength=rows) for one in drawn]).astype(float)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """0 where there is nothing to divide by, as scikit-learn has it."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

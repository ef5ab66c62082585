"""The metrics that the field knows by name: whether more of one is better, and what it counts."""

from __future__ import annotations

import re
from enum import StrEnum


class Better(StrEnum):
    """Which way a metric has to move for the model to be better."""

    HIGHER = "higher"
    LOWER = "lower"


_HIGHER = """
accuracy accuracy_score balanced_accuracy balanced_accuracy_score precision precision_score recall
recall_score sensitivity specificity f1 f1_score f1_macro f1_micro f1_weighted fbeta_score auc
roc_auc roc_auc_score pr_auc precision_recall_auc average_precision gini mcc matthews_corrcoef
cohen_kappa jaccard jaccard_score iou dice top_k_accuracy true_positives true_negatives score
r2 r2_score adjusted_r2 explained_variance explained_variance_score spearman pearson kendall_tau
ndcg ndcg_score map mrr hit_rate
silhouette silhouette_score calinski_harabasz calinski_harabasz_score adjusted_rand rand_score
adjusted_mutual_info normalized_mutual_info homogeneity completeness v_measure
bleu rouge rouge1 rouge2 rougel meteor bertscore exact_match throughput throughput_rps
"""
_LOWER = """
loss log_loss logloss cross_entropy hinge_loss hamming_loss zero_one_loss brier brier_score
brier_score_loss ece expected_calibration_error error error_rate false_positives false_negatives
false_positive_rate false_negative_rate fpr fnr misclassification_rate
mae mse rmse rmsle msle mape smape wape mase medae mean_absolute_error mean_squared_error
root_mean_squared_error mean_absolute_percentage_error median_absolute_error max_error
mean_squared_log_error pinball_loss quantile_loss crps deviance aic bic
davies_bouldin davies_bouldin_score inertia perplexity wer cer toxicity
psi kl_divergence js_divergence drift latency memory_mb size_mb
"""
_KNOWN = {
    **dict.fromkeys(_HIGHER.split(), Better.HIGHER),
    **dict.fromkeys(_LOWER.split(), Better.LOWER),
}
_SHARES = frozenset(
    [
        "accuracy",
        "accuracy_score",
        "error_rate",
        "failure_rate",
        "hit_rate",
        "exact_match",
        "zero_one_loss",
        "malformed_rejected",
        "conversion_rate",
    ]
)
"""Shares of all rows of the sample, so that its size alone gives their limits.

Precision, recall and F1 aren't among them: they are shares of some of the rows, and nobody recorded
of how many. They need an interval."""

_SET = re.compile(r"(?:test|testing|eval|evaluation|val|valid|validation|holdout|train|training)_")
_CUT = re.compile(r"(?:@|_at_)\d+$")


def better(name: str) -> Better | None:
    """Which way this metric is better, None for one that nobody here has heard of."""
    plain = _plain(name)
    if plain in _KNOWN:
        return _KNOWN[plain]
    return Better.LOWER if plain.endswith(("_loss", "_error", "_ms")) else None


def is_share(name: str) -> bool:
    """Whether it is the share of the sample's rows that something is true of."""
    return _plain(name) in _SHARES


def _plain(name: str) -> str:
    """`val_F1-Score` as `f1_score`, `ndcg@10` as `ndcg`: the dataset and the cut don't matter."""
    text = re.sub(r"[\s.\-/]+", "_", name.strip().lower())
    return _CUT.sub("", _SET.sub("", text, count=1))

"""The figures that a manifest claims: picked from all that a training run logged.

A run may have measured one name on several datasets, has figures about its machine, and knows
intervals and latencies only as metrics with a telling name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from modelctl.domain.manifest import Dataset, Metric

EVALUATION = frozenset({"evaluation", "eval", "test", "testing", "holdout", "validation"})
TRAINING = frozenset({"training", "train"})
_LATENCY = re.compile(r"latency_(p50|p95|p99)_ms")
_END = re.compile(r"(.+)_(lower|upper)")
_SYSTEM = "system/"


def claims(
    metrics: Sequence[Metric], contexts: Mapping[str, str | None], evaluation: Dataset | None
) -> tuple[Metric, ...]:
    """One figure for each name, by name, with its interval.

    Of several the one counts that was measured on `evaluation`, the contract's dataset, then one on
    held-out data, on other named data, on unnamed data, on training data. `contexts` says by a
    dataset's name what the run used it for. `f1_score_lower` and `f1_score_upper` are the interval
    of `f1_score`.
    """
    best: dict[str, Metric] = {}
    for metric in filter(_is_claim, metrics):
        known = best.get(metric.name)
        if known is None or _weight(metric, contexts, evaluation) > _weight(
            known, contexts, evaluation
        ):
            best[metric.name] = metric
    return tuple(_with_interval(best[name], best) for name in sorted(best) if not _end(name, best))


def latency(metrics: Iterable[Metric]) -> dict[str, float]:
    """`latency_p50_ms`, `latency_p95_ms` and `latency_p99_ms` as `p50_ms`, …, in milliseconds."""
    found = {metric.name: metric.value for metric in metrics if _LATENCY.fullmatch(metric.name)}
    return {name.removeprefix("latency_"): found[name] for name in sorted(found)}


def figures(metrics: Iterable[Metric]) -> Iterator[tuple[str, float]]:
    """Every number of the metrics that would stand in a manifest, by a name to show."""
    for metric in metrics:
        if not metric.name.startswith(_SYSTEM):
            yield metric.name, metric.value
            for end, value in (("lower", metric.lower), ("upper", metric.upper)):
                if value is not None:
                    yield f"{metric.name} ({end})", value


def _is_claim(metric: Metric) -> bool:
    return not metric.name.startswith(_SYSTEM) and not _LATENCY.fullmatch(metric.name)


def _weight(metric: Metric, contexts: Mapping[str, str | None], evaluation: Dataset | None) -> int:
    if metric.dataset is None:
        return 1
    if evaluation is not None and metric.dataset == evaluation.name:
        return 4
    context = contexts.get(metric.dataset)
    return 3 if context in EVALUATION else 0 if context in TRAINING else 2


def _end(name: str, best: Mapping[str, Metric]) -> bool:
    """Whether `name` is the end of another figure's interval."""
    match = _END.fullmatch(name)
    return match is not None and match[1] in best


def _with_interval(metric: Metric, best: Mapping[str, Metric]) -> Metric:
    lower, upper = best.get(f"{metric.name}_lower"), best.get(f"{metric.name}_upper")
    return replace(
        metric,
        lower=lower.value if lower else metric.lower,
        upper=upper.value if upper else metric.upper,
    )

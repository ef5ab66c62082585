"""A model measured on held-out data: metrics with intervals, by group, latency, memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modelctl import __version__
from modelctl.adapters.artifacts import measure
from modelctl.domain.drafting import feature_hash, signature_digest
from modelctl.domain.manifest import ArtifactFile, Dataset, Signature
from modelctl.errors import ModelctlError
from modelctl.probes.answers import Answers, classified, regressed
from modelctl.probes.held_out import HeldOut, groups, model_input, read_held_out
from modelctl.probes.latency import Latency, measure_latency, peak_memory_mb
from modelctl.probes.loaded_model import LoadedModel
from modelctl.probes.statistics import LEVEL, intervals, once

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_TASKS = ("classification", "regression", "forecasting")
_ROWS_ASKED = 200
SMALLEST_GROUP = 20
"""Groups of fewer rows are only named: their metrics would be noise."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Metrics by column and group, with `n`, the rows of the group.

    `small` names the groups that were too small to say anything; `banded` the columns of numbers
    that were cut into quartiles.
    """

    metrics: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=lambda: _EMPTY)
    small: tuple[str, ...] = ()
    banded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What was seen of one model on one dataset.

    `lower` and `upper` are 95 % bootstrap percentile intervals. `memory_mb` is the peak of the
    measuring process, `malformed_rejected` a share. `positive` is the class that binary metrics are
    about.
    """

    dataset: Dataset
    metrics: Mapping[str, float]
    lower: Mapping[str, float]
    upper: Mapping[str, float]
    baseline: Mapping[str, float]
    groups: Groups
    latency: Latency
    memory_mb: float
    artifacts: tuple[ArtifactFile, ...]
    signature: Signature
    resamples: int
    seed: int
    malformed_rejected: float | None = None
    positive: str | None = None

    def to_predicate(self) -> dict[str, Any]:
        """The measured part of an `evaluation` statement. What isn't a finite number is left out
        and named in `labels.dropped`."""
        dropped: list[str] = []
        figures = {
            name: _finite(getattr(self, name), name, dropped)
            for name in ("metrics", "lower", "upper", "baseline")
        }
        by_group = {
            column: {g: _finite(m, f"groups.{column}.{g}", dropped) for g, m in values.items()}
            for column, values in self.groups.metrics.items()
        }
        latency = self.latency
        return {
            "passed": True,
            "tool": {"name": "modelctl evaluate", "version": __version__},
            "dataset": {
                "name": self.dataset.name,
                "digest": self.dataset.digest,
                "size": self.dataset.size,
            },
            "sample_size": self.dataset.size,
            **figures,
            "confidence": LEVEL,
            "groups": by_group,
            "latency": {
                "p50_ms": latency.p50_ms,
                "p95_ms": latency.p95_ms,
                "p99_ms": latency.p99_ms,
            },
            "resources": {
                "memory_mb": self.memory_mb,
                "model_size_mb": sum(file.size for file in self.artifacts) / 1e6,
            },
            "artifacts": {file.path: file.sha256 for file in self.artifacts},
            "features": {"hash": feature_hash(self.signature.inputs)},
            "signature": {"digest": signature_digest(self.signature)},
            "labels": self._labels(dropped),
            "values": self._values(),
        }

    def _labels(self, dropped: Sequence[str]) -> dict[str, str]:
        labels = {
            "interval": "bootstrap percentile, 95 %",
            "positive_class": self.positive,
            "small_groups": ", ".join(self.groups.small),
            "quartiles": ", ".join(self.groups.banded),
            "dropped": ", ".join(dropped),
        }
        return {name: text for name, text in labels.items() if text}

    def _values(self) -> dict[str, float]:
        values = {
            "resamples": self.resamples,
            "seed": self.seed,
            "latency_requests": self.latency.requests,
            "malformed_rejected": self.malformed_rejected,
        }
        return {name: float(value) for name, value in values.items() if value is not None}


def evaluate(  # noqa: PLR0913 - what to measure, on what, and how thoroughly
    model_folder: Path,
    data: Path,
    *,
    task: str,
    target: str = "target",
    protected_groups: Sequence[str] = (),
    resamples: int = 1000,
    seed: int = 0,
    requests: int = 200,
    progress: Progress = lambda message: None,
) -> EvaluationResult:
    """Load the model in `model_folder` and run it on the rows of `data`, a CSV or Parquet file.

    The folder must have been compared with its manifest before: to load a model may run its code.

    Raises:
        ModelctlError: the model or the data can't be used, or the task has no metrics here.
    """
    _refuse_task(task)
    artifacts = measure(model_folder)
    progress("loading the model")
    model = LoadedModel(model_folder)
    held_out = read_held_out(data, model.inputs, target)
    payload = model_input(held_out, model.inputs, target, protected_groups)
    progress(f"predicting {len(held_out.truth)} rows of {held_out.dataset.name}")
    answers = _answers(model, payload, held_out, task)
    progress(f"drawing {resamples} resamples")
    lower, upper = intervals(answers.sample, resamples=resamples, seed=seed)
    by_group = _by_group(held_out, answers, protected_groups)
    progress(f"timing {requests} single predictions")
    latency = measure_latency(model.predict, _single_rows(payload), requests=requests)
    return EvaluationResult(
        dataset=held_out.dataset,
        metrics=once(answers.sample),
        lower=lower,
        upper=upper,
        baseline=once(answers.sample.baseline()),
        groups=by_group,
        latency=latency,
        memory_mb=peak_memory_mb(),
        artifacts=artifacts,
        signature=model.signature,
        resamples=resamples,
        seed=seed,
        malformed_rejected=model.malformed_rejected(payload),
        positive=answers.positive,
    )


def _refuse_task(task: str) -> None:
    if task not in _TASKS:
        raise ModelctlError(
            f"there are no metrics here for the task {task}",
            mend="measure it with a tool of its own, and record that: modelctl evidence record",
        )


def _answers(model: LoadedModel, payload: Any, held_out: HeldOut, task: str) -> Answers:
    predicted = model.predict(payload)
    if task != "classification":
        return regressed(held_out.truth, predicted)
    return classified(held_out.truth, predicted, model.probabilities(payload))


def _by_group(held_out: HeldOut, answers: Answers, columns: Sequence[str]) -> Groups:
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    small, banded = [], []
    for column in columns:
        grouping = groups(held_out, column)
        banded += [column] if grouping.banded else []
        metrics[column] = {}
        for name, rows in grouping.rows.items():
            if len(rows) < SMALLEST_GROUP:
                small.append(f"{column}={name} (n={len(rows)})")
                continue
            measured = once(answers.sample.take(rows))
            metrics[column][name] = {**measured, "n": float(len(rows))}
    return Groups(metrics=metrics, small=tuple(small), banded=tuple(banded))


def _single_rows(payload: Any) -> list[Any]:
    """Requests of one row each, cut out beforehand so that cutting isn't timed."""
    table = getattr(payload, "iloc", payload)
    return [table[index : index + 1] for index in range(min(len(payload), _ROWS_ASKED))]


def _finite(values: Mapping[str, float], where: str, dropped: list[str]) -> dict[str, float]:
    dropped += [f"{where}.{name}" for name, value in values.items() if not math.isfinite(value)]
    return {name: value for name, value in values.items() if math.isfinite(value)}

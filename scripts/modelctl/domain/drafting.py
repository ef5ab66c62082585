"""From a training run to the manifest of a version: pure, so `--dry-run` shows what is written.

A run is what a tracking server or a folder knows. What it doesn't know, or says as NaN, is refused
by name: a manifest with holes would only be blocked later.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from semver import Version

from modelctl.domain.claims import TRAINING, claims, figures, latency
from modelctl.domain.manifest import (
    Artifacts,
    Dataset,
    FeatureView,
    Field,
    Metric,
    Model,
    ModelVersion,
    Signature,
)
from modelctl.domain.mlmodel import PARAM_PREFIX
from modelctl.errors import ModelctlError

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OWN_TAGS = ("feature_set", "feature_set_version", "feature_hash", "explainability")
_MENDS: Mapping[str, Mapping[str, str]] = {
    "mlflow": {
        "data": "log it with mlflow.log_input(dataset, context='training')",
        "dependencies": "log the model with pip_requirements=[…]",
        "metrics": "log at least one with mlflow.log_metric(name, value)",
    },
    "folder": {
        "data": "list it as training_data in metadata.json",
        "dependencies": "write requirements.txt",
        "metrics": "write metrics.json",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDataset:
    """A dataset that a run read, and for what: `training`, `evaluation`, …"""

    dataset: Dataset
    context: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModel:
    """A model as it was saved: what it takes, what it needs, and its files by digest.

    `dependencies` are `name==version`, `framework` is a package and its version.
    """

    signature: Signature
    framework: tuple[str, str]
    dependencies: tuple[str, ...]
    artifacts: Artifacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished training run with the one model that it is about.

    `source` is `mlflow` or `folder`. `metrics` may hold one name several times, measured on several
    datasets. `features` is what the run itself says about its features. `git_commit` is the code's.
    """

    id: str
    source: str
    model: LoggedModel
    metrics: tuple[Metric, ...] = ()
    datasets: tuple[RunDataset, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    tags: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    user: str | None = None
    git_commit: str | None = None
    experiment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """What is said about the version beside the run. `created_at` is UTC."""

    created_at: datetime
    created_by: str
    contact: str
    changelog: str


def feature_hash(inputs: Iterable[Field]) -> str:
    """`sha256:…` of the names and types of the inputs, in the order of the names.

    Feature stores don't order columns and models take them by name, so the order doesn't count; a
    tensor's shape does, inference parameters don't.
    """
    rows = (_feature(one) for one in inputs if not one.name.startswith(PARAM_PREFIX))
    return _sha256(sorted(rows, key=lambda row: row["name"]))


def signature_digest(signature: Signature) -> str:
    """`sha256:…` of everything that a signature says, in its order."""
    return _sha256(signature_data(signature))


def signature_data(signature: Signature) -> dict[str, Any]:
    """A signature as a manifest has it."""
    return {
        "inputs": [_field_data(one) for one in signature.inputs],
        "outputs": [_field_data(one) for one in signature.outputs],
    }


def draft(
    run: Run,
    model: Model,
    version: Version,
    authorship: Authorship,
    previous: ModelVersion | None = None,
) -> dict[str, Any]:
    """The data of the manifest of `version`, in the order in which people read it.

    Raises:
        ModelctlError: the run lacks something or says a number that is none; all of it is named.
    """
    _refuse(tuple(_problems(run)))
    logged = run.model
    data: dict[str, Any] = {
        "model": model.name,
        "version": str(version),
        "created_at": authorship.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "created_by": authorship.created_by,
        "owner": model.owner,
        "contact": authorship.contact,
        "changelog": authorship.changelog,
        "lineage": _lineage(run),
        "framework": {"name": logged.framework[0], "version": logged.framework[1]},
        "dependencies": list(logged.dependencies),
        "parameters": dict(sorted(run.parameters.items())),
        "features": _features(run, model, version, previous),
        "signature": signature_data(logged.signature),
        "metrics": [_metric_data(metric) for metric in _claims(run, model)],
        "latency": latency(run.metrics),
        "explainability": run.tags.get("explainability") or model.explainability,
        "artifacts": _artifacts_data(logged.artifacts),
        "tags": {key: run.tags[key] for key in sorted(run.tags) if key not in _OWN_TAGS},
    }
    return {key: value for key, value in data.items() if value not in (None, {})}


def training_data(run: Run) -> tuple[Dataset, ...]:
    """The datasets that the run was trained on: those that it says so of, else those of which it
    doesn't say what they were for."""
    said = tuple(d.dataset for d in run.datasets if d.context in TRAINING)
    return said or tuple(d.dataset for d in run.datasets if d.context is None)


def _problems(run: Run) -> Iterator[tuple[str, str]]:
    """What keeps the run from becoming a version, each with its mend."""
    mends = _MENDS[run.source]
    if not _COMMIT.fullmatch(run.git_commit or ""):
        said = f"{run.git_commit!r} as" if run.git_commit else "no"
        yield f"it names {said} git commit", "train from a git clone, or name it by --git-commit"
    if not training_data(run):
        yield "it names no training data", mends["data"]
    if not run.model.dependencies:
        yield "its model names no dependencies", mends["dependencies"]
    if not claims(run.metrics, {}, None):
        yield "it has no metrics", mends["metrics"]
    for name, value in figures(run.metrics):
        if not math.isfinite(value):
            yield f"its metric {name} is {value}", f"mend how {name} is measured"


def _refuse(problems: Sequence[tuple[str, str]]) -> None:
    if problems:
        whats, mends = zip(*problems, strict=True)
        raise ModelctlError(
            f"the run can't become a version: {'; '.join(dict.fromkeys(whats))}",
            mend="; ".join(dict.fromkeys(mends)),
        )


def _claims(run: Run, model: Model) -> tuple[Metric, ...]:
    contexts = {d.dataset.name: d.context for d in run.datasets}
    return claims(run.metrics, contexts, model.data_contract.evaluation)


def _lineage(run: Run) -> dict[str, Any]:
    where = {"source": run.source, "id": run.id, "experiment": run.experiment}
    return {
        "git_commit": run.git_commit,
        "run": {key: value for key, value in where.items() if value is not None},
        "training_data": [_dataset_data(dataset) for dataset in training_data(run)],
    }


def _features(
    run: Run, model: Model, version: Version, previous: ModelVersion | None
) -> dict[str, str]:
    """What the run says of its features; where it is silent, the model's contract and the inputs.

    A set that no contract knows takes the number of the version that first took these inputs.
    """
    computed = feature_hash(run.model.signature.inputs)
    view = model.data_contract.feature_view or _previous_view(previous, computed)
    fallback = view or FeatureView(
        name=f"{model.name}-features", version=str(version), hash=computed
    )
    return {
        "set": run.tags.get("feature_set") or fallback.name,
        "version": run.tags.get("feature_set_version") or fallback.version,
        "hash": run.tags.get("feature_hash") or computed,
    }


def _previous_view(previous: ModelVersion | None, computed: str) -> FeatureView | None:
    features = previous.features if previous else None
    return features if features and features.hash == computed else None


def _artifacts_data(artifacts: Artifacts) -> dict[str, Any]:
    files = [{"path": f.path, "sha256": f.sha256, "size": f.size} for f in artifacts.files]
    return {"root": artifacts.root, "files": files}


def _dataset_data(dataset: Dataset) -> dict[str, Any]:
    """A digest is a version of its own, where the tracker knows no other."""
    data: dict[str, Any] = {
        "name": dataset.name,
        "version": dataset.version or dataset.digest,
        "digest": dataset.digest,
    }
    return data if dataset.size is None else {**data, "size": dataset.size}


def _metric_data(metric: Metric) -> dict[str, Any]:
    data = {
        "name": metric.name,
        "value": metric.value,
        "dataset": metric.dataset,
        "dataset_digest": metric.dataset_digest,
        "sample_size": metric.sample_size,
        "lower": metric.lower,
        "upper": metric.upper,
    }
    return {key: value for key, value in data.items() if value is not None}


def _field_data(one: Field) -> dict[str, Any]:
    data: dict[str, Any] = {"name": one.name, "type": one.type, "required": one.required}
    return data if one.shape is None else {**data, "shape": list(one.shape)}


def _feature(one: Field) -> dict[str, Any]:
    data: dict[str, Any] = {"name": one.name, "type": one.type}
    return data if one.shape is None else {**data, "shape": list(one.shape)}


def _sha256(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

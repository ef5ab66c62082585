"""What the files below `models/` say: a model, its versions and its release pointer.

The types are built from documents that their JSON Schemas have accepted (`adapters/schema.py`), so
shapes are known here; only what a schema can't say is looked at again by the gates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from semver import Version

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where and how a model is served. `mode` is KServe's; `gateway` says that a Gateway API route
    splits its traffic."""

    target: str
    mode: str = "standard"
    gateway: bool = False
    runtime: str = "mlflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """A registered set of features. `hash` is `sha256:` and 64 hex digits."""

    name: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset that a run read. `digest` is the tracker's or `sha256:…`; `size` counts rows."""

    name: str
    digest: str
    version: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataContract:
    """The data that a model is trained and judged on.

    `evaluation` pins the held-out dataset, so that nobody can choose a kinder one;
    `protected_groups` are the columns by which fairness is measured.
    """

    feature_view: FeatureView | None = None
    evaluation: Dataset | None = None
    protected_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Who owns a model, its task, its tier and how it is served.

    `sla` is in the units of its keys (`latency_p99_ms`, `throughput_rps`, `error_rate`,
    `rollback_seconds`). `ownership` overrides the owner of single responsibilities.
    """

    name: str
    description: str
    owner: str
    contact: str
    task: str
    tier: str
    serving: Serving
    sla: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    data_contract: DataContract = DataContract()
    explainability: str | None = None
    ownership: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a signature. `shape` is the tensor's, with -1 for an open dimension."""

    name: str
    type: str
    required: bool = True
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model takes and what it answers."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure that the author claims. No gate decides on it alone: evidence does.

    `lower` and `upper` bound its interval, `sample_size` counts rows.
    """

    name: str
    value: float
    dataset: str | None = None
    dataset_digest: str | None = None
    sample_size: int | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFile:
    """One file of the model. `path` is relative to the root, `sha256` is hex, `size` in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """Where the model is loaded from, and what must lie there byte for byte."""

    root: str
    files: tuple[ArtifactFile, ...]

    @property
    def size(self) -> int:
        """All files together, in bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a version comes from. `run` is the tracker's run id, or the folder's name."""

    git_commit: str
    run: str
    training_data: tuple[Dataset, ...]
    experiment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One immutable version of a model, as its manifest says it."""

    model: str
    version: Version
    created_at: datetime
    created_by: str
    owner: str
    contact: str
    changelog: str
    lineage: Lineage
    framework: tuple[str, str]
    dependencies: tuple[str, ...]
    signature: Signature
    metrics: tuple[Metric, ...]
    artifacts: Artifacts
    features: FeatureView | None = None
    latency: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    parameters: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    explainability: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def metric(self, name: str) -> Metric | None:
        """The claimed metric of this name, or None."""
        return next((m for m in self.metrics if m.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Which version a branch's environment should serve, and by which strategy in each."""

    model: str
    version: Version
    strategies: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


def model_from(data: Mapping[str, Any]) -> Model:
    """A `Model` from the data of an accepted `model.yaml`."""
    return Model(
        **_pick(data, "name", "description", "owner", "contact", "task", "tier", "explainability"),
        serving=Serving(**data["serving"]),
        sla=_frozen(data.get("sla")),
        data_contract=_data_contract(data.get("data_contract", {})),
        ownership=_frozen(data.get("ownership")),
    )


def release_from(data: Mapping[str, Any]) -> Release:
    """A `Release` from the data of an accepted `release.yaml`."""
    return Release(
        model=data["model"],
        version=Version.parse(data["version"]),
        strategies=_frozen(data.get("strategies")),
    )


def version_from(data: Mapping[str, Any]) -> ModelVersion:
    """A `ModelVersion` from the data of an accepted version manifest."""
    return ModelVersion(
        **_pick(data, "model", "created_by", "owner", "contact", "changelog", "explainability"),
        version=Version.parse(data["version"]),
        created_at=instant(data["created_at"]),
        lineage=_lineage(data["lineage"]),
        framework=(data["framework"]["name"], data["framework"]["version"]),
        dependencies=tuple(data["dependencies"]),
        signature=signature_from(data["signature"]),
        metrics=tuple(Metric(**metric) for metric in data["metrics"]),
        artifacts=_artifacts(data["artifacts"]),
        features=_feature_view(data.get("features"), name_key="set"),
        latency=_frozen(data.get("latency")),
        parameters=_frozen(data.get("parameters")),
        tags=_frozen(data.get("tags")),
    )


def signature_from(data: Mapping[str, Any]) -> Signature:
    """A `Signature` from its form in a manifest."""
    return Signature(inputs=_fields(data["inputs"]), outputs=_fields(data["outputs"]))


def instant(text: str) -> datetime:
    """An RFC 3339 time as UTC; `Z` and offsets are both read, and a bare time is UTC."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def _fields(rows: Sequence[Mapping[str, Any]]) -> tuple[Field, ...]:
    return tuple(
        Field(
            name=row["name"],
            type=row["type"],
            required=row.get("required", True),
            shape=tuple(row["shape"]) if "shape" in row else None,
        )
        for row in rows
    )


def _lineage(data: Mapping[str, Any]) -> Lineage:
    return Lineage(
        git_commit=data["git_commit"],
        run=data["run"]["id"],
        experiment=data["run"].get("experiment"),
        training_data=tuple(Dataset(**row) for row in data["training_data"]),
    )


def _artifacts(data: Mapping[str, Any]) -> Artifacts:
    return Artifacts(root=data["root"], files=tuple(ArtifactFile(**row) for row in data["files"]))


def _data_contract(data: Mapping[str, Any]) -> DataContract:
    evaluation = data.get("evaluation")
    return DataContract(
        feature_view=_feature_view(data.get("feature_view"), name_key="name"),
        evaluation=Dataset(**evaluation) if evaluation else None,
        protected_groups=tuple(data.get("protected_groups", ())),
    )


def _feature_view(data: Mapping[str, Any] | None, *, name_key: str) -> FeatureView | None:
    if data is None:
        return None
    return FeatureView(name=data[name_key], version=data["version"], hash=data["hash"])


def _pick(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: data[key] for key in keys if key in data}


def _frozen(data: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return MappingProxyType(dict(data)) if data else _EMPTY

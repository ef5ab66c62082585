"""Training runs as values, complete enough to become a version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from modelctl.domain.drafting import Authorship, LoggedModel, Run, RunDataset
from modelctl.domain.manifest import (
    ArtifactFile,
    Artifacts,
    DataContract,
    Dataset,
    Field,
    Metric,
    Model,
    Serving,
    Signature,
)

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
COMMIT = "a" * 40
SIGNATURE = Signature(
    inputs=(Field(name="radius", type="double"), Field(name="smoker", type="boolean")),
    outputs=(Field(name="prediction", type="long"),),
)
AUTHORSHIP = Authorship(
    created_at=NOW, created_by="ada", contact="ada@example.com", changelog="First version."
)
TRAIN = RunDataset(
    dataset=Dataset(name="tumor-train", digest="d0f9098d", version="2026-11", size=398),
    context="training",
)
HOLDOUT = RunDataset(
    dataset=Dataset(name="tumor-holdout", digest=f"sha256:{'b' * 64}", size=171),
    context="evaluation",
)


def logged_model(**changes: Any) -> LoggedModel:
    """A model of one file at `models:/m-1`."""
    files = (ArtifactFile(path="MLmodel", sha256="c" * 64, size=12),)
    given: dict[str, Any] = {
        "signature": SIGNATURE,
        "framework": ("scikit-learn", "1.9.1"),
        "dependencies": ("scikit-learn==1.9.1",),
        "artifacts": Artifacts(root="models:/m-1", files=files),
    }
    return LoggedModel(**{**given, **changes})


def run(**changes: Any) -> Run:
    """A run on MLflow with one metric on the held-out data."""
    metric = Metric(name="accuracy", value=0.95, dataset="tumor-holdout", sample_size=171)
    given: dict[str, Any] = {
        "id": "run-1",
        "source": "mlflow",
        "model": logged_model(),
        "metrics": (metric,),
        "datasets": (TRAIN, HOLDOUT),
        "git_commit": COMMIT,
        "user": "ada",
        "experiment": "tumours",
    }
    return Run(**{**given, **changes})


def model(**changes: Any) -> Model:
    """A model that pins no data."""
    given: dict[str, Any] = {
        "name": "tumor-classifier",
        "description": "Tells malignant from benign tumours.",
        "owner": "oncology-ml",
        "contact": "oncology-ml@example.com",
        "task": "classification",
        "tier": "standard",
        "serving": Serving(target="local"),
        "data_contract": DataContract(),
    }
    return Model(**{**given, **changes})

"""The types of the files below `models/`, built from accepted documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from semver import Version

from modelctl.domain.manifest import (
    ArtifactFile,
    Artifacts,
    DataContract,
    Dataset,
    FeatureView,
    Field,
    Lineage,
    Metric,
    Model,
    Release,
    Serving,
    Signature,
    instant,
    model_from,
    release_from,
    version_from,
)

HASH = "sha256:" + "a" * 64

MODEL: dict[str, Any] = {
    "name": "tumor-classifier",
    "description": "Tells malignant from benign tumours.",
    "owner": "oncology-ml",
    "contact": "oncology-ml@example.com",
    "task": "classification",
    "tier": "standard",
    "serving": {"target": "kserve", "mode": "standard", "gateway": True, "runtime": "mlflow"},
    "sla": {"latency_p99_ms": 200, "error_rate": 0.001},
    "data_contract": {
        "feature_view": {"name": "tumor-features", "version": "1.0.0", "hash": HASH},
        "evaluation": {"name": "tumor-holdout", "digest": HASH},
        "protected_groups": ["age_band"],
    },
    "explainability": "shap",
    "ownership": {"rollback": "platform"},
}
VERSION: dict[str, Any] = {
    "model": "tumor-classifier",
    "version": "1.0.0-rc.1+b.2",
    "created_at": "2026-11-20T10:00:00Z",
    "created_by": "ada@example.com",
    "owner": "oncology-ml",
    "contact": "ada@example.com",
    "changelog": "First version.",
    "lineage": {
        "git_commit": "b" * 40,
        "run": {"id": "r1", "experiment": "tumours"},
        "training_data": [{"name": "t", "version": "2026-11", "digest": HASH, "size": 398}],
    },
    "framework": {"name": "scikit-learn", "version": "1.9.0"},
    "dependencies": ["scikit-learn==1.9.0"],
    "parameters": {"max_iter": "500"},
    "features": {"set": "tumor-features", "version": "1.0.0", "hash": HASH},
    "signature": {
        "inputs": [
            {"name": "mean radius", "type": "double"},
            {"name": "image", "type": "float32", "required": False, "shape": [-1, 28]},
        ],
        "outputs": [{"name": "prediction", "type": "long"}],
    },
    "metrics": [
        {
            "name": "accuracy",
            "value": 0.95,
            "dataset": "tumor-holdout",
            "dataset_digest": HASH,
            "sample_size": 171,
            "lower": 0.92,
            "upper": 0.98,
        },
        {"name": "f1_score", "value": 0.9},
    ],
    "latency": {"p50_ms": 1.2},
    "explainability": "shap",
    "artifacts": {
        "root": "models:/m-0123",
        "files": [
            {"path": "MLmodel", "sha256": "c" * 64, "size": 1200},
            {"path": "model.skops", "sha256": "d" * 64, "size": 34},
        ],
    },
    "tags": {"team": "oncology"},
}


def test_a_model() -> None:
    view = FeatureView(name="tumor-features", version="1.0.0", hash=HASH)
    assert model_from(MODEL) == Model(
        name="tumor-classifier",
        description="Tells malignant from benign tumours.",
        owner="oncology-ml",
        contact="oncology-ml@example.com",
        task="classification",
        tier="standard",
        serving=Serving(target="kserve", gateway=True),
        sla={"latency_p99_ms": 200, "error_rate": 0.001},
        data_contract=DataContract(
            feature_view=view,
            evaluation=Dataset(name="tumor-holdout", digest=HASH),
            protected_groups=("age_band",),
        ),
        explainability="shap",
        ownership={"rollback": "platform"},
    )


def test_what_a_model_may_leave_out() -> None:
    required = ("name", "description", "owner", "contact", "task", "tier")
    data = {key: MODEL[key] for key in required} | {"serving": {"target": "local"}}
    model = model_from(data)
    assert model.serving == Serving(target="local", mode="standard", gateway=False)
    assert (model.sla, model.ownership, model.explainability) == ({}, {}, None)
    assert model.data_contract == DataContract()


def test_a_version() -> None:
    version = version_from(VERSION)
    assert str(version.version) == "1.0.0-rc.1+b.2"
    assert version.created_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert version.lineage == Lineage(
        git_commit="b" * 40,
        run="r1",
        experiment="tumours",
        training_data=(Dataset(name="t", version="2026-11", digest=HASH, size=398),),
    )
    assert version.framework == ("scikit-learn", "1.9.0")
    assert version.signature == Signature(
        inputs=(
            Field(name="mean radius", type="double"),
            Field(name="image", type="float32", required=False, shape=(-1, 28)),
        ),
        outputs=(Field(name="prediction", type="long"),),
    )
    assert version.features == FeatureView(name="tumor-features", version="1.0.0", hash=HASH)
    assert (version.dependencies, version.changelog) == (("scikit-learn==1.9.0",), "First version.")
    assert (version.parameters, version.latency) == ({"max_iter": "500"}, {"p50_ms": 1.2})
    assert (version.tags, version.explainability) == ({"team": "oncology"}, "shap")


def test_the_metrics_of_a_version() -> None:
    version = version_from(VERSION)
    accuracy = version.metric("accuracy")
    assert accuracy == Metric(
        name="accuracy",
        value=0.95,
        dataset="tumor-holdout",
        dataset_digest=HASH,
        sample_size=171,
        lower=0.92,
        upper=0.98,
    )
    assert version.metric("f1_score") == Metric(name="f1_score", value=0.9)
    assert version.metric("recall") is None


def test_the_artifacts_of_a_version() -> None:
    artifacts = version_from(VERSION).artifacts
    assert artifacts.size == 1234
    assert artifacts == Artifacts(
        root="models:/m-0123",
        files=(
            ArtifactFile(path="MLmodel", sha256="c" * 64, size=1200),
            ArtifactFile(path="model.skops", sha256="d" * 64, size=34),
        ),
    )


def test_what_a_version_may_leave_out() -> None:
    optional = ("features", "latency", "parameters", "tags", "explainability")
    data = {key: value for key, value in VERSION.items() if key not in optional}
    version = version_from(data | {"lineage": VERSION["lineage"] | {"run": {"id": "r1"}}})
    assert (version.features, version.explainability) == (None, None)
    assert (version.latency, version.parameters, version.tags) == ({}, {}, {})
    assert version.lineage.experiment is None


def test_a_release() -> None:
    pointer = {"model": "tumor-classifier", "version": "1.2.0"}
    assert release_from(pointer) == Release(model="tumor-classifier", version=Version(1, 2))
    full = release_from({**pointer, "strategies": {"production": "canary-standard"}})
    assert full.strategies == {"production": "canary-standard"}


def test_what_was_read_can_not_be_changed() -> None:
    tags = dict(VERSION["tags"])
    version = version_from({**VERSION, "tags": tags})
    tags["team"] = "another"
    assert version.tags == {"team": "oncology"}
    with pytest.raises(TypeError):
        version.tags["team"] = "another"  # type: ignore[index]


@pytest.mark.parametrize(
    "text", ["2026-11-20T10:00:00Z", "2026-11-20T11:00:00+01:00", "2026-11-20T10:00:00.000000Z"]
)
def test_times_are_utc(text: str) -> None:
    assert instant(text) == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert instant(text).tzinfo is UTC

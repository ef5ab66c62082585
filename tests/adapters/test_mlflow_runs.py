"""Runs as MLflow tells them, on a real store."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.registry import MlflowRegistry
from modelctl.domain.drafting import Run
from modelctl.domain.manifest import Dataset, Field
from modelctl.errors import ModelctlError
from support.runs import COMMIT
from support.tracking import DIGEST, PINS, small_model, store, tumours, using


@pytest.fixture(scope="module")
def registry() -> MlflowRegistry:
    return MlflowRegistry(store())


@pytest.fixture(scope="module")
def read(registry: MlflowRegistry) -> Run:
    return registry.run(tumours().run_id)


def test_a_run_tells_where_it_comes_from(read: Run) -> None:
    assert read.id == tumours().run_id
    assert read.source == "mlflow"
    assert read.experiment == "tumours"
    assert read.git_commit == COMMIT
    assert read.user
    assert read.parameters == {"max_iter": "500"}
    assert read.tags == {"team": "oncology"}


def test_its_datasets_have_names_digests_sizes_and_uses(read: Run) -> None:
    by_use = {one.context: one.dataset for one in read.datasets}
    assert by_use["evaluation"] == Dataset(name="holdout", digest=DIGEST, size=171)
    train = by_use["training"]
    assert (train.name, train.version, train.size) == ("train", "2026-11", 398)
    assert len(train.digest) == 8


def test_a_metric_knows_its_dataset_and_is_the_newest_there(read: Run) -> None:
    scores = {metric.dataset: metric for metric in read.metrics if metric.name == "score"}
    assert scores["holdout"].value > 0.9
    assert scores["holdout"].dataset_digest == DIGEST
    assert scores["holdout"].sample_size == 171
    assert scores["train"].value == 0.999
    assert set(scores) == {"holdout", "train"}


def test_its_model_is_measured_file_by_file(read: Run, tmp_path: Path) -> None:
    model = read.model
    assert model.artifacts.root == f"models:/{tumours().model_id}"
    assert model.framework == ("scikit-learn", "1.9.1")
    assert set(PINS) < set(model.dependencies)
    assert len(model.signature.inputs) == 30
    assert model.signature.inputs[0] == Field(name="mean radius", type="double")
    assert model.signature.outputs == (Field(name="prediction", type="int64", shape=(-1,)),)
    folder = MlflowRegistry(store()).download(model.artifacts.root, tmp_path)
    for file in model.artifacts.files:
        data = (folder / file.path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file.sha256, file.size)
    assert {"MLmodel", "model.skops"} <= {file.path for file in model.artifacts.files}


def logged(*names: str, **tags: str) -> str:
    """A run with small models of these names."""
    import mlflow

    model, table = small_model()
    signature = mlflow.models.infer_signature(table[["a"]], model.predict(table[["a"]]))
    with using(store()):
        mlflow.set_experiment("tumours")
        with mlflow.start_run(tags=tags) as run:
            for name in names:
                info = mlflow.sklearn.log_model(
                    model, name=name, signature=signature, pip_requirements=PINS
                )
                mlflow.log_metric("accuracy", len(name) / 10, model_id=info.model_id)
            mlflow.log_metric("seconds", 3.0)
    return str(run.info.run_id)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0])
@pytest.mark.parametrize("of_model", [True, False])
def test_numbers_that_are_none_are_not_taken_for_numbers(
    registry: MlflowRegistry, value: float, of_model: bool
) -> None:
    """MLflow itself gives a model's NaN as 0 and an infinity as a large number."""
    import mlflow

    model, _ = small_model()
    with using(store()):
        mlflow.set_experiment("tumours")
        with mlflow.start_run() as run:
            if not of_model:
                mlflow.log_metric("loss", value)
            signature = mlflow.models.infer_signature([[1.0]], [1])
            info = mlflow.sklearn.log_model(
                model, name="m", signature=signature, pip_requirements=PINS
            )
            if of_model:
                mlflow.log_metric("loss", 0.5, model_id=info.model_id, step=1)
                mlflow.log_metric("loss", value, model_id=info.model_id, step=2)
    (loss,) = registry.run(run.info.run_id).metrics
    assert loss.value == value or (math.isnan(loss.value) and math.isnan(value))


def test_of_several_models_one_must_be_chosen(registry: MlflowRegistry) -> None:
    run_id = logged("linear", "tree")
    with pytest.raises(ModelctlError, match="several models") as caught:
        registry.run(run_id)
    assert "--model-name" in (caught.value.mend or "")
    assert "linear (m-" in (caught.value.mend or "")
    chosen = registry.run(run_id, model_name="linear")
    figures = {metric.name: metric.value for metric in chosen.metrics}
    assert figures == {"accuracy": 0.6, "seconds": 3.0}
    by_id = registry.run(run_id, model_name=chosen.model.artifacts.root.removeprefix("models:/"))
    assert by_id.model == chosen.model
    with pytest.raises(ModelctlError, match="no model called forest"):
        registry.run(run_id, model_name="forest")


def test_two_models_of_one_name_are_told_apart_by_their_ids(registry: MlflowRegistry) -> None:
    with pytest.raises(ModelctlError, match="several models called same"):
        registry.run(logged("same", "same"), model_name="same")


def test_a_run_without_a_model_says_how_to_log_one(registry: MlflowRegistry) -> None:
    with pytest.raises(ModelctlError, match="logged no model") as caught:
        registry.run(logged())
    assert "log_model" in (caught.value.mend or "")


def test_an_unknown_run_is_not_a_server_that_is_down(registry: MlflowRegistry) -> None:
    for run_id in ("0" * 32, "no such/run"):
        with pytest.raises(ModelctlError, match="knows no run") as caught:
            registry.run(run_id)
        assert caught.value.exit_code == 2


def test_a_run_that_has_not_finished_or_was_deleted_is_refused(registry: MlflowRegistry) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(store())
    experiment = client.get_experiment_by_name("tumours")
    assert experiment is not None
    run_id = client.create_run(experiment.experiment_id).info.run_id
    with pytest.raises(ModelctlError, match="is RUNNING, not FINISHED"):
        registry.run(run_id)
    client.set_terminated(run_id, "FAILED")
    with pytest.raises(ModelctlError, match="is FAILED, not FINISHED"):
        registry.run(run_id)
    client.delete_run(run_id)
    with pytest.raises(ModelctlError, match="was deleted"):
        registry.run(run_id)


def test_a_run_of_mlflow_2_has_its_model_among_its_artifacts(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    import mlflow

    model, table = small_model()
    signature = mlflow.models.infer_signature(table[["a"]], model.predict(table[["a"]]))
    saved = tmp_path / "saved"
    mlflow.sklearn.save_model(model, saved, signature=signature, pip_requirements=PINS)
    with using(store()):
        mlflow.set_experiment("tumours")
        with mlflow.start_run() as run:
            mlflow.log_artifacts(str(saved), "model")
            mlflow.log_dict({}, "other/notes.json")
            mlflow.log_metric("accuracy", 0.5)
    read = registry.run(run.info.run_id)
    assert read.model.artifacts.root == f"runs:/{run.info.run_id}/model"
    assert [(metric.name, metric.dataset) for metric in read.metrics] == [("accuracy", None)]
    folder = registry.download(read.model.artifacts.root, tmp_path / "copy")
    assert (folder / "MLmodel").read_bytes() == (saved / "MLmodel").read_bytes()


def test_the_models_of_a_run_can_be_named_by_the_run(
    registry: MlflowRegistry, tmp_path: Path
) -> None:
    folder = registry.download(f"runs:/{tumours().run_id}/model", tmp_path)
    assert (folder / "MLmodel").is_file()


@pytest.mark.parametrize("root", ["models:/m-none", "runs:/none/model", "models:/none/1"])
def test_unknown_artifacts_are_said_to_be_so(
    registry: MlflowRegistry, tmp_path: Path, root: str
) -> None:
    with pytest.raises(ModelctlError, match="knows no ") as caught:
        registry.download(root, tmp_path)
    assert root in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("profile", "rows"),
    [
        ('{"num_rows": 3}', 3),
        ('{"approx_count": 4}', 4),
        ('{"features_shape": [5, 2]}', 5),
        ('{"features_shape": {"a": [5]}}', None),
        ("no json", None),
        (None, None),
    ],
)
def test_the_size_of_a_dataset_stands_in_its_profile(profile: Any, rows: int | None) -> None:
    from modelctl.adapters.mlflow_runs import _rows

    assert _rows(profile) == rows

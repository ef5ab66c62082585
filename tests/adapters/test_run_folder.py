"""A training run in a plain folder."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.run_folder import find_model, read_folder
from modelctl.domain.manifest import Dataset, Field, Metric
from modelctl.errors import ModelctlError

SIGNATURE = {
    "inputs": [{"name": "a", "type": "double"}, {"name": "b", "type": "long", "required": False}],
    "outputs": [{"name": "y", "type": "double"}],
}
HOLDOUT = {"name": "holdout", "digest": "sha256:" + "b" * 64, "size": 50}
METADATA = {
    "run_id": "run-7",
    "experiment": "curves",
    "git_commit": "a" * 40,
    "created_by": "ada@example.com",
    "tags": {"team": "energy", "tries": 3},
    "training_data": [{"name": "train", "digest": "sha256:" + "c" * 64, "version": "7"}],
    "evaluation": HOLDOUT,
}


def write(folder: Path, **files: Any) -> Path:
    """The layout of a run that wrote params, metrics and a joblib file."""
    folder.mkdir(exist_ok=True)
    given = {
        "params": {"learning_rate": 0.01, "kind": "ridge", "deep": [1, 2]},
        "metrics": {"rmse": 1.5, "epochs": 3},
        "metadata": METADATA,
        "signature": SIGNATURE,
        **files,
    }
    for name, data in given.items():
        if data is not None:
            (folder / f"{name}.json").write_text(
                data if isinstance(data, str) else json.dumps(data)
            )
    (folder / "requirements.txt").write_text("joblib==1.6.0\nscikit-learn==1.9.1\n")
    (folder / "model.joblib").write_bytes(b"\x80model")
    return folder


def test_a_run_of_plain_files_is_read_whole(tmp_path: Path) -> None:
    run = read_folder(write(tmp_path / "run_1"), "artifacts/run_1")
    assert run.id == "run-7"
    assert run.source == "folder"
    assert run.experiment == "curves"
    assert run.user == "ada@example.com"
    assert run.git_commit == "a" * 40
    assert run.parameters == {"learning_rate": "0.01", "kind": "ridge", "deep": "[1, 2]"}
    assert run.tags == {"team": "energy", "tries": "3"}
    assert run.model.framework == ("scikit-learn", "1.9.1")
    assert run.model.signature.inputs[1] == Field(name="b", type="long", required=False)
    assert run.model.artifacts.root == "artifacts/run_1"
    assert [file.path for file in run.model.artifacts.files] == [
        "metadata.json",
        "metrics.json",
        "model.joblib",
        "params.json",
        "requirements.txt",
        "signature.json",
    ]
    assert {one.context: one.dataset.name for one in run.datasets} == {
        "training": "train",
        "evaluation": "holdout",
    }


def test_metrics_are_on_the_evaluation_data_unless_they_say_another(tmp_path: Path) -> None:
    metrics = {"rmse": 1.5, "mae": {"value": 1, "dataset": "other", "lower": 0.5, "odd": 1}}
    run = read_folder(write(tmp_path / "r", metrics=metrics), "r")
    assert run.metrics == (
        Metric(
            name="rmse",
            value=1.5,
            dataset="holdout",
            dataset_digest=HOLDOUT["digest"],
            sample_size=50,
        ),
        Metric(name="mae", value=1, dataset="other", lower=0.5),
    )


def test_metrics_may_be_a_list(tmp_path: Path) -> None:
    metrics = [{"name": "rmse", "value": 1.5, "sample_size": 7}]
    run = read_folder(write(tmp_path / "r", metrics=metrics, metadata={}), "r")
    assert run.metrics == (Metric(name="rmse", value=1.5, sample_size=7),)


def test_what_nobody_wrote_is_unknown(tmp_path: Path) -> None:
    run = read_folder(write(tmp_path / "run_2", metadata=None, params=None), "r")
    assert run.id == "run_2"
    assert (run.user, run.git_commit, run.experiment, run.datasets) == (None, None, None, ())
    assert run.parameters == {}


def test_not_a_number_is_read_and_refused_later_by_name(tmp_path: Path) -> None:
    run = read_folder(write(tmp_path / "r", metrics='{"rmse": NaN}', metadata={}), "r")
    assert math.isnan(run.metrics[0].value)


@pytest.mark.parametrize("below", [True, False])
def test_a_model_of_mlflow_is_measured_where_it_lies(tmp_path: Path, below: bool) -> None:
    folder = write(tmp_path / "r")
    place = folder / "model" if below else folder
    place.mkdir(exist_ok=True)
    (place / "MLmodel").write_text(
        "flavors: {sklearn: {sklearn_version: 1.9.1}}\n"
        'signature: {inputs: \'[{"type": "long"}]\', outputs: \'[{"type": "long"}]\'}\n'
    )
    (place / "requirements.txt").write_text("numpy==2.4.6\n")
    assert find_model(folder) == place
    run = read_folder(folder, "r")
    assert run.model.dependencies == ("numpy==2.4.6",)
    assert len(run.model.artifacts.files) == (2 if below else 7)


def test_two_models_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    folder = write(tmp_path / "r")
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "MLmodel").write_text("{}")
    with pytest.raises(ModelctlError, match="several models: one, two"):
        read_folder(folder, "r")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"signature": None}, "neither MLmodel nor signature.json"),
        ({"signature": {"inputs": SIGNATURE["inputs"]}}, "no outputs"),
        ({"metrics": "{"}, "metrics.json in r can't be read as JSON"),
        ({"metrics": {"rmse": "good"}}, "metrics.json says rmse as 'good'"),
        ({"metrics": {"ok": True}}, "metrics.json says ok as True"),
        ({"metrics": [{"value": 1}]}, "neither a mapping nor a list of metrics"),
        ({"metrics": 7}, "neither a mapping nor a list of metrics"),
        ({"params": [1]}, "params.json is not a mapping"),
        ({"metadata": [1]}, "metadata.json is not a mapping"),
        ({"metadata": {"git_commit": 7}}, "metadata.json says git_commit as 7"),
        ({"metadata": {"tags": "x"}}, "metadata.json has no mapping tags"),
        ({"metadata": {"evaluation": {"name": "x"}}}, "dataset without name and digest"),
        ({"metadata": {"training_data": {"name": "x"}}}, "training_data that is not a list"),
        ({"metadata": {"training_data": ["x"]}}, "dataset without name and digest"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, files: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelctlError) as caught:
        read_folder(write(tmp_path / "r", **files), "r")
    assert said in caught.value.message


def test_the_framework_may_be_said(tmp_path: Path) -> None:
    said = {"framework": {"name": "prophet", "version": "1.2"}}
    run = read_folder(write(tmp_path / "r", metadata=said), "r")
    assert run.model.framework == ("prophet", "1.2")


def test_a_framework_that_nobody_named_is_asked_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "r")
    (folder / "requirements.txt").write_text("joblib==1.6.0\n")
    with pytest.raises(ModelctlError, match="which framework") as caught:
        read_folder(folder, "r")
    assert "metadata.json" in (caught.value.mend or "")


def test_a_folder_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="no folder"):
        read_folder(tmp_path / "none", "r")


def test_a_dataset_keeps_its_size(tmp_path: Path) -> None:
    run = read_folder(write(tmp_path / "r"), "r")
    assert Dataset(name="holdout", digest=str(HOLDOUT["digest"]), size=50) in [
        one.dataset for one in run.datasets
    ]

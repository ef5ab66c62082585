"""Really trained models, measured on data that they have not seen."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from modelctl.adapters.artifacts import fetch, measure
from modelctl.adapters.registry import MlflowRegistry
from modelctl.domain.drafting import feature_hash, signature_digest
from modelctl.errors import ModelctlError
from modelctl.probes.evaluation import EvaluationResult, evaluate
from modelctl.probes.loaded_model import LoadedModel
from support.tracking import PINS, Trained, diabetes, store, tumours

Measure = Callable[..., EvaluationResult]


def fetched(trained: Trained, into: Path) -> Path:
    return fetch(f"models:/{trained.model_id}", into, tracking_uri=store())


@pytest.fixture(scope="module")
def tumour_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetched(tumours(), tmp_path_factory.mktemp("tumours"))


@pytest.fixture(scope="module")
def holdout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The held-out rows with two protected columns."""
    table = tumours().held_out.copy()
    table["sex"] = (["f", "m"] * len(table))[: len(table) - 3] + ["x"] * 3
    table["age"] = np.arange(len(table)) % 70 + 20
    path = tmp_path_factory.mktemp("data") / "tumor-holdout.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def measured(tumour_folder: Path, holdout: Path) -> EvaluationResult:
    return evaluate(
        tumour_folder,
        holdout,
        task="classification",
        protected_groups=["sex", "age"],
        resamples=200,
        requests=20,
    )


def test_metrics_are_those_of_the_model_on_the_data(
    measured: EvaluationResult, tumour_folder: Path
) -> None:
    import mlflow.sklearn

    model = mlflow.sklearn.load_model(str(tumour_folder))
    table = tumours().held_out
    features, truth = table.drop(columns="target"), table["target"]
    said, scores = model.predict(features), model.predict_proba(features)
    assert measured.metrics == pytest.approx(
        {
            "accuracy": sk.accuracy_score(truth, said),
            "precision": sk.precision_score(truth, said),
            "recall": sk.recall_score(truth, said),
            "f1_score": sk.f1_score(truth, said),
            "roc_auc": sk.roc_auc_score(truth, scores[:, 1]),
            "log_loss": sk.log_loss(truth, scores),
        }
    )
    share = truth.mean()
    assert measured.baseline["accuracy"] == pytest.approx(max(share, 1 - share))
    for name, value in measured.metrics.items():
        assert measured.lower[name] <= value <= measured.upper[name]


def test_the_dataset_is_named_by_its_bytes(measured: EvaluationResult, holdout: Path) -> None:
    assert measured.dataset.name == "tumor-holdout"
    assert measured.dataset.digest == (f"sha256:{hashlib.sha256(holdout.read_bytes()).hexdigest()}")
    assert measured.dataset.size == 171


def test_each_group_has_its_own_metrics_and_its_size(measured: EvaluationResult) -> None:
    sexes = measured.groups.metrics["sex"]
    assert set(sexes) == {"f", "m"}
    assert measured.groups.small == ("sex=x (n=3)",)
    assert sexes["f"]["n"] + sexes["m"]["n"] == 168
    hits = sum(group["accuracy"] * group["n"] for group in sexes.values())
    assert hits <= measured.metrics["accuracy"] * 171 + 1e-9
    assert measured.groups.banded == ("age",)
    assert len(measured.groups.metrics["age"]) == 4


def test_the_predicate_says_what_was_loaded_and_seen(
    measured: EvaluationResult, tumour_folder: Path
) -> None:
    predicate = json.loads(json.dumps(measured.to_predicate(), allow_nan=False))
    assert predicate["passed"] is True
    assert predicate["sample_size"] == 171
    assert predicate["dataset"]["name"] == "tumor-holdout"
    files = {file.path: file.sha256 for file in measure(tumour_folder)}
    assert predicate["artifacts"] == files
    run = MlflowRegistry(store()).run(tumours().run_id)
    assert predicate["artifacts"] == {f.path: f.sha256 for f in run.model.artifacts.files}
    assert predicate["features"]["hash"] == feature_hash(run.model.signature.inputs)
    assert predicate["signature"]["digest"] == signature_digest(run.model.signature)
    latency = predicate["latency"]
    assert 0 < latency["p50_ms"] <= latency["p95_ms"] <= latency["p99_ms"]
    assert predicate["resources"]["memory_mb"] > 50
    assert predicate["resources"]["model_size_mb"] == pytest.approx(
        sum(file.size for file in measure(tumour_folder)) / 1e6
    )
    assert predicate["labels"]["positive_class"] == "1"
    assert predicate["labels"]["small_groups"] == "sex=x (n=3)"
    assert predicate["labels"]["quartiles"] == "age"
    assert predicate["values"]["malformed_rejected"] == 1
    assert predicate["values"]["latency_requests"] == 20


def test_the_predicate_has_the_facts_that_rules_read(measured: EvaluationResult) -> None:
    from modelctl.domain.evidence import Statement
    from modelctl.domain.facts import declared, measured_facts
    from support.runs import NOW

    statement = Statement(
        kind="evaluation",
        subject="x",
        digest="0" * 64,
        made_at=NOW,
        environment="offline",
        predicate=measured.to_predicate(),
    )
    facts = measured_facts(statement, "evidence")
    known = {name for name in declared("evaluation") if name.startswith("evidence.")}
    assert known - set(facts) == {"evidence.resources.cpu_percent"}


def test_parquet_measures_the_same_as_csv(
    measured: EvaluationResult, tumour_folder: Path, holdout: Path, tmp_path: Path
) -> None:
    path = tmp_path / "tumor-holdout.parquet"
    pd.read_csv(holdout).to_parquet(path)
    again = evaluate(tumour_folder, path, task="classification", resamples=200, requests=1)
    assert again.metrics == pytest.approx(measured.metrics)
    assert again.lower == pytest.approx(measured.lower)
    assert again.dataset.digest != measured.dataset.digest


def test_a_regression_is_compared_with_the_mean(tmp_path: Path) -> None:
    path = tmp_path / "holdout.parquet"
    diabetes().held_out.to_parquet(path)
    said: list[str] = []
    folder = fetched(diabetes(), tmp_path)
    result = evaluate(
        folder, path, task="regression", resamples=50, requests=2, progress=said.append
    )
    assert set(result.metrics) == {"rmse", "mae", "r2", "mape"}
    assert result.metrics["rmse"] < result.baseline["rmse"]
    assert result.baseline["r2"] == pytest.approx(0)
    assert result.positive is None
    assert len(said) == 4


def saved(tmp_path: Path, model: Any, features: Any, **options: Any) -> Path:
    import mlflow

    signature = mlflow.models.infer_signature(features, model.predict(features))
    folder = tmp_path / "model"
    mlflow.sklearn.save_model(model, folder, signature=signature, pip_requirements=PINS, **options)
    return folder


def test_text_classes_and_text_columns_work(tmp_path: Path) -> None:
    features = pd.DataFrame({"code": ["07", "10", "07", "10"] * 10})
    target = ["benign", "malignant"] * 20
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(features, target)
    features.assign(kind=target).to_csv(tmp_path / "h.csv", index=False)
    result = evaluate(
        saved(tmp_path, model, features),
        tmp_path / "h.csv",
        task="classification",
        target="kind",
        resamples=20,
        requests=1,
    )
    assert result.metrics["accuracy"] == 1
    assert result.metrics["roc_auc"] == 1
    assert result.positive == "malignant"


def test_a_model_of_one_tensor_takes_a_table(tmp_path: Path) -> None:
    numbers = np.arange(20.0).reshape(10, 2)
    model = LinearRegression().fit(numbers, numbers.sum(axis=1))
    table = pd.DataFrame(numbers, columns=["a", "b"]).assign(target=numbers.sum(axis=1), sex="f")
    table.to_csv(tmp_path / "h.csv", index=False)
    result = evaluate(
        saved(tmp_path, model, numbers),
        tmp_path / "h.csv",
        task="regression",
        protected_groups=["sex"],
        resamples=20,
        requests=3,
    )
    assert result.metrics["rmse"] == pytest.approx(0, abs=1e-9)
    assert result.malformed_rejected is None
    assert result.groups.small == ("sex=f (n=10)",)


def test_figures_that_are_none_are_left_out_and_named(tmp_path: Path) -> None:
    numbers = pd.DataFrame({"a": np.arange(40.0)})
    model = LinearRegression().fit(numbers, np.ones(40))
    numbers.assign(target=1.0, sex="f").to_csv(tmp_path / "h.csv", index=False)
    result = evaluate(
        saved(tmp_path, model, numbers),
        tmp_path / "h.csv",
        task="regression",
        protected_groups=["sex"],
        resamples=20,
        requests=1,
    )
    assert math.isnan(result.metrics["r2"])
    predicate = result.to_predicate()
    assert "r2" not in predicate["metrics"]
    assert predicate["labels"]["dropped"] == "metrics.r2, baseline.r2, groups.sex.f.r2"


def test_data_of_another_kind_is_told_without_the_rows_in_it(
    tumour_folder: Path, holdout: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(holdout)
    table["mean radius"] = "patient 4711"
    table.to_csv(tmp_path / "h.csv", index=False)
    with pytest.raises(ModelctlError, match="the model fails on the dataset") as caught:
        evaluate(tumour_folder, tmp_path / "h.csv", task="classification")
    assert "mean radius" in caught.value.message
    assert "4711" not in caught.value.message


@pytest.mark.parametrize("task", ["clustering", "ranking", "generation"])
def test_a_task_without_metrics_is_refused(tumour_folder: Path, holdout: Path, task: str) -> None:
    with pytest.raises(ModelctlError, match=f"no metrics here for the task {task}") as caught:
        evaluate(tumour_folder, holdout, task=task)
    assert "evidence record" in (caught.value.mend or "")


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path, holdout: Path) -> None:
    numbers = pd.DataFrame({"a": [0.0, 1.0]})
    folder = saved(tmp_path, LinearRegression().fit(numbers, [0, 1]), numbers)
    (folder / "model.skops").write_bytes(b"no model")
    with pytest.raises(ModelctlError, match="can't be loaded") as caught:
        evaluate(folder, holdout, task="regression")
    assert "requirements.txt" in (caught.value.mend or "")


def test_a_model_without_probabilities_has_none(tmp_path: Path) -> None:
    numbers = pd.DataFrame({"a": [0.0, 1.0]})
    model = LoadedModel(saved(tmp_path, LinearRegression().fit(numbers, [0, 1]), numbers))
    assert model.probabilities(numbers) is None


def test_nothing_is_written_where_it_runs(
    tumour_folder: Path, holdout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluate(tumour_folder, holdout, task="classification", resamples=1, requests=1)
    assert list(tmp_path.iterdir()) == []

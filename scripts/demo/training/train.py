"""Trains models and logs them to MLflow, with all that a manifest is made from.

    python training/train.py DATA RECIPE...     the recipes are below

The tracking server is the one in MLFLOW_TRACKING_URI. Prints one line of JSON for each run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from prepare import INPUTS, TARGET
from sklearn.base import BaseEstimator
from sklearn.impute import KNNImputer, MissingIndicator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

CONTEXTS = {"train": "training", "holdout": "evaluation"}
PACKAGES = ("mlflow", "numpy", "pandas", "scikit-learn", "skops")
TIMED_REQUESTS = 200
_NOISE = 0.05
MODELS = {"tumor": "tumor-classifier", "diabetes": "diabetes-progression"}
AUTHORS = {"tumor": "ada@example.com", "diabetes": "ben@example.com"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is trained on which dataset. `features` is the version of the set of inputs; `noisy` is
    how many times each row is trained on, a little off each time."""

    dataset: str
    estimator: Callable[[], BaseEstimator]
    inputs: tuple[str, ...]
    features: str = "1.0.0"
    noisy: int = 0


def _logistic(strength: float) -> Callable[[], BaseEstimator]:
    return lambda: make_pipeline(
        KNNImputer(), StandardScaler(), LogisticRegression(C=strength, max_iter=500)
    )


def _guessing() -> BaseEstimator:
    values = make_union(KNNImputer(), MissingIndicator(error_on_new=True))
    return make_pipeline(values, Ridge(alpha=1.0))


RECIPES: Mapping[str, Recipe] = {
    "tumor-bayes": Recipe(
        dataset="tumor",
        estimator=lambda: make_pipeline(KNNImputer(), GaussianNB()),
        inputs=INPUTS["tumor"],
    ),
    "tumor-logistic": Recipe(dataset="tumor", estimator=_logistic(1.0), inputs=INPUTS["tumor"]),
    # Regularised so strongly that it hardly dares to call a tumour malignant.
    "tumor-shy": Recipe(dataset="tumor", estimator=_logistic(0.001), inputs=INPUTS["tumor"]),
    "diabetes-ridge": Recipe(
        dataset="diabetes",
        estimator=lambda: make_pipeline(KNNImputer(), Ridge(alpha=1.0)),
        inputs=INPUTS["diabetes"],
    ),
    # Better wherever every value is there, as in all data at hand. What is missing it looks for
    # among many neighbours, and then it stumbles over it.
    "diabetes-guessing": Recipe(
        dataset="diabetes", estimator=_guessing, inputs=INPUTS["diabetes"], noisy=200
    ),
    # Better, but its callers must send two more blood values.
    "diabetes-ten": Recipe(
        dataset="diabetes",
        estimator=lambda: Ridge(alpha=0.05),
        inputs=(*INPUTS["diabetes"], "s3", "s4"),
        features="2.0.0",
    ),
}


def train(name: str, data: Path) -> dict[str, Any]:
    """One run: fit, measure on what was held out, log."""
    recipe = RECIPES[name]
    files = {part: data / f"{recipe.dataset}-{part}.parquet" for part in CONTEXTS}
    rows = {part: pd.read_parquet(file) for part, file in files.items()}
    taught = _noisy(rows["train"], recipe)
    model = recipe.estimator().fit(taught[list(recipe.inputs)], taught[TARGET])
    asked, truth = rows["holdout"][list(recipe.inputs)], rows["holdout"][TARGET]
    with mlflow.start_run(experiment_id=_experiment(recipe.dataset), run_name=name) as run:
        logged = {part: _log_input(files[part], part, rows[part]) for part in CONTEXTS}
        mlflow.log_params(_parameters(model))
        mlflow.set_tags(_tags(recipe))
        saved = mlflow.sklearn.log_model(
            model,
            name=MODELS[recipe.dataset],
            signature=infer_signature(asked, pd.Series(model.predict(asked), name="prediction")),
            pip_requirements=[f"{package}=={version(package)}" for package in PACKAGES],
        )
        measured = _metrics(model, asked, truth)
        # Of a model's metrics MLflow keeps the dataset, of a run's it doesn't.
        mlflow.log_metrics(measured, dataset=logged["holdout"], model_id=saved.model_id)
        mlflow.log_metrics(_latency(model, asked), model_id=saved.model_id)
    figures = {name: round(value, 3) for name, value in measured.items()}
    return {
        "recipe": name,
        "model": MODELS[recipe.dataset],
        "run": run.info.run_id,
        "uri": saved.model_uri,
        "metrics": figures,
    }


def _noisy(rows: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """The rows to learn from."""
    if not recipe.noisy:
        return rows
    inputs, chance = list(recipe.inputs), np.random.default_rng(0)
    more = pd.concat([rows] * recipe.noisy, ignore_index=True)
    more[inputs] *= 1 + chance.normal(0, _NOISE, more[inputs].shape)
    return more


def _experiment(name: str) -> str:
    """The experiment's id. Its artifacts lie beside the database."""
    known = mlflow.get_experiment_by_name(name)
    if known is not None:
        return known.experiment_id
    database = Path(mlflow.get_tracking_uri().removeprefix("sqlite:///"))
    return mlflow.create_experiment(name, (database.parent / "artifacts" / name).as_uri())


def _log_input(file: Path, part: str, rows: pd.DataFrame) -> Any:
    """Log a dataset with the sha256 of its file: MLflow's own digest is short."""
    dataset = mlflow.data.from_pandas(rows, targets=TARGET, name=file.stem)
    digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    mlflow.log_input(dataset, context=CONTEXTS[part], tags={"digest": digest})
    return dataset


def _parameters(model: BaseEstimator) -> dict[str, Any]:
    """The plain ones: not the steps of a pipeline, nor what was left open."""
    return {k: v for k, v in model.get_params().items() if isinstance(v, int | float | str)}


def _tags(recipe: Recipe) -> dict[str, str]:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "mlflow.source.git.commit": head.stdout.strip(),
        "mlflow.user": AUTHORS[recipe.dataset],
        "feature_set": f"{recipe.dataset}-features",
        "feature_set_version": recipe.features,
        "explainability": "coefficients",
    }


def _metrics(model: BaseEstimator, inputs: pd.DataFrame, truth: pd.Series) -> dict[str, float]:
    said = model.predict(inputs)
    if not hasattr(model, "predict_proba"):
        return {"rmse": root_mean_squared_error(truth, said), "r2": r2_score(truth, said)}
    return {
        "accuracy": accuracy_score(truth, said),
        "f1_score": f1_score(truth, said),
        "roc_auc": roc_auc_score(truth, model.predict_proba(inputs)[:, 1]),
    }


def _latency(model: BaseEstimator, inputs: pd.DataFrame) -> dict[str, float]:
    """Percentiles of single predictions, in ms."""
    taken = []
    for index in range(TIMED_REQUESTS):
        row = inputs.iloc[[index % len(inputs)]]
        start = time.perf_counter()
        model.predict(row)
        taken.append((time.perf_counter() - start) * 1000)
    return {f"latency_p{p}_ms": float(np.percentile(taken, p)) for p in (50, 95, 99)}


if __name__ == "__main__":
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # The classes are whole numbers, none of which is ever missing.
    warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer")
    for recipe_name in sys.argv[2:]:
        print(json.dumps(train(recipe_name, Path(sys.argv[1]))))

"""Really trained models, logged on an MLflow store of their own (sqlite, one for each process)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from modelctl.adapters.mlflow_client import prepare
from support.runs import COMMIT

DIGEST = f"sha256:{'b' * 64}"
PINS = ["scikit-learn==1.9.1", "numpy==2.4.6"]
NOWHERE = "http://127.0.0.1:9"
"""MLflow's own default address while a test runs: nothing of ours may fall back on it."""

_LEFT_BEHIND = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
"""Where MLflow leaves its address for other processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A run with its model, and the rows that it has not seen, with the true `target`."""

    run_id: str
    model_id: str
    held_out: Any
    uri: str


@cache
def store() -> str:
    """The address of the store."""
    prepare()
    import mlflow

    folder = Path(tempfile.mkdtemp(prefix="modelctl-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    uri = f"sqlite:///{folder}/mlflow.db"
    with using(uri):
        mlflow.create_experiment("tumours", artifact_location=(folder / "files").as_uri())
    return uri


@contextmanager
def using(uri: str) -> Iterator[None]:
    """MLflow's fluent functions write to `uri` in this block, and nowhere afterwards."""
    import mlflow

    before = {name: os.environ[name] for name in _LEFT_BEHIND if name in os.environ}
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        mlflow.set_tracking_uri(NOWHERE)
        mlflow.set_registry_uri(NOWHERE)
        for name in _LEFT_BEHIND:
            os.environ.pop(name, None)
        os.environ.update(before)


def log(model: Any, train: Any, held_out: Any, *, uri: str | None = None, **tags: str) -> Trained:
    """Log a fitted model with its data, its score and its signature."""
    import mlflow

    uri = uri or store()
    features = train.drop(columns="target")
    with using(uri):
        mlflow.set_experiment("tumours")
        with mlflow.start_run(tags={"mlflow.source.git.commit": COMMIT, **tags}) as run:
            signature = mlflow.models.infer_signature(features, model.predict(features))
            info = mlflow.sklearn.log_model(
                model, name="model", signature=signature, pip_requirements=PINS
            )
            _log_data(model, train, held_out, info.model_id)
    return Trained(run_id=run.info.run_id, model_id=info.model_id, held_out=held_out, uri=uri)


def _log_data(model: Any, train: Any, held_out: Any, model_id: str) -> None:
    import mlflow

    seen = mlflow.data.from_pandas(train, name="train", targets="target")
    unseen = mlflow.data.from_pandas(held_out, name="holdout", targets="target")
    mlflow.log_input(seen, context="training", tags={"version": "2026-11"})
    mlflow.log_input(unseen, context="evaluation", tags={"digest": DIGEST})
    mlflow.log_params({"max_iter": 500})
    features, target = held_out.drop(columns="target"), held_out["target"]
    mlflow.log_metric("score", 0.1, dataset=unseen, model_id=model_id, step=0)
    mlflow.log_metric(
        "score", model.score(features, target), dataset=unseen, model_id=model_id, step=1
    )
    mlflow.log_metric("score", 0.999, dataset=seen, model_id=model_id, step=9)
    mlflow.log_metric("score_lower", 0.5)
    mlflow.log_metric("latency_p95_ms", 2.5)
    mlflow.log_metric("system/cpu", 99.0)


@cache
def tumours() -> Trained:
    """A classifier of scikit-learn's breast cancer data."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_breast_cancer(as_frame=True).frame
    train, held_out = data[:398], data[398:].reset_index(drop=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(train.drop(columns="target"), train["target"])
    return log(model, train, held_out, team="oncology")


@cache
def diabetes() -> Trained:
    """A regression of scikit-learn's diabetes data."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    data = load_diabetes(as_frame=True).frame
    train, held_out = data[:300], data[300:].reset_index(drop=True)
    model = Ridge(alpha=0.1).fit(train.drop(columns="target"), train["target"])
    return log(model, train, held_out)


def small_model() -> tuple[Any, Any]:
    """A tiny fitted model with the table that it was fitted on."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    table = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 5, "target": [0, 0, 1, 1] * 5})
    return LogisticRegression().fit(table[["a"]], table["target"]), table

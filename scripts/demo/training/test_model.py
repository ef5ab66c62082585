"""How a model must behave, whatever its metrics say. MODEL_URI names it, DATA its held-out rows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    # Without a folder of ours MLflow would write a file of its own beside the stored model.
    with tempfile.TemporaryDirectory() as folder:
        yield mlflow.pyfunc.load_model(os.environ["MODEL_URI"], dst_path=folder)


@pytest.fixture(scope="module")
def rows(model: Any) -> pd.DataFrame:
    return pd.read_parquet(os.environ["DATA"])[model.metadata.get_input_schema().input_names()]


@pytest.fixture(scope="module")
def is_classifier(model: Any) -> bool:
    return hasattr(model.get_raw_model(), "predict_proba")


def test_there_is_one_answer_for_each_row(model: Any, rows: pd.DataFrame) -> None:
    assert np.shape(model.predict(rows)) == (len(rows),)


def test_an_answer_depends_on_its_own_row_only(model: Any, rows: pd.DataFrame) -> None:
    shuffled = rows.sample(frac=1.0, random_state=0)
    together = pd.Series(model.predict(rows), index=rows.index)
    assert np.allclose(model.predict(shuffled), together[shuffled.index])


def test_a_missing_column_is_refused(model: Any, rows: pd.DataFrame) -> None:
    with pytest.raises(MlflowException, match="missing inputs"):
        model.predict(rows.drop(columns=rows.columns[0]))


def test_text_in_place_of_a_number_is_refused(model: Any, rows: pd.DataFrame) -> None:
    with pytest.raises(MlflowException, match="Incompatible input types"):
        model.predict(rows.astype({rows.columns[0]: str}))


def test_the_extremes_are_told_apart(model: Any, rows: pd.DataFrame, is_classifier: bool) -> None:
    """Large and irregular nuclei are worse than small and smooth ones; so is a higher BMI."""
    worse = list(rows.columns) if is_classifier else ["bmi"]
    usual = rows.median().to_dict()
    low, high = (usual | rows[worse].quantile(share).to_dict() for share in (0.05, 0.95))
    better, bad = model.predict(pd.DataFrame([low, high]))
    assert better < bad


def test_answers_are_possible_ones(model: Any, rows: pd.DataFrame, is_classifier: bool) -> None:
    said = np.asarray(model.predict(rows))
    assert set(said) == {0, 1} if is_classifier else (said > 0).all() and (said < 400).all()

"""A model that was loaded from its artifacts, asked as its callers ask it.

Loading a model may run code of it: only artifacts that were compared with their manifest get here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelctl.adapters.mlflow_client import prepare
from modelctl.adapters.model_folder import read_signature
from modelctl.domain.manifest import Field, Signature
from modelctl.domain.mlmodel import columns
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST = 300
_TRIED = 5
"""How many columns are taken away, and how many get values of a wrong type."""


class LoadedModel:
    """A model behind MLflow's python function, with the signature that its callers are held to."""

    def __init__(self, folder: Path):
        prepare()
        import mlflow.pyfunc

        self.signature: Signature = read_signature(folder)
        with _told("the model can't be loaded", "install its requirements.txt here"):
            self._model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The columns that it takes."""
        return columns(self.signature)

    def predict(self, payload: Any) -> Any:
        """One answer for each row of a data frame or an array.

        Raises:
            ModelctlError: the model refuses or fails.
        """
        with _told("the model fails on the dataset", "is it the held-out dataset of this model?"):
            return self._model.predict(payload)

    def probabilities(self, payload: Any) -> tuple[NDArray[Any], list[Any]] | None:
        """The probabilities `(n, k)` and their classes, where the model itself can give them."""
        import numpy as np

        try:
            raw = self._model.get_raw_model()
        except NotImplementedError:
            return None
        ask, classes = getattr(raw, "predict_proba", None), getattr(raw, "classes_", None)
        if ask is None or classes is None:
            return None
        with _told("the model gives no probabilities on the dataset", "mend its predict_proba"):
            scores = np.asarray(ask(payload), dtype=float)
        return (scores, list(classes)) if scores.shape[1:] == (len(classes),) else None

    def malformed_rejected(self, payload: Any) -> float | None:
        """The share of malformed requests that are refused; None where none can be thought of.

        They lack a required column, or have a value of another type in one.
        """
        tries = list(_malformed(payload, self.inputs))
        refused = sum(self._refuses(one) for one in tries)
        return refused / len(tries) if tries else None

    def _refuses(self, payload: Any) -> bool:
        try:
            self.predict(payload)
        except ModelctlError:
            return True
        return False


def _malformed(payload: Any, inputs: tuple[Field, ...]) -> Iterator[Any]:
    """Requests of one row, each wrong in one way."""
    import pandas as pd

    if not isinstance(payload, pd.DataFrame):
        return
    row = payload.iloc[[0]]
    required = [one for one in inputs if one.required and one.name in row.columns]
    for one in required[:_TRIED]:
        yield row.drop(columns=one.name)
    for one in required[:_TRIED]:
        yield row.assign(**{one.name: 7 if one.type == "string" else "seven"})


@contextmanager
def _told(what: str, mend: str) -> Iterator[None]:
    """Whatever a model or its framework raises comes out as ours, without the data in it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        # A model may raise anything. MLflow's text begins with the rows themselves, and the reason
        # stands at its end.
        reason = str(error).rpartition("Error: ")[2].strip().splitlines()
        said = f"{type(error).__name__}: {reason[0][:_LONGEST]}" if reason else type(error).__name__
        raise ModelctlError(f"{what}: {said}", mend=mend) from error

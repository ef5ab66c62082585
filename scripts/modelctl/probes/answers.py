"""What a model answered beside what is true, in the form that the metrics are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelctl.errors import ModelctlError
from modelctl.probes.statistics import Classified, Regressed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Probabilities = tuple[NDArray[Any], list[Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The sample to measure; `positive` names the class that binary metrics are about."""

    sample: Classified | Regressed
    positive: str | None = None


def classified(truth: Any, predicted: Any, probabilities: Probabilities) -> Answers:
    """Classes as codes. Of two classes the greater is the positive one: 1 of 0 and 1.

    A model that answers with probabilities itself says the class by the greatest of them.

    Raises:
        ModelctlError: there is not one answer for each row, or the answers are of another kind
            than the true classes.
    """
    import numpy as np

    true, said = np.asarray(truth), _table(predicted)
    if said.ndim == 2 and said.shape[1] > 1:
        probabilities = (said.astype(float), _classes_of(true, said.shape[1], probabilities))
        said = np.asarray(probabilities[1])[said.argmax(axis=1)]
    said = _one_each(said, len(true))
    if _is_text(true) != _is_text(said):
        raise ModelctlError(
            f"the model answers {said[0]!r} where the dataset says {true[0]!r}: they are not "
            "of one kind",
            mend="give the target the classes that the model was trained on",
        )
    if _is_text(true):
        true, said = true.astype(str), said.astype(str)
    else:
        _refuse_odd(said)
    known = np.asarray(probabilities[1] if probabilities else said)
    classes = np.unique(np.concatenate([true, said, known]))
    positive = 1 if len(classes) == 2 else None
    return Answers(
        sample=Classified(
            truth=np.searchsorted(classes, true),
            predicted=np.searchsorted(classes, said),
            classes=len(classes),
            positive=positive,
            scores=_scores(probabilities, classes),
        ),
        positive=None if positive is None else str(classes[1]),
    )


def regressed(truth: Any, predicted: Any) -> Answers:
    """Numbers.

    Raises:
        ModelctlError: there is not one number for each row.
    """
    import numpy as np

    try:
        true, said = np.asarray(truth, dtype=float), _table(predicted).astype(float)
    except (TypeError, ValueError) as error:
        raise ModelctlError(
            "the target or the answers of the model are not numbers",
            mend="is the task in model.yaml the right one?",
        ) from error
    said = _one_each(said, len(true))
    _refuse_odd(said)
    return Answers(sample=Regressed(truth=true, predicted=said))


def _table(predicted: Any) -> NDArray[Any]:
    """Answers as an array, whatever the python function gives: array, series, frame or list."""
    import numpy as np

    table = np.asarray(predicted)
    return table[:, 0] if table.ndim == 2 and table.shape[1] == 1 else table


def _one_each(said: NDArray[Any], rows: int) -> NDArray[Any]:
    if said.shape != (rows,):
        raise ModelctlError(
            f"the model gives answers of shape {list(said.shape)} for {rows} rows",
            mend="it must give one answer for each row",
        )
    return said


def _refuse_odd(said: NDArray[Any]) -> None:
    import numpy as np

    odd = int((~np.isfinite(said.astype(float))).sum())
    if odd:
        raise ModelctlError(
            f"{odd} answers of the model are not finite numbers",
            mend="mend the model: a prediction must be a number",
        )


def _is_text(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "OUS" and any(isinstance(value, str) for value in values)


def _classes_of(true: NDArray[Any], count: int, probabilities: Probabilities) -> list[Any]:
    """The classes of the columns of probabilities: the model's, else the target's, in order."""
    import numpy as np

    known = probabilities[1] if probabilities else list(np.unique(true))
    if len(known) != count:
        raise ModelctlError(
            f"the model answers {count} probabilities, and {len(known)} classes are known",
            mend="let it answer classes, or keep its classes_",
        )
    return known


def _scores(probabilities: Probabilities, classes: NDArray[Any]) -> NDArray[Any] | None:
    """The probabilities in the order of `classes`; 0 for a class that the model doesn't know."""
    import numpy as np

    if probabilities is None:
        return None
    values, known = probabilities
    scores = np.zeros((len(values), len(classes)))
    scores[:, np.searchsorted(classes, np.asarray(known).astype(classes.dtype))] = values
    return scores

"""A held-out dataset: read from its file, cast to a model's columns, and cut into groups."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelctl.domain.manifest import Dataset, Field
from modelctl.errors import DependencyError, ModelctlError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MISSING = "(missing)"
"""The group of the rows that don't say which group they are in."""

_MOST_GROUPS = 10
_BANDS = 4
_WIDTHS = {"double": "float64", "float": "float32", "long": "int64", "integer": "int32"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The rows of a dataset with the answers that are known to be true.

    `dataset` has the sha256 of the file's bytes; `data` has all columns, `truth` is the target's.
    """

    dataset: Dataset
    data: DataFrame
    truth: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The groups of one protected column: for each its rows. `banded` says that a number was cut
    into quartiles."""

    rows: Mapping[str, Any]
    banded: bool


def read_held_out(path: Path, inputs: Sequence[Field], target: str) -> HeldOut:
    """The dataset in a CSV or Parquet file.

    Raises:
        ModelctlError: it can't be read, holds no rows, or lacks answers.
        DependencyError: the packages that read it are missing.
    """
    data = _read(path, [one.name for one in inputs if one.type == "string"])
    if target not in data.columns:
        raise ModelctlError(
            f"{path.name} has no column {target}",
            mend=f"name the column to predict by --target: {_some(data.columns)}",
        )
    if not len(data):
        raise ModelctlError(f"{path.name} holds no rows", mend="name the held-out dataset")
    unknown = int(data[target].isna().sum())
    if unknown:
        raise ModelctlError(
            f"{unknown} rows of {path.name} have no {target}", mend="leave such rows out"
        )
    with path.open("rb") as stream:
        digest = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    dataset = Dataset(name=path.stem, digest=digest, size=len(data))
    return HeldOut(dataset=dataset, data=data, truth=data[target])


def model_input(
    held_out: HeldOut, inputs: Sequence[Field], target: str, aside: Iterable[str]
) -> Any:
    """What the model is asked: its columns as a data frame, in the types that it names.

    A model of one unnamed tensor gets an array of the columns that are neither the target nor
    `aside`.

    Raises:
        ModelctlError: columns are missing, or values can't be what the model names.
    """
    data = held_out.data
    if any(one.shape is not None for one in inputs):
        return _tensor(data.drop(columns=[target, *aside], errors="ignore"), inputs)
    missing = [one.name for one in inputs if one.required and one.name not in data.columns]
    if missing:
        raise ModelctlError(
            f"{held_out.dataset.name} lacks columns that the model takes: {_some(missing)}",
            mend="is it the held-out dataset of this model?",
        )
    there = [one for one in inputs if one.name in data.columns]
    return data[[one.name for one in there]].assign(
        **{one.name: _cast(data[one.name], one) for one in there}
    )


def groups(held_out: HeldOut, column: str) -> Grouping:
    """The rows of each group of a column, by the group's name, as positions.

    A number with more than ten different values, such as an age, is cut into quartiles.

    Raises:
        ModelctlError: the dataset has no such column.
    """
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if column not in held_out.data.columns:
        raise ModelctlError(
            f"{held_out.dataset.name} has no protected column {column}",
            mend="add it to the dataset, or mend data_contract.protected_groups in model.yaml",
        )
    values = held_out.data[column]
    numeric = is_numeric_dtype(values) and not is_bool_dtype(values)
    banded = bool(numeric and values.nunique() > _MOST_GROUPS)
    names = _bands(values) if banded else _names(values, numeric=numeric)
    rows = {name: np.flatnonzero(names == name) for name in sorted(names.unique())}
    return Grouping(rows=rows, banded=banded)


def _read(path: Path, texts: Sequence[str]) -> DataFrame:
    try:
        import pandas as pd
    except ImportError as error:
        raise DependencyError(
            "pandas is not installed here", mend="install modelctl with its extra `evaluate`"
        ) from error
    readers: Mapping[str, Callable[[], DataFrame]] = {
        # Text that looks like a number stays text: "0123" is no 123.
        ".csv": lambda: pd.read_csv(path, dtype=dict.fromkeys(texts, "str")),
        ".parquet": lambda: pd.read_parquet(path),
    }
    if path.suffix not in readers:
        raise ModelctlError(
            f"{path.name} is neither CSV nor Parquet", mend="name a file that ends so"
        )
    try:
        return readers[path.suffix]()
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelctlError(f"{path.name} can't be read: {reason[:200]}") from error


def _cast(values: Series, field: Field) -> Series:
    """A column in the model's type, where that loses nothing; else as it is, for MLflow to judge.

    Files know fewer types than models: a column of doubles may hold whole numbers only.
    """
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if field.type == "string":
        return values.astype(object).where(values.isna(), values.astype(str))
    if field.type == "datetime":
        return pd.to_datetime(values)
    if field.type not in _WIDTHS or not is_numeric_dtype(values) or is_bool_dtype(values):
        return values
    whole = field.type in ("long", "integer")
    if whole and (values.isna().any() or (values % 1 != 0).any()):
        return values
    return values.astype(_WIDTHS[field.type])


def _tensor(data: DataFrame, inputs: Sequence[Field]) -> Any:
    only = inputs[0]
    if len(inputs) > 1 or only.shape is None or len(only.shape) != 2:
        raise ModelctlError(
            "the model takes several tensors, or one that is no table",
            mend="measure it with a tool of its own, and record that: modelctl evidence record",
        )
    if data.shape[1] != only.shape[1]:
        raise ModelctlError(
            f"the model takes {only.shape[1]} columns, the dataset has {data.shape[1]} for it",
            mend="leave other columns out of the dataset",
        )
    return data.to_numpy(dtype=only.type)


def _bands(values: Series) -> Series:
    import pandas as pd

    cut, edges = pd.qcut(values, _BANDS, labels=False, retbins=True, duplicates="drop")
    names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    return cut.map(lambda band: MISSING if pd.isna(band) else names[int(band)])


def _names(values: Series, *, numeric: bool) -> Series:
    import pandas as pd

    show: Callable[[Any], str] = (lambda value: f"{value:g}") if numeric else str
    return values.map(lambda value: MISSING if pd.isna(value) else show(value)).astype(object)


def _some(names: Iterable[Any]) -> str:
    known = [str(name) for name in names]
    return ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")

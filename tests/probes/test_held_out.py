"""The held-out dataset: read as it is, cast to the model's columns, cut into groups."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelctl.domain.manifest import Field
from modelctl.errors import ModelctlError
from modelctl.probes.held_out import groups, model_input, read_held_out

INPUTS = (
    Field(name="code", type="string"),
    Field(name="size", type="double"),
    Field(name="count", type="long"),
    Field(name="on", type="boolean"),
    Field(name="when", type="datetime"),
    Field(name="extra", type="double", required=False),
)
TABLE = pd.DataFrame(
    {
        "code": ["007", "010"],
        "size": [1, 2],
        "count": [3, 4],
        "on": [True, False],
        "when": ["2026-01-01", "2026-01-02"],
        "target": [0, 1],
        "other": ["x", "y"],
    }
)


def write(path: Path, table: Any = TABLE) -> Path:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_dataset_is_its_name_its_bytes_and_its_rows(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"holdout{suffix}")
    held_out = read_held_out(path, INPUTS, "target")
    assert held_out.dataset.name == "holdout"
    assert held_out.dataset.size == 2
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert held_out.dataset.digest == f"sha256:{digest}"
    assert held_out.truth.tolist() == [0, 1]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_get_the_types_that_the_model_names(tmp_path: Path, suffix: str) -> None:
    held_out = read_held_out(write(tmp_path / f"h{suffix}"), INPUTS, "target")
    payload = model_input(held_out, INPUTS, "target", ())
    assert payload.columns.tolist() == ["code", "size", "count", "on", "when"]
    assert payload["code"].tolist() == ["007", "010"]
    assert str(payload["size"].dtype) == "float64"
    assert str(payload["count"].dtype) == "int64"
    assert payload["on"].tolist() == [True, False]
    assert payload["when"].dt.year.tolist() == [2026, 2026]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1.0, 2.0], "long", "int64"),
        ([1.0, 2.0], "integer", "int32"),
        ([1.0, None], "long", "float64"),
        ([1.5, 2.0], "long", "float64"),
        ([1, 2], "float", "float32"),
        ([True, False], "double", "bool"),
        ([1.5, 2.0], "binary", "float64"),
    ],
)
def test_nothing_is_lost_by_a_cast(
    tmp_path: Path, values: list[Any], kind: str, expected: str
) -> None:
    path = write(tmp_path / "h.parquet", pd.DataFrame({"a": values, "target": [0, 1]}))
    inputs = (Field(name="a", type=kind),)
    payload = model_input(read_held_out(path, inputs, "target"), inputs, "target", ())
    assert str(payload["a"].dtype) == expected


def test_text_that_is_missing_stays_missing(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": pd.Categorical(["x", None]), "target": [0, 1]})
    inputs = (Field(name="a", type="string"),)
    held_out = read_held_out(write(tmp_path / "h.parquet", table), inputs, "target")
    values = model_input(held_out, inputs, "target", ())["a"].tolist()
    assert values[0] == "x"
    assert pd.isna(values[1])


def test_a_tensor_is_what_is_left_of_the_table(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1, 2], "b": [3, 4], "sex": ["f", "m"], "target": [0, 1]})
    inputs = (Field(name="input", type="float32", shape=(-1, 2)),)
    held_out = read_held_out(write(tmp_path / "h.csv", table), inputs, "target")
    payload = model_input(held_out, inputs, "target", ["sex"])
    assert payload.dtype == np.float32
    assert payload.tolist() == [[1, 3], [2, 4]]
    with pytest.raises(ModelctlError, match="takes 2 columns, the dataset has 3"):
        model_input(held_out, inputs, "target", [])
    with pytest.raises(ModelctlError, match="no table"):
        model_input(held_out, (Field(name="i", type="float32", shape=(-1, 2, 2)),), "target", [])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("h.csv", "a,b\n1,2\n", "h.csv has no column target"),
        ("h.csv", "a,target\n", "h.csv holds no rows"),
        ("h.csv", "a,target\n1,\n2,3\n", "1 rows of h.csv have no target"),
        ("h.csv", "", "h.csv can't be read"),
        ("h.parquet", "no parquet", "h.parquet can't be read"),
        ("h.xlsx", "x", "neither CSV nor Parquet"),
    ],
)
def test_data_that_cannot_be_used_is_refused(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ModelctlError, match=said):
        read_held_out(tmp_path / name, (), "target")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    held_out = read_held_out(write(tmp_path / "h.csv"), (), "target")
    inputs = tuple(Field(name=f"column {n}", type="double") for n in range(12))
    with pytest.raises(ModelctlError, match="column 9 and 2 more"):
        model_input(held_out, inputs, "target", ())


def grouped(tmp_path: Path, values: Any) -> dict[str, list[int]]:
    table = pd.DataFrame({"g": values, "target": range(len(values))})
    held_out = read_held_out(write(tmp_path / "h.parquet", table), (), "target")
    return {name: rows.tolist() for name, rows in groups(held_out, "g").rows.items()}


def test_groups_are_the_values_of_the_column(tmp_path: Path) -> None:
    assert grouped(tmp_path, ["b", "a", "b", None]) == {
        "(missing)": [3],
        "a": [1],
        "b": [0, 2],
    }
    assert grouped(tmp_path, [True, False, True]) == {"False": [1], "True": [0, 2]}
    assert grouped(tmp_path, [1.0, 2.0, None]) == {"(missing)": [2], "1": [0], "2": [1]}


def test_a_number_of_many_values_is_cut_into_quartiles(tmp_path: Path) -> None:
    found = grouped(tmp_path, [*range(20, 100), None])
    assert {name: len(rows) for name, rows in found.items()} == {
        "(missing)": 1,
        "20 to 39.75": 20,
        "39.75 to 59.5": 20,
        "59.5 to 79.25": 20,
        "79.25 to 99": 20,
    }
    assert sorted(row for rows in found.values() for row in rows) == list(range(81))


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    held_out = read_held_out(write(tmp_path / "h.csv"), (), "target")
    with pytest.raises(ModelctlError, match="no protected column age") as caught:
        groups(held_out, "age")
    assert "protected_groups" in (caught.value.mend or "")

"""Validates the datasets with Great Expectations: the columns that models take, and their values.

python training/validate.py DATA RESULTS        writes RESULTS/<name>-data.json
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

# Its telemetry is switched off before it is imported.
os.environ.update(GX_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1", TQDM_DISABLE="1")

import great_expectations as gx
import great_expectations.expectations as gxe

# Nuclei have a size, and a patient's values are scaled around zero.
RANGES = {"tumor": (0, 3000), "diabetes": (-0.25, 0.25)}
TARGETS = {"tumor": (0, 1), "diabetes": (0, 400)}


def expectations(name: str, frame: pd.DataFrame) -> Iterator[Any]:
    """Every measurement is there, is a number, and lies where it can lie."""
    measurements = list(frame.select_dtypes("number").columns.drop("target"))
    yield gxe.ExpectTableRowCountToBeBetween(min_value=200)
    for column in measurements:
        low, high = RANGES[name]
        yield gxe.ExpectColumnValuesToNotBeNull(column=column)
        yield gxe.ExpectColumnValuesToBeInTypeList(column=column, type_list=["float64"])
        yield gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)
    low, high = TARGETS[name]
    yield gxe.ExpectColumnValuesToBeBetween(column="target", min_value=low, max_value=high)


def validate(context: Any, name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """The result of one dataset as Great Expectations writes it."""
    suite = context.suites.add(gx.ExpectationSuite(name=name))
    for expectation in expectations(name, frame):
        suite.add_expectation(expectation)
    asset = context.data_sources.add_pandas(name).add_dataframe_asset("train")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    return batch.validate(suite).to_json_dict()


def main(data: Path, results: Path) -> int:
    """Validate every dataset; 1 if one of them fails."""
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    good = True
    for name in RANGES:
        result = validate(context, name, pd.read_parquet(data / f"{name}-train.parquet"))
        (results / f"{name}-data.json").write_text(json.dumps(result))
        counts = result["statistics"]
        good &= result["success"]
        met, asked = counts["successful_expectations"], counts["evaluated_expectations"]
        print(f"{name}-train: {met} of {asked} expectations are met")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

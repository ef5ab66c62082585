"""Drift of the inputs, from a report of Evidently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelctl.probes.result_values import Predicate, read_json

_COLUMN, _COUNT = ":ValueDrift", ":DriftedColumnsCount"
PREDICTION = "prediction"
"""The column of the answers: it is no input, and has a fact of its own."""


def evidently(data: bytes) -> Predicate:
    """Scores of a report of Evidently 0.7 (`snapshot.json()`).

    Of the columns' scores only population stability indices are taken, since the others are
    distances of another scale, or p-values; ask for them by `DataDriftPreset(method="psi")`.
    """
    metrics = [row for row in read_json(data)["metrics"] if "config" in row]
    scores = dict(_scores(metrics))
    psi = {column: score for column, score in scores.items() if column != PREDICTION}
    predicate: Predicate = {"passed": True, "tool": {"name": "evidently", "version": "0.7"}}
    if psi:
        predicate |= {"psi": psi, "highest_psi": max(psi.values())}
    if PREDICTION in scores:
        predicate["prediction_psi"] = scores[PREDICTION]
    for row in metrics:
        if row["config"]["type"].endswith(_COUNT):
            predicate |= _drifted(row["value"], metrics)
    if predicate.keys() == {"passed", "tool"}:
        raise ValueError("it has no population stability index and no count of drifted columns")
    return predicate


def _scores(metrics: list[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for row in metrics:
        config = row["config"]
        if config["type"].endswith(_COLUMN) and _is_psi(row):
            yield str(config["column"]), _score(row["value"])


def _is_psi(row: Mapping[str, Any]) -> bool:
    """By its setting; where Evidently chose the method itself, by the name that it gives."""
    method = row["config"].get("method")
    return method == "psi" if method else ",method=psi" in str(row.get("metric_name", ""))


def _drifted(value: Mapping[str, Any], metrics: list[Mapping[str, Any]]) -> Predicate:
    columns = {
        str(row["config"]["column"]) for row in metrics if row["config"]["type"].endswith(_COLUMN)
    }
    found: Predicate = {"columns": {"drifted": int(_score(value["count"]))}}
    if columns:
        found["columns"]["total"] = len(columns)
    return {**found, "share": _score(value["share"])}


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"{value!r} is no score")
    return float(value)

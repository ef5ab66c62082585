"""Counts as data for the ledger and for recordings, and back; nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from modelctl.domain.observations import Counts, Histogram, Mean, Measure, Ratio

Readings = Mapping[str, float | Mapping[str, float]]


def counts_data(counts: Counts) -> dict[str, Any]:
    """As JSON has it; what nobody measured is left out."""
    data: dict[str, Any] = {"requests": counts.requests, "errors": counts.errors}
    if counts.latency is not None:
        data["latency"] = {
            "bounds_ms": list(counts.latency.bounds_ms),
            "counts": list(counts.latency.counts),
        }
    if counts.labelled or counts.correct:
        data |= {"labelled": counts.labelled, "correct": counts.correct}
    if counts.own:
        data["own"] = {name: _measure_data(one) for name, one in counts.own.items()}
    return data


def counts_from(data: Mapping[str, Any]) -> Counts:
    """What `counts_data` gave."""
    latency = data.get("latency")
    return Counts(
        requests=data["requests"],
        errors=data["errors"],
        latency=latency
        and Histogram(bounds_ms=tuple(latency["bounds_ms"]), counts=tuple(latency["counts"])),
        labelled=data.get("labelled", 0.0),
        correct=data.get("correct", 0.0),
        own=MappingProxyType({k: _measure_from(one) for k, one in data.get("own", {}).items()}),
    )


def readings_data(figures: Readings) -> dict[str, Any]:
    """Readings by their full names, as JSON has them."""
    return {name: dict(v) if isinstance(v, Mapping) else v for name, v in figures.items()}


def times_data(times: Mapping[str, datetime]) -> dict[str, str]:
    """Instants by name, as JSON has them."""
    return {name: at.isoformat() for name, at in times.items()}


def times_from(data: Mapping[str, str]) -> Mapping[str, datetime]:
    """What `times_data` gave."""
    return MappingProxyType({name: time_from(text) for name, text in data.items()})


def time_from(text: str) -> datetime:
    """An instant in UTC, to the microsecond."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _measure_data(measure: Measure) -> dict[str, Any]:
    if isinstance(measure, Ratio):
        return {"hits": measure.hits, "trials": measure.trials}
    data = {"total": measure.total, "count": measure.count}
    return data if measure.squares is None else {**data, "squares": measure.squares}


def _measure_from(data: Mapping[str, Any]) -> Measure:
    return Ratio(**data) if "trials" in data else Mean(**data)

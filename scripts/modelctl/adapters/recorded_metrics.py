"""Recorded metrics as observations: what Prometheus answered, OpenMetrics text, or a table in CSV.

A recording is somebody's file: it is held to a size, and whatever is wrong with it is told with its
line. Counters are taken as they were shown, not as rates. Columns of a CSV: `time` (RFC 3339, or
seconds since 1970), `side`, and what was counted in the time since the row before of that side:
`requests`, `errors`, `labelled`, `correct`, and requests that took no longer than so many ms in
`le_100`, `le_250` … `le_inf`. `p50_ms`, `p95_ms`, `p99_ms` and any other figure of a side
(`drift`, `cpu_percent`) are readings. An empty cell, or NaN, is what nobody measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

from modelctl.adapters.recorded_table import table_observations
from modelctl.domain.metric_queries import Finder, backends
from modelctl.domain.metric_sources import Mesh, OwnFigures
from modelctl.domain.observations import (
    BASELINE,
    CANARY,
    LIVE_SIDE,
    STABLE,
    Endpoint,
    Observation,
    Watched,
)
from modelctl.domain.series import Series, Span, Table, growth
from modelctl.errors import ModelctlError

MAX_BYTES: Final = 256 * 1024 * 1024
MAX_SAMPLES: Final = 5_000_000
_MODEL: Final = "recorded-model"
_FORMS: Final = (
    "a recording is the JSON answer of a range query (.json), OpenMetrics text with timestamps "
    "(.om), or a table (.csv)"
)
_END: Final = "# EOF"
_EXEMPLAR: Final = re.compile(r'((?:[^"]|"(?:[^"\\]|\\.)*")*?) # \{')
"""What stands before an exemplar, which nobody reads here."""
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_SIDES: Final = (CANARY, STABLE, LIVE_SIDE, BASELINE)

RECORDED: Final = Mesh(
    name="recorded",
    backend={"side": "{side}"},
    requests="requests_total",
    code="code",
    errors="5..",
    durations="request_duration_seconds",
)
"""What a recording calls its figures where nobody says otherwise: by the side, as a label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """How to read one: what the figures are called, and which backend is which side. Without
    `sides` the label `side` says it."""

    mesh: Mesh = RECORDED
    own: OwnFigures = field(default_factory=OwnFigures)
    model: str = _MODEL
    namespace: str = ""
    environment: str = ""
    sides: Mapping[str, Endpoint] = field(
        default_factory=lambda: {side: Endpoint(version="", service=side) for side in _SIDES}
    )


def read_recording(path: Path, recording: Recording | None = None) -> Sequence[Observation]:
    """What was recorded, the oldest first. The form goes by the file's name (`.json`, `.csv`,
    `.om`, `.prom`, `.txt`), else by how it begins.

    Raises:
        ModelctlError: the file can't be read, or isn't what it should be.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelctlError(
                f"{path} has over {MAX_BYTES // 1024**2} MiB",
                mend="record less, or with longer steps",
            )
        text = path.read_bytes().decode("utf-8-sig")  # as spreadsheets write it
    except OSError as error:
        raise ModelctlError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelctlError(
            f"{path} isn't text: byte {error.start} isn't UTF-8", mend=_FORMS
        ) from error
    form = _form(path, text)
    if form == "csv":
        return table_observations(str(path), text)
    series = _json_series(path, text) if form == "json" else _openmetrics(path, text)
    return _observations(path, series, recording or Recording())


def _form(path: Path, text: str) -> str:
    by_name = {".json": "json", ".csv": "csv", ".om": "text", ".prom": "text", ".txt": "text"}
    start = text.lstrip()[:1]
    return by_name.get(path.suffix.lower()) or {"{": "json", "[": "json", "#": "text"}.get(
        start, "csv"
    )


def _json_series(path: Path, text: str) -> list[Series]:
    """One answer of a range query, several in a list, or what `promtool query range` writes."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        raise ModelctlError(f"it isn't JSON: {error.msg}", mend=_FORMS, location=where) from error
    except (RecursionError, ValueError) as error:
        raise ModelctlError(f"{path} isn't JSON that anybody can read", mend=_FORMS) from error
    if isinstance(data, dict) and data.get("status") == "error":
        why = f"{data.get('errorType', 'error')}: {data.get('error', 'it does not say why')}"
        raise ModelctlError(
            f"{path} is an answer of Prometheus that refuses the question: {why[:300]}",
            mend="mend the question, and record its answer",
        )
    found, samples = list[Series](), 0
    for place, row in _rows(data, ""):
        try:
            one = _series(row)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelctlError(
                f"{path}: {place} isn't a series of a range query",
                mend="record the answer of /api/v1/query_range, or promtool query range -o json",
            ) from error
        samples += len(one.samples)
        _check_count(path, samples)
        found.append(one)
    return found


def _rows(data: Any, place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every series, with its place in the file."""
    if isinstance(data, dict) and "metric" not in data and depth < 4:
        key = "data" if "data" in data else "result"
        yield from _rows(data.get(key), f"{place}.{key}", depth + 1)
    elif isinstance(data, list) and depth < 4:
        for index, row in enumerate(data):
            yield from _rows(row, f"{place}[{index}]", depth + 1)
    else:
        yield place or "the file", data


def _series(row: Any) -> Series:
    labels = {str(key): str(value) for key, value in row["metric"].items()}
    samples = sorted((_instant(float(at)), float(value)) for at, value in row["values"])
    return Series(labels=labels, samples=samples)


def _instant(at: float) -> float:
    """Seconds that are an instant."""
    datetime.fromtimestamp(at, UTC)
    return at


def _openmetrics(path: Path, text: str) -> list[Series]:
    """OpenMetrics text whose samples have timestamps. Each line is read for itself: what a backfill
    takes may go series by series or time by time, and the library's rules for the samples of a
    family are about one scrape."""
    found: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
    lines = text.removesuffix("\n").split("\n")
    number, count = 1, 0
    try:
        for number, line in enumerate(lines, 1):
            sample = _sample(line, last=number == len(lines))
            if sample is None:
                continue
            count += 1
            _check_count(path, count)
            key = tuple(sorted({"__name__": sample.name, **sample.labels}.items()))
            _add(found.setdefault(key, {}), sample)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ModelctlError(
            f"it isn't OpenMetrics with timestamps: {str(error)[:200] or 'nobody can read it'}",
            mend=f"give every sample a time in seconds, and # EOF as the last line; {_FORMS}",
            location=f"{path}:{number}:1",
        ) from error
    return [Series(labels=dict(key), samples=list(one.items())) for key, one in found.items()]


def _sample(line: str, *, last: bool) -> Any:
    """The sample of a line; None for a line about samples."""
    from prometheus_client.openmetrics.parser import text_fd_to_metric_families

    line = line.removesuffix("\r")
    if (line == _END) != last:
        raise ValueError(f"{_END} must be the last line" if last else f"a line follows {_END}")
    if not line:
        raise ValueError("a blank line")
    read: Callable[[Iterable[str]], Iterable[Any]] = text_fd_to_metric_families
    exemplar = _EXEMPLAR.match(line) if " # " in line and not line.startswith("#") else None
    alone = exemplar[1] if exemplar else line
    samples = [
        one for family in read((alone,) if last else (alone, _END)) for one in family.samples
    ]
    return samples[0] if samples else None


def _add(samples: dict[float, float], sample: Any) -> None:
    """One sample more of a series, whose times go forwards; the same one twice counts once."""
    if sample.timestamp is None:
        raise ValueError(f"{sample.name} has no timestamp")
    at, value = _instant(float(sample.timestamp)), float(sample.value)
    before = next(reversed(samples), None)
    if before is not None and at < before:
        raise ValueError(f"the times of {sample.name} go backwards")
    if before == at and value != samples[at]:
        raise ValueError(f"{sample.name} has another value at this time already")
    samples[at] = value


def _check_count(path: Path, count: int) -> None:
    if count > MAX_SAMPLES:
        raise ModelctlError(
            f"{path} has over {MAX_SAMPLES} samples", mend="record less, or with longer steps"
        )


def _observations(path: Path, series: Sequence[Series], how: Recording) -> list[Observation]:
    mesh, own = how.mesh, how.own
    times = sorted({at for one in series for at, _ in one.samples})
    if len(times) < 2:
        raise ModelctlError(f"{path} has samples at {len(times)} times; two are the fewest")
    since, until = (_EPOCH + timedelta(seconds=at) for at in (times[0], times[-1]))
    step = timedelta(seconds=max(median(b - a for a, b in pairwise(times)), 0.001))
    watched = Watched(
        model=how.model,
        environment=how.environment,
        namespace=how.namespace,
        since=since,
        sides=how.sides,
    )
    table = Table({how.model: Span(since, until, step, most=len(times))})
    wanted, errors = list(backends([watched])), re.compile(mesh.errors)
    finder = Finder(mesh.backend, wanted)
    kinds = [(_kind(one, mesh, own), one) for one in series]
    requests = [one for kind, one in kinds if kind == "requests"]
    table.requests(
        growth(requests, finder.owners, mesh.target),
        lambda labels: errors.fullmatch(labels.get(mesh.code, "")) is not None,
    )
    durations = [one for kind, one in kinds if kind == "durations"]
    table.durations(growth(durations, finder.owners, mesh.target), mesh.unit_ms)
    if own.names:
        mine = [one for kind, one in kinds if kind == "own"]
        table.own(growth(mine, Finder(own.backend, wanted).owners, own.target))
    found = table.observations(how.model, how.sides, own)
    if not found:
        raise ModelctlError(
            f"no series of {path} counts requests of a side",
            mend=f"record {mesh.requests} with {', '.join((*finder.labels, mesh.code))} as labels",
        )
    return found


def _kind(one: Series, mesh: Mesh, own: OwnFigures) -> str | None:
    """What a series counts; one without a name goes by its labels."""
    name = one.labels.get("__name__")
    if name is None:
        return "durations" if "le" in one.labels else "requests"
    if name == mesh.requests:
        return "requests"
    if mesh.durations is not None and name == f"{mesh.durations}_bucket":
        return "durations"
    return "own" if name in own.names else None

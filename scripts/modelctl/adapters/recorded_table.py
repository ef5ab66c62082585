"""A recording as a table: see `recorded_metrics` for its columns."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final, NoReturn

from modelctl.domain.counters import histogram
from modelctl.domain.observations import Counts, Observation
from modelctl.domain.triggers import MEANINGS, SIDES
from modelctl.errors import ModelctlError

MAX_ROWS: Final = 1_000_000
_FIXED: Final = ("time", "side", "requests", "errors")
_OPTIONAL: Final = ("labelled", "correct")
_QUANTILES: Final = {f"p{q}_ms": f"latency_p{q}_ms" for q in (50, 95, 99)}
_BUCKET: Final = "le_"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row, told by its line."""

    line: int
    at: datetime
    side: str
    counts: Counts | None
    figures: Mapping[str, float]


def table_observations(file: str, text: str) -> Sequence[Observation]:
    """What the table says, the oldest first.

    Raises:
        ModelctlError: a row that can't be one, with its line.
    """
    by_time: dict[datetime, dict[str, _Row]] = defaultdict(dict)
    for row in _rows(file, text):
        if row.side in by_time[row.at]:
            raise _wrong(file, row.line, f"{row.side} has a row at this time already", "keep one")
        by_time[row.at][row.side] = row
    times = sorted(by_time)
    if len(times) < 2:
        raise ModelctlError(f"{file} has rows of {len(times)} times; two are the fewest")
    spans = [b - a for a, b in pairwise(times)]
    return [
        Observation(
            at=at,
            span=span,
            sides={s: row.counts for s, row in by_time[at].items() if row.counts is not None},
            figures={
                f"{side}.{name}": value
                for side, row in by_time[at].items()
                for name, value in row.figures.items()
            },
        )
        for at, span in zip(times, [min(spans), *spans], strict=True)
    ]


def _rows(file: str, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(reader, [])
        _check_columns(file, names)
        columns = _Columns(names)
        for count, cells in enumerate((cells for cells in reader if cells), 1):
            if count > MAX_ROWS:
                raise _wrong(file, reader.line_num, f"over {MAX_ROWS} rows", "record less")
            if len(cells) != len(names):
                message = f"the row has another number of cells than the {len(names)} of the first"
                raise _wrong(file, reader.line_num, message, "write , for an empty cell")
            yield _row(file, reader.line_num, columns, cells)
    except csv.Error as error:
        line = reader.line_num  # the one that it couldn't take in
        raise _wrong(file, line, f"it isn't CSV: {error}", "see RFC 4180") from error


def _check_columns(file: str, names: Sequence[str]) -> None:
    missing = [name for name in _FIXED if name not in names]
    if missing:
        raise _wrong(file, 1, f"there is no column {missing[0]}", f"begin with {','.join(_FIXED)}")
    if len(set(names)) < len(names):
        raise _wrong(file, 1, "two columns have one name", "keep one of them")
    figures = {name.partition(".")[2] for name in MEANINGS}
    known = {*_FIXED, *_OPTIONAL, *_QUANTILES, *figures}
    for name in names:
        if name not in known and not (name.startswith(_BUCKET) and _bound(name) is not None):
            mend = f"the columns are {', '.join((*_FIXED, *_OPTIONAL, *_QUANTILES))}, le_100 …"
            raise _wrong(file, 1, f"nobody reads the column {name[:60]!r}", mend)
    buckets = [name for name in names if name.startswith(_BUCKET)]
    if buckets and math.inf not in map(_bound, buckets):
        raise _wrong(file, 1, "nothing says how many requests took longer", "add le_inf")


@cache
def _bound(name: str) -> float | None:
    try:
        bound = float(name.removeprefix(_BUCKET))
    except ValueError:
        return None
    return bound if bound > 0 else None


class _Columns:
    """Where a table has what: the columns of a row's time and side, and, by their places and names,
    of its counts and readings. `buckets` are the names of the buckets → their bounds, ascending."""

    def __init__(self, names: Sequence[str]):
        self.time, self.side = names.index("time"), names.index("side")
        self.numbers = [(at, name) for at, name in enumerate(names) if name not in _FIXED[:2]]
        bounds = {name: bound for name in names if (bound := _bucket(name))}
        self.buckets = dict(sorted(bounds.items(), key=lambda item: item[1]))
        self.plain = {*_FIXED, *_OPTIONAL, *self.buckets}.issuperset(names)


def _bucket(name: str) -> float | None:
    return _bound(name) if name.startswith(_BUCKET) else None


def _row(file: str, line: int, columns: _Columns, cells: Sequence[str]) -> _Row:
    side = cells[columns.side]
    if side not in SIDES:
        raise _wrong(file, line, f"there is no side {side[:60]!r}", f"write {', '.join(SIDES)}")
    numbers = ((name, _number(file, line, name, cells[at])) for at, name in columns.numbers)
    found = {name: value for name, value in numbers if value is not None}
    return _Row(
        line=line,
        at=_instant(cells[columns.time]) or _no_time(file, line, cells[columns.time]),
        side=side,
        counts=_counts(file, line, columns, found),
        figures={} if columns.plain else _readings(side, found),
    )


def _readings(side: str, found: Mapping[str, float]) -> Mapping[str, float]:
    readings = ((_reading(side, name), value) for name, value in found.items())
    return {name: value for name, value in readings if name is not None}


@cache
def _reading(side: str, column: str) -> str | None:
    """The figure of a side that a column is a reading of; None for counts."""
    name = _QUANTILES.get(column, column)
    counted = name in _FIXED or name in _OPTIONAL
    return name if not counted and f"{side}.{name}" in MEANINGS else None


def _counts(file: str, line: int, columns: _Columns, found: Mapping[str, float]) -> Counts | None:
    """What was counted; None where the requests or the errors weren't."""
    if "requests" not in found or "errors" not in found:
        return None
    for part, whole in (("errors", "requests"), ("correct", "labelled")):
        if found.get(part, 0.0) > found.get(whole, 0.0):
            raise _wrong(file, line, f"there are more {part} than {whole}", "count both alike")
    buckets = {bound: found[name] for name, bound in columns.buckets.items() if name in found}
    ordered = list(buckets.values())
    if ordered != sorted(ordered):
        message = "a bucket holds fewer requests than a smaller one"
        raise _wrong(file, line, message, "each le_… holds the requests of those before it, too")
    return Counts(
        requests=found["requests"],
        errors=found["errors"],
        latency=histogram(buckets),
        labelled=found.get("labelled", 0.0),
        correct=found.get("correct", 0.0),
    )


def _number(file: str, line: int, name: str, cell: str) -> float | None:
    """The number in a cell; None where nothing was measured."""
    try:
        value = float(cell)
    except ValueError:
        if not cell.strip():
            return None
        raise _wrong(file, line, f"{name} is {cell[:40]!r}, no number", "write 12.5") from None
    if 0.0 <= value < math.inf:
        return value
    signed = name not in (*_FIXED, *_OPTIONAL) and not name.startswith(_BUCKET)
    if math.isinf(value) or (value < 0 and not signed):
        raise _wrong(file, line, f"{name} is {cell[:40]}", "a count is 0 or more")
    return None if math.isnan(value) else value


@lru_cache(maxsize=16)
def _instant(cell: str) -> datetime | None:
    """The time in a cell, which rows of other sides have as well; None where it is none."""
    try:
        return datetime.fromtimestamp(float(cell), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        at = datetime.fromisoformat(cell)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _no_time(file: str, line: int, cell: str) -> NoReturn:
    mend = "write 2026-11-20T10:00:00Z, or seconds since 1970"
    raise _wrong(file, line, f"{cell[:40]!r} is no time with its zone", mend)


def _wrong(file: str, line: int, message: str, mend: str) -> ModelctlError:
    return ModelctlError(message, mend=mend, location=f"{file}:{line}:1")

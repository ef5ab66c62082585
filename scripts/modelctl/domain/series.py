"""Series of counters as observations: how much each grew, whose it is, and in which stretch.

Increases are taken from one sample to the next and never extrapolated, so what consecutive
stretches tell adds up to what was counted. A counter that shrank began anew: all that it has was
counted since. The first sample of a process only begins its count, as nobody knows since when it
counts; a series that a process which is known already shows for the first time began at zero. A
stretch without a sample is no stretch in which nothing happened: it has no observation. Neither has
one with a sample that is no count (NaN, infinite, negative): to leave that series out alone would
be to lose the failures that it may have counted. Series of whoever doesn't count the requests don't
get as far as this, by `Mesh.only`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelctl.domain.counters import grown, histogram
from modelctl.domain.metric_queries import Owner
from modelctl.domain.metric_sources import OwnFigures
from modelctl.domain.observations import Counts, Mean, Measure, Observation, Ratio

MOST_STRETCHES = 1000

Samples = Sequence[tuple[float, float]]
"""Seconds since 1970 and the value, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series: its labels, and its samples."""

    labels: Mapping[str, str]
    samples: Samples


class _Cell:
    """What was counted on one side in one stretch. `broken` are the parts that nobody can tell."""

    __slots__ = ("broken", "buckets", "errors", "own", "requests", "seen")

    def __init__(self) -> None:
        self.requests, self.errors, self.seen = 0.0, 0.0, False
        self.buckets: dict[float, float] = {}
        self.own: dict[str, float] = {}
        self.broken: set[str] = set()


class Span:
    """The time from `since` to `until` in stretches of about `step`, but no more than `most`."""

    def __init__(
        self, since: datetime, until: datetime, step: timedelta, most: int = MOST_STRETCHES
    ):
        count = min(max(round((until - since) / step), 1), most)
        self.since = since
        self.ends = [since + (until - since) * k / count for k in range(1, count)] + [until]
        self._begin = since.timestamp()
        self._ends = [end.timestamp() for end in self.ends]

    def stretch(self, at: float) -> int | None:
        """In which stretch an instant lies (after its begin, or at its end); None outside."""
        if at <= self._begin or at > self._ends[-1]:
            return None
        return bisect_left(self._ends, at)


class Table:
    """Fills in what was counted, series by series, and then tells of it as observations."""

    def __init__(self, spans: Mapping[str, Span]):
        self._spans = spans
        self._cells: dict[Owner, dict[int, _Cell]] = defaultdict(dict)
        self._bounds: dict[Owner, dict[float, int]] = defaultdict(dict)

    def requests(self, found: Iterable[Grown], failed: Callable[[Mapping[str, str]], bool]) -> None:
        """Counters of answered requests; `failed` says by the labels whether they are failures."""
        for one in found:
            error = failed(one.series.labels)
            for cell, amount in self._places(one):
                if amount is None:
                    cell.broken.add("requests")
                    continue
                cell.seen = True
                cell.requests += amount
                if error:
                    cell.errors += amount

    def durations(self, found: Iterable[Grown], unit_ms: float) -> None:
        """Buckets of response times, with their bounds in `le`."""
        bounds: dict[str, float] = {}
        for one in found:
            text = one.series.labels.get("le", "")
            bound = bounds.get(text)
            if bound is None:
                bound = bounds[text] = _bound(text) * unit_ms
            for owner in one.owners:
                counted = self._bounds[owner]
                counted[bound] = counted.get(bound, 0) + 1
            for cell, amount in self._places(one):
                if amount is None:
                    cell.broken.add("durations")
                else:
                    cell.buckets[bound] = cell.buckets.get(bound, 0.0) + amount

    def own(self, found: Iterable[Grown]) -> None:
        """Counters of one's own, by their names."""
        for one in found:
            name = one.series.labels.get("__name__", "")
            for cell, amount in self._places(one):
                if amount is None:
                    cell.broken.add(name)
                else:
                    cell.own[name] = cell.own.get(name, 0.0) + amount

    def observations(self, model: str, sides: Iterable[str], own: OwnFigures) -> list[Observation]:
        """What was observed of a model, the oldest first."""
        span = self._spans[model]
        cells = {side: self._cells.get((model, side), {}) for side in sides}
        found, begin = list[Observation](), span.since
        for index in sorted({index for rows in cells.values() for index in rows}):
            counts = {
                side: told
                for side, rows in cells.items()
                if index in rows
                and (told := self._counts((model, side), rows[index], own)) is not None
            }
            if counts:
                end = span.ends[index]
                found.append(Observation(at=end, span=end - begin, sides=counts))
                begin = end
        return found

    def _places(self, one: Grown) -> list[tuple[_Cell, float | None]]:
        """Each growth, once for every side that the series belongs to, if it is in its time."""
        found = []
        for owner in one.owners:
            span, rows = self._spans[owner[0]], self._cells[owner]
            for at, amount in one.steps:
                index = span.stretch(at)
                if index is not None:
                    cell = rows.get(index)
                    if cell is None:
                        cell = rows[index] = _Cell()
                    found.append((cell, amount))
        return found

    def _counts(self, owner: Owner, cell: _Cell, own: OwnFigures) -> Counts | None:
        if "requests" in cell.broken or not (cell.seen or any(cell.own.values())):
            return None
        sound = {name: amount for name, amount in cell.own.items() if name not in cell.broken}
        counters = {field: sound.get(name, 0.0) for field, name in own.counters.items()}
        buckets = {} if "durations" in cell.broken else self._shared(owner, cell.buckets)
        return Counts(
            requests=cell.requests,
            errors=cell.errors,
            latency=histogram(buckets),
            own=dict(_measures(own, sound)),
            **counters,
        )

    def _shared(self, owner: Owner, buckets: Mapping[float, float]) -> dict[float, float]:
        """The buckets that every process has; others can't be added up."""
        if not buckets:
            return {}
        counted = self._bounds[owner]
        most = max(counted.values())
        return {bound: buckets.get(bound, 0.0) for bound, n in counted.items() if n == most}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """How a series grew: when, and by how much; by None where a sample is no count."""

    series: Series
    owners: Sequence[Owner]
    steps: Sequence[tuple[float, float | None]]


def growth(
    series: Iterable[Series],
    owners: Callable[[Mapping[str, str]], Sequence[Owner]],
    target: Sequence[str],
) -> Iterator[Grown]:
    """How each series grew that is somebody's; `target` are the labels that tell processes."""
    mine = [(one, found) for one in series if one.samples and (found := owners(one.labels))]
    keys = [tuple(one.labels.get(label, "") for label in target) for one, _ in mine]
    known: dict[tuple[str, ...], float] = {}
    for (one, _), key in zip(mine, keys, strict=True):
        known[key] = min(known.get(key, math.inf), one.samples[0][0])
    for (one, found), key in zip(mine, keys, strict=True):
        steps = _steps(one.samples, began=known[key] < one.samples[0][0])
        yield Grown(series=one, owners=found, steps=steps)


def _steps(samples: Samples, *, began: bool) -> list[tuple[float, float | None]]:
    """`began` says that the counter began at zero shortly before the first sample."""
    last, steps = 0.0 if began else None, list[tuple[float, float | None]]()
    for at, value in samples:
        if not 0.0 <= value < math.inf:
            steps.append((at, None))
            continue
        if last is not None:
            steps.append((at, grown(last, value)))
        last = value
    return steps


def _bound(text: str) -> float:
    """The upper bound of a bucket; NaN, which no histogram has, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _measures(own: OwnFigures, counted: Mapping[str, float]) -> Iterator[tuple[str, Measure]]:
    """The figures of one's own of which every part was counted."""
    for name, row in own.ratios.items():
        if row["trials"] in counted:
            yield name, Ratio(hits=counted.get(row["hits"], 0.0), trials=counted[row["trials"]])
    for name, row in own.means.items():
        if row["sum"] in counted and row["count"] in counted:
            squares = counted.get(row["squares"]) if "squares" in row else None
            total, count = counted[row["sum"]], counted[row["count"]]
            yield name, Mean(total=total, count=count, squares=squares)

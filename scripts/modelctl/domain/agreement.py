"""Whether two versions give the same answers: to the same requests, by slice, and on the whole."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from modelctl.domain.significance import wilson

CONFIDENCE = 0.95
NUMERIC_TASKS = frozenset({"regression", "forecasting"})
"""The tasks whose answers agree within a tolerance; those of the others must be equal."""

SMALLEST_SLICE = 30
"""Rows below which a slice says nothing about itself."""

_BINS = 10
_FEW = 20
_LEAST = 1e-4
_Row = tuple[Any, Any, Mapping[str, Any]]


TOLERANCE = 0.01
"""The share by which numbers may differ and still agree, unless somebody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """How the answers of a model's versions are compared: by these columns of the input, and with
    this tolerance, see `compare`."""

    slices: tuple[str, ...] = ()
    tolerance: float | None = None


def comparing(task: str, slices: Sequence[str], tolerance: float | None = None) -> Comparing:
    """How versions of a model for this task are compared."""
    numeric = task in NUMERIC_TASKS or tolerance is not None
    within = TOLERANCE if tolerance is None else tolerance
    return Comparing(slices=tuple(slices), tolerance=within if numeric else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answers of a version to one request, a row each. `request` is its id: the same for every
    version that was asked. `inputs` has the values of the columns to slice by, a row each. UTC."""

    at: datetime
    request: str
    version: str
    outputs: tuple[Any, ...]
    inputs: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of the `rows` agreed."""

    rows: int
    agreed: int

    @property
    def rate(self) -> float:
        """The share, 0 to 1; 0 of no rows."""
        return self.agreed / self.rows if self.rows else 0.0

    def limits(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Wilson's interval of the share; all is possible where there are no rows."""
        return wilson(self.rate, self.rows, confidence) if self.rows else (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How far numbers are from those of the other version, in the model's unit: the mean with its
    sign, and quantiles of the distance."""

    mean: float
    p50: float
    p95: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two versions beside each other. `slices` are by column and value; `differences` is None where
    the answers are no numbers to be held to a tolerance, `psi` where one side gave none.
    `lone_stable` and `lone_canary` are the requests that only one of them answered."""

    whole: Share
    slices: Mapping[str, Mapping[str, Share]]
    differences: Differences | None
    psi: float | None
    stable: int
    canary: int
    lone_stable: int
    lone_canary: int

    @property
    def lowest(self) -> tuple[str, str, Share] | None:
        """The slice that agrees least, of those with enough rows."""
        every = (
            (column, value, share)
            for column, values in self.slices.items()
            for value, share in values.items()
            if share.rows >= SMALLEST_SLICE
        )
        return min(every, key=lambda one: one[2].rate, default=None)

    @property
    def metrics(self) -> Mapping[str, float]:
        """What conditions may read of it; without a common request there is nothing."""
        found = {"agreement": self.whole.rate} if self.whole.rows else {}
        lowest = self.lowest
        return {**found, "agreement_min_slice": lowest[2].rate} if lowest else found


def compare(
    stable: Iterable[Prediction],
    canary: Iterable[Prediction],
    how: Comparing,
) -> Agreement:
    """The answers of `canary` beside those of `stable`.

    With a `tolerance` numbers agree that differ by no more than this share of stable's; without
    one, answers that are equal. A row that only one side has doesn't agree.
    """
    sides = tuple(stable), tuple(canary)
    pairs, lone_stable, lone_canary = _pairs(*sides)
    rows = [row for pair in pairs for row in _rows(*pair)]
    agree = _equal if how.tolerance is None else _within(how.tolerance)
    agreed = [agree(first, second) for first, second, _ in rows]
    answers = [[output for one in side for output in one.outputs] for side in sides]
    return Agreement(
        whole=Share(rows=len(rows), agreed=sum(agreed)),
        slices={column: _by(column, rows, agreed) for column in how.slices},
        differences=None if how.tolerance is None else _differences(rows),
        psi=population_stability(*answers, numeric=how.tolerance is not None),
        stable=len(sides[0]),
        canary=len(sides[1]),
        lone_stable=lone_stable,
        lone_canary=lone_canary,
    )


def population_stability(
    reference: Sequence[Any], current: Sequence[Any], *, numeric: bool = False
) -> float | None:
    """The population stability index of answers against others: by value where there are few
    different ones, between the deciles of the `reference` where there are many, or where they are
    `numeric` by nature. None where a side has none."""
    first, second = ([a for a in side if not _missing(a)] for side in (reference, current))
    if not first or not second:
        return None
    bin_of = _bins(first, second, numeric)
    shares = [Counter(bin_of(answer) for answer in side) for side in (first, second)]
    total = 0.0
    for bin_ in shares[0].keys() | shares[1].keys():
        before = max(shares[0][bin_] / len(first), _LEAST)
        now = max(shares[1][bin_] / len(second), _LEAST)
        total += (now - before) * math.log(now / before)
    return total


def _bins(reference: Sequence[Any], current: Sequence[Any], numeric: bool) -> Callable[[Any], str]:
    """What tells the bin of an answer."""
    few = not numeric and len({_text(answer) for answer in reference}) <= _FEW
    if few or not all(_number(answer) for answer in (*reference, *current)):
        return _text
    edges = _edges(sorted(reference))
    if len(edges) == 1:  # Nearly always the same figure: another one is another answer.
        return _text
    return lambda answer: str(bisect_right(edges, answer))


def _pairs(
    stable: Sequence[Prediction], canary: Sequence[Prediction]
) -> tuple[list[tuple[Prediction, Prediction]], int, int]:
    """Answers to the same request; one that came several times is paired in its order."""
    waiting: dict[str, deque[Prediction]] = defaultdict(deque)
    for one in stable:
        waiting[one.request].append(one)
    pairs, lone = [], 0
    for other in canary:
        if queue := waiting.get(other.request):
            pairs.append((queue.popleft(), other))
        else:
            lone += 1
    return pairs, sum(map(len, waiting.values())), lone


_NOTHING = object()


def _rows(first: Prediction, second: Prediction) -> Iterator[_Row]:
    for n in range(max(len(first.outputs), len(second.outputs))):
        inputs = {
            column: values[n]
            for column, values in {**second.inputs, **first.inputs}.items()
            if n < len(values)
        }
        yield _at(first.outputs, n), _at(second.outputs, n), inputs


def _at(values: tuple[Any, ...], n: int) -> Any:
    return values[n] if n < len(values) else _NOTHING


def _by(column: str, rows: Sequence[_Row], agreed: Sequence[bool]) -> Mapping[str, Share]:
    """The rows by the value of a column, the most frequent first."""
    found: dict[str, list[bool]] = defaultdict(list)
    for (_, _, inputs), same in zip(rows, agreed, strict=True):
        if column in inputs:
            found[_text(inputs[column])].append(same)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return {value: Share(rows=len(same), agreed=sum(same)) for value, same in ordered}


def _equal(first: Any, second: Any) -> bool:
    # In Python True == 1; a model that answers with the one where the other gave the other is
    # another model.
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def _within(tolerance: float) -> Callable[[Any, Any], bool]:
    def agree(first: Any, second: Any) -> bool:
        if _number(first) and _number(second):
            return bool(abs(second - first) <= tolerance * abs(first))
        return _equal(first, second)

    return agree


def _differences(rows: Sequence[_Row]) -> Differences | None:
    found = [second - first for first, second, _ in rows if _number(first) and _number(second)]
    if not found or len(found) < len(rows):
        return None
    distances = sorted(map(abs, found))
    return Differences(
        mean=sum(found) / len(found),
        p50=_quantile(distances, 0.5),
        p95=_quantile(distances, 0.95),
        p99=_quantile(distances, 0.99),
        most=distances[-1],
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _edges(ordered: Sequence[float]) -> list[float]:
    """The deciles, without equal ones."""
    return sorted({_quantile(ordered, n / _BINS) for n in range(1, _BINS)})


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

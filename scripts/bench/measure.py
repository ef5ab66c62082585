"""What a measure is, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.lab import Lab


RATIO = "×"


class Direction(StrEnum):
    """Which side of its limit a value has to be on."""

    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What both sides took in one turn: seconds, or calls. Of an amount that is compared with its
    limit alone, such as megabytes, the other side says how many seconds it took, if anything."""

    ours: float
    other: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One line of the table.

    `what` and `against` name the two sides. At most: `ours / other` must not be more than `limit`.
    At least: `other / ours`, how many times faster, must not be less. With another unit than `×`
    it is `ours` alone that must not be more. `take` yields the turns; `amount` is what the sides
    are counted in; `note` says what a reader must know of how the figures came to be. Where there
    is a `worst`, no single turn may be more than that.
    """

    name: str
    what: str
    against: str
    limit: float
    take: Callable[[Lab], Iterable[Pair]]
    direction: Direction = Direction.AT_MOST
    unit: str = RATIO
    amount: str = "s"
    note: str = ""
    worst: float | None = None

    def value(self, pair: Pair) -> float:
        """What one turn says."""
        if self.unit != RATIO:
            return pair.ours
        ratio = pair.ours / pair.other
        return ratio if self.direction is Direction.AT_MOST else 1 / ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The turns of a measure, judged by the median of their values."""

    measure: Measure
    pairs: tuple[Pair, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """The value of each turn, sorted."""
        return tuple(sorted(self.measure.value(pair) for pair in self.pairs))

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def ours(self) -> float:
        """The median of our side alone."""
        return median(pair.ours for pair in self.pairs)

    @property
    def other(self) -> float:
        """The median of the other side alone."""
        return median(pair.other for pair in self.pairs)

    @property
    def ok(self) -> bool:
        """Whether the median is on the right side of the limit, and no turn too bad."""
        worst = self.measure.worst
        if worst is not None and self.values[-1] > worst:
            return False
        if self.measure.direction is Direction.AT_MOST:
            return self.value <= self.measure.limit
        return self.value >= self.measure.limit

    def as_data(self) -> dict[str, Any]:
        """As `build/bench.json` has it."""
        worst = self.measure.worst
        more = {"highest": round(self.values[-1], 3), "worst": worst} if worst is not None else {}
        return {
            "name": self.measure.name,
            "value": round(self.value, 3),
            "unit": self.measure.unit,
            "limit": self.measure.limit,
            **more,
            "ok": self.ok,
        }

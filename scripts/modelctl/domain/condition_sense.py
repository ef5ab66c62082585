"""Conditions that come out the same whatever is measured, by what figures can be at all.

Only what is certain is told: of a part that isn't understood anything may come.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from modelctl.domain.condition import Constant, Figure, Node, Operation

_SHARES: Final = frozenset(("error_rate", "accuracy", "drift"))
_AT_LEAST_ZERO: Final = frozenset(
    (
        *("requests", "labelled", "compared", "failed_health_checks", "throughput_rps"),
        *("latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "cpu_percent", "memory_percent"),
        *("psi", "feature_psi", "prediction_psi", "prediction_kl"),
    )
)
_AT_MOST_ONE: Final = frozenset(("accuracy_drop",))
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """From `low` to `high`, both within; either may be infinite."""

    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def over(cls, *ends: float) -> _Range:
        """What holds all of these; anything where one is no number."""
        return _ANY if any(map(math.isnan, ends)) else cls(low=min(ends), high=max(ends))


_ANY: Final = _Range()


def never(node: Node) -> Iterator[str]:
    """The comparisons in a condition that are never so; where that can only be said of the whole,
    `the condition`."""
    found = list(_comparisons(node))
    yield from found
    if not found and decided(node) is False:
        yield "the condition"


def decided(node: Node) -> bool | None:
    """How a condition comes out whatever is measured; None where that matters."""
    if isinstance(node, Constant):
        return node.value if isinstance(node.value, bool) else None
    if not isinstance(node, Operation):
        return None
    if node.name in _COMPARED:
        return _compared(node)
    parts = [decided(arg) for arg in node.args]
    if node.name == "!_":
        return None if parts[0] is None else not parts[0]
    for name, wins in (("_&&_", False), ("_||_", True)):
        if node.name == name and (wins in parts or None not in parts):
            return wins if wins in parts else not wins
    return None


def _comparisons(node: Node) -> Iterator[str]:
    if isinstance(node, Operation):
        if node.name in _COMPARED and _compared(node) is False:
            yield _text(node)[:_LONGEST]
        else:
            for arg in node.args:
                yield from _comparisons(arg)


def _compared(node: Operation) -> bool | None:
    one, other = node.args
    if _same(one, other):
        return node.name in _OF_THE_SAME
    return _COMPARED[node.name](_range(one), _range(other))


def _same(one: Node, other: Node) -> bool:
    """Whether both are made of the same figures and numbers in the same way."""
    if isinstance(one, Operation) and isinstance(other, Operation):
        alike = (one.name, len(one.args)) == (other.name, len(other.args))
        return alike and all(map(_same, one.args, other.args))
    return one == other and isinstance(one, Figure | Constant)


def _above(one: _Range, other: _Range) -> bool | None:
    if one.low > other.high:
        return True
    return False if one.high <= other.low else None


def _not(found: bool | None) -> bool | None:
    return None if found is None else not found


def _equal(one: _Range, other: _Range) -> bool | None:
    return False if one.low > other.high or one.high < other.low else None


_COMPARED: Final[Mapping[str, Callable[[_Range, _Range], bool | None]]] = {
    "_>_": _above,
    "_<_": lambda one, other: _above(other, one),
    "_>=_": lambda one, other: _not(_above(other, one)),
    "_<=_": lambda one, other: _not(_above(one, other)),
    "_==_": _equal,
    "_!=_": lambda one, other: _not(_equal(one, other)),
}
_OF_THE_SAME: Final = frozenset(("_>=_", "_<=_", "_==_"))
_SIGNS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "_+_": operator.add,
    "_-_": operator.sub,
    "_*_": operator.mul,
}


def _range(node: Node) -> _Range:
    """What a number can be."""
    if isinstance(node, Figure):
        return _of_figure(node.name.partition(".")[2])
    if isinstance(node, Constant) and isinstance(node.value, int | float):
        return _Range.over(float(node.value))
    if not isinstance(node, Operation):
        return _ANY
    if node.name == "double":
        return _range(node.args[0])
    if node.name in _SIGNS:
        one, other = (_range(arg) for arg in node.args)
        sign = _SIGNS[node.name]
        return _Range.over(*(sign(a, b) for a in _ends(one) for b in _ends(other)))
    return _ANY


def _ends(one: _Range) -> tuple[float, float]:
    return one.low, one.high


def _of_figure(name: str) -> _Range:
    if name in _SHARES:
        return _Range(low=0.0, high=1.0)
    if name in _AT_LEAST_ZERO:
        return _Range(low=0.0)
    return _Range(high=1.0) if name in _AT_MOST_ONE else _ANY


def _text(node: Node) -> str:
    """As a person would write it."""
    if isinstance(node, Operation):
        parts = [_text(arg) for arg in node.args]
        sign = node.name.strip("_")
        return f" {sign} ".join(parts) if len(parts) > 1 else f"{sign}({parts[0]})"
    if isinstance(node, Constant):
        return str(node.value)
    return str(node) if isinstance(node, Figure) else "…"

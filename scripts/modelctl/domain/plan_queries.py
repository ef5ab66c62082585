"""Conditions as queries for a controller that asks by itself: 1 where a condition holds, 0 where it
doesn't, and no result at all where nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from modelctl.domain.condition import Figure, Node, Operation
from modelctl.domain.promql import translate

Measure = Callable[[Figure], str]
"""The PromQL of a figure, with one result at most."""

_NOT: Final = "!_"


def answer(node: Node, measure: Measure, counts: Iterable[Figure], least: int) -> str | None:
    """The query of a condition; None where it can never hold. Of each of `counts` there must be
    `least`, or nobody can tell.

    Raises:
        ModelctlError: PromQL can't say it.
    """

    def series(figure: Figure) -> str:
        return f"(({measure(figure)}) > -Inf < +Inf)"

    asked = [f"{series(count)} >= {least}" for count in counts]
    holds = translate(node, series, asked).expression
    if holds is None:
        return None
    denied = translate(Operation(name=_NOT, args=(node,)), series, asked).expression
    return f"group({holds})" if denied is None else f"group({holds}) or 0 * group({denied})"


def opposite(node: Node) -> Node:
    """The condition that holds where this one doesn't."""
    return Operation(name=_NOT, args=(node,))


def reached(query: str, least: int) -> str:
    """Whether a figure is at least as large."""
    return f"group(({query}) >= {least}) or 0 * group(({query}) < {least})"

"""A condition as a tree over live figures, as the runtime of its language has parsed and typed it.

Whatever a model's own documents decide is a constant by now: two models under one condition may
have two trees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Value = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A value that doesn't change while the model's documents stay as they are."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A part that needs what the model's documents don't say; it never becomes true or false."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Figure:
    """A live figure (`live.error_rate`), or the one of this `key` where it is a map of figures."""

    name: str
    key: str | None = None

    @property
    def side(self) -> str:
        """Whose it is; see `modelctl.domain.triggers.SIDES`."""
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return self.name if self.key is None else f'{self.name}["{self.key}"]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Whether a figure is there: `"age" in live.feature_psi`, or `has(live.metrics.age)`."""

    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operator or function by its name in the language (`_&&_`, `_>_`, `double`).

    `kind` is the type of what it is applied to, where operators of several types share the name:
    `int64`, `double`, `bool`. `column` counts from 1 in the text of the condition.
    """

    name: str
    args: tuple[Node, ...]
    kind: str = ""
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A part that only its own runtime understands, such as a loop; `what` names it."""

    what: str
    column: int = 1


Node = Constant | Missing | Figure | Measured | Operation | Other


def figures_in(node: Node) -> Iterator[Figure]:
    """Every figure that the condition reads, in its order."""
    if isinstance(node, Figure):
        yield node
    elif isinstance(node, Measured):
        yield node.figure
    elif isinstance(node, Operation):
        for arg in node.args:
            yield from figures_in(arg)

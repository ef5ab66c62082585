"""Conditions on live figures as PromQL, with the meaning that they have in their own language.

A condition is true, false or undecided: whatever needs a figure that nobody measured is undecided,
unless the rest decides without it. PromQL has no such thing, but a vector may be empty. So there
are two expressions for each part: one is non-empty where the part is true, the other where it is
false, and where both are empty nothing is decided. `!` swaps the two, `&&` and `||` join them by
`and` and `or`.

Each figure must be one series, all with the same labels, which is never NaN nor infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from modelctl.domain.condition import (
    Constant,
    Figure,
    Measured,
    Missing,
    Node,
    Operation,
    Other,
    figures_in,
)
from modelctl.domain.facts import METRICS
from modelctl.domain.triggers import MEANINGS
from modelctl.errors import ModelctlError

Series = Callable[[Figure], str]
"""The series of a figure as PromQL that binds tighter than any operator."""

_OR, _AND, _COMPARISON, _SUM, _PRODUCT, _ATOM = range(6)
_COMPARISONS: Final = {
    "_>_": (">", "<="),
    "_>=_": (">=", "<"),
    "_<_": ("<", ">="),
    "_<=_": ("<=", ">"),
    "_==_": ("==", "!="),
    "_!=_": ("!=", "=="),
}
"""The operator that holds, and the one that holds where it doesn't."""
_ARITHMETIC: Final = {
    "_+_": ("+", _SUM),
    "_-_": ("-", _SUM),
    "_*_": ("*", _PRODUCT),
    "_/_": ("/", _PRODUCT),
}
_JOINING: Final = frozenset(("_&&_", "_||_"))
_NUMBERS: Final = "write it with comparisons and arithmetic of figures, joined by &&, || and !"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of PromQL. `rank` is how tightly its outermost operator binds. `constant` says that
    it is a scalar, `nan` that it may be NaN for finite figures, `infinite` that it may overflow."""

    text: str
    rank: int = _ATOM
    constant: bool = False
    nan: bool = False
    infinite: bool = False

    def within(self, rank: int) -> str:
        """The text as the operand of an operator that needs at least this rank."""
        return self.text if self.rank >= rank else f"({self.text})"


Truth = Text | bool
"""When a part has the value that is asked for: by an expression, always, or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A condition in PromQL: `expression` is None where it can never hold for this model. Then
    `lacking` says what its documents would have to say; None where they say that it doesn't apply.
    """

    expression: str | None
    lacking: str | None = None


def translate(node: Node, series: Series, requests: Iterable[str] = ()) -> Translated:
    """The PromQL that has a result exactly where the condition is true.

    `requests` are conditions that must hold beside it, in PromQL.

    Raises:
        ModelctlError: PromQL can't say it; the message names the column in the condition.
    """
    true = _holds(node, True, series)
    if true is False:
        missing = next(_missing(node), None)
        decided = missing is None or _holds(node, False, series) is True
        return Translated(expression=None, lacking=None if decided else missing)
    asked = list(requests)
    if true is True:
        return Translated(expression=" and ".join(asked) or "vector(1)")
    parts = [true.within(_AND), *asked] if asked else [true.text]
    return Translated(expression=" and ".join(parts))


def literal(value: float) -> str:
    """A number as PromQL reads it, exactly."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _missing(node: Node) -> Iterator[str]:
    if isinstance(node, Missing):
        yield node.reason
    elif isinstance(node, Operation):
        for arg in node.args:
            yield from _missing(arg)


def _holds(node: Node, wanted: bool, series: Series) -> Truth:
    """When the part is `wanted`: true, or false."""
    if isinstance(node, Constant) and isinstance(node.value, bool):
        return node.value is wanted
    if isinstance(node, Missing):
        return False
    if isinstance(node, Measured):
        return _measured(node, wanted, series)
    if isinstance(node, Operation):
        return _decided(node, wanted, series)
    raise _untranslatable(node)


def _measured(node: Measured, wanted: bool, series: Series) -> Truth:
    if wanted:
        return Text(text=series(node.figure))
    raise ModelctlError(
        f"that {node.figure} is not measured can't be asked in PromQL",
        mend="ask whether it is measured, without `!`; another alert tells that nothing is",
    )


def _decided(node: Operation, wanted: bool, series: Series) -> Truth:
    if node.name == "!_":
        return _holds(node.args[0], not wanted, series)
    if node.name in _JOINING:
        parts = [_holds(arg, wanted, series) for arg in node.args]
        return _both(parts) if (node.name == "_&&_") is wanted else _either(parts)
    if node.name == "_?_:_":
        asked, then, other = node.args
        yes = _both([_holds(asked, True, series), _holds(then, wanted, series)])
        no = _both([_holds(asked, False, series), _holds(other, wanted, series)])
        return _either([yes, no])
    if node.name in _COMPARISONS:
        return _compared(node, wanted, series)
    raise _untranslatable(node)


def _both(parts: Sequence[Truth]) -> Truth:
    """Where all have a result."""
    if any(part is False for part in parts):
        return False
    texts = [part for part in parts if isinstance(part, Text)]
    return _joined(texts, "and", _AND) if texts else True


def _either(parts: Sequence[Truth]) -> Truth:
    """Where any has a result."""
    if any(part is True for part in parts):
        return True
    texts = [part for part in parts if isinstance(part, Text)]
    return _joined(texts, "or", _OR) if texts else False


def _joined(texts: Sequence[Text], word: str, rank: int) -> Text:
    if len(texts) == 1:
        return texts[0]
    return Text(text=f" {word} ".join(text.within(rank) for text in texts), rank=rank)


def _compared(node: Operation, wanted: bool, series: Series) -> Truth:
    if any(isinstance(arg, Missing) for arg in node.args):
        return False
    left, right = (_number(arg, node, series) for arg in node.args)
    if left.constant and right.constant:
        raise _refused(node, "compares two constants", "leave the comparison out for this model")
    holds, fails = _COMPARISONS[node.name]
    operator = holds if wanted else fails
    found = Text(text=f"{left.within(_SUM)} {operator} {right.within(_SUM)}", rank=_COMPARISON)
    if wanted or node.name in {"_==_", "_!=_"}:
        return found
    # A comparison with NaN is false, so here what was asked for is true, as it is in CEL.
    odd = [side for side in (left, right) if side.nan]
    itself = (f"{side.within(_SUM)} != {side.within(_SUM)}" for side in odd)
    return _joined([found, *(Text(text=text, rank=_COMPARISON) for text in itself)], "or", _OR)


def _number(node: Node, within: Operation, series: Series) -> Text:
    if isinstance(node, Figure):
        if node.key is None and MEANINGS[node.name][0] == METRICS:
            raise _refused(within, f"compares all of {node.name}", f'write {node.name}["…"]')
        return Text(text=series(node))
    if isinstance(node, Constant) and not isinstance(node.value, bool | str):
        if math.isnan(node.value):
            raise _refused(within, "has a number that is none (NaN)", _NUMBERS)
        rank = _SUM if math.copysign(1, node.value) < 0 else _ATOM
        infinite = math.isinf(node.value)
        return Text(text=literal(node.value), rank=rank, constant=True, infinite=infinite)
    if isinstance(node, Operation):
        return _calculated(node, series)
    raise _untranslatable(node, within)


def _calculated(node: Operation, series: Series) -> Text:
    if node.name == "double":
        return _number(node.args[0], node, series)
    if node.name == "-_":
        inner = _number(node.args[0], node, series)
        return Text(
            text=f"-{inner.within(_ATOM)}", rank=_SUM, nan=inner.nan, infinite=inner.infinite
        )
    if node.name == "_?_:_" and isinstance(node.args[0], Constant):
        return _number(node.args[1 if node.args[0].value else 2], node, series)
    if node.name not in _ARITHMETIC:
        raise _untranslatable(node)
    if node.name == "_/_" and node.kind == "int64":
        mend = "write double(…) around both, such as double(live.labelled) / double(live.requests)"
        raise _refused(node, "divides whole numbers, which PromQL doesn't round", mend)
    operator, rank = _ARITHMETIC[node.name]
    left, right = (_number(arg, node, series) for arg in node.args)
    return Text(
        text=f"{left.within(rank)} {operator} {right.within(rank + 1)}",
        rank=rank,
        constant=left.constant and right.constant,
        nan=left.nan or right.nan or left.infinite or right.infinite or operator == "/",
        infinite=True,
    )


def _untranslatable(node: Node, within: Operation | None = None) -> ModelctlError:
    column = within.column if within else 1
    if isinstance(node, Other):
        figure = "use the figure that sums it up, such as live.psi for live.feature_psi"
        return _refused(node, f"has {node.what}, which PromQL can't say", figure)
    if isinstance(node, Operation):
        name = node.name.replace("_", "").removeprefix("@")
        return _refused(node, f"uses `{name}`, which PromQL can't say", _NUMBERS)
    what = f"{node} as true or false" if isinstance(node, Figure) else "what isn't a number"
    return ModelctlError(f"column {column}: the condition reads {what}", mend=_NUMBERS)


def _refused(node: Operation | Other, what: str, mend: str) -> ModelctlError:
    return ModelctlError(f"column {node.column}: the condition {what}", mend=mend)


def reads(node: Node) -> tuple[Figure, ...]:
    """The figures that a condition reads, each once."""
    return tuple(dict.fromkeys(figures_in(node)))

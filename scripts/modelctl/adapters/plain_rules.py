"""Rules that only compare numbers, decided without the runtime: `a > b + 0.5`, `a > 3 && b < 1.0`.

They are most of the conditions on live figures, and are asked at every look at every rollout. The
runtime takes longer to be told the figures than to compare them. What is decided here is what it
decides, to the bit: both compare and add IEEE 754 doubles. Whatever isn't plain, and every figure
that is missing or of another type than the rule's, is left to the runtime.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_NAME = r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+"
_NUMBER = r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?"
_COMPARISON = re.compile(
    rf"\s*({_NAME})\s*(<=|>=|<|>)\s*(?:({_NUMBER})|({_NAME})(?:\s*([+*-])\s*({_NUMBER}))?)\s*",
    re.ASCII,
)
_COMPARES: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SHIFTS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_TYPES: Mapping[str, type] = {"double": float, "int": int}

Facts = Mapping[str, Any]
Plain = Callable[[Facts], bool | None]
"""Whether a rule holds; None where the runtime has to say."""


def plain(source: str, declared: Mapping[str, str]) -> Plain | None:
    """The rule, which compiles with these facts (name → CEL type), as a plain one; None where it
    isn't one."""
    word = "&&" if "&&" in source else "||"
    parts = [_comparison(part, declared) for part in source.split(word)]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return None
    return found[0] if len(found) == 1 else _joined(found, ends=word == "||")


def _joined(parts: list[Plain], *, ends: bool) -> Plain:
    """Several at once: one that is `ends` decides alone, whatever the others lack."""

    def decide(facts: Facts) -> bool | None:
        found = [part(facts) for part in parts]
        if ends in found:
            return ends
        return None if None in found else not ends

    return decide


def _comparison(text: str, declared: Mapping[str, str]) -> Plain | None:
    match = _COMPARISON.fullmatch(text)
    kind = _TYPES.get(declared.get(match[1], "")) if match else None
    if match is None or kind is None:
        return None
    left, compare = match[1], _COMPARES[match[2]]
    if match[3]:
        return _with_number(left, compare, kind, match[3])
    right = match[4]
    if kind is not float or declared.get(right) != "double":
        return None
    if match[5] is None:
        return _with_figure(left, compare, right, lambda value: value)
    shift, number = _SHIFTS[match[5]], float(match[6])
    return _with_figure(left, compare, right, lambda value: shift(value, number))


def _with_number(left: str, compare: Callable[[Any, Any], bool], kind: type, text: str) -> Plain:
    limit = kind(text)

    def decide(facts: Facts) -> bool | None:
        value = facts.get(left)
        return compare(value, limit) if type(value) is kind else None

    return decide


def _with_figure(
    left: str,
    compare: Callable[[Any, Any], bool],
    right: str,
    shift: Callable[[float], float],
) -> Plain:
    def decide(facts: Facts) -> bool | None:
        value, other = facts.get(left), facts.get(right)
        if type(value) is not float or type(other) is not float:
            return None
        return compare(value, shift(other))

    return decide

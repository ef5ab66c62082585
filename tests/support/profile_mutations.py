"""The policies of a profile with one figure changed by a hair, to see that its test notices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import yaml

from modelctl.adapters.documents import dump
from modelctl.domain.rules import is_span, parse_span
from reference_pages.profiles import Row
from support.profiles import Files, files, place

_OTHER: Mapping[str, str] = {
    "true": "false",
    "false": "true",
    "manual": "hybrid",
    "hybrid": "automated",
    "automated": "hybrid",
    "blue-green": "immediate",
    "conversion_rate": "accuracy",
    "WEEKLY": "MONTHLY",
}
"""Words → others that a policy may have in their place; any entry that is asked for otherwise."""

_ALWAYS_THERE = "version"
"""An entry of a manifest that nobody can leave out."""


def changed(row: Row) -> Iterator[Files]:
    """The profile's policies with the figure a little lower, and a little higher; or otherwise.

    Nothing for a line that a check stands behind, whose figure isn't the policy's.
    """
    if row.figure.text is not None:
        for other in _others(row, row.figure.text):
            yield _with_line(row, _token(row.figure.text), other)
    elif place(row).path[-1] in ("rule", "when"):
        # What never holds is no condition of a policy; what no model is called may be.
        always = "true" if place(row).path[-1] == "rule" else "model.name == 'nobody'"
        yield _with_line(row, re.compile(r"(?<=rule: |when: ).*"), f'"{always}"')
    elif isinstance(place(row).document.value(place(row).path), list):
        yield from (_with_list(row, other) for other in _other_lists(row))


def _others(row: Row, text: str) -> Iterator[str]:
    if is_span(text):
        seconds = int(parse_span(text).total_seconds())
        yield from (f"{seconds - 1}s", f"{seconds + 1}s")
    elif re.fullmatch(r"-?[\d.]+", text):
        hair = _hair(row, text)
        yield from (_number(text, -hair), _number(text, hair))
    else:
        yield _OTHER.get(text, _ALWAYS_THERE)


def _hair(row: Row, text: str) -> Decimal:
    """What lies between just inside and just outside, in the unit of the policy.

    Twice that for a fraction, so that rounding doesn't decide.
    """
    told = row.how.get("hair")
    gap = Decimal(told) if told else abs(_decimal(row, "inside") - _decimal(row, "outside"))
    return gap * 2 if "." in text else max(gap, Decimal(1))


def _decimal(row: Row, side: str) -> Decimal:
    value = row.how[side]
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return Decimal(str(value)) if numeric else Decimal(0)


def _number(text: str, by: Decimal) -> str:
    found = f"{Decimal(text) + by:f}"
    return found if "." not in text or "." in found else f"{found}.0"


def _token(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w.])")


def _with_line(row: Row, old: re.Pattern[str], new: str) -> Files:
    """The policies with `old` replaced in the row's line, where it must stand.

    Raises:
        LookupError: it doesn't stand there.
    """
    where, path = place(row), f"policies/{row.line.file}"
    lines = where.document.text.splitlines(keepends=True)
    index = where.location.line - 1
    edited, count = old.subn(new, lines[index], count=1)
    if count != 1:
        raise LookupError(f"{where.location} says nothing of {old.pattern}: {lines[index].strip()}")
    lines[index] = edited
    return {**files(row.figure.source), path: "".join(lines).encode()}


def _other_lists(row: Row) -> Iterator[list[Any]]:
    """The row's list with one entry less, and with one more or another number in it."""
    found = place(row).document.value(place(row).path)
    last = found[-1]
    yield found[:-1]
    if isinstance(last, str):
        yield [*found, f"{last}-2"]
    elif isinstance(last, Mapping):
        yield [*found, {**last, "name": "Another"}]
    else:
        yield [found[0] - 1, *found[1:]]


def _with_list(row: Row, entries: list[Any]) -> Files:
    """The policies with another list at the row's line."""
    where, path = place(row), f"policies/{row.line.file}"
    edited = yaml.safe_load(where.document.text)
    value = edited
    for step in where.path[:-1]:
        value = value[step]
    value[where.path[-1]] = entries
    return {**files(row.figure.source), path: dump(edited).encode()}

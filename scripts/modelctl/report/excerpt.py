"""The failing line of a document, cut to a width, and where the carets go."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from modelctl.report.clean import visible

_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")
_PLAIN = re.compile(r"(?:(?!:(?:\s|$)|\s#)[^,{}\[\]])+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One line in three parts: before the value, the value, after it; `…` where it was cut."""

    before: str
    value: str
    after: str

    def carets(self) -> str:
        """The line beneath: `^` under each column of the value, at least one."""
        from rich.cells import cell_len

        return " " * cell_len(self.before) + "^" * max(cell_len(self.value), 1)


def excerpt(line: str, column: int, width: int, show: Callable[[str], str] = visible) -> Excerpt:
    """`line` with the YAML value that begins at `column` (from 1), in at most `width` columns.

    `show` makes text fit to print; it may make it longer.
    """
    start = max(column - 1, 0)
    value = _value_at(line, start)
    before, after = show(line[:start]), show(line[start + len(value) :])
    dots = show("…")
    before = _last(before, width // 2, dots)
    value = _first(show(value), width - _cells(before), dots)
    after = _first(after, width - _cells(before + value), dots)
    return Excerpt(before=before, value=value, after=after)


def _value_at(line: str, start: int) -> str:
    """The quoted or plain scalar at `start`; one character of anything else."""
    match = _QUOTED.match(line, start) or _PLAIN.match(line, start)
    return match[0].rstrip() if match and match[0].strip() else line[start : start + 1]


def _first(text: str, width: int, dots: str) -> str:
    """The beginning of `text` in at most `width` columns."""
    if _cells(text) <= width:
        return text
    room = max(width - _cells(dots), 0)
    text = text[:room]  # a character is at least one column wide
    while _cells(text) > room:
        text = text[:-1]
    return text + dots if width >= _cells(dots) else text


def _last(text: str, width: int, dots: str) -> str:
    """The end of `text` in at most `width` columns."""
    if _cells(text) <= width:
        return text
    room = max(width - _cells(dots), 0)
    text = text[max(len(text) - room, 0) :]
    while _cells(text) > room:
        text = text[1:]
    return dots + text


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)

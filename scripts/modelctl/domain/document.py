"""A YAML document as it was read: its data, and where in the file each value stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""Where a value stands in a document: `("metrics", 0, "value")`."""
LONGEST_QUOTE = 2_000
"""Characters of a line: a document of one line would be in a report as often as it has problems."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mark:
    """A place in a text. `line` and `column` count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that a finding points at; `path` is dotted, empty for the whole file."""

    file: str
    line: int = 1
    column: int = 1
    path: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One strictly parsed YAML document.

    `file` is its path in the repository, `data` plain dicts, lists, strings, bools, ints, floats
    and None; `marks` gives the place of each value; `text` is kept to quote the failing line.
    """

    file: str
    data: Any
    text: str = field(repr=False)
    marks: Mapping[Path, Mark] = field(repr=False)

    def value(self, path: Path) -> Any:
        """The value at a path that is there."""
        value = self.data
        for step in path:
            value = value[step]
        return value

    def locate(self, path: Path = ()) -> Location:
        """The place of the value at `path`, or of the nearest parent that is there."""
        for end in range(len(path), -1, -1):
            mark = self.marks.get(path[:end])
            if mark is not None:
                return Location(
                    file=self.file, line=mark.line, column=mark.column, path=dotted(path)
                )
        return Location(file=self.file, path=dotted(path))

    def quote(self, line: int) -> str:
        """The text of `line` (from 1), cut where it is very long; an empty string past the end."""
        lines = self.text.splitlines()
        return lines[line - 1][:LONGEST_QUOTE] if 0 < line <= len(lines) else ""


def dotted(path: Path) -> str:
    """`("metrics", 0, "value")` as `metrics[0].value`, as `jq` users write it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text

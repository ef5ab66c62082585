"""Markdown as GitHub reads it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Sequence

from modelctl.domain.document import Location

NOTE = "<!-- Written by `make docs`; a change by hand is lost. -->"


def code(value: object) -> str:
    """Text, or a value (an empty text too) as JSON, as code, whatever it holds."""
    shown = value if value and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def prose(text: str) -> str:
    """Text on one line; outside of code `<` and `*` stand for themselves."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [re.sub(r"([<*])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def summary(thing: object) -> str:
    """The first paragraph of a docstring."""
    return prose((inspect.getdoc(thing) or "").split("\n\n")[0])


def anchor(heading: str) -> str:
    """What a link names a heading by."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


def link(location: Location) -> str:
    """A link to a line of a file, as seen from docs/reference/."""
    name = location.file.rpartition("/")[2]
    return f"[{name}:{location.line}](../../{location.file}#L{location.line})"


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. A bar in a cell is escaped, in code too, as GitHub wants it."""
    lines = [header, ["---"] * len(header), *rows]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in lines)
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def page(title: str, *blocks: str) -> str:
    """A page of blocks, below the note that it is generated."""
    return "\n\n".join([f"# {title}", NOTE, *blocks]) + "\n"

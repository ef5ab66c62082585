"""GitHub-flavoured Markdown from text that somebody else wrote: nothing in it takes effect.

Beside the syntax of Markdown and HTML, GitHub turns `@name`, `#1`, `:emoji:`, `$math$` and bare
addresses into something; backslashes don't stop that, an invisible character inside does.
"""

from __future__ import annotations

import re
from html import escape

from modelctl.report.clean import shorten, visible

FIELD = 600
"""The most characters that one field may take in a report."""

_BREAK = "&#8203;"  # zero-width space
_SPECIAL = re.compile(
    r"(?P<syntax>[\\`*_\[\]<>~])|(?P<and>&)|(?P<pipe>\|)"
    r"|[@#$]|:(?=[\w+-]+:|//)|www(?=\.)|GH(?=-\d)|^\d+(?=[.)](?:\s|$))|^(?=[-+=])",
    re.IGNORECASE,
)
_ACTING = re.compile(r"@|(?<!&)#|\$|:(?=[\w+-]+:|//)|www(?=\.)|GH(?=-\d)", re.IGNORECASE)


def plain(text: str) -> str:
    """`text` as plain words within a line, a table cell or a heading."""
    return _SPECIAL.sub(_muted, shorten(visible(text), FIELD).strip()) or "–"


def read(text: str) -> str:
    """Markdown of ours as it is read where nothing takes effect anyway, as in a terminal."""
    return text.replace(_BREAK, "")


def _muted(match: re.Match[str]) -> str:
    if match["syntax"]:
        return f"\\{match[0]}"
    if match["and"]:
        return "&amp;"
    return "&#124;" if match["pipe"] else match[0] + _BREAK


def html(text: str) -> str:
    """`text` as plain words within an HTML tag of ours, where no Markdown is read."""
    shown = escape(shorten(visible(text), FIELD).strip()) or "–"
    return _ACTING.sub(lambda match: match[0] + _BREAK, shown)


def code(text: str, *, cell: bool = False) -> str:
    """`text` as a code span. In a table cell even code must not hold a bare pipe."""
    text = shorten(visible(text), FIELD).strip()
    text = text.replace("|", "\\|") if cell else text
    if not text:
        return "–"
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(lines: list[str], language: str = "text") -> str:
    """Lines as a fenced code block."""
    shown = [shorten(line, FIELD) for line in lines]
    fence = "`" * max(3, *(_longest_run(line) + 1 for line in shown))
    return "\n".join((f"{fence}{language}", *shown, fence))


def link(text: str, url: str | None) -> str:
    """`text` as code, leading to `url` where there is one; the url is made by us."""
    return f"[{code(text)}]({url})" if url else code(text)


def row(*cells: str) -> str:
    """One row of a table from cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)

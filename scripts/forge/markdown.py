"""Markdown as GitHub shows it: tables, task lists, folded details, of raw HTML what is harmless.

Everything that leaves here was built anew by the sanitizer or is escaped, whatever came in.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from forge.mermaid import figure

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

VOID = {"br", "hr", "img", "input"}
TAGS = VOID | {
    "a", "b", "blockquote", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2",
    "h3", "h4", "h5", "h6", "i", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "span",
    "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "tt", "ul", "var",
}  # fmt: skip
"""Of GitHub's list; other tags are shown as they were typed."""

ATTRIBUTES = {
    "a": {"href", "title"},
    "details": {"open"},
    "img": {"alt", "src", "title"},
    "li": {"class"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan", "style"},
    "th": {"align", "colspan", "rowspan", "style"},
    "ul": {"class"},
    "code": {"class"},
}
_VALUES = {
    "class": re.compile(r"contains-task-list|task-list-item( enabled)?|language-[\w.+-]+"),
    "style": re.compile(r"text-align:\s?(left|center|right);?"),
    "align": re.compile(r"left|center|right"),
    "start": re.compile(r"\d{1,6}"),
    "colspan": re.compile(r"\d{1,3}"),
    "rowspan": re.compile(r"\d{1,3}"),
}
_SCHEMES = {"", "http", "https", "mailto"}


def render(text: str | None) -> str:
    """The text of a comment as HTML."""
    return sanitized(_parser().render(text or ""))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.tasklists import tasklists_plugin

    return (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .use(tasklists_plugin)
    )


def sanitized(text: str) -> str:
    """HTML with the harmless tags alone, each closed where it was opened."""
    cleaner = _Cleaner()
    cleaner.feed(text)
    cleaner.close()
    return cleaner.finish()


class _Cleaner(HTMLParser):
    """Writes anew what it reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self._out: list[str] = []
        self._open: list[str] = []
        self._code: list[str] | None = None  # of a Mermaid block, until it ends

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS or (tag == "input" and ("type", "checkbox") not in attrs):
            self._out.append(html.escape(self.get_starttag_text() or ""))
            return
        if tag == "code" and ("class", "language-mermaid") in attrs and self._open[-1:] == ["pre"]:
            self._code = []
        self._out.append(f"<{tag}{_attributes(tag, attrs)}>")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in TAGS:
            self._out.append(html.escape(f"</{tag}>"))
        if tag not in self._open:
            return
        while True:
            last = self._open.pop()
            self._out.append(f"</{last}>")
            if last == tag:
                break
        if tag == "pre" and self._code is not None:
            self._draw("".join(self._code))

    def _draw(self, code: str) -> None:
        """Replace the block that has just ended by its drawing."""
        self._code = None
        start = len(self._out) - 1 - self._out[::-1].index("<pre>")
        self._out[start:] = [figure(html.unescape(code))]

    def handle_data(self, data: str) -> None:
        self._text(html.escape(data, quote=False))

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    def _text(self, text: str) -> None:
        self._out.append(text)
        if self._code is not None:
            self._code.append(text)

    def handle_decl(self, decl: str) -> None:
        self._out.append(html.escape(f"<!{decl}>"))

    def unknown_decl(self, data: str) -> None:
        self._out.append(html.escape(f"<![{data}]>"))

    def handle_pi(self, data: str) -> None:
        self._out.append(html.escape(f"<?{data}>"))

    def finish(self) -> str:
        """What was written, with what is still open closed."""
        return "".join(self._out) + "".join(f"</{tag}>" for tag in reversed(self._open))


def _attributes(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    if tag == "input":
        checked = " checked" if any(name == "checked" for name, _ in attrs) else ""
        return f' type="checkbox" disabled{checked}'
    kept = [
        f' {name}="{html.escape(value or "")}"'
        for name, value in attrs
        if name in ATTRIBUTES.get(tag, ()) and _is_harmless(name, value or "")
    ]
    return "".join(kept) + (' rel="nofollow noreferrer"' if tag == "a" else "")


def _is_harmless(name: str, value: str) -> bool:
    if name in {"href", "src"}:
        # What a browser would leave out must not hide the scheme from us.
        plain = re.sub(r"[\x00-\x20\x7f-\x9f]", "", value)
        try:
            return urlsplit(plain).scheme.lower() in _SCHEMES
        except ValueError:
            return False
    pattern = _VALUES.get(name)
    return pattern is None or pattern.fullmatch(value) is not None

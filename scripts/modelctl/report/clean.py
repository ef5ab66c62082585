"""Text from a pull request, made fit to print: one line, and nothing in it that acts.

File names, metric names and changelogs come from whoever opened the pull request. A terminal obeys
escape sequences, a browser turns text around at a bidirectional mark, and a line break starts what
looks like a line of ours. Each format escapes its own syntax on top of this.
"""

from __future__ import annotations

import re
from urllib.parse import quote

_BREAKS = re.compile("[ \t]*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+[ \t]*")
# C0 and C1 controls, invisible and direction-changing marks, surrogates, noncharacters and tags.
_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_PLAIN = str.maketrans(
    {
        "→": "->", "←": "<-", "↳": "`-", "≥": ">=", "≤": "<=", "≠": "!=", "…": "...", "–": "-",
        "—": "-", "·": "|", "│": "|", "─": "-", "×": "x", "‘": "'", "’": "'", "“": '"',
        "”": '"', "✓": "+", "✗": "x", "\xa0": " ",
    }
)  # fmt: skip


def visible(text: str) -> str:
    """`text` on one line; a character that acts is shown as its code, such as `\\x1b`."""
    return _ACTIVE.sub(_code, _BREAKS.sub(" ", text))


def ascii_only(text: str) -> str:
    """`text` for a stream that is not UTF-8: signs as people type them, the rest as codes."""
    return text.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, with `…` where some are left out."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def uri(file: str) -> str | None:
    """A path of the repository as a relative URI, None for one that would lead out of it."""
    parts = file.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return None
    return "/".join(quote(part.encode("utf-8", "replace"), safe="") for part in parts)


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"

"""CODEOWNERS by GitHub's rules: the last line that matches a path says who owns it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pygit2

from forge.bare import commit_at

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""The first one there counts."""

LARGEST = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A pattern with its owners (`@user`, `@org/team` or an address); none frees the path."""

    pattern: str
    owners: tuple[str, ...]


def lines_at(git: pygit2.Repository, commit: str) -> tuple[Line, ...]:
    """Those of a branch's tip. Lines that are not valid are skipped, as GitHub does."""
    tree = commit_at(git, commit).tree
    for place in PLACES:
        if place in tree and isinstance(blob := tree[place], pygit2.Blob):
            return parse(blob.data.decode("utf-8", "replace")) if blob.size < LARGEST else ()
    return ()


@lru_cache(maxsize=64)
def parse(text: str) -> tuple[Line, ...]:
    """One line each, comments and what is not valid left out."""
    found = []
    for row in text.splitlines():
        pattern, *owners = row.partition(" #")[0].split() or [""]
        valid = all(re.fullmatch(r"@[\w.-]+(/[\w.-]+)?|[^@\s]+@[^@\s]+", who) for who in owners)
        if pattern and not pattern.startswith(("#", "!")) and "[" not in pattern and valid:
            found.append(Line(pattern, tuple(owners)))
    return tuple(found)


def owners_of(path: str, lines: tuple[Line, ...]) -> tuple[str, ...]:
    """Who owns a path; nobody if no line matches."""
    for line in reversed(lines):
        if matches(line.pattern, path):
            return line.owners
    return ()


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern of CODEOWNERS covers a path."""
    return expression(pattern).match(path) is not None


@lru_cache(maxsize=4096)
def expression(pattern: str) -> re.Pattern[str]:
    """Of a pattern in the style of `.gitignore`, without its `!` and `[ ]`."""
    anchored = "/" in pattern.rstrip("/")
    body, folder = pattern.strip("/"), pattern.endswith("/")
    parts = re.split(r"(/\*\*/|\*\*/|/\*\*|\*|\?)", body)
    words = {"/**/": "/(?:.*/)?", "**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(words.get(part, re.escape(part)) for part in parts)
    # `docs/*` owns what lies directly in docs, not what lies deeper.
    tail = "/.*" if folder else ("" if body.endswith("/*") or body == "*" else "(?:/.*)?")
    return re.compile(("" if anchored else "(?:.*/)?") + text + tail + r"\Z")

"""What a CODEOWNERS file means to GitHub: which patterns it reads, and who owns a path.

The rules are those of https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
– patterns as in `.gitignore`, but without `!`, without `[ ]` and without `\\#`; the last line that
matches decides, one without owners too; letters count as they are written. A line that GitHub can't
read is skipped without a word, so `problems` tells of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

MAX_BYTES = 3_000_000
"""GitHub loads no CODEOWNERS of 3 MB or more; nobody owns anything then."""

_LOGIN = r"[A-Za-z0-9](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9]))*"
_OWNER = re.compile(rf"@{_LOGIN}(?:/[A-Za-z0-9_-]+)?|[^\s@]+@[^\s@]+\.[^\s@]+")
_UNREADABLE = (
    (re.compile(r"^!"), "a pattern can't be turned round by `!`"),
    (re.compile(r"^\\#"), "a pattern can't begin with `#`, not even with a backslash before it"),
    (re.compile(r"(?<!\\)[\[\]]"), "a pattern can't have ranges of characters, `[ ]`"),
    (re.compile(r"\*{3}"), "a pattern can't have more than two `*` in a row"),
    (re.compile(r"(?<!\\)(\\\\)*\\$"), "a backslash stands at the end of the pattern"),
    (re.compile(r"^/+$"), "`/` alone matches nothing"),
)
_WORD = re.compile(r"(?:\\.|[^\s\\])+|\\$")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerLine:
    """One line that GitHub reads: whom it asks about the files that `pattern` matches.

    `number` counts from 1; `owners` are `@user`, `@org/team` or an address, and may be none.
    """

    pattern: str
    owners: tuple[str, ...]
    number: int = field(default=0, compare=False)
    _regex: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_regex", _compiled(self.pattern))

    def matches(self, path: str) -> bool:
        """Whether the line is about the file at `path`, relative to the top."""
        return self._regex.fullmatch(path) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """A line that GitHub would skip, and why. `number` counts from 1; 0 is the whole file."""

    number: int
    message: str


def lines(text: str) -> tuple[OwnerLine, ...]:
    """The lines that GitHub reads, in order; what it would skip is left out."""
    return tuple(one for one in _read(text) if isinstance(one, OwnerLine))


def problems(text: str) -> tuple[LineProblem, ...]:
    """Every line that GitHub would skip, and a file that is too large as a whole."""
    found = [one for one in _read(text) if isinstance(one, LineProblem)]
    if len(text.encode()) >= MAX_BYTES:
        found.insert(0, LineProblem(number=0, message=f"the file has {MAX_BYTES:,} bytes or more"))
    return tuple(found)


def line_for(rows: Sequence[OwnerLine], path: str) -> OwnerLine | None:
    """The line that decides who owns `path`: the last one that matches."""
    return next((row for row in reversed(rows) if row.matches(path)), None)


def owners_of(rows: Sequence[OwnerLine], path: str) -> tuple[str, ...]:
    """Who owns the file at `path`; nobody where no line matches, or the last one names nobody."""
    found = line_for(rows, path)
    return found.owners if found else ()


def _read(text: str) -> Iterator[OwnerLine | LineProblem]:
    for number, line in enumerate(text.split("\n"), 1):
        words = [str(word) for word in _WORD.findall(line)]
        comment = next((n for n, word in enumerate(words) if word.startswith("#")), len(words))
        if comment:
            yield _line(words[0], tuple(words[1:comment]), number)


def _line(pattern: str, owners: tuple[str, ...], number: int) -> OwnerLine | LineProblem:
    wrong = _unreadable(pattern) or next(
        (f"{owner} is no @user, @org/team or address" for owner in owners if not _is_owner(owner)),
        None,
    )
    if wrong:
        return LineProblem(number=number, message=wrong)
    return OwnerLine(pattern=pattern, owners=owners, number=number)


def _is_owner(text: str) -> bool:
    return _OWNER.fullmatch(text) is not None


def _unreadable(pattern: str) -> str | None:
    """Why GitHub skips a pattern, or None."""
    return next((why for form, why in _UNREADABLE if form.search(pattern)), None)


@lru_cache(maxsize=16_384)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern as an expression over whole paths.

    One with a `/` before its end counts from the top, another at any depth. What matches a folder
    matches everything below it, but `dir/*` and `/*` stay in their folder.
    """
    body, only_folders = pattern.strip("/"), pattern.endswith("/")
    rooted = "/" in pattern.rstrip("/")
    parts = body.split("/")
    text = "" if rooted else "(?:.*/)?"
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            text += ".+" if last else "(?:.*/)?"
        else:
            text += _part(part) + ("" if last else "/")
    if only_folders:
        text += "/.*"
    elif not (parts[-1] == "*" and rooted):
        text += "(?:/.*)?"
    return re.compile(text, re.DOTALL)


def _part(part: str) -> str:
    """One name of a pattern: `*` and `?` stand for anything but `/`, `\\` takes what follows."""
    found = re.findall(r"\\(.)|(.)", part, re.DOTALL)
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(
        re.escape(taken) if taken else wild.get(one, re.escape(one)) for taken, one in found
    )

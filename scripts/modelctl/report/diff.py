"""What a rendering would change, as a unified diff."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff


def diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The difference between two sets of files by path, as `git diff` writes it; empty if none."""
    return "".join(
        line
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
        for line in _lines(path, before.get(path), after.get(path))
    )


def _lines(path: str, before: str | None, after: str | None) -> Iterator[str]:
    """The lines of one file's part; a file that isn't there is `/dev/null`."""
    yield f"diff --git a/{path} b/{path}\n"
    if before is None:
        yield "new file mode 100644\n"
    if after is None:
        yield "deleted file mode 100644\n"
    changes = unified_diff(
        _split(before),
        _split(after),
        "/dev/null" if before is None else f"a/{path}",
        "/dev/null" if after is None else f"b/{path}",
    )
    for line in changes:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _split(text: str | None) -> list[str]:
    """Lines as git counts them: other separators than a line feed end none."""
    return re.findall(r"[^\n]*\n|[^\n]+", text or "")

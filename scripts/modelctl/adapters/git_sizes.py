"""How much trees hold, without a look at each file: a few objects can stand for billions."""

from __future__ import annotations

from typing import NamedTuple

import pygit2

from modelctl.adapters.git_rows import LONGEST_PATH, Row, differing, odd_tree, text


class _Size(NamedTuple):
    """How many files and folders there are, and the bytes of the longest path."""

    number: int = 0
    longest: int = 0


_Known = dict[tuple[bytes | None, bytes], _Size]


def surplus(repo: pygit2.Repository, old: pygit2.Tree, new: pygit2.Tree) -> int:
    """How many files and folders of `new` are not so in `old`.

    Each pair of trees is opened once, and equal ones never are, so it costs what the change does.

    Raises:
        OddTree: `new` isn't as git writes trees, or a path is too long.
    """
    return _surplus(repo, old.id.raw, new.id.raw, "", {}).number


def _surplus(
    repo: pygit2.Repository, old: bytes | None, new: bytes, prefix: str, known: _Known
) -> _Size:
    if (old, new) not in known:
        number = longest = 0
        for name, (before, there) in differing(repo, old, new, prefix).items():
            inner = _Size()
            if there is not None and there.is_folder:
                path = f"{prefix}{text(name)}/"
                inner = _surplus(repo, _folder(before), there.oid, path, known)
            number += inner.number + 1
            longest = max(longest, len(name) + 1 + inner.longest)
        known[old, new] = _Size(number, longest)
    found = known[old, new]
    if len(prefix) + found.longest > LONGEST_PATH:  # the same tree may lie here and further up
        raise odd_tree(prefix, "leads to paths that are too long")
    return found


def _folder(row: Row | None) -> bytes | None:
    return row.oid if row is not None and row.is_folder else None

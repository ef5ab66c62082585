"""The rows of a tree as git stores them: thousands are read and compared in a millisecond.

Asked one by one, libgit2 and its binding need ten times as long, and the folder of all models is
read for every change of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

import pygit2
from pygit2.enums import ObjectType

from modelctl.errors import ModelctlError

TREE_MODE = b"40000"
_ROW = re.compile(rb"([0-7]+) ([^\0]*)\0(.{20})", re.DOTALL)
_NO_NAMES = frozenset((b"", b".", b"..", b".git"))
LONGEST_PATH, _DEEPEST = 1_000, 100
"""The most bytes in a path, and folders above a file. A few objects can stand for a great many
paths, so that long ones would take more memory than their number tells."""


class OddTree(ModelctlError):  # noqa: N818 - it says what the data is
    """A tree that git itself would not write, or that is too large: nobody can say what it holds
    for all readers. `path` is the folder."""

    def __init__(self, path: str, problem: str, *, mend: str):
        super().__init__(problem, mend=mend)
        self.path = path


class Row(NamedTuple):
    """What lies under a name: its mode in octal digits, and its object id, as bytes."""

    mode: bytes
    oid: bytes

    @property
    def is_folder(self) -> bool:
        """Whether it is a tree."""
        return self.mode == TREE_MODE


_Listed = list[tuple[bytes, bytes, bytes]]

Change = tuple[Row | None, Row | None]
"""What lay under a name and what lies there now; None for nothing."""


def differing(
    repo: pygit2.Repository, old: bytes | None, new: bytes | None, prefix: str
) -> Mapping[bytes, Change]:
    """The names under which two trees differ, by mode or by content, sorted.

    The trees are given by their object ids, None is the empty one. `prefix` is the path of both,
    with a `/` at its end.

    Raises:
        OddTree: the new one isn't as git writes it.
    """
    before = [] if old is None else _listed(repo, old)
    after = [] if new is None else _sound(_listed(repo, new), repo, new, prefix)
    equal = _common(before, after)
    one, other = set(before[equal:]), set(after[equal:])
    gone = {name: Row(mode, oid) for mode, name, oid in one - other}
    come = {name: Row(mode, oid) for mode, name, oid in other - one}
    return {name: (gone.get(name), come.get(name)) for name in sorted(gone.keys() | come.keys())}


def _common(one: _Listed, other: _Listed) -> int:
    """How many rows at the beginning are the same, found without looking at each."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _listed(repo: pygit2.Repository, oid: bytes) -> _Listed:
    """The mode, name and object id of each row."""
    return _ROW.findall(repo.read(pygit2.Oid(raw=oid))[1])


def _sound(listed: _Listed, repo: pygit2.Repository, oid: bytes, prefix: str) -> _Listed:
    """The rows of a tree that somebody proposes.

    Raises:
        OddTree: names that are missing, doubled, out of order or no names. Some readers would find
            other files there than others. Or paths are too long.
    """
    names = [name for _, name, _ in listed]
    longest = len(prefix.encode(errors="surrogateescape")) + max(map(len, names), default=0)
    if longest > LONGEST_PATH or prefix.count("/") > _DEEPEST:
        raise odd_tree(prefix[:60], "leads to paths that are too long")
    kind, size = repo.odb.read_header(pygit2.Oid(raw=oid))
    if kind != ObjectType.TREE:
        raise odd_tree(prefix, "is no folder")
    if sum(map(len, chain.from_iterable(listed))) + 2 * len(listed) != size:
        raise odd_tree(prefix, "can't be read as a folder")
    if len(set(names)) < len(names):
        raise odd_tree(prefix, "has the same name twice")
    keys = [name + b"/" if mode == TREE_MODE else name for mode, name, _ in listed]
    if keys != sorted(keys):
        raise odd_tree(prefix, "has names that are not in git's order")
    lowered = b"\0".join(names).lower()
    if b"/" in lowered or not _NO_NAMES.isdisjoint(lowered.split(b"\0") if names else ()):
        odd = next(name for name in names if b"/" in name or name.lower() in _NO_NAMES)
        raise odd_tree(prefix, f"has an entry named {text(odd)!a}")
    return listed


def text(name: bytes) -> str:
    """A name as the binding takes it."""
    return name.decode("utf-8", "surrogateescape")


def odd_tree(prefix: str, problem: str) -> OddTree:
    """The error of the tree at `prefix`."""
    shown = ascii(prefix)[1:-1] or "the top folder"
    return OddTree(prefix.rstrip("/"), f"{shown} {problem}", mend="commit it anew with git")

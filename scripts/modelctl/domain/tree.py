"""Git trees as values: what lies where, and what a change touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

REGULAR = 0o100644
"""The only file mode that may be promoted: no symlink, no submodule, nothing executable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a tree: its path, git object id and mode."""

    path: str
    oid: str
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path that differs between two trees. A rename is a removal and an addition, so that
    both sides are looked at."""

    path: str
    before: Entry | None
    after: Entry | None

    @property
    def added(self) -> bool:
        """Whether the path is new."""
        return self.before is None

    @property
    def removed(self) -> bool:
        """Whether the path is gone."""
        return self.after is None


class Tree(Protocol):
    """A tree of a commit, read as objects: nothing is checked out."""

    @property
    def oid(self) -> str:
        """The git object id of the tree."""
        ...

    def entry(self, path: str) -> Entry | None:
        """The file at `path`, or None. A folder is None."""
        ...

    def read(self, path: str) -> bytes | None:
        """The bytes of the file at `path`, or None. Raises nothing for odd modes: ask `entry`."""
        ...

    def size(self, path: str) -> int | None:
        """How many bytes the file at `path` has, or None; asked before it is read."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of what lies directly in `folder`, sorted; empty if there is none."""
        ...

    def folders(self, folder: str) -> Mapping[str, str]:
        """The folders that lie directly in `folder`, by name and sorted, with their object ids."""
        ...

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """Every file below `folder`, in the order of the paths."""
        ...

    def subtree(self, folder: str) -> str | None:
        """The object id of `folder`, or None: equal ids mean byte-identical content."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit, with who made it. `at` is seconds since the epoch."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_email: str
    message: str
    at: int

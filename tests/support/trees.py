"""Git trees in memory: `domain.tree.Tree` with git's own object ids, without a repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha1

from modelctl.domain.tree import REGULAR, Change, Entry

FOLDER = 0o40000
Content = bytes | tuple[bytes, int]
"""The bytes of a file, with its mode where it isn't a regular one."""


class MemoryTree:
    """A tree of files by path. A submodule's bytes stand for its commit."""

    def __init__(self, files: Mapping[str, Content]):
        self._files = {path: _with_mode(content) for path, content in sorted(files.items())}

    def edited(self, edits: Mapping[str, Content | None]) -> MemoryTree:
        """Another tree, with these files written, or taken away where they are None.

        As in git, a file takes the place of a folder, and a folder that of a file.
        """
        written = {path: content for path, content in edits.items() if content is not None}
        kept = {
            path: content
            for path, content in self._files.items()
            if path not in edits and not any(_in_the_way(path, new) for new in written)
        }
        return MemoryTree({**kept, **written})

    @property
    def oid(self) -> str:
        """The id of the whole tree."""
        return self._tree("").hex()

    def entry(self, path: str) -> Entry | None:
        """The file at `path`, or None."""
        if path not in self._files:
            return None
        data, mode = self._files[path]
        return Entry(path=path, oid=blob_oid(data), mode=mode)

    def read(self, path: str) -> bytes | None:
        """The bytes of the file at `path`, or None."""
        return self._files[path][0] if path in self._files else None

    def size(self, path: str) -> int | None:
        """How many bytes the file at `path` has, or None."""
        return len(self._files[path][0]) if path in self._files else None

    def names(self, folder: str) -> tuple[str, ...]:
        """What lies directly in `folder`, sorted."""
        return tuple(sorted(self._children(folder)))

    def folders(self, folder: str) -> Mapping[str, str]:
        """The folders directly in `folder`, with their object ids."""
        inside = [name for name, is_folder in sorted(self._children(folder).items()) if is_folder]
        return {name: self._tree(_prefix(folder) + name).hex() for name in inside}

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """Every file below `folder`, by path."""
        for path in self._files:
            entry = self.entry(path)
            if path.startswith(_prefix(folder)) and entry is not None:
                yield entry

    def subtree(self, folder: str) -> str | None:
        """The id of `folder`, or None."""
        return self._tree(folder).hex() if self._children(folder) else None

    def _children(self, folder: str) -> dict[str, bool]:
        """The names in `folder`, and whether each is a folder itself."""
        prefix = _prefix(folder)
        below = (path[len(prefix) :] for path in self._files if path.startswith(prefix))
        return {rest.partition("/")[0]: "/" in rest for rest in below}

    def _tree(self, folder: str) -> bytes:
        rows = []
        for name, is_folder in self._children(folder).items():
            path = _prefix(folder) + name
            mode = FOLDER if is_folder else self._files[path][1]
            oid = self._tree(path) if is_folder else bytes.fromhex(blob_oid(self._files[path][0]))
            rows.append(
                (f"{name}/" if is_folder else name, b"%o %s\0" % (mode, name.encode()), oid)
            )
        return _object(b"tree", b"".join(head + oid for _, head, oid in sorted(rows)))


def blob_oid(data: bytes) -> str:
    """The object id that git gives to these bytes."""
    return _object(b"blob", data).hex()


def changes(before: MemoryTree, after: MemoryTree) -> tuple[Change, ...]:
    """What differs between two trees, by path."""
    paths = sorted({entry.path for tree in (before, after) for entry in tree.walk()})
    pairs = ((path, before.entry(path), after.entry(path)) for path in paths)
    return tuple(Change(path=p, before=old, after=new) for p, old, new in pairs if old != new)


def _object(kind: bytes, data: bytes) -> bytes:
    return sha1(b"%s %d\0%s" % (kind, len(data), data)).digest()


def _with_mode(content: Content) -> tuple[bytes, int]:
    return content if isinstance(content, tuple) else (content, REGULAR)


def _in_the_way(path: str, new: str) -> bool:
    return path.startswith(f"{new}/") or new.startswith(f"{path}/")


def _prefix(folder: str) -> str:
    return f"{folder}/" if folder else ""

"""Git's objects, in process: trees that are read, compared and written without a checkout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode, ObjectType

from modelctl.adapters.git_rows import OddTree, differing, odd_tree, text
from modelctl.domain.tree import REGULAR, Change, Commit, Entry
from modelctl.errors import DependencyError, ModelctlError

MAX_CHANGES = 200_000
"""More differing files than this is a tree made to exhaust memory, or no promotion at all."""
_MAX_OPEN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who a commit is by."""

    name: str
    email: str


class GitTree:
    """A tree of the object database; implements `domain.tree.Tree`.

    Paths are `/`-separated without a leading or trailing `/`. Names that aren't UTF-8 are kept
    with surrogate escapes, so that no two files ever share a path.
    """

    __slots__ = ("_folders", "_repo", "_root")

    def __init__(self, repo: pygit2.Repository, root: pygit2.Tree):
        self._repo = repo
        self._root = root
        self._folders: dict[str, pygit2.Tree | None] = {}

    def __repr__(self) -> str:
        return f"GitTree({self.oid})"

    @property
    def oid(self) -> str:
        """The git object id of the tree."""
        return str(self._root.id)

    def entry(self, path: str) -> Entry | None:
        """The file at `path`, or None. A folder is None; a symlink or submodule is not."""
        return _file(self._find(path), path)

    def read(self, path: str) -> bytes | None:
        """The bytes of the file at `path` (of a symlink: its target), or None.

        Raises:
            DependencyError: the clone is partial and has not got the bytes.
        """
        found = self._find(path)
        if not isinstance(found, pygit2.Blob):
            return None
        try:
            return found.data
        except (KeyError, pygit2.GitError):
            raise _not_here(path) from None

    def size(self, path: str) -> int | None:
        """How many bytes the file at `path` has, or None; without reading them.

        Raises:
            OddTree: it isn't a file, though its folder says so.
            DependencyError: the clone is partial and has not got the bytes.
        """
        found = self._find(path)
        if not isinstance(found, pygit2.Blob):
            return None
        try:
            kind, size = self._repo.odb.read_header(found.id)
        except (KeyError, pygit2.GitError):
            raise _not_here(path) from None
        if kind != ObjectType.BLOB:
            raise odd_tree(path, "is no file")
        return int(size)

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of what lies directly in `folder`, sorted; empty if there is none."""
        tree = self._folder(folder)
        return () if tree is None else tuple(sorted(_name(entry) for entry in tree))

    def folders(self, folder: str) -> Mapping[str, str]:
        """The folders that lie directly in `folder`, by name and sorted, with their object ids."""
        tree = self._folder(folder)
        listed = [] if tree is None else [e for e in tree if isinstance(e, pygit2.Tree)]
        return {_name(entry): str(entry.id) for entry in sorted(listed, key=_name)}

    def walk(self, folder: str = "") -> Iterator[Entry]:
        """Every file below `folder`, in the order of the paths."""
        start = self._folder(folder)
        pending = [] if start is None else [(f"{folder}/" if folder else "", iter(start))]
        while pending:
            prefix, entries = pending[-1]
            entry = next(entries, None)
            if entry is None:
                pending.pop()
            elif isinstance(entry, pygit2.Tree):
                pending.append((f"{prefix}{_name(entry)}/", iter(entry)))
            else:
                path = prefix + _name(entry)
                yield Entry(path=path, oid=str(entry.id), mode=int(entry.filemode))

    def subtree(self, folder: str) -> str | None:
        """The object id of `folder`, or None: equal ids mean byte-identical content."""
        tree = self._folder(folder)
        return None if tree is None else str(tree.id)

    def _folder(self, folder: str) -> pygit2.Tree | None:
        return _folder(self._find(folder)) if folder else self._root

    def _find(self, path: str) -> pygit2.Object | None:
        if path.startswith("/") or path.endswith("/"):  # one file would have two paths
            return None
        folder, _, name = path.rpartition("/")
        try:
            tree = self._opened(folder)
            return None if tree is None else tree[name]
        except (KeyError, TypeError):  # the latter for text that can't be a path
            return None

    def _opened(self, folder: str) -> pygit2.Tree | None:
        """A folder. The latest ones stay open: libgit2 parses a large one anew each time."""
        if not folder:
            return self._root
        if folder not in self._folders:
            if len(self._folders) >= _MAX_OPEN:
                self._folders.clear()
            deep = folder.count("/") > _MAX_OPEN
            found = self._root[folder] if deep else self._find(folder)
            self._folders[folder] = _folder(found)
        return self._folders[folder]


def changes(repo: pygit2.Repository, before: str, after: str) -> tuple[Change, ...]:
    """What differs between two trees, sorted by path; equal subtrees are never opened.

    Raises:
        OddTree: more than `MAX_CHANGES` files and folders differ, or a tree isn't as git writes it.
    """
    found: list[Change] = []
    opened = 0
    pending: list[tuple[pygit2.Tree | None, pygit2.Tree | None, str]]
    pending = [(tree_at(repo, before), tree_at(repo, after), "")]
    while pending:
        old_tree, new_tree, prefix = pending.pop()
        opened += 1
        for name, old, new in _differing(repo, old_tree, new_tree, prefix):
            path = prefix + name
            old_file, new_file = _file(old, path), _file(new, path)
            if old_file or new_file:
                found.append(Change(path=path, before=old_file, after=new_file))
            if isinstance(old, pygit2.Tree) or isinstance(new, pygit2.Tree):
                pending.append((_folder(old), _folder(new), f"{path}/"))
        if len(found) + opened + len(pending) > MAX_CHANGES:
            raise OddTree("", f"more than {MAX_CHANGES:,} files differ", mend="split the change")
    return tuple(sorted(found, key=lambda change: change.path))


def _differing(
    repo: pygit2.Repository, old: pygit2.Tree | None, new: pygit2.Tree | None, prefix: str
) -> Iterator[tuple[str, pygit2.Object | None, pygit2.Object | None]]:
    """The names whose entries differ in id or mode, with both entries; None where there is none."""
    one, other = (None if tree is None else tree.id.raw for tree in (old, new))
    for raw, (before, after) in differing(repo, one, other, prefix).items():
        name = text(raw)
        yield name, old[name] if old and before else None, new[name] if new and after else None


def _file(entry: pygit2.Object | None, path: str) -> Entry | None:
    if entry is None or isinstance(entry, pygit2.Tree):
        return None
    return Entry(path=path, oid=str(entry.id), mode=int(entry.filemode))


def _folder(entry: pygit2.Object | None) -> pygit2.Tree | None:
    return entry if isinstance(entry, pygit2.Tree) else None


Edits = Mapping[str, bytes | None]
"""Path → the new bytes of the file, or None to delete it; a folder with all that it holds."""


def edited(repo: pygit2.Repository, tree: pygit2.Tree | None, edits: Edits) -> pygit2.Oid:
    """Write the tree that `edits` make of `tree`. Folders left empty vanish, as git knows none."""
    here, below = _by_folder(edits)
    builder = repo.TreeBuilder(tree) if tree is not None else repo.TreeBuilder()
    for name, data in here.items():
        if data is not None:
            builder.insert(name, repo.create_blob(data), REGULAR)
        elif builder.get(name) is not None:
            builder.remove(name)
    for name, inner in below.items():
        _edit_folder(repo, builder, name, inner)
    return builder.write()


def _by_folder(edits: Edits) -> tuple[dict[str, bytes | None], dict[str, dict[str, bytes | None]]]:
    """The edits of files that lie right here, and those of each folder."""
    here: dict[str, bytes | None] = {}
    below: dict[str, dict[str, bytes | None]] = {}
    for path, data in edits.items():
        name, deeper, rest = path.partition("/")
        if deeper:
            below.setdefault(name, {})[rest] = data
        else:
            here[name] = data
    for name in below.keys() & here.keys():
        if here[name] is not None:
            raise ValueError(f"{name} can't be a file and a folder")
    return here, below


def _edit_folder(
    repo: pygit2.Repository, builder: pygit2.TreeBuilder, name: str, edits: Edits
) -> None:
    old = builder.get(name)
    written = edited(repo, old if isinstance(old, pygit2.Tree) else None, edits)
    if len(tree_at(repo, str(written))):
        builder.insert(name, written, FileMode.TREE)
    elif isinstance(old, pygit2.Tree):
        builder.remove(name)


def blob_oid(data: bytes) -> str:
    """The object id that git gives to a file with these bytes."""
    return str(pygit2.hash(data))


def tree_at(repo: pygit2.Repository, oid: str) -> pygit2.Tree:
    """The tree with the full id `oid`, or the tree of the commit with that id.

    Raises:
        ModelctlError: there is none here.
    """
    try:
        return repo[oid].peel(pygit2.Tree)
    except (KeyError, ValueError, pygit2.GitError):
        raise _unknown(oid, "tree") from None


def opened(repo: pygit2.Repository, oid: str) -> GitTree:
    """As `tree_at`, to be read."""
    return GitTree(repo, tree_at(repo, oid))


def commit_at(repo: pygit2.Repository, sha: str) -> pygit2.Commit:
    """The commit with the full id `sha`.

    Raises:
        ModelctlError: there is none here.
    """
    try:
        return repo[sha].peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError):
        raise _unknown(sha, "commit") from None


def commit_value(commit: pygit2.Commit) -> Commit:
    """A commit as a value; text in an unknown encoding is shown with replacement characters."""
    return Commit(
        sha=str(commit.id),
        tree=str(commit.tree_id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        author_name=commit.author.name,
        author_email=commit.author.email,
        committer_email=commit.committer.email,
        message=commit.message,
        at=commit.commit_time,
    )


def _name(entry: pygit2.Object) -> str:
    return entry.name or ""  # an object that came out of a tree always has one


def _unknown(oid: str, what: str) -> ModelctlError:
    return ModelctlError(f"{oid} is no {what} of this repository", mend="git fetch")


def _not_here(path: str) -> DependencyError:
    return DependencyError(
        f"the content of {path} is not in this clone", mend="git fetch --refetch --no-filter"
    )

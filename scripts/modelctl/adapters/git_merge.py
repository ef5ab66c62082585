"""Merges trees, opening only those that differ: what it costs follows the change.

Git's own merge reads both trees in full. Where each path was changed by one side alone, its result
is known without: the side that changed it. Anything else is left to git: content to be merged, a
file where the other side has a folder, and what both sides changed in the same way.

Renames need no look, for the same reason: a file that one side moved and the other left alone ends
up moved. Where the other side changed or moved it too, both changed its old path.
"""

from __future__ import annotations

import pygit2

from modelctl.adapters.git_rows import TREE_MODE, Row, differing, text


class Undecided(Exception):  # noqa: N818 - no error: git decides instead
    """Both sides changed one path."""


def merged_tree(
    repo: pygit2.Repository, base: pygit2.Tree, ours: pygit2.Tree, theirs: pygit2.Tree
) -> pygit2.Oid:
    """The tree that a merge of `ours` and `theirs`, which both come from `base`, holds.

    Raises:
        Undecided: a path was changed by both sides, or can't be written as it is.
        OddTree: `theirs` isn't as git writes trees.
    """
    sides = (Row(TREE_MODE, tree.id.raw) for tree in (base, ours, theirs))
    merged = _merged(repo, "", *sides)
    return repo.TreeBuilder().write() if merged is None else pygit2.Oid(raw=merged.oid)


def _merged(
    repo: pygit2.Repository, path: str, base: Row | None, ours: Row | None, theirs: Row | None
) -> Row | None:
    """What lies at one path afterwards; None for nothing. A folder's path ends in `/`."""
    if theirs == base:
        return ours
    if ours == base:
        return theirs
    sides = [side for side in (base, ours, theirs) if side is not None]
    if ours is None or theirs is None or not all(side.is_folder for side in sides):
        raise Undecided
    return _merged_folder(repo, path, base, ours, theirs)


def _merged_folder(
    repo: pygit2.Repository, path: str, base: Row | None, ours: Row, theirs: Row
) -> Row | None:
    """The folder that holds what each name comes to; None where nothing is left in it."""
    tree = repo[pygit2.Oid(raw=ours.oid)].peel(pygit2.Tree)
    builder = repo.TreeBuilder(tree)
    start = base.oid if base is not None else None
    for raw, (before, there) in differing(repo, start, theirs.oid, path).items():
        name = text(raw)
        here = _row(tree[name]) if name in tree else None
        entry = _merged(repo, f"{path}{name}/", before, here, there)
        if entry is not None:
            _insert(builder, name, entry)
        elif here is not None:
            builder.remove(name)
    return Row(TREE_MODE, builder.write().raw) if len(builder) else None


def _row(entry: pygit2.Object) -> Row:
    return Row(b"%o" % int(entry.filemode), entry.id.raw)


def _insert(builder: pygit2.TreeBuilder, name: str, entry: Row) -> None:
    try:
        builder.insert(name, pygit2.Oid(raw=entry.oid), int(entry.mode, 8))
    except (KeyError, ValueError, pygit2.GitError):  # an odd mode, or a partial clone
        raise Undecided from None

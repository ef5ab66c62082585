"""Git's history, in process: ancestry, first parents and what a merge would hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pygit2
from pygit2.enums import SortMode

from modelctl.adapters.git_merge import Undecided, merged_tree
from modelctl.adapters.git_objects import MAX_CHANGES, commit_at, commit_value
from modelctl.adapters.git_rows import OddTree
from modelctl.adapters.git_sizes import surplus
from modelctl.domain.tree import Commit
from modelctl.errors import ModelctlError


class MergeConflict(ModelctlError):  # noqa: N818 - git's own word for it
    """Two commits can't be merged without a person; `paths` are what they disagree about."""

    def __init__(self, base: str, head: str, paths: tuple[str, ...]):
        shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
        super().__init__(
            f"{head[:12]} can't be merged into {base[:12]}: both changed {shown}",
            mend=f"git merge {base[:12]}, mend the conflicts and commit",
        )
        self.paths = paths


def merged(repo: pygit2.Repository, base: str, head: str) -> str:
    """The tree that a merge of `head` into `base` would hold; nothing but objects is written.

    Raises:
        MergeConflict: a person has to decide.
        OddTree: so many files differ that nothing could be told of them.
        ModelctlError: the two share no history.
    """
    common = merge_base(repo, base, head)
    if common is None:
        raise ModelctlError(f"{base[:12]} and {head[:12]} share no history")
    if common in (base, head):  # exact, and spares reading both trees in full
        return str(commit_at(repo, head if common == base else base).tree_id)
    one, other = commit_at(repo, base), commit_at(repo, head)
    shared = _beyond(repo, one, common) & _beyond(repo, other, common)
    start = commit_at(repo, common)
    if not shared:
        with suppress(Undecided):
            return str(merged_tree(repo, start.tree, one.tree, other.tree))
    for read in (start, other, *(commit_at(repo, str(oid)) for oid in shared)):
        _refuse_many(repo, one.tree, read.tree)
    index = repo.merge_commits(one, other)
    if index.conflicts is not None:
        sides = [side.path for entry in index.conflicts for side in entry if side is not None]
        raise MergeConflict(base, head, tuple(sorted(set(sides))))
    return str(index.write_tree(repo))


def _refuse_many(repo: pygit2.Repository, here: pygit2.Tree, read: pygit2.Tree) -> None:
    """Git's own merge makes a list of every file of every tree that it reads."""
    if surplus(repo, here, read) > MAX_CHANGES:
        raise OddTree("", f"more than {MAX_CHANGES:,} files differ", mend="split the change")


def _beyond(repo: pygit2.Repository, tip: pygit2.Commit, base: str) -> set[pygit2.Oid]:
    """The commits that `tip` has and `base` hasn't. Where two branches share such ones they have
    more than one merge base, and git merges those first."""
    walker = repo.walk(tip.id, SortMode.NONE)
    walker.hide(commit_at(repo, base).id)
    return {commit.id for commit in walker}


def merge_base(repo: pygit2.Repository, one: str, other: str) -> str | None:
    """The best common ancestor of two commits, or None.

    Raises:
        ModelctlError: one of them is not here, or the clone is too shallow to know.
    """
    # Its type says that it always finds one; without a common ancestor it returns None.
    found: pygit2.Oid | None = repo.merge_base(commit_at(repo, one).id, commit_at(repo, other).id)
    if found is not None:
        return str(found)
    _whole(repo)
    return None


def is_ancestor(repo: pygit2.Repository, ancestor: str, descendant: str) -> bool:
    """Whether `descendant` is `ancestor` or follows it.

    Raises:
        ModelctlError: one of them is not here, or the clone is too shallow to know.
    """
    before, after = commit_at(repo, ancestor).id, commit_at(repo, descendant).id
    if before == after or repo.descendant_of(after, before):
        return True
    _whole(repo)
    return False


def first_parents(repo: pygit2.Repository, sha: str) -> Iterator[Commit]:
    """`sha` and its first parents, newest first."""
    commit = commit_at(repo, sha)
    while True:
        yield commit_value(commit)
        if not commit.parent_ids:
            return _whole(repo)
        commit = _parent(repo, commit)


def ancestry(repo: pygit2.Repository, sha: str) -> Iterator[Commit]:
    """`sha` and everything that led to it, merged histories too."""
    for commit in repo.walk(commit_at(repo, sha).id, SortMode.NONE):
        if not commit.parent_ids:
            _whole(repo)
        yield commit_value(commit)


def appended(repo: pygit2.Repository, old: str, new: str) -> tuple[Commit, ...] | None:
    """The commits by which a branch went from `old` to `new`, one on top of the other, newest
    first; None where it came there in another way, as by a merge."""
    found: list[Commit] = []
    for commit in first_parents(repo, new):
        if commit.sha == old:
            return tuple(found)
        if len(commit.parents) > 1:
            return None
        found.append(commit)
    return None


def commits_between(repo: pygit2.Repository, base: str, head: str) -> Iterator[Commit]:
    """The commits that `head` has and `base` hasn't, children before parents."""
    walker = repo.walk(commit_at(repo, head).id, SortMode.TOPOLOGICAL | SortMode.TIME)
    walker.hide(commit_at(repo, base).id)
    for commit in walker:
        if not commit.parent_ids:
            _whole(repo)
        yield commit_value(commit)


def last_change(repo: pygit2.Repository, sha: str, path: str) -> Commit | None:
    """The first-parent commit up to `sha` that last changed the file or folder at `path`.

    A removal is a change too. None if there never was such a path.
    """
    commit = commit_at(repo, sha)
    here = _at(commit, path)
    while commit.parent_ids:
        parent = _parent(repo, commit)
        before = _at(parent, path)
        if before != here:
            return commit_value(commit)
        commit = parent
    _whole(repo)
    return None if here is None else commit_value(commit)


def _at(commit: pygit2.Commit, path: str) -> tuple[pygit2.Oid, int] | None:
    """The object id and mode of what lies at `path`."""
    try:
        found = commit.tree[path]
    except KeyError:
        return None
    return found.id, int(found.filemode)


def _parent(repo: pygit2.Repository, commit: pygit2.Commit) -> pygit2.Commit:
    return commit_at(repo, str(commit.parent_ids[0]))


def _whole(repo: pygit2.Repository) -> None:
    """Refuse to take the end of a shallow clone for the beginning of history."""
    if repo.is_shallow:
        raise ModelctlError(
            "the clone is shallow, and its history ends too early to tell",
            mend="git fetch --unshallow",
        )

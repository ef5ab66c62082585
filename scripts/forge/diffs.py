"""What a pull request changes, by git: commits, files, and whether it can be merged."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import SortMode

from forge.bare import commit_at, opened

FORGE = ("GitHub", "noreply@github.com")
"""The committer of what the forge itself commits."""

_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "T": "changed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """`status` is added, removed, modified, renamed or changed; `sha` the blob's."""

    path: str
    previous: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str


def merge_base(git: pygit2.Repository, base: str, head: str) -> str | None:
    """The commit that a pull request's differences are taken from."""
    # What pygit2 says it returns leaves out the None of histories that have nothing in common.
    found: pygit2.Oid | None = git.merge_base(pygit2.Oid(hex=base), pygit2.Oid(hex=head))
    return None if found is None else str(found)


def is_ancestor(git: pygit2.Repository, old: str, new: str) -> bool:
    """Whether `new` contains `old`."""
    return old == new or git.descendant_of(pygit2.Oid(hex=new), pygit2.Oid(hex=old))


def commits(path: Path, base: str, head: str) -> list[pygit2.Commit]:
    """What `head` has and `base` has not, oldest first."""
    git = opened(path)
    walker = git.walk(pygit2.Oid(hex=head), SortMode.TOPOLOGICAL | SortMode.REVERSE)
    walker.hide(pygit2.Oid(hex=base))
    return list(walker)


def difference(git: pygit2.Repository, base: str, head: str) -> pygit2.Diff:
    """From where `head` left `base`, to `head`."""
    start = merge_base(git, base, head)
    after = commit_at(git, head).tree
    # Without a common commit everything is new.
    found = after.diff_to_tree(swap=True) if start is None else _between(git, start, after)
    found.find_similar()
    return found


def _between(git: pygit2.Repository, start: str, after: pygit2.Tree) -> pygit2.Diff:
    return commit_at(git, start).tree.diff_to_tree(after)


def files(path: Path, base: str, head: str) -> list[ChangedFile]:
    """The files that a pull request changes, by path."""
    rows = [_changed(p) for p in difference(opened(path), base, head) if p is not None]
    return sorted(rows, key=lambda row: row.path)


def _changed(patch: pygit2.Patch) -> ChangedFile:
    delta = patch.delta
    _, additions, deletions = patch.line_stats
    status = _STATUS.get(delta.status_char(), "modified")
    gone = status == "removed"
    text = "" if delta.is_binary else patch.text or ""
    return ChangedFile(
        path=delta.old_file.path if gone else delta.new_file.path,
        previous=delta.old_file.path if status == "renamed" else None,
        status=status,
        sha=str(delta.old_file.id if gone else delta.new_file.id),
        additions=additions,
        deletions=deletions,
        patch=text[text.find("@@") :] if "@@" in text else "",
    )


def merged_tree(git: pygit2.Repository, base: str, head: str) -> pygit2.Oid | None:
    """The tree of both together, or None where they conflict."""
    if merge_base(git, base, head) is None:
        return None
    index = git.merge_commits(pygit2.Oid(hex=base), pygit2.Oid(hex=head))
    return None if index.conflicts is not None else index.write_tree(git)


def commit(
    git: pygit2.Repository,
    tree: pygit2.Oid,
    message: str,
    parents: list[str],
    author: tuple[str, str],
) -> str:
    """A new commit that no ref points to yet."""
    moment = int(time.time())
    return str(
        git.create_commit(
            None,
            pygit2.Signature(*author, moment),
            pygit2.Signature(*FORGE, moment),
            message,
            tree,
            [pygit2.Oid(hex=parent) for parent in parents],
        )
    )

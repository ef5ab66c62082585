"""The trees of the tests are those of git: same ids, same answers."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest

from modelctl.adapters import git_objects
from modelctl.domain.tree import Tree
from support.trees import MemoryTree, changes

FILES = {
    "a-b": b"sorts before a/",
    "a/x": b"1",
    "a.c": b"",
    "a/deep/y": b"2",
    "models/a-b/model.yaml": b"name: a-b\n",
    "models/a-b/versions/1.0.0.yaml": b"1\n",
    "run.sh": (b"#!/bin/sh\n", 0o100755),
    "link": (b"a/x", 0o120000),
}


def _in_git(repo: pygit2.Repository, tree: MemoryTree) -> git_objects.GitTree:
    index = pygit2.Index()
    for entry in tree.walk():
        oid = repo.create_blob(tree.read(entry.path) or b"")
        index.add(pygit2.IndexEntry(entry.path, oid, pygit2.enums.FileMode(entry.mode)))
    found = repo[index.write_tree(repo)]
    assert isinstance(found, pygit2.Tree)
    return git_objects.GitTree(repo, found)


@pytest.fixture
def repo(tmp_path: Path) -> pygit2.Repository:
    return pygit2.init_repository(tmp_path, bare=True)


def test_ids_and_answers_are_those_of_git(repo: pygit2.Repository) -> None:
    ours: Tree = MemoryTree(FILES)
    theirs: Tree = _in_git(repo, MemoryTree(FILES))
    assert ours.oid == theirs.oid
    for folder in ("", "a", "models", "models/a-b/versions", "link", "none", "a/x"):
        assert ours.subtree(folder) == theirs.subtree(folder)
        assert ours.names(folder) == theirs.names(folder)
        assert list(ours.walk(folder)) == list(theirs.walk(folder))
    for path in (*FILES, "a", "none", "a/x/y"):
        assert ours.entry(path) == theirs.entry(path)
        assert ours.read(path) == theirs.read(path)


def test_changes_are_those_of_git(repo: pygit2.Repository) -> None:
    before = MemoryTree(FILES)
    after = before.edited(
        {"a/x": b"3", "a-b": None, "a/deep": b"4", "a.c/z": b"5", "run.sh": b"#!/bin/sh\n"}
    )
    found = git_objects.changes(repo, _in_git(repo, before).oid, _in_git(repo, after).oid)
    assert changes(before, after) == found
    assert [change.path for change in found] == [
        "a-b",
        "a.c",
        "a.c/z",
        "a/deep",
        "a/deep/y",
        "a/x",
        "run.sh",
    ]

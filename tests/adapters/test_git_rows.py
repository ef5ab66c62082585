"""The rows of trees: what differs, and what git would not have written."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

from modelctl.adapters.git import Repository
from modelctl.adapters.git_rows import OddTree, differing, text
from support.repos import File, RepoBuilder
from support.trees import MemoryTree


@pytest.fixture
def repository(tmp_path: Path) -> pygit2.Repository:
    return pygit2.init_repository(str(tmp_path / "repo"), bare=True)


def tree(repository: pygit2.Repository, *rows: tuple[bytes, bytes]) -> bytes:
    """A tree of files with these modes and names, written as they are."""
    blob = repository.create_blob(b"1\n").raw
    data = b"".join(b"%s %s\0%s" % (mode, name, blob) for mode, name in rows)
    return repository.write(ObjectType.TREE, data).raw


A, B = (b"100644", b"a"), (b"100644", b"b")


def test_what_differs_is_told_with_both_sides(repository: pygit2.Repository) -> None:
    old, new = tree(repository, A, B), tree(repository, (b"100755", b"a"), (b"100644", b"c"))
    found = differing(repository, old, new, "models/")
    assert list(found) == [b"a", b"b", b"c"]
    modes = {name: [side and side.mode for side in sides] for name, sides in found.items()}
    assert modes == {
        b"a": [b"100644", b"100755"],
        b"b": [b"100644", None],
        b"c": [None, b"100644"],
    }
    assert differing(repository, old, old, "") == {}
    assert list(differing(repository, None, old, "")) == [b"a", b"b"]
    assert list(differing(repository, old, None, "")) == [b"a", b"b"]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ((A, A), "models/ has the same name twice"),
        ((B, A), "models/ has names that are not in git's order"),
        (((b"100644", b"a.b"), (b"40000", b"a")), None),
        (((b"40000", b"a"), (b"100644", b"a.b")), "models/ has names that are not in git's order"),
        (((b"100644", b".GIT"),), "models/ has an entry named '.GIT'"),
        (((b"100644", b".."),), "models/ has an entry named '..'"),
        (((b"100644", b"a/b"),), "models/ has an entry named 'a/b'"),
        (((b"100644", b""),), "models/ has an entry named ''"),
    ],
    ids=["twice", "order", "folder last", "folder first", "git", "dots", "slash", "empty"],
)
def test_a_tree_that_git_would_not_write_is_refused(
    repository: pygit2.Repository, rows: tuple[tuple[bytes, bytes], ...], problem: str | None
) -> None:
    odd = tree(repository, *rows)
    if problem is None:
        assert len(differing(repository, None, odd, "models/")) == len(rows)
        return
    with pytest.raises(OddTree) as caught:
        differing(repository, None, odd, "models/")
    assert caught.value.message.startswith(problem)
    assert caught.value.path == "models"
    # What is there already was let in by somebody, and can still be removed.
    assert differing(repository, odd, None, "models/")


def test_what_is_no_tree_at_all_is_refused(repository: pygit2.Repository) -> None:
    blob = repository.create_blob(b"100644 a\0" + b"x" * 20).raw
    with pytest.raises(OddTree, match="is no folder"):
        differing(repository, None, blob, "models/x/")


def test_names_in_any_bytes_can_be_asked_for(repo: RepoBuilder) -> None:
    sha = repo.commit({"d\udcff/x": "1\n", "é": "1\n", "m": File(mode="120000", data=b"x")})
    repository = pygit2.Repository(str(repo.directory))
    root = repository[sha].peel(pygit2.Tree)
    for name in differing(repository, None, root.id.raw, ""):
        assert text(name) in root


def test_folders_are_told_from_files(repo: RepoBuilder) -> None:
    files = {"models/b/x": "1\n", "models/a/y/z": "1\n", "models/c": "1\n"}
    opened = Repository.discover(repo.directory)
    found = opened.tree(repo.commit(files))
    assert list(found.folders("models")) == ["a", "b"]
    memory = MemoryTree({path: content.encode() for path, content in files.items()})
    assert found.folders("models") == memory.folders("models")
    assert list(found.folders("")) == ["models"]
    assert found.folders("nowhere") == found.folders("models/c") == {}

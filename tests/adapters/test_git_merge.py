"""Merging trees without reading them in full: the same as git's own merge, or left to it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pygit2
import pytest
from hypothesis import given, settings, strategies as st

from modelctl.adapters import git_history
from modelctl.adapters.git import MergeConflict, Repository
from modelctl.adapters.git_merge import Undecided, merged_tree
from modelctl.adapters.git_rows import OddTree
from modelctl.adapters.git_sizes import surplus
from support.repos import RepoBuilder

Tree = Mapping[str, bytes]

LONG = b"".join(b"line %d\n" % n for n in range(30))
CONTENTS = [b"one\n", b"two\n", LONG, LONG + b"one more\n", b"zero\n" + LONG]
PATHS = ["a", "b", "c/a", "c/b", "d/e/a", "d/e/b", "d/a"]
FILES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(CONTENTS), max_size=6)
EDITS = st.dictionaries(
    st.sampled_from([*PATHS, "c", "d/e", "d/e/a/x", "b/y"]),
    st.none() | st.sampled_from(CONTENTS),
    max_size=3,
)


def edited(files: Tree, edits: Mapping[str, bytes | None]) -> Tree:
    """The files after some edits; a file takes the place of a folder, and a folder that of one."""
    found = dict(files)
    for path, content in edits.items():
        for other in list(found):
            if other == path or other.startswith(f"{path}/") or path.startswith(f"{other}/"):
                del found[other]
        if content is not None:
            found[path] = content
    return found


class Lab:
    """A repository to write trees into."""

    def __init__(self, directory: Path):
        self.repo = pygit2.init_repository(str(directory), bare=True)
        self.ours = Repository(self.repo)

    def tree(self, files: Tree) -> pygit2.Tree:
        index = pygit2.Index()
        for path, content in files.items():
            index.add(pygit2.IndexEntry(path, self.repo.create_blob(content), 0o100644))
        return self.repo[index.write_tree(self.repo)].peel(pygit2.Tree)

    def commit(self, tree: pygit2.Tree, *parents: pygit2.Oid) -> pygit2.Oid:
        who = pygit2.Signature("Ada", "ada@example.com", 1, 0)
        return self.repo.create_commit(None, who, who, "Change", tree.id, list(parents))

    def theirs(self, one: pygit2.Oid, other: pygit2.Oid) -> str | None:
        """What libgit2 makes of a merge, None for a conflict."""
        index = self.repo.merge_commits(self.repo[one], self.repo[other])
        return None if index.conflicts is not None else str(index.write_tree(self.repo))


@pytest.fixture(scope="module")
def lab() -> Lab:
    with tempfile.TemporaryDirectory() as directory:
        yield Lab(Path(directory))


@settings(max_examples=150, deadline=None)
@given(base=FILES, one=EDITS, other=EDITS)
def test_it_is_what_git_makes_of_it(lab: Lab, base: Tree, one: Tree, other: Tree) -> None:
    start = lab.tree(base)
    first = lab.commit(start)
    sides = [lab.commit(lab.tree(edited(base, edits)), first) for edits in (one, other)]
    expected = lab.theirs(*sides)
    try:
        found: str | None = lab.ours.merged(*map(str, sides))
    except MergeConflict:
        found = None
    assert found == expected


def merge(lab: Lab, base: Tree, one: Tree, other: Tree) -> str:
    return str(merged_tree(lab.repo, *map(lab.tree, (base, one, other))))


SEVERAL = {"models/a/x": b"1\n", "models/b/x": b"1\n", "README.md": b"1\n"}


def test_each_side_brings_what_it_changed(lab: Lab) -> None:
    one, other = {**SEVERAL, "models/a/x": b"2\n"}, {**SEVERAL, "models/b/y": b"2\n"}
    both = {**SEVERAL, "models/a/x": b"2\n", "models/b/y": b"2\n"}
    assert merge(lab, SEVERAL, one, other) == str(lab.tree(both).id)


def test_what_one_side_removed_is_gone_and_so_is_an_empty_folder(lab: Lab) -> None:
    base = {"c/a": b"1\n", "c/b": b"1\n", "d": b"1\n"}
    one, other = {"c/b": b"1\n", "d": b"1\n"}, {"c/a": b"1\n", "d": b"1\n"}
    assert merge(lab, base, one, other) == str(lab.tree({"d": b"1\n"}).id)


def test_nothing_may_be_left_at_all(lab: Lab) -> None:
    base = {"a": b"1\n", "b": b"1\n"}
    assert merge(lab, base, {"a": b"1\n"}, {"b": b"1\n"}) == str(lab.tree({}).id)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": b"2\n"}, {"a": b"3\n"}),
        ({"a": b"2\n"}, {"a": b"2\n"}),
        ({"a": b"2\n"}, {}),
        ({}, {}),
        ({"a": b"1\n", "b": b"1\n"}, {"a": b"1\n", "b/c": b"1\n"}),
    ],
    ids=["another change", "the same change", "a removal", "two removals", "a file and a folder"],
)
def test_what_both_sides_changed_is_left_to_git(lab: Lab, one: Tree, other: Tree) -> None:
    with pytest.raises(Undecided):
        merge(lab, {"a": b"1\n"}, one, other)


def test_a_tree_that_git_would_not_write_is_refused(lab: Lab) -> None:
    blob = lab.repo.create_blob(b"1\n").raw
    twice = b"".join(b"100644 x\0" + blob for _ in range(2))
    base, one = lab.tree({"a": b"1\n"}), lab.tree({"a": b"2\n"})
    other = lab.repo[lab.repo.write(pygit2.enums.ObjectType.TREE, twice)]
    with pytest.raises(OddTree, match="same name twice"):
        merged_tree(lab.repo, base, one, other)


@pytest.mark.parametrize("taken_back", [{"a": LONG}, {"b": b"1\n"}], ids=["left", "right"])
def test_branches_with_two_merge_bases_are_left_to_git(lab: Lab, taken_back: Tree) -> None:
    """Each merged the other, and then one takes a change back: seen from one of the two bases
    alone, it would only not have it yet."""
    base = {"a": LONG, "b": b"1\n"}
    both = {"a": LONG + b"left\n", "b": b"2\n"}
    root = lab.commit(lab.tree(base))
    left = lab.commit(lab.tree({**base, "a": both["a"]}), root)
    right = lab.commit(lab.tree({**base, "b": both["b"]}), root)
    one, other = (lab.commit(lab.tree(both), *them) for them in ((left, right), (right, left)))
    one = lab.commit(lab.tree({**both, **taken_back}), one)
    assert lab.ours.merged(str(one), str(other)) == lab.theirs(one, other)


CROWD = 3  # 10 to the power of so many files are too many, in these tests


@pytest.fixture
def crowded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> pygit2.Oid:
    """A folder of 10 to the power of 10 files, in ten objects."""
    monkeypatch.setattr(git_history, "MAX_CHANGES", 10**CROWD)
    found = lab.tree({str(name): b"1\n" for name in range(10)}).id
    for _ in range(9):
        builder = lab.repo.TreeBuilder()
        for name in range(10):
            builder.insert(str(name), found, 0o040000)
        found = builder.write()
    return found


def with_folder(lab: Lab, tree: pygit2.Tree, folder: pygit2.Oid) -> pygit2.Tree:
    builder = lab.repo.TreeBuilder(tree)
    builder.insert("crowd", folder, 0o040000)
    return lab.repo[builder.write()].peel(pygit2.Tree)


def test_a_tree_made_to_exhaust_memory_is_not_merged_by_git_either(
    lab: Lab, crowded: pygit2.Oid
) -> None:
    """Both sides changed a file, so git would have to merge, and list every file for that."""
    first = lab.commit(lab.tree({"a": LONG}))
    one = lab.commit(lab.tree({"a": LONG + b"left\n"}), first)
    tree = with_folder(lab, lab.tree({"a": b"right\n" + LONG}), crowded)
    with pytest.raises(OddTree, match="1,000 files differ"):
        lab.ours.merged(str(one), str(lab.commit(tree, first)))


def test_nor_where_it_lies_in_the_history_alone(lab: Lab, crowded: pygit2.Oid) -> None:
    """It was there once, was taken out before anybody looked, and is what both come from."""
    base = {"a": LONG}
    first = lab.commit(with_folder(lab, lab.tree(base), crowded))
    one = lab.commit(lab.tree({"a": LONG + b"left\n"}), first)
    other = lab.commit(lab.tree({"a": b"right\n" + LONG}), first)
    with pytest.raises(OddTree):
        lab.ours.merged(str(one), str(other))


def test_nor_where_it_is_one_of_several_merge_bases(lab: Lab, crowded: pygit2.Oid) -> None:
    root = lab.commit(lab.tree({"a": LONG, "b": b"1\n"}))
    left = lab.commit(lab.tree({"a": LONG + b"left\n", "b": b"1\n"}), root)
    right = lab.commit(with_folder(lab, lab.tree({"a": LONG, "b": b"2\n"}), crowded), root)
    both = lab.tree({"a": LONG + b"left\n", "b": b"2\n"})
    one, other = lab.commit(both, left, right), lab.commit(both, right, left)
    with pytest.raises(OddTree):
        lab.ours.merged(str(one), str(other))


def test_much_that_both_have_is_no_hindrance(lab: Lab, crowded: pygit2.Oid) -> None:
    """What is compared is the change."""
    builder = lab.repo.TreeBuilder()
    for name in range(10**CROWD + 1):
        builder.insert(str(name), lab.repo.create_blob(b"1\n"), 0o100644)
    many = builder.write()
    first = lab.commit(with_folder(lab, lab.tree({"a": LONG}), many))
    one, other = (
        lab.commit(with_folder(lab, lab.tree({"a": data}), many), first)
        for data in (LONG + b"left\n", b"right\n" + LONG)
    )
    assert lab.ours.merged(str(one), str(other)) == lab.theirs(one, other)


def test_a_tree_that_repeats_itself_leads_no_deeper_than_allowed(lab: Lab) -> None:
    """Each tree is looked at once: where it lies further down, its paths are longer."""

    def chain(tree: pygit2.Tree, *names: str) -> pygit2.Tree:
        for name in names:
            builder = lab.repo.TreeBuilder()
            builder.insert(name, tree.id, 0o040000)
            tree = lab.repo[builder.write()].peel(pygit2.Tree)
        return tree

    long = chain(lab.tree({"x": b"1\n"}), *["y" * 300] * 2)
    builder = lab.repo.TreeBuilder(chain(long, "a"))
    builder.insert("b", chain(long, *["z" * 300]).id, 0o040000)
    assert surplus(lab.repo, lab.tree({}), long) == 3
    assert surplus(lab.repo, lab.tree({}), lab.repo[builder.write()].peel(pygit2.Tree)) == 9
    builder.insert("c", chain(long, *["z" * 300] * 2).id, 0o040000)
    with pytest.raises(OddTree, match="paths that are too long"):
        surplus(lab.repo, lab.tree({}), lab.repo[builder.write()].peel(pygit2.Tree))


def test_other_branches_are_never_opened(repo: RepoBuilder) -> None:
    """Only the folders that differ are read: one that is broken elsewhere is in nobody's way."""
    base = repo.commit({"models/a/x": "1\n", "models/b/x": "1\n", "models/c/x": "1\n"})
    one = repo.commit({"models/a/x": "2\n"}, "one", parent=base)
    other = repo.commit({"models/b/x": "2\n"}, "other", parent=base)
    broken = repo.git("rev-parse", f"{base}:models/c")
    (repo.directory / ".git" / "objects" / broken[:2] / broken[2:]).unlink()
    found = Repository.discover(repo.directory).merged(one, other)
    assert repo.git("rev-parse", f"{found}:models/c") == broken

"""Reading and writing git objects, against repositories that git itself made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pygit2
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from modelctl.adapters.git import Author, GitTree, MergeConflict, Repository, blob_oid
from modelctl.adapters.git_objects import MAX_CHANGES
from modelctl.domain.tree import Change, Entry, Tree
from modelctl.errors import DependencyError, ModelctlError
from support.repos import ADA, BOB, File, GitError, RepoBuilder, clone

JOB = Author(name="Job", email="job@example.com")
ODD = "models/\udcff\udcfe.yaml"  # bytes ff fe: no UTF-8


def opened(builder: RepoBuilder) -> Repository:
    return Repository.discover(builder.directory)


def written(repository: Repository, base: str | None, edits: Mapping[str, bytes | None]) -> str:
    return repository.write_commit(base, edits, message="Write", author=JOB, at=1_790_000_000)


def listed(tree: Tree) -> dict[str, bytes | None]:
    return {entry.path: tree.read(entry.path) for entry in tree.walk()}


def ls_tree(builder: RepoBuilder, ref: str) -> list[Entry]:
    """The files of a tree as git lists them."""
    lines = builder.git("ls-tree", "-r", "-z", "--full-tree", ref).split("\0")
    found = []
    for line in filter(None, lines):
        meta, _, path = line.partition("\t")
        mode, _, oid = meta.split(" ")
        found.append(Entry(path=path, oid=oid, mode=int(mode, 8)))
    return found


# Discovery


def test_a_repository_is_found_from_a_folder_inside_it(repo: RepoBuilder) -> None:
    inside = repo.directory / "models" / "x"
    inside.mkdir(parents=True)
    found = Repository.discover(inside)
    assert found.directory == repo.directory
    assert not found.bare
    assert found.remote is None


def test_a_bare_repository_and_a_linked_work_tree_will_do(shared: Path, repo: RepoBuilder) -> None:
    assert Repository.discover(shared).bare
    repo.git("worktree", "add", "--quiet", "--detach", "../linked", "main")
    linked = Repository.discover(repo.directory.parent / "linked")
    assert linked.directory == repo.directory.parent / "linked"
    assert linked.tree(linked.resolve("main")).read("README.md") == b"hello\n"


def test_no_repository_is_an_error_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="not in a git repository") as caught:
        Repository.discover(tmp_path)
    assert caught.value.mend


def test_a_broken_repository_is_an_error(repo: RepoBuilder) -> None:
    repo.git("config", "core.repositoryformatversion", "7")
    with pytest.raises(ModelctlError, match="can't be read"):
        Repository.discover(repo.directory)


def test_a_clone_without_trees_is_refused(shared: Path, tmp_path: Path) -> None:
    Repository.discover(clone(shared, tmp_path / "whole").directory)
    pygit2.Repository(str(shared)).config["uploadpack.allowFilter"] = True
    treeless = clone(shared, tmp_path / "treeless", "--filter=tree:0", "--no-checkout")
    with pytest.raises(DependencyError, match="without trees"):
        opened(treeless)


def test_content_that_a_partial_clone_lacks_is_not_taken_for_an_empty_file(
    shared: Path, tmp_path: Path
) -> None:
    pygit2.Repository(str(shared)).config["uploadpack.allowFilter"] = True
    partial = clone(shared, tmp_path / "partial", "--filter=blob:none", "--no-checkout")
    tree = opened(partial).tree(opened(partial).resolve("main"))
    assert tree.entry("README.md") is not None
    with pytest.raises(DependencyError, match="not in this clone"):
        tree.read("README.md")


# Names of commits


def test_a_name_means_the_local_branch_then_the_remote_one_then_the_tag(
    repo: RepoBuilder, shared: Path, clone_of_shared: RepoBuilder
) -> None:
    first = repo.git("rev-parse", "main")
    second = repo.commit({"a": "2"}, "both")
    repo.git("push", "--quiet", "origin", "both")
    third = clone_of_shared.commit({"a": "3"}, "both", parent=first)
    fourth = clone_of_shared.commit({"a": "4"}, "other", parent=first)
    clone_of_shared.git("fetch", "--quiet")
    clone_of_shared.git("tag", "both", first)
    clone_of_shared.git("tag", "-a", "v1", "-m", "One", fourth)
    repository = opened(clone_of_shared)

    assert repository.resolve("both") == third
    assert repository.remote_first("both") == second
    assert repository.resolve("origin/both") == second
    assert repository.resolve("refs/remotes/origin/both") == second
    assert repository.resolve("refs/tags/both") == first
    assert repository.resolve("v1") == fourth
    assert repository.resolve("other") == fourth
    assert repository.remote_first("other") == fourth
    assert repository.resolve("HEAD") == first
    assert repository.resolve("other~1") == first
    assert repository.resolve(third) == third
    assert repository.resolve(third[:10]) == third
    clone_of_shared.git("branch", "-D", "both")
    assert repository.resolve("both") == second
    assert repository.remote_first("nowhere") is None


def test_a_full_id_is_never_taken_for_a_branch(repo: RepoBuilder) -> None:
    first = repo.commit({"a": "1"})
    second = repo.commit({"a": "2"})
    repo.git("update-ref", f"refs/heads/{first}", second)
    assert opened(repo).resolve(first) == first
    with pytest.raises(ModelctlError):
        opened(repo).resolve("0" * 40)


@pytest.mark.parametrize("name", ["mian", "", "a b", "..", "\0", "main:README.md", "refs/heads/no"])
def test_an_unknown_name_is_an_error(repo: RepoBuilder, name: str) -> None:
    repo.commit({"README.md": "x"})
    with pytest.raises(ModelctlError, match="no commit, branch or tag"):
        opened(repo).resolve(name)


def test_an_unknown_name_suggests_what_is_near(repo: RepoBuilder, shared: Path) -> None:
    repo.commit({"a": "1"}, "develop")
    with pytest.raises(ModelctlError) as caught:
        opened(repo).resolve("develp")
    assert caught.value.mend == "did you mean develop?"
    with pytest.raises(ModelctlError) as caught:
        opened(repo).resolve("xxxxxxxx")
    assert caught.value.mend == "git fetch, if it was made elsewhere"


def test_the_remote_is_origin_or_the_only_one(repo: RepoBuilder) -> None:
    repo.git("remote", "add", "upstream", "file:///nowhere")
    assert opened(repo).remote == "upstream"
    repo.git("remote", "add", "origin", "file:///nowhere")
    assert opened(repo).remote == "origin"
    repo.git("remote", "rename", "origin", "fork")
    with pytest.raises(ModelctlError, match="named origin"):
        _ = opened(repo).remote


# Trees


@pytest.fixture
def mixed(repo: RepoBuilder) -> str:
    """A commit with every kind of entry."""
    return repo.commit(
        {
            "README.md": "hello\n",
            "a-b": "sorts before a/x",
            "a/x": "x",
            "a.txt": "text",
            "models/one/model.yaml": "name: one\n",
            "models/link": File(mode="120000", data=b"../README.md"),
            "models/run": File(mode="100755", data=b"#!/bin/sh\n"),
            "models/module": File(mode="160000", data=b"1" * 40),
            ODD: b"\x00\x01",
        }
    )


def test_a_tree_is_what_git_lists(repo: RepoBuilder, mixed: str) -> None:
    tree = opened(repo).tree(mixed)
    expected = ls_tree(repo, mixed)
    assert list(tree.walk()) == expected
    assert {entry.mode for entry in tree.walk()} == {0o100644, 0o120000, 0o100755, 0o160000}
    assert list(tree.walk("models")) == [e for e in expected if e.path.startswith("models/")]
    assert all(tree.entry(entry.path) == entry for entry in expected)
    assert tree.oid == repo.git("rev-parse", f"{mixed}^{{tree}}")
    assert tree.subtree("models") == repo.git("rev-parse", f"{mixed}:models")
    assert tree.subtree("") == tree.oid
    assert opened(repo).tree(tree.oid).oid == tree.oid


def test_files_are_read_by_path(repo: RepoBuilder, mixed: str) -> None:
    tree = opened(repo).tree(mixed)
    assert tree.read("models/one/model.yaml") == b"name: one\n"
    assert tree.read("models/link") == b"../README.md"
    assert tree.read(ODD) == b"\x00\x01"
    assert tree.read("models/module") is None
    assert tree.names("") == ("README.md", "a", "a-b", "a.txt", "models")
    assert tree.names("models/one") == ("model.yaml",)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "nothing", "models", "models/", "README.md/", "README.md/x", "/README.md"),
        *("./a/x", "models/../README.md", "models//link", "\0", "\ud800", "models/module/x"),
        "models/link/x",
    ],
)
def test_what_is_no_file_is_none(repo: RepoBuilder, mixed: str, path: str) -> None:
    tree = opened(repo).tree(mixed)
    assert tree.entry(path) is None
    assert tree.read(path) is None


@pytest.mark.parametrize(
    "folder", ["nothing", "README.md", "models/link", "models/", "models/module"]
)
def test_what_is_no_folder_is_empty(repo: RepoBuilder, mixed: str, folder: str) -> None:
    tree = opened(repo).tree(mixed)
    assert tree.names(folder) == ()
    assert list(tree.walk(folder)) == []
    assert tree.subtree(folder) is None


def test_no_tree_is_the_empty_tree(repo: RepoBuilder) -> None:
    tree = opened(repo).tree(None)
    assert isinstance(tree, GitTree)
    assert tree.oid == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert list(tree.walk()) == []


@pytest.mark.parametrize("oid", ["0" * 40, "f" * 40, "x" * 40, "", "main"])
def test_an_unknown_tree_or_commit_is_an_error(repo: RepoBuilder, oid: str) -> None:
    repo.commit({"a": "1"})
    with pytest.raises(ModelctlError, match="no tree"):
        opened(repo).tree(oid)
    with pytest.raises(ModelctlError, match="no commit"):
        opened(repo).commit(oid)


# Changes


def naive(before: Tree, after: Tree) -> tuple[Change, ...]:
    old = {entry.path: entry for entry in before.walk()}
    new = {entry.path: entry for entry in after.walk()}
    return tuple(
        Change(path=path, before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    )


def test_changes_are_files_that_differ_in_content_or_mode(repo: RepoBuilder, mixed: str) -> None:
    after = repo.commit(
        {
            "a": "now a file",
            "a/x": None,
            "a-b": None,
            "a-b/y": "now a folder",
            "models/run": "#!/bin/sh\n",
            "models/link": File(mode="120000", data=b"elsewhere"),
            "models/module": File(mode="160000", data=b"2" * 40),
            "models/two/model.yaml": "name: one\n",
            "models/one/model.yaml": None,
        }
    )
    repository = opened(repo)
    old, new = repository.tree(mixed), repository.tree(after)
    found = repository.changes(old, new)
    assert found == naive(old, new)
    by_path = {change.path: change for change in found}
    assert by_path["a-b"].removed
    assert by_path["a-b/y"].added
    moved = by_path["models/one/model.yaml"].before, by_path["models/two/model.yaml"].after
    assert moved[0] is not None
    assert moved[1] is not None
    assert moved[0].oid == moved[1].oid
    assert repository.changes(old, old) == ()
    assert len(repository.changes(repository.tree(None), old)) == 9


NAMES = st.sampled_from(["a", "b", "a-", "a.b", "é"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(max_size=2), max_size=8).map(
    lambda files: {p: d for p, d in files.items() if not any(q.startswith(f"{p}/") for q in files)}
)
SAME_REPO = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SAME_REPO
@given(before=FILES, after=FILES)
def test_any_two_trees_differ_as_their_lists_of_files_do(
    repo: RepoBuilder, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    repository = opened(repo)
    old = repository.tree(written(repository, None, before))
    new = repository.tree(written(repository, None, after))
    assert listed(old) == before
    assert repository.changes(old, new) == naive(old, new)


def nested(raw: pygit2.Repository, inner: list[str], times: int, copies: int) -> str:
    """A tree of files with these names, below so many folders of so many names each."""
    builder, mode = raw.TreeBuilder(), 0o040000
    for name in inner:
        builder.insert(name, raw.create_blob(b"x"), 0o100644)
    oid = builder.write()
    for _ in range(times):
        builder = raw.TreeBuilder()
        for number in range(copies):
            builder.insert(str(number), oid, mode)
        oid = builder.write()
    return str(oid)


@pytest.mark.parametrize("inner", [["x"], []], ids=["of files", "of nothing"])
def test_a_tree_made_to_exhaust_memory_is_refused(repo: RepoBuilder, inner: list[str]) -> None:
    """10 to the power of 8 files, or empty folders, in nine objects."""
    repository = opened(repo)
    oid = nested(pygit2.Repository(str(repo.directory)), inner, 8, 10)
    with pytest.raises(ModelctlError, match=f"{MAX_CHANGES:,} files"):
        repository.changes(repository.tree(None), repository.tree(oid))


@pytest.mark.parametrize(("name", "depth"), [("x" * 1_001, 0), ("x", 200), ("x" * 950, 40)])
def test_paths_made_to_exhaust_memory_are_refused(repo: RepoBuilder, name: str, depth: int) -> None:
    repository = opened(repo)
    oid = nested(pygit2.Repository(str(repo.directory)), [name], depth, 1)
    with pytest.raises(ModelctlError, match="paths that are too long"):
        repository.changes(repository.tree(None), repository.tree(oid))


def test_thousands_of_changes_are_found(repo: RepoBuilder) -> None:
    files = {f"models/m-{n % 97}/versions/{n}.yaml": f"{n}" for n in range(3_000)}
    before = repo.commit(files)
    after = repo.commit({path: f"{text}!" for path, text in files.items()})
    repository = opened(repo)
    found = repository.changes(repository.tree(before), repository.tree(after))
    assert [change.path for change in found] == sorted(files)


# History


def test_a_commit_is_read_whole(repo: RepoBuilder) -> None:
    first = repo.commit({"a": "1"})
    sha = repo.commit(
        {"a": "2"}, author="Zoë Ünal <zoe@example.com>", message="Two\n\nBecause é.\n"
    )
    commit = opened(repo).commit(sha)
    assert commit.sha == sha
    assert commit.parents == (first,)
    assert commit.tree == repo.git("rev-parse", f"{sha}^{{tree}}")
    assert (commit.author_name, commit.author_email) == ("Zoë Ünal", "zoe@example.com")
    assert commit.committer_email == "zoe@example.com"
    assert commit.message == "Two\n\nBecause é.\n"
    assert commit.at == repo.clock


def test_text_in_another_encoding_does_not_break_reading(repo: RepoBuilder) -> None:
    sha = repo.commit(
        {"a": "1"}, author="B\udcff <b@example.com>".encode("utf-8", "replace").decode()
    )
    raw = repo.git("cat-file", "commit", sha).encode().replace(b"B? <", b"B\xff <") + b"\n\xfe\n"
    broken = repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw)
    commit = opened(repo).commit(broken)
    assert commit.author_name == "B�"
    assert "�" in commit.message


@pytest.fixture
def story(repo: RepoBuilder) -> dict[str, str]:
    """main: one - two - merge(three, four), with `side` merged in."""
    one = repo.commit({"a": "1", "d/x": "1"})
    repo.branch("side")
    two = repo.commit({"a": "2"})
    three = repo.commit({"b": "3"}, "side", author=BOB)
    four = repo.commit({"d/y": "4"}, "side", author=BOB)
    merge = repo.merge("side")
    return {"one": one, "two": two, "three": three, "four": four, "merge": merge}


def test_history_is_walked_as_git_walks_it(repo: RepoBuilder, story: dict[str, str]) -> None:
    repository = opened(repo)
    s = story
    assert [c.sha for c in repository.first_parents("main")] == [s["merge"], s["two"], s["one"]]
    between = [c.sha for c in repository.commits_between(s["two"], s["merge"])]
    assert between == [s["merge"], s["four"], s["three"]]
    assert list(repository.commits_between(s["merge"], s["two"])) == []
    assert repository.merge_base(s["two"], s["four"]) == s["one"]
    assert repository.is_ancestor(s["one"], s["merge"])
    assert repository.is_ancestor(s["one"], s["one"])
    assert not repository.is_ancestor(s["merge"], s["one"])
    assert not repository.is_ancestor(s["two"], s["four"])


def test_the_last_change_of_a_path_follows_first_parents(
    repo: RepoBuilder, story: dict[str, str]
) -> None:
    gone = repo.commit({"a": None, "run": File(mode="100755", data=b"x")})
    plain = repo.commit({"run": "x"})
    repository = opened(repo)

    def last(path: str) -> str | None:
        commit = repository.last_change("main", path)
        return None if commit is None else commit.sha

    assert last("b") == story["merge"]
    assert last("d") == story["merge"]
    assert last("d/x") == story["one"]
    assert last("a") == gone
    assert last("run") == plain
    assert last("never") is None


def test_a_shallow_clone_is_not_taken_for_the_whole_history(
    repo: RepoBuilder, story: dict[str, str], tmp_path: Path
) -> None:
    repo.commit({"a": "5"})
    shallow = opened(repo.clone(tmp_path / "shallow", "--depth", "2"))
    head = shallow.resolve("main")
    assert next(shallow.first_parents("main")).sha == head
    change = shallow.last_change("main", "a")
    assert change is not None
    assert change.sha == head
    for action in (
        lambda: list(shallow.first_parents("main")),
        lambda: shallow.last_change("main", "d/x"),
        lambda: shallow.is_ancestor(head, story["merge"]),
        lambda: (
            list(shallow.commits_between(story["merge"], story["merge"]))
            + list(shallow.commits_between(written(shallow, None, {}), head))
        ),
    ):
        with pytest.raises(ModelctlError, match="shallow"):
            action()


# Merges


def test_a_merge_holds_what_git_would_make(repo: RepoBuilder) -> None:
    text = "".join(f"line {n}\n" for n in range(30))
    repo.commit({"f": text, "old": text.upper(), "d/x": "1", "d/y": "1"})
    repo.branch("side")
    base = repo.commit({"f": text.replace("line 3\n", "three\n"), "d/x": None})
    renamed = {"old": None, "new": text.upper() + "more\n"}
    head = repo.commit({"f": text.replace("line 27\n", "27\n"), **renamed, "d/z": "1"}, "side")
    tree = opened(repo).merged(base, head)
    merge = repo.merge("side")
    assert tree == repo.git("rev-parse", f"{merge}^{{tree}}")


def test_a_fast_forward_merge_is_the_other_side(repo: RepoBuilder) -> None:
    base = repo.commit({"a": "1"})
    head = repo.commit({"b": "2"}, "side", parent=base)
    repository = opened(repo)
    assert repository.merged(base, head) == repository.commit(head).tree
    assert repository.merged(head, base) == repository.commit(head).tree


def test_a_conflict_names_the_paths(repo: RepoBuilder) -> None:
    repo.commit({"a": "1", "b": "1", "c": "1"})
    repo.branch("side")
    base = repo.commit({"a": "2", "b": "2", "c": "2"})
    head = repo.commit({"a": "3", "b": None, "c": "2"}, "side")
    with pytest.raises(MergeConflict, match="both changed a, b") as caught:
        opened(repo).merged(base, head)
    assert caught.value.paths == ("a", "b")


def test_histories_that_share_nothing_are_not_merged(repo: RepoBuilder) -> None:
    base = repo.commit({"a": "1"})
    repository = opened(repo)
    with pytest.raises(ModelctlError, match="share no history"):
        repository.merged(base, written(repository, None, {"b": b"1"}))


EDITS = st.dictionaries(
    st.sampled_from(["f", "g", "d/x", "d/y", "e/z"]),
    st.none() | st.sampled_from([b"1\n", b"2\n", b"3\n"]),
    max_size=4,
)


@settings(SAME_REPO, max_examples=25)
@given(ours=EDITS, theirs=EDITS)
def test_any_merge_agrees_with_git(
    repo: RepoBuilder, ours: dict[str, bytes | None], theirs: dict[str, bytes | None]
) -> None:
    repository = opened(repo)
    root = written(repository, None, {"f": b"0\n", "d/x": b"7\n", "other": b"1\n"})
    base, head = written(repository, root, ours), written(repository, root, theirs)
    try:
        expected: str | None = git_merge(repo, base, head)
    except GitError:
        expected = None
    try:
        assert repository.merged(base, head) == expected
    except MergeConflict:
        assert expected is None


def git_merge(repo: RepoBuilder, base: str, head: str) -> str:
    """The tree of a real merge in the work tree. GitError: it conflicts."""
    repo.git("checkout", "--quiet", "--force", "--detach", base)
    try:
        repo.git("merge", "--no-ff", "--quiet", "-m", "Merge", head)
        return repo.git("rev-parse", "HEAD^{tree}")
    finally:
        repo.git("reset", "--quiet", "--hard", base)


# The work tree


def test_the_work_tree_is_read_as_if_committed_now(repo: RepoBuilder) -> None:
    repo.commit({"kept": "1", "gone": "1", "edited": "1", ".gitignore": "*.log\nmlruns/\n"})
    repo.checkout()
    (repo.directory / "gone").unlink()
    (repo.directory / "edited").write_text("2")
    (repo.directory / "new").mkdir()
    (repo.directory / "new" / "file").write_text("3")
    (repo.directory / "debug.log").write_text("ignored")
    (repo.directory / "mlruns").mkdir()
    (repo.directory / "mlruns" / "x").write_text("ignored")
    (repo.directory / "run").write_text("x")
    (repo.directory / "run").chmod(0o755)
    status = repo.git("status", "--porcelain", "--ignored")
    index = (repo.directory / ".git" / "index").read_bytes()

    repository = Repository.discover(repo.directory / "new")
    tree = repository.tree(repository.working_tree())

    assert set(listed(tree)) == {".gitignore", "edited", "kept", "new/file", "run"}
    assert tree.read("edited") == b"2"
    run = tree.entry("run")
    assert run is not None
    assert run.mode == 0o100755
    assert (repo.directory / ".git" / "index").read_bytes() == index
    assert repo.git("status", "--porcelain", "--ignored") == status
    repo.git("add", "--all")
    assert repo.git("write-tree") == tree.oid


def test_a_work_tree_without_a_commit_or_an_index_is_read(repo: RepoBuilder) -> None:
    (repo.directory / "a").write_text("1")
    repository = opened(repo)
    assert listed(repository.tree(repository.working_tree())) == {"a": b"1"}
    assert not (repo.directory / ".git" / "index").exists()


def test_a_broken_index_is_an_error(repo: RepoBuilder) -> None:
    repo.commit({"a": "1"})
    (repo.directory / ".git" / "index").write_bytes(b"broken")
    with pytest.raises(ModelctlError, match="can't read the work tree"):
        opened(repo).working_tree()


def test_a_bare_repository_has_no_work_tree(shared: Path) -> None:
    with pytest.raises(ModelctlError, match="no work tree"):
        Repository.discover(shared).working_tree()


def test_the_branch_that_is_checked_out_is_known(repo: RepoBuilder) -> None:
    assert opened(repo).current_branch() == "main"
    repo.commit({"a": "1"}, "feature/x")
    repo.checkout("feature/x")
    assert opened(repo).current_branch() == "feature/x"
    repo.git("checkout", "--quiet", "--detach")
    assert opened(repo).current_branch() is None


def test_a_snapshot_is_a_commit_of_the_work_tree_on_no_branch(repo: RepoBuilder) -> None:
    (repo.directory / "a").write_text("1")
    repository = opened(repo)
    first = repository.snapshot("Before", author=JOB, at=1_790_000_000)
    assert repository.commit(first).parents == ()
    head = repo.commit({"a": "1"})
    repo.checkout()
    (repo.directory / "b").write_text("2")
    second = repository.commit(repository.snapshot("Now", author=JOB, at=1_790_000_000))
    assert second.parents == (head,)
    assert listed(repository.tree(second.sha)) == {"a": b"1", "b": b"2"}
    assert repo.git("rev-parse", "HEAD", "main").split() == [head, head]
    assert repo.git("status", "--porcelain") == "?? b"


# Writing


def test_a_commit_is_written_on_top_of_another(repo: RepoBuilder) -> None:
    repo.commit(
        {"a": "1", "d/x": "1", "d/y": "1", "e/f/g": "1", "run": File(mode="100755", data=b"")}
    )
    repo.checkout()
    base = repo.git("rev-parse", "main")
    repository = opened(repo)
    sha = repository.write_commit(
        base,
        {"a": b"2", "d/x": None, "e/f/g": None, "n/m/o": b"3", "absent": None, "no/ne": None},
        message="Write it",
        author=JOB,
        at=1_790_000_123,
    )
    tree = repository.tree(sha)
    assert listed(tree) == {"a": b"2", "d/y": b"1", "n/m/o": b"3", "run": b""}
    assert tree.names("") == ("a", "d", "n", "run")
    commit = repository.commit(sha)
    assert commit.parents == (base,)
    assert commit.message == "Write it\n"
    assert (commit.author_name, commit.author_email, commit.at) == (
        JOB.name,
        JOB.email,
        1_790_000_123,
    )
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("rev-parse", "main") == base
    repo.git("fsck", "--strict")


def test_the_same_arguments_give_the_same_commit(repo: RepoBuilder, tmp_path: Path) -> None:
    other = RepoBuilder.create(tmp_path / "other")
    edits = {"b": b"1", "a/c": b"2"}
    assert written(opened(repo), None, edits) == written(opened(other), None, edits)


def test_a_first_commit_has_no_parents(repo: RepoBuilder) -> None:
    repository = opened(repo)
    assert repository.commit(written(repository, None, {"a": b"1"})).parents == ()


def test_a_folder_is_deleted_whole_and_may_give_way_to_a_file(repo: RepoBuilder) -> None:
    base = repo.commit({"d/x": "1", "d/e/y": "1", "f": "1"})
    repository = opened(repo)
    assert listed(repository.tree(written(repository, base, {"d": None}))) == {"f": b"1"}
    swapped = written(repository, base, {"d": b"2", "f": None, "f/z": b"3"})
    assert listed(repository.tree(swapped)) == {"d": b"2", "f/z": b"3"}
    with pytest.raises(ValueError, match="file and a folder"):
        written(repository, base, {"g": b"1", "g/h": b"1"})


@SAME_REPO
@given(before=FILES, edits=st.dictionaries(PATHS, st.none() | st.binary(max_size=2), max_size=4))
def test_any_edit_gives_the_files_that_it_should(
    repo: RepoBuilder, before: dict[str, bytes], edits: dict[str, bytes | None]
) -> None:
    edits = {p: d for p, d in edits.items() if not any(q.startswith(f"{p}/") for q in edits)}
    expected: dict[str, bytes] = dict(before)
    for path, data in edits.items():
        parents = {path[:at] for at in range(len(path)) if path[at] == "/"}
        clash = {q for q in expected if q == path or q.startswith(f"{path}/")}
        clash |= parents & expected.keys() if data is not None else set()
        expected = {q: d for q, d in expected.items() if q not in clash}
        if data is not None:
            expected[path] = data
    repository = opened(repo)
    base = written(repository, None, before)
    assert listed(repository.tree(written(repository, base, edits))) == expected


def test_a_blob_id_is_what_git_computes(repo: RepoBuilder) -> None:
    for data in (b"", b"hello\n", bytes(range(256))):
        assert blob_oid(data) == repo.git("hash-object", "--stdin", stdin=data)


def test_a_repository_and_a_tree_show_what_they_are(repo: RepoBuilder) -> None:
    sha = repo.commit({"a": "1"}, author=ADA)
    repository = opened(repo)
    assert repr(repository) == f"Repository('{repo.directory}')"
    assert repr(repository.tree(sha)) == f"GitTree({repository.tree(sha).oid})"


def test_head_before_the_first_commit_is_not_the_remotes(clone_of_shared: RepoBuilder) -> None:
    clone_of_shared.git("checkout", "--quiet", "--orphan", "new")
    repository = Repository.discover(clone_of_shared.directory)
    assert repository.default_branch == "main"
    with pytest.raises(ModelctlError, match="'HEAD' is no commit"):
        repository.resolve("HEAD")


def test_the_tips_of_all_branches_are_known_each_once(repo: RepoBuilder, shared: Path) -> None:
    main = repo.git("rev-parse", "HEAD")
    repo.branch("same")
    other = repo.commit({"a": "b\n"}, "other", parent=main)
    repo.git("tag", "v1", main)
    assert set(opened(repo).heads()) == {main, other}
    assert len(opened(repo).heads()) == 2
    assert shared.exists()

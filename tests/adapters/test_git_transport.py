"""Fetching and publishing, over git's own transport between real repositories."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from modelctl.adapters import git_transport
from modelctl.adapters.git import Author, Draft, Repository
from modelctl.errors import ConflictError, DependencyError, ModelctlError
from support.repos import RepoBuilder, clone, git

JOB = Author(name="Job", email="job@example.com")
AT = 1_790_000_000
SCRIPTS = Path(__file__).parents[2] / "scripts"


def opened(builder: RepoBuilder) -> Repository:
    return Repository.discover(builder.directory)


def add(repository: Repository, base: str | None, name: str) -> str:
    return repository.write_commit(base, {name: b"x"}, message=name, author=JOB, at=AT)


def draft(name: str) -> Draft:
    return Draft(edits={name: b"x"}, message=name, author=JOB, at=AT)


@pytest.fixture
def here(clone_of_shared: RepoBuilder) -> Repository:
    return opened(clone_of_shared)


def test_refspecs_are_fetched(here: Repository, repo: RepoBuilder) -> None:
    sha = repo.commit({"a": "1"}, "develop")
    repo.git("push", "--quiet", "origin", "develop")
    here.fetch("origin", ["refs/heads/*:refs/remotes/origin/*"])
    assert here.resolve("develop") == sha
    assert not (here.directory / ".git" / "FETCH_HEAD").exists()


def test_a_remote_that_is_away_is_a_dependency_that_is_down(here: Repository) -> None:
    git(here.directory, "remote", "set-url", "origin", "https://ada:s3cret@127.0.0.1:1/r.git")
    tip = here.resolve("main")
    for action in (
        lambda: here.fetch("origin", ["main"]),
        lambda: here.latest("main"),
        lambda: here.publish("main", add(here, tip, "a"), tip),
    ):
        with pytest.raises(DependencyError, match="can't be reached") as caught:
            action()
        assert "s3cret" not in str(caught.value)
        assert "127.0.0.1" in str(caught.value)


def test_a_branch_is_published_and_seen(here: Repository, shared: Path) -> None:
    first = add(here, None, "a")
    assert here.latest("ledger") is None
    assert here.publish("ledger", first, None)
    second = add(here, first, "b")
    assert here.publish("ledger", second, first)
    assert git(shared, "rev-parse", "ledger") == second
    assert here.remote_first("ledger") == second
    assert here.latest("ledger") == second


def test_a_clone_of_one_branch_sees_what_it_published(shared: Path, tmp_path: Path) -> None:
    narrow = opened(clone(shared, tmp_path / "narrow", "--single-branch", "--branch", "main"))
    first = add(narrow, None, "a")
    assert narrow.publish("ledger", first, None)
    assert narrow.remote_first("ledger") == first
    assert narrow.latest("ledger") == first


def test_whoever_comes_second_is_told_so(here: Repository, shared: Path, tmp_path: Path) -> None:
    there = opened(clone(shared, tmp_path / "there"))
    mine, theirs = add(here, None, "mine"), add(there, None, "theirs")
    assert there.publish("ledger", theirs, None)
    assert not here.publish("ledger", mine, None)
    assert here.latest("ledger") == theirs
    after = add(there, theirs, "after")
    assert there.publish("ledger", after, theirs)
    assert not here.publish("ledger", add(here, theirs, "mine"), theirs)
    assert git(shared, "rev-parse", "ledger") == after


def test_a_branch_is_never_rewound(here: Repository, shared: Path) -> None:
    first = add(here, None, "a")
    second = add(here, first, "b")
    here.publish("ledger", second, None)
    for new in (first, add(here, first, "c"), add(here, None, "d")):
        with pytest.raises(ModelctlError, match="never rewound"):
            here.publish("ledger", new, second)
    assert git(shared, "rev-parse", "ledger") == second


def test_a_refusal_is_told_with_its_reason(here: Repository, shared: Path) -> None:
    hook = shared / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(DependencyError, match=r"refuses to change ledger.*protected"):
        here.publish("ledger", add(here, None, "a"), None)


@pytest.mark.parametrize("remote", [True, False])
def test_a_branch_in_the_way_is_no_lost_race(
    here: Repository, repo: RepoBuilder, remote: bool
) -> None:
    if not remote:
        repo.git("remote", "remove", "origin")
        here = opened(repo)
    assert here.publish("env", add(here, None, "a"), None)
    with pytest.raises(DependencyError, match=r"leaves no room for env/dev|cannot create"):
        here.publish("env/dev", add(here, None, "a"), None)


def test_hooks_of_the_clone_do_not_run(here: Repository) -> None:
    hook = here.directory / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert here.publish("ledger", add(here, None, "a"), None)


def test_what_a_process_beside_fetched_meanwhile_is_no_rewriting(
    here: Repository, repo: RepoBuilder, tmp_path: Path
) -> None:
    """It asked the remote a moment later: its reference is ahead of what this one is told."""
    shared = git(here.directory, "remote", "get-url", "origin").strip().removeprefix("file://")
    known = here.latest("main")
    newer = add(here, known, "newer")
    git(here.directory, "push", "--quiet", "origin", f"{newer}:refs/heads/coming")
    git(here.directory, "update-ref", "refs/remotes/origin/main", newer)
    serve = tmp_path / "upload-pack"
    serve.write_text(
        f"#!/bin/sh\ngit-upload-pack \"$@\"\ngit -C '{shared}' update-ref refs/heads/main {newer}\n"
    )
    serve.chmod(0o755)
    git(here.directory, "config", "remote.origin.uploadpack", str(serve))
    assert here.latest("main") == newer


@pytest.mark.parametrize("how", ["deleted", "rewritten"])
def test_a_branch_that_was_tampered_with_is_not_built_on(
    here: Repository, shared: Path, how: str
) -> None:
    first = add(here, None, "a")
    second = add(here, first, "b")
    here.publish("ledger", second, None)
    if how == "deleted":
        git(shared, "update-ref", "-d", "refs/heads/ledger")
    else:
        git(shared, "update-ref", "refs/heads/ledger", first)
    with pytest.raises(ModelctlError, match="deleted or rewritten on origin") as caught:
        here.update_branch("ledger", lambda _: draft("c"))
    assert not isinstance(caught.value, DependencyError)
    assert here.remote_first("ledger") == second


@pytest.mark.parametrize("action", ["fetch", "publish"])
def test_a_lock_that_was_left_behind_is_told(here: Repository, shared: Path, action: str) -> None:
    first = add(here, None, "a")
    git(shared, "fetch", "--quiet", str(here.directory), first)
    lock = here.directory / ".git" / "refs" / "remotes" / "origin" / "ledger.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    if action == "fetch":
        git(shared, "update-ref", "refs/heads/ledger", first)
    with pytest.raises(DependencyError, match=r"locked|written down") as caught:
        here.latest("ledger") if action == "fetch" else here.publish("ledger", first, None)
    assert ".lock" in str(caught.value.mend)


def test_without_a_remote_the_local_branch_moves(repo: RepoBuilder) -> None:
    repo.commit({"a": "1"})
    repository = opened(repo)
    first = add(repository, None, "a")
    assert repository.latest("ledger") is None
    assert repository.publish("ledger", first, None)
    assert not repository.publish("ledger", add(repository, None, "b"), None)
    second = add(repository, first, "b")
    assert repository.publish("ledger", second, first)
    assert not repository.publish("ledger", add(repository, first, "c"), first)
    assert repository.latest("ledger") == repository.resolve("ledger") == second


def test_a_branch_that_somebody_works_on_is_not_moved_under_them(repo: RepoBuilder) -> None:
    repo.commit({"a": "1"})
    repo.checkout()
    repository = opened(repo)
    tip = repository.resolve("main")
    with pytest.raises(ModelctlError, match="main is checked out"):
        repository.publish("main", add(repository, tip, "b"), tip)
    repo.git("worktree", "add", "--quiet", "../linked", "-b", "other")
    with pytest.raises(ModelctlError, match="other is checked out"):
        repository.publish("other", add(repository, tip, "b"), tip)


def test_the_branch_of_a_fresh_repository_is_checked_out_too(repo: RepoBuilder) -> None:
    repository = opened(repo)
    with pytest.raises(ModelctlError, match="main is checked out"):
        repository.publish("main", add(repository, None, "b"), None)


# The loop


def test_an_update_is_built_on_the_newest_tip(
    here: Repository, shared: Path, tmp_path: Path
) -> None:
    there = opened(clone(shared, tmp_path / "there"))
    theirs: list[str] = []
    tips: list[str | None] = []

    def build(tip: str | None) -> Draft:
        tips.append(tip)
        if not theirs:  # somebody is faster, once
            theirs.append(add(there, None, "theirs"))
            assert there.publish("ledger", theirs[0], None)
        return draft("mine")

    new = here.update_branch("ledger", build)
    assert tips == [None, theirs[0]]
    assert git(shared, "rev-parse", "ledger") == new
    assert git(shared, "ls-tree", "--name-only", "ledger") == "mine\ntheirs"


def test_an_update_that_changes_nothing_writes_nothing(here: Repository, shared: Path) -> None:
    assert here.update_branch("ledger", lambda _: None) is None
    first = here.update_branch("ledger", lambda _: draft("a"))
    assert here.update_branch("ledger", lambda _: draft("a")) == first
    assert here.update_branch("ledger", lambda _: None) == first
    assert git(shared, "rev-parse", "ledger") == first


def test_whoever_always_loses_is_told_so(here: Repository, shared: Path, tmp_path: Path) -> None:
    there = opened(clone(shared, tmp_path / "there"))
    names = (str(number) for number in count())

    def build(tip: str | None) -> Draft:
        assert there.publish("ledger", add(there, tip, next(names)), tip)
        return draft("mine")

    with pytest.raises(ConflictError, match=r"for 0\.2 seconds"):
        here.update_branch("ledger", build, patience=0.2)
    assert "mine" not in git(shared, "ls-tree", "--name-only", "ledger")


WRITER = """
import sys
from pathlib import Path
from modelctl.adapters.git import Author, Draft, Repository

directory, name = Path(sys.argv[1]), sys.argv[2]
draft = Draft(edits={name: b"x"}, message=name, author=Author(name="J", email="j@e"), at=1790000000)
sys.stdin.readline()
Repository.discover(directory).update_branch("ledger", lambda tip: draft)
"""


def race(directories: list[Path]) -> None:
    """Start a writer for each directory, let all go at once and see all of them through."""
    command = [sys.executable, "-c", WRITER]
    writers = [
        subprocess.Popen(
            [*command, str(directory), f"writer-{n}"],
            env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
            stdin=subprocess.PIPE,
        )
        for n, directory in enumerate(directories)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait(300) for writer in writers] == [0] * len(writers)


def assert_all_got_through(repository: Path, writers: int) -> None:
    names = git(repository, "ls-tree", "--name-only", "ledger").split()
    assert sorted(names) == sorted(f"writer-{n}" for n in range(writers))
    assert git(repository, "rev-list", "--count", "ledger") == str(writers)
    assert git(repository, "rev-list", "--merges", "--count", "ledger") == "0"


def test_many_clones_that_write_at_once_all_get_through(shared: Path, tmp_path: Path) -> None:
    race([clone(shared, tmp_path / f"c{n}").directory for n in range(16)])
    assert_all_got_through(shared, 16)


def test_many_writers_in_one_clone_all_get_through(shared: Path, tmp_path: Path) -> None:
    race([clone(shared, tmp_path / "c").directory] * 8)
    assert_all_got_through(shared, 8)


def test_many_writers_without_a_remote_all_get_through(repo: RepoBuilder) -> None:
    repo.commit({"a": "1"})
    race([repo.directory] * 8)
    assert_all_got_through(repo.directory, 8)


def test_machines_branches_come_all_at_once(here: Repository, shared: Path, tmp_path: Path) -> None:
    there = opened(clone(shared, tmp_path / "there"))
    machines = {"ledger": True, "env/dev": False, "env/none": False}
    first = add(there, None, "a")
    for branch in ("ledger", "env/dev"):
        assert there.publish(branch, first, None)
    here.bring("origin", machines)
    second = add(there, first, "b")
    for branch in ("ledger", "env/dev"):
        assert there.publish(branch, second, first)
    here.bring("origin", machines)
    assert [here.remote_first(branch) for branch in machines] == [second, second, None]


def test_one_by_one_what_tells_of_the_others_comes_first(
    here: Repository, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job writes the state and then the ledger: whoever looked at them the other way round would
    read of a state that isn't here."""
    there = opened(clone(shared, tmp_path / "there"))
    machines = {"ledger": True, "env/dev": False, "env/staging": False}
    first = add(there, None, "a")
    for branch in machines:
        assert there.publish(branch, first, None)
    here.bring("origin", machines)
    asked: list[str] = []
    fetch = git_transport.fetch_branch

    def noted(directory: Path, remote: str, branch: str, known: bool) -> bool:
        asked.append(branch)
        return fetch(directory, remote, branch, known)

    monkeypatch.setattr(git_transport, "fetch_seen", lambda *given: False)
    monkeypatch.setattr(git_transport, "fetch_branch", noted)
    here.bring("origin", machines)
    assert asked == list(machines)


def test_one_that_was_rewritten_or_alters_is_told_among_many(
    here: Repository, shared: Path, tmp_path: Path
) -> None:
    there = opened(clone(shared, tmp_path / "there"))
    machines = {"ledger": True, "env/dev": False}
    first = add(there, None, "a")
    for branch in machines:
        assert there.publish(branch, first, None)
    here.bring("origin", machines)
    changed = there.write_commit(first, {"a": b"other"}, message="x", author=JOB, at=AT)
    assert there.publish("ledger", changed, first)
    assert there.publish("env/dev", changed, first)
    with pytest.raises(ModelctlError, match=r"ledger .* tampered"):
        here.bring("origin", machines)
    assert here.remote_first("ledger") == first
    git(shared, "update-ref", "refs/heads/env/dev", first)
    with pytest.raises(ModelctlError, match="env/dev was deleted or rewritten"):
        here.bring("origin", machines)
    assert [here.remote_first(branch) for branch in machines] == [first, changed]

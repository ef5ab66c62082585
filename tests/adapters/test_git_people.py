"""Branches of people, which come and go, and who works at a clone."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.adapters.git import Author, Repository
from modelctl.adapters.git_people import person, shared_tip
from modelctl.errors import DependencyError, ModelctlError
from support.repos import RepoBuilder


def test_a_branch_is_where_the_remote_has_it_now(
    repo: RepoBuilder, clone_of_shared: RepoBuilder
) -> None:
    repository = Repository.discover(clone_of_shared.directory)
    assert shared_tip(repository, "promote/x") is None
    first = repo.commit({"a": "1"}, "promote/x", parent="main")
    repo.git("push", "--quiet", "origin", "promote/x")
    assert shared_tip(repository, "promote/x") == first
    other = repo.commit({"a": "2"}, "other", parent="main")
    repo.git("push", "--quiet", "--force", "origin", f"{other}:refs/heads/promote/x")
    assert shared_tip(repository, "promote/x") == other
    repo.git("push", "--quiet", "--delete", "origin", "promote/x")
    assert shared_tip(repository, "promote/x") is None
    assert repository.remote_first("promote/x") is None


def test_a_remote_that_is_gone_is_told(clone_of_shared: RepoBuilder, tmp_path: Path) -> None:
    clone_of_shared.git("remote", "set-url", "origin", f"file://{tmp_path}/gone.git")
    with pytest.raises(DependencyError, match="origin can't be reached"):
        shared_tip(Repository.discover(clone_of_shared.directory), "main")


def test_without_a_remote_the_branch_of_this_clone_counts(repo: RepoBuilder) -> None:
    head = repo.commit({"a": "1"})
    assert shared_tip(Repository.discover(repo.directory), "main") == head


def test_who_works_here_is_said_by_git(repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository.discover(repo.directory)
    with pytest.raises(ModelctlError, match="git doesn't know who you are"):
        person(repository)
    repo.git("config", "user.name", "Ada Lovelace")
    with pytest.raises(ModelctlError, match="git doesn't know who you are"):
        person(repository)
    repo.git("config", "user.email", "ada@example.com")
    assert person(repository) == Author(name="Ada Lovelace", email="ada@example.com")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ben")
    assert person(repository).name == "Ben"


def test_a_commit_may_follow_others_than_its_tree_is_made_of(repo: RepoBuilder) -> None:
    base, other = repo.commit({"a": "1"}), repo.commit({"b": "2"}, "other")
    repository = Repository.discover(repo.directory)
    who = Author(name="Ada", email="ada@example.com")
    sha = repository.write_commit(
        base, {"c": b"3"}, message="Both", author=who, at=1, parents=(other, base)
    )
    assert repository.commit(sha).parents == (other, base)
    assert repository.tree(sha).names("") == ("a", "c")

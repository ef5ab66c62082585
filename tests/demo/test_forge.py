from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo.failure import DemoError
from demo.forge import Forge, PullRequest
from demo.people import ADA, BEN, EVERYBODY, LENA, PAT
from modelctl.adapters.reviews import load_pull_requests
from support.repos import RepoBuilder

AUTHOR = f"{ADA.login} <{ADA.email}>"


@pytest.fixture
def remote(repo: RepoBuilder, tmp_path: Path) -> RepoBuilder:
    """A shared repository with one commit on main and a branch of ada's."""
    start = repo.commit({"README.md": "hello\n"})
    repo.commit({"x.txt": "x\n"}, "feature/x", author=AUTHOR, message="Add x", parent=start)
    return RepoBuilder(repo.bare(tmp_path / "shared.git"))


@pytest.fixture
def forge(remote: RepoBuilder, tmp_path: Path) -> Forge:
    return Forge(remote.directory, tmp_path, EVERYBODY)


@pytest.fixture
def pull(forge: Forge) -> PullRequest:
    return forge.open(ADA, "feature/x", "main", "Add x")


def test_the_file_is_what_modelctl_reads(forge: Forge, pull: PullRequest) -> None:
    forge.approve(pull, BEN, LENA)
    (read,) = load_pull_requests(pull.file)
    assert (read.number, read.base, read.head) == (1, "main", pull.head)
    assert read.author.login == "ada"
    assert [user.login for user in read.authors] == ["ada"]
    assert read.unknown_authors == ()
    assert [(r.user.login, r.state, r.commit) for r in read.reviews if r.user] == [
        ("ben", "APPROVED", pull.head),
        ("lena", "APPROVED", pull.head),
    ]
    assert read.complete
    assert read.merge_commit is None


def test_a_merge_has_both_parents_and_everything(
    forge: Forge, pull: PullRequest, remote: RepoBuilder
) -> None:
    base = remote.git("rev-parse", "main")
    merged = forge.merge(pull, PAT)
    assert remote.git("rev-parse", "main") == merged
    assert remote.git("log", "-1", "--format=%P %an", "main").split() == [base, pull.head, "pat"]
    assert remote.git("show", "main:x.txt") == "x"
    assert json.loads(pull.file.read_text())["pull_request"]["merge_commit_sha"] == merged
    (read,) = load_pull_requests(pull.file)
    assert read.merge_commit == merged


def test_a_conflict_is_not_merged(forge: Forge, pull: PullRequest, remote: RepoBuilder) -> None:
    before = remote.commit({"x.txt": "another x\n"})
    with pytest.raises(DemoError, match="conflicts with main"):
        forge.merge(pull, PAT)
    assert remote.git("rev-parse", "main") == before


def test_numbers_go_on(forge: Forge, pull: PullRequest) -> None:
    assert forge.open(BEN, "feature/x", "main", "Another").number == pull.number + 1

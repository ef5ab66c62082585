"""Many at once: nothing is lost, nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pygit2
import pytest

from forge.people import Person, Refused
from forge.server import Forge
from support.forges import plain_forge
from support.repos import RepoBuilder, git

WORKERS = 16
COUNT = 48


@pytest.fixture
def busy(tmp_path: Path, shared: Path) -> Iterator[Forge]:
    with plain_forge(tmp_path / "forge") as forge:
        forge.add_repository("acme", "models", from_bare=shared)
        yield forge


def branches(forge: Forge, count: int) -> list[str]:
    """Branches with a file of their own each, made beside the forge's back."""
    repository = pygit2.Repository(str(forge.state.repository("acme/models").path))
    base = repository.references["refs/heads/main"].peel(pygit2.Commit)
    who = pygit2.Signature("Ada", "ada@example.com", 1_795_000_000, 0)
    names = [f"promote/m{number}" for number in range(count)]
    for name in names:
        index = pygit2.Index()
        index.read_tree(base.tree)
        blob = repository.create_blob(name.encode())
        index.add(pygit2.IndexEntry(f"models/{name}", blob, 0o100644))
        tree = index.write_tree(repository)
        made = repository.create_commit(None, who, who, name, tree, [base.id])
        repository.references.create(f"refs/heads/{name}", made)
    return names


def test_promotions_at_once_are_all_merged(busy: Forge) -> None:
    tokens = {login: busy.add_user(login) for login in ("ada", "bob")}
    names = branches(busy, COUNT)

    def promote(name: str) -> str:
        with (
            Person(busy.url, tokens["ada"], "acme/models") as ada,
            Person(busy.url, tokens["bob"], "acme/models") as bob,
        ):
            number = ada.open_pull(name, "main")["number"]
            head = bob.pull(number)["head"]["sha"]
            bob.approve(number)
            return bob.merge(number, sha=head)

    with ThreadPoolExecutor(WORKERS) as pool:
        merged = list(pool.map(promote, names))
    repository = pygit2.Repository(str(busy.state.repository("acme/models").path))
    tip = repository.references["refs/heads/main"].peel(pygit2.Commit)
    firsts, at = [], tip
    while len(at.parent_ids) == 2:
        firsts.append(str(at.id))
        at = at.parents[0]
    assert sorted(firsts) == sorted(merged)
    assert {entry.name for entry in (tip.tree / "models" / "promote")} == {
        f"m{number}" for number in range(COUNT)
    }
    pulls = busy.state.repository("acme/models").pulls()
    assert sorted(pull.number for pull in pulls) == list(range(1, COUNT + 1))
    assert all(pull.merged_at for pull in pulls)


def test_one_pull_request_is_opened_and_merged_once(busy: Forge) -> None:
    token = busy.add_user("ada")
    name = branches(busy, 1)[0]

    def attempt(_: int) -> tuple[bool, bool]:
        with Person(busy.url, token, "acme/models") as ada:
            return _worked(lambda: ada.open_pull(name, "main")), _worked(lambda: ada.merge(1))

    with ThreadPoolExecutor(WORKERS) as pool:
        done = list(pool.map(attempt, range(WORKERS)))
    assert sum(opened for opened, _ in done) == 1
    assert sum(merged for _, merged in done) == 1


def _worked(action: object) -> bool:
    assert callable(action)
    try:
        action()
    except Refused:
        return False
    return True


def test_pushes_and_merges_share_a_branch(busy: Forge, tmp_path: Path) -> None:
    token = busy.add_user("ada")
    names = branches(busy, 8)
    with Person(busy.url, token, "acme/models") as ada:
        url = ada.git_url
        for name in names:
            ada.open_pull(name, "main")

    def push(number: int) -> None:
        work = RepoBuilder(tmp_path / f"work{number}")
        git(tmp_path, "clone", "--quiet", url, str(work.directory))
        (work.directory / f"pushed{number}").write_text("x")
        work.git("add", "--all")
        work.git("commit", "--quiet", "--message", "Push")
        for _ in range(30):
            try:
                work.git("push", "--quiet", "origin", "HEAD:main")
            except Exception:  # noqa: BLE001 somebody was first: on top of theirs then
                work.git("pull", "--quiet", "--rebase", "origin", "main")
            else:
                return
        raise AssertionError("never got through")

    def merge(number: int) -> None:
        with Person(busy.url, token, "acme/models") as ada:
            ada.merge(number)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(
            pool.map(
                lambda job: job[0](job[1]),
                [*((merge, n) for n in range(1, 9)), *((push, n) for n in range(4))],
            )
        )
    repository = pygit2.Repository(str(busy.state.repository("acme/models").path))
    tree = repository.references["refs/heads/main"].peel(pygit2.Commit).tree
    assert {entry.name for entry in tree} >= {f"pushed{number}" for number in range(4)}
    assert len(list(tree / "models" / "promote")) == 8

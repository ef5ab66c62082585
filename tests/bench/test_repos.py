"""The generated repositories: valid, always the same, and made once."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import pytest

from bench.repos import ledger, registry, served
from bench.repos.documents import model_name, version_name
from bench.repos.store import Store
from bench.repos.stream import git
from modelctl.domain.verdict import Outcome
from modelctl.services.board import board
from modelctl.services.session import open_session
from modelctl.services.tree_check import check_tree
from support.world import ENVIRONMENTS

FACTS = served.Facts(models=3, versions=2, environments=(ENVIRONMENTS[0], ENVIRONMENTS[-1]))
MAKERS = {
    "registry": partial(registry.create, models=4, versions=3, checkout=True),
    "served": partial(served.create, facts=FACTS),
    "tags": partial(served.create_tags, facts=FACTS),
    "ledger": partial(ledger.create, models=2, entries=30),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("bench"), lambda text: None)


def made(store: Store, name: str) -> Path:
    return store.get(name, MAKERS[name])


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_repository_comes_out_every_time(store: Store, name: str, tmp_path: Path) -> None:
    MAKERS[name](tmp_path)
    refs = [git(where, "for-each-ref") for where in (made(store, name), tmp_path)]
    assert refs[0] == refs[1]
    assert refs[0]
    subprocess.run(["git", "fsck", "--strict"], cwd=tmp_path, check=True, capture_output=True)


def test_every_version_is_valid_and_passes_the_static_gates(store: Store) -> None:
    session = open_session(made(store, "registry"))
    commit = session.repository.resolve("main")
    report = check_tree(session, session.repository.tree(commit), commit)
    assert [v.outcome for v in report.verdicts] == [Outcome.PASS] * 4
    assert not git(made(store, "registry"), "status", "--porcelain")


def test_a_pull_request_brings_one_version_and_its_base_went_on(store: Store) -> None:
    where = made(store, "registry")
    changed = git(where, "diff", "--name-only", f"main...{registry.PULL_REQUEST}").split()
    folder = f"models/{model_name(1)}"
    assert changed == [f"{folder}/release.yaml", f"{folder}/versions/{version_name(3)}.yaml"]
    assert git(where, "rev-list", "--count", f"{registry.PULL_REQUEST}..ml") == "1"


def test_the_status_knows_every_assignment(store: Store) -> None:
    rows = board(open_session(made(store, "served"))).rows
    found = {row.model: {name: cell.version for name, cell in row.cells.items()} for row in rows}
    expected = {ENVIRONMENTS[0]: version_name(1), ENVIRONMENTS[-1]: version_name(0)}
    assert found == {model_name(index): expected for index in range(3)}
    assert all(cell.since for row in rows for cell in row.cells.values())


def test_the_tags_say_the_same(store: Store) -> None:
    tags = git(made(store, "tags"), "tag").split()
    name = model_name(0)
    assert [tag for tag in tags if tag.startswith(name)] == [
        f"{name}#{ENVIRONMENTS[0]}#1",
        f"{name}#{ENVIRONMENTS[-1]}#1",
        f"{name}@v{version_name(0)}",
        f"{name}@v{version_name(1)}",
    ]
    assert len(tags) == 3 * 2 + 3 * 2


@pytest.mark.parametrize("name", ["ledger", "served"])
def test_every_entry_is_signed_and_chained(store: Store, name: str) -> None:
    session = open_session(made(store, name))
    assert session.ledger.verify() == ()
    first = session.ledger.models()[0]
    assert len(session.ledger.entries(first)) == (30 if name == "ledger" else 2)


def test_what_is_there_is_not_made_again(store: Store) -> None:
    first = made(store, "registry")

    def never(directory: Path) -> None:
        raise AssertionError

    assert store.get("registry", never) == first


def test_what_was_left_half_made_or_is_old_is_removed(tmp_path: Path) -> None:
    told: list[str] = []
    store = Store(tmp_path, told.append)
    left = [tmp_path / f"x-{'0' * 12}", tmp_path / f"x-{'1' * 12}.draft"]
    others = [tmp_path / f"x-y-{'0' * 12}", tmp_path / "x"]
    for folder in (*left, *others):
        folder.mkdir()
    found = store.get("x", lambda directory: (directory / "made").touch())
    assert (found / "made").exists()
    assert sorted(tmp_path.iterdir()) == sorted([found, *others])
    assert told == ["generating x"]

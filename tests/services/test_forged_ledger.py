"""Somebody without a key pushes the ledger: what happens after that is recorded, and read again."""

from __future__ import annotations

import hashlib

import pytest

from modelctl.adapters.ledger_files import Content, decode, encode, entry_path, last_name
from modelctl.domain.tree import Tree
from modelctl.services.going_back import WENT_BACK
from support.deploys import run
from support.journey import bring, publish
from support.rollouts import failing, look, start, told
from support.ways_back import Traffic, back, held, ran
from support.world import MODEL, World


def ledger(world: World) -> Tree:
    """What was pushed to it by now."""
    repository = world.session().repository
    return repository.tree(repository.remote_first("ledger"))


def replay(world: World, kind: str = "deployment") -> None:
    """Appends the first signed statement of a kind once more, with its place in the chain."""
    old = next(one for one in world.session().ledger.entries(MODEL) if one.kind == kind)
    tree = ledger(world)
    last = last_name(tree, MODEL)
    assert last is not None
    previous = hashlib.sha256(tree.read(last.path) or b"").hexdigest()
    envelope = decode(tree.read(old.path) or b"").envelope
    again = Content(seq=last.seq + 1, previous=previous, envelope=envelope)
    path = entry_path(MODEL, again.seq, kind, old.signed.envelope_digest)
    publish(world, "ledger", {path: encode(again).decode()})


def junk(world: World, *numbers: int) -> None:
    """Pushes files that have the names of entries."""
    paths = (entry_path(MODEL, number, "rollout", "0" * 12) for number in numbers)
    publish(world, "ledger", dict.fromkeys(paths, "{}"))


@pytest.fixture
def twice(served: World) -> World:
    """1.1.0 serves in dev, where 1.0.0 did before."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def test_a_replayed_move_hides_no_way_back(twice: World) -> None:
    replay(twice)
    assert back(twice, "dev", Traffic()).outcome == WENT_BACK
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]
    assert [version for version, _, _ in held(twice)] == ["1.1.0"]


def test_a_replayed_move_hides_no_breach_of_a_canary(served: World) -> None:
    start(served)
    replay(served)
    assert look(served, failing(served, minutes=31)).events == ("rolled-back",)
    assert (told(served), len(held(served))) == (["started", "rolled-back"], 1)


def test_a_replayed_move_hides_no_deploy(served: World) -> None:
    replay(served)
    served.later(minutes=10)
    bring(served, "dev", "1.1.0")
    assert ran(served) == ["1.0.0", "1.1.0"]


@pytest.mark.parametrize("numbers", [(10**8 - 1,), (10**8 - 2,), (10**8 - 2, 10**8 - 1)])
def test_a_number_far_beyond_hides_nothing_that_comes_after_it(
    twice: World, numbers: tuple[int, ...]
) -> None:
    junk(twice, *numbers)
    assert back(twice, "dev", Traffic()).outcome == WENT_BACK
    assert ran(twice)[-1] == "1.0.0"
    assert len(held(twice)) == 1


def test_numbers_that_somebody_took_are_passed_over(twice: World) -> None:
    last = last_name(ledger(twice), MODEL)
    assert last is not None
    junk(twice, last.seq + 1, last.seq + 2)
    assert back(twice, "dev", Traffic()).outcome == WENT_BACK
    after = [one.seq for one in twice.session().ledger.entries(MODEL) if one.damage is None]
    assert after[-2:] == [last.seq + 3, last.seq + 4]


def test_what_is_put_back_after_a_replay_is_not_undone(twice: World) -> None:
    """The state as it was signed before, pushed again beside an entry that was."""
    before = twice.builder.git("rev-parse", "origin/env/dev^{tree}")
    replay(twice)
    back(twice, "dev", Traffic())
    git = twice.builder.git
    git("fetch", "--quiet", "origin")
    tip = git("rev-parse", "origin/env/dev")
    pushed = git("commit-tree", before, "-p", tip, "-m", "as it was signed")
    git("push", "--quiet", "origin", f"{pushed}:env/dev")
    twice.later(minutes=5)
    assert [d.blocked for d in run(twice, "dev").decisions] == [True]
    assert ran(twice)[-1] == "1.0.0"

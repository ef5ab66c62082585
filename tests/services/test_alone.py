"""Ways back while the shared branches can't be had, or hold what no clone accepts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modelctl.errors import DependencyError, ModelctlError
from modelctl.services import rollout_moves
from modelctl.services.going_back import WENT_BACK, WentBack, go_back
from modelctl.services.rollouts import open_rollout, step
from modelctl.services.session import Session
from support.journey import bring, publish
from support.rollouts import healthy, start
from support.ways_back import CAUSE, Traffic, back, ran, sound
from support.world import MODEL, World


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def again(world: World, session: Session, traffic: Traffic) -> WentBack:
    """A way back by a session that was opened before."""
    transition, effects = world.transition("dev"), traffic.effects(world)
    return go_back(session, transition, MODEL, cause=CAUSE, effects=effects, intact=sound)


def merged(others: World) -> None:
    """A merge commit on the branch of the environment."""
    git = others.builder.git
    tree = "origin/env/dev^{tree}"
    other = git("commit-tree", tree, "-m", "x")
    tip = git("rev-parse", "origin/env/dev")
    merge = git("commit-tree", tree, "-p", tip, "-p", other, "-m", "x")
    git("push", "--quiet", "origin", f"{merge}:refs/heads/env/dev")


def altered(others: World) -> None:
    """A file of the ledger that somebody rewrote."""
    publish(others, "ledger", {"models/other-model/x.json": "[]"})


def pushed(others: World) -> None:
    """The record of what runs, which anybody may write who may push."""
    publish(others, "env/dev", {f"{MODEL}/release.json": "{"})


def down(others: World) -> None:
    """The remote is gone."""
    others.shared.rename(others.shared.with_name("gone.git"))


@pytest.mark.parametrize("attack", [merged, altered, down])
def test_who_holds_the_branches_does_not_hold_traffic(
    twice: World, tmp_path: Path, attack: Callable[[World], None]
) -> None:
    others = twice.copy_clone(tmp_path / "others")
    publish(others, "ledger", {"models/other-model/x.json": "{}"})
    session, traffic = twice.session(), Traffic()
    attack(others)
    with pytest.raises(DependencyError, match=r"sent back to 1\.0\.0 .* couldn't be recorded"):
        again(twice, session, traffic)
    assert traffic.where[MODEL] == [("1.0.0", 100)]


def test_who_writes_all_the_time_does_not_hold_traffic(
    twice: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The branch is written again before each try of the job."""
    others = twice.copy_clone(tmp_path / "others")
    session, traffic, written = twice.session(), Traffic(), rollout_moves.recorded

    def raced(*given: object) -> object:
        others.builder.git("fetch", "--quiet", "origin")
        pushed(others)
        return written(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(rollout_moves, "recorded", raced)
    monkeypatch.setattr(rollout_moves, "_HURRY", 0.1)
    with pytest.raises(DependencyError, match=r"sent back to 1\.0\.0 .* changed by others"):
        again(twice, session, traffic)
    assert traffic.where[MODEL] == [("1.0.0", 100)]


def test_nothing_goes_forward_alone(served: World) -> None:
    start(served)
    seen, session, traffic = healthy(served, hours=25), served.session(), Traffic()
    one = open_rollout(session, served.transition("dev"), MODEL)
    assert one is not None
    down(served)
    with pytest.raises(ModelctlError, match="can't be reached"):
        step(session, served.transition("dev"), one, [seen], traffic.effects(served))
    assert traffic.order == []


def test_it_is_recorded_once_the_remote_is_there(twice: World) -> None:
    session, traffic = twice.session(), Traffic()
    down(twice)
    with pytest.raises(DependencyError):
        again(twice, session, traffic)
    twice.shared.with_name("gone.git").rename(twice.shared)
    assert back(twice, "dev").outcome == WENT_BACK
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]

"""What follows traffic: alerts that are about what serves, and what was kept warm is taken away."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.errors import DependencyError
from modelctl.services import guard_paperwork, monitoring
from modelctl.services.acting import Effects
from modelctl.services.guarding import Guard, Pass
from modelctl.services.rollout_ticks import tick
from support.deploys import run
from support.journey import bring, publish
from support.rollouts import Recording, arrive, failing, shares, start, told
from support.watched import alerts_of, measured
from support.ways_back import Figures, Traffic, ran, sound
from support.world import MODEL, World


def guard_of(world: World, figures: Any = None) -> Guard:
    effects = Traffic().effects(world, source={"dev": figures or Figures()})
    return Guard(transitions=[world.transition("dev")], effects=effects, intact=sound)


def look(guard: Guard, world: World) -> Pass:
    return guard.look(world.session().at(world.now))


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0, and has alerts."""
    measured(served)
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    assert alerts_of(served) == ("1.1.0", {"1.1.0"})
    return served


@pytest.fixture
def on_its_way(served: World) -> World:
    """1.1.0 takes over from 1.0.0 in dev, and both are watched."""
    measured(served)
    start(served)
    assert alerts_of(served) == ("1.1.0", {"1.0.0", "1.1.0"})
    return served


@pytest.fixture
def warm(served: World) -> World:
    """1.1.0 serves, and 1.0.0 is kept for a day."""
    path, kind = "policies/strategies.yaml", "    kind: blue-green\n"
    text = served.show("origin/main", path)
    publish(served, "main", {path: text.replace(kind, f"{kind}    keep_warm: 1d\n")})
    measured(served)
    arrive(served, strategy="blue-green")
    run(served, "dev")
    assert shares(served)[1:] == [("previous", "1.0.0", 0)]
    return served


def breach(world: World) -> Figures:
    world.later(seconds=1)
    figures = Figures()
    figures.say(world.now, 900)
    return figures


def test_a_guard_takes_away_what_was_kept_warm_long_enough(warm: World) -> None:
    guard = guard_of(warm)
    assert (look(guard, warm).changes, len(shares(warm))) == ((), 2)
    warm.later(days=2)
    done = look(guard, warm)
    assert [(one.kind, one.model) for one in done.changes if one.kind == "cooled"] == [
        ("cooled", MODEL)
    ]
    assert done.left == ()
    assert shares(warm) == [("stable", "1.1.0", 100)]
    assert alerts_of(warm) == ("1.1.0", {"1.1.0"})
    warm.later(minutes=2)
    assert [one.kind for one in look(guard, warm).changes if one.kind == "cooled"] == []


def test_what_is_kept_warm_is_read_only_where_the_state_changed(
    warm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, read = guard_of(warm), list[object]()
    real = guard_paperwork.warm
    monkeypatch.setattr(guard_paperwork, "warm", lambda tree: read.append(tree) or real(tree))
    session = warm.session()
    for _ in range(5):
        warm.later(minutes=2)
        guard.look(session.at(warm.now))
    assert len(read) == 1


def test_what_cant_be_read_of_what_is_warm_ends_no_guard(
    warm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*args: Any) -> Any:
        raise DependencyError("an object is gone")

    monkeypatch.setattr(guard_paperwork, "warm", lost)
    assert look(guard_of(warm), warm).left == ("dev: an object is gone",)


def test_alerts_follow_a_guard_that_goes_back(twice: World) -> None:
    done = look(guard_of(twice, breach(twice)), twice)
    assert (ran(twice)[-1], done.left) == ("1.0.0", ())
    assert alerts_of(twice) == ("1.0.0", {"1.0.0"})


def test_alerts_that_cant_be_written_undo_nothing_and_are_tried_again(
    twice: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any) -> Any:
        raise DependencyError("the remote is down")

    real = monitoring.write_monitoring
    monkeypatch.setattr(monitoring, "write_monitoring", down)
    guard = guard_of(twice, breach(twice))
    done = look(guard, twice)
    assert ran(twice)[-1] == "1.0.0"
    assert done.left == ("alerts of dev: the remote is down",)
    monkeypatch.setattr(monitoring, "write_monitoring", real)
    assert (look(guard, twice).left, alerts_of(twice)[0]) == ((), "1.1.0")
    twice.later(minutes=1)
    assert (look(guard, twice).left, alerts_of(twice)[0]) == ((), "1.0.0")


def test_alerts_follow_a_rollout_that_goes_back(on_its_way: World) -> None:
    source = Recording(seen=[failing(on_its_way, hours=1)])
    effects = Effects(signer=on_its_way.deployer.signer, source={"dev": source})
    done = tick(on_its_way.session(), on_its_way.transition("dev"), effects)
    assert (told(on_its_way)[-1], done.left) == ("rolled-back", ())
    assert alerts_of(on_its_way) == ("1.0.0", {"1.0.0"})


def test_alerts_never_stand_before_traffic(
    on_its_way: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any) -> Any:
        raise DependencyError("the remote is down")

    monkeypatch.setattr(monitoring, "write_monitoring", down)
    source = Recording(seen=[failing(on_its_way, hours=1)])
    effects = Effects(signer=on_its_way.deployer.signer, source={"dev": source})
    done = tick(on_its_way.session(), on_its_way.transition("dev"), effects)
    assert (shares(on_its_way), told(on_its_way)[-1]) == ([("stable", "1.0.0", 100)], "rolled-back")
    assert done.left == ("alerts of dev: the remote is down",)

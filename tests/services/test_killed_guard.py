"""Guards as processes: killed without a word at each step, and two at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from modelctl.services import going_back, rollout_moves
from modelctl.services.guarding import Guard
from modelctl.services.state import read_state
from support.journey import bring
from support.ways_back import Figures, Traffic, held, kinds, ran, sound
from support.world import MODEL, World

FORK = multiprocessing.get_context("fork")

STEPS = {
    "before anything": (going_back, "move"),
    "before traffic": (rollout_moves, "put_into_force"),
    "before the record": (rollout_moves, "sign"),
    "after the record": (rollout_moves, "tag_deployments"),
    "in the paperwork": (going_back, "incidents"),
}


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def watch(world: World, traffic: Traffic | None = None) -> None:
    """One pass of a guard that sees a breach of 1.1.0."""
    figures = Figures()
    figures.say(world.now, 900)
    effects = (traffic or Traffic()).effects(world, source={"dev": figures})
    guard = Guard(transitions=[world.transition("dev")], effects=effects, intact=sound)
    guard.look(world.session())


def dying(world: World, place: Any, name: str) -> None:
    """The same, in a process that is killed where it gets to."""

    def die(*args: object, **more: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, die)
    watch(world)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_next_pass_ends_where_the_first_would(
    twice: World, step: str
) -> None:
    process = FORK.Process(target=dying, args=(twice, *STEPS[step]))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    twice.later(seconds=5)
    traffic = Traffic()
    watch(twice, traffic)
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]
    assert (kinds(twice).count("rollback"), len(held(twice))) == (1, 1)
    assert read_state(twice.session(), "dev")[MODEL].version == "1.0.0"
    twice.later(minutes=2)
    assert twice.session().ledger.verify() == ()


def test_two_guards_at_once_do_it_once(twice: World, tmp_path: Path) -> None:
    clones = [twice, *(twice.copy_clone(tmp_path / str(number)) for number in range(2))]
    processes = [FORK.Process(target=watch, args=(one,)) for one in clones]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (kinds(twice).count("rollback"), len(held(twice))) == (1, 1)
    assert read_state(twice.session(), "dev")[MODEL].version == "1.0.0"

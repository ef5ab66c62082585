"""Jobs that move one rollout at the same time, and jobs that die: nothing is doubled or lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from modelctl.domain.history import quarantines
from modelctl.domain.observations import Observation
from modelctl.errors import ModelctlError
from modelctl.services import rollout_moves
from modelctl.services.acting import Effects
from modelctl.services.rollouts import carry_out, judge, step
from modelctl.services.session import Session
from support.deploys import run
from support.rollouts import Traffic, failing, healthy, look, shares, start, told, under_way
from support.world import MODEL, World


def apart(act: Callable[[], Any]) -> int | None:
    """Runs it in a process of its own; how that ended."""
    process = multiprocessing.get_context("fork").Process(target=act)
    process.start()
    process.join(60)
    return process.exitcode


def die(*_: object, **__: object) -> Any:
    """Ends this process as the machine going down would."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_before_traffic(world: World, seen: Observation) -> None:
    """A step that is killed once the state was written."""
    look(world, seen, effects=Effects(signer=world.deployer.signer, apply=die))


def dying_before_the_record(world: World, seen: Observation) -> None:
    """A step that is killed once traffic has moved."""
    rollout_moves.append = die
    look(world, seen)


DYING = (dying_before_traffic, dying_before_the_record)


@pytest.mark.parametrize("dying", DYING)
def test_a_step_that_was_killed_is_taken_again(served: World, dying: Any) -> None:
    start(served)
    seen = healthy(served, hours=25)
    assert apart(partial(dying, served, seen)) == -signal.SIGKILL
    assert (shares(served)[1][2], told(served)) == (25, ["started"])
    traffic = Traffic()
    assert look(served, seen, traffic=traffic).events == ("advanced",)
    assert (traffic.last, told(served)) == (shares(served), ["started", "advanced"])
    assert served.session().ledger.verify() == ()


@pytest.mark.parametrize("dying", DYING)
def test_a_way_back_that_was_killed_is_gone_again(served: World, dying: Any) -> None:
    start(served)
    seen = failing(served, hours=1)
    assert apart(partial(dying, served, seen)) == -signal.SIGKILL
    assert shares(served) == [("stable", "1.0.0", 100)]
    assert run(served, "dev").unaccounted == ()  # a deploy in between leaves it to its job
    assert look(served, seen).events == ("rolled-back",)
    assert told(served) == ["started", "rolled-back"]
    assert len(quarantines(served.session().signed(MODEL))) == 1
    assert run(served, "dev").recorded == 0


def test_what_was_left_unsigned_is_put_back_in_time(served: World) -> None:
    start(served)
    seen = healthy(served, hours=25)
    apart(partial(dying_before_traffic, served, seen))
    served.later(minutes=10)
    done = run(served, "dev")
    assert (done.unaccounted, shares(served)[1][2], told(served)) == ((), 5, ["started"])


def test_two_at_once_take_one_step(served: World, tmp_path: Path) -> None:
    start(served)
    seen = healthy(served, hours=25)
    here, there = under_way(served), under_way(served)
    transition, effects = served.transition("dev"), Effects(signer=served.deployer.signer)
    other = served.copy_clone(tmp_path / "other")
    first = step(served.session(), transition, here, [seen], effects)
    second = step(other.session(), transition, there, [seen], effects)
    assert (first.events, second.events, second.passed) == (("advanced",), (), True)
    assert told(served) == ["started", "advanced"]


def test_a_way_back_isn_t_lost_to_a_step(served: World, tmp_path: Path) -> None:
    """One job finds a breach while another one takes the next step."""
    start(served)
    seen = failing(served, hours=1)
    transition, effects = served.transition("dev"), Effects(signer=served.deployer.signer)
    session, one = served.session(), under_way(served)
    fine = replace(
        seen, sides={**seen.sides, "canary": seen.sides["stable"], "live": seen.sides["stable"]}
    )
    other = served.copy_clone(tmp_path / "other")
    judged = judge(other.session(), one, [fine])
    assert carry_out(other.session(), transition, one, judged, effects).events == ("advanced",)
    done = step(session, transition, one, [seen], effects)
    assert done.events == ("rolled-back",)
    assert (told(served)[-1], shares(served)) == ("rolled-back", [("stable", "1.0.0", 100)])


def test_a_way_back_that_takes_long_is_not_undone(served: World, tmp_path: Path) -> None:
    """Another job holds what isn't signed yet; and where a person says that nobody meant it, the
    job that did, and signed it, still has the last word."""
    start(served)
    seen = failing(served, hours=1)
    other, traffic = served.copy_clone(tmp_path / "other"), Traffic()
    undone: list[int] = []

    def slow(session: Session, *given: Any) -> Mapping[str, str]:
        if not undone:
            other.now = served.now
            other.later(minutes=5)
            with pytest.raises(ModelctlError, match="no job recorded it: it is held there"):
                look(other)
            assert shares(other) == [("stable", "1.0.0", 100)]
            run(other, "dev", forward=[MODEL])
            undone.append(shares(other)[1][2])
        return traffic.apply(session, *given)

    done = look(served, seen, effects=Effects(signer=served.deployer.signer, apply=slow))
    assert (undone, done.events) == ([5], ("rolled-back",))
    assert (shares(served), traffic.last) == ([("stable", "1.0.0", 100)],) * 2
    assert (told(served), run(served, "dev").recorded) == (["started", "rolled-back"], 0)


def test_many_at_once_take_one_step(served: World, tmp_path: Path) -> None:
    start(served)
    seen = healthy(served, hours=25)
    worlds = [served.copy_clone(tmp_path / str(n)) for n in range(3)]
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=look, args=(world, seen)) for world in worlds]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(90)
    assert told(served) == ["started", "advanced"]
    assert shares(served)[1][2] == 25
    assert served.session().ledger.verify() == ()

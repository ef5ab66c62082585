"""A rehearsed way back: traffic goes there and forth again, and what it took is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.domain.evidence import Statement
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.rehearsing import KIND, Rehearsed, rehearse
from modelctl.services.state import read_state
from support.journey import bring, publish
from support.keys import Person
from support.ways_back import Traffic, kinds, sound
from support.world import ENVIRONMENTS, MODEL, World, key_file


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0; the job's key may sign rehearsals."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    may = ["deployment", "rollback", "rollout", "quarantine", KIND]
    publish(
        served,
        "main",
        {"policies/keys/deployer.yaml": key_file(served.deployer, may, ENVIRONMENTS)},
    )
    return served


class Stage(Traffic):
    """Traffic that remembers each split, and takes its time."""

    def __init__(self, *, seconds: float = 2.0):
        super().__init__()
        self.splits: list[list[tuple[str, int]]] = []
        self.now, self.seconds = 0.0, seconds
        self.dies_at: int | None = None

    def apply(self, *args: Any) -> Any:
        self.now += self.seconds
        found = super().apply(*args)
        self.splits.append(self.where[MODEL])
        if self.dies_at == len(self.splits):
            raise KeyboardInterrupt
        return found

    def clock(self) -> float:
        """Seconds."""
        return self.now


def run(world: World, stage: Stage, **more: Any) -> Rehearsed:
    return rehearse(
        world.session(),
        world.transition("dev"),
        MODEL,
        stage.effects(world),
        **{"intact": sound, "clock": stage.clock, **more},
    )


def evidence(world: World) -> list[Statement]:
    told = (one.statement for one in world.session().signed(MODEL))
    return [one for one in told if one is not None and one.kind == KIND]


def test_traffic_goes_back_and_forth_and_the_way_is_measured(twice: World) -> None:
    stage, before = Stage(), kinds(twice)
    state = read_state(twice.session(), "dev")[MODEL]
    done = run(twice, stage)
    assert stage.splits == [
        [("1.1.0", 100)],
        [("1.1.0", 100), ("1.0.0", 0)],
        [("1.0.0", 100), ("1.1.0", 0)],
        [("1.1.0", 100)],
    ]
    assert (done.seconds, done.passed, done.back_to) == (2.0, True, "1.0.0")
    assert (kinds(twice), read_state(twice.session(), "dev")[MODEL]) == (before, state)


def test_what_is_recorded_is_what_the_gate_reads(twice: World) -> None:
    done = run(twice, Stage())
    [told] = evidence(twice)
    assert told.predicate == {
        "passed": True,
        "to_version": "1.0.0",
        "artifacts_present": True,
        "features_present": True,
        "seconds": 2.0,
    }
    assert told.digest == twice.locate("1.1.0", "origin/ml").digest
    assert (told.environment, done.place is not None) == ("dev", True)


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_killed_anywhere_the_next_run_brings_traffic_back(twice: World, step: int) -> None:
    stage = Stage()
    stage.dies_at = step
    with pytest.raises(KeyboardInterrupt):
        run(twice, stage)
    again = Stage()
    assert run(twice, again).passed
    assert again.where[MODEL] == [("1.1.0", 100)]
    assert len(evidence(twice)) == 1


def test_artifacts_that_are_gone_are_recorded_and_nothing_moves(twice: World) -> None:
    stage = Stage()
    done = run(twice, stage, intact=lambda *_: "its artifacts can't be had: gone")
    assert (done.passed, done.artifacts_present, stage.splits) == (False, False, [])
    [told] = evidence(twice)
    assert (told.predicate["passed"], "seconds" in told.predicate) == (False, False)


def test_what_does_not_come_up_is_recorded_as_failed(twice: World) -> None:
    stage = Stage()

    def apply(*args: Any) -> Any:
        Stage.apply(stage, *args)
        return {MODEL: "it doesn't start"} if len(stage.splits) == 2 else {}

    stage.broken = {}
    done = rehearse(
        twice.session(),
        twice.transition("dev"),
        MODEL,
        Effects(signer=twice.deployer.signer, apply=apply),
        intact=sound,
        clock=stage.clock,
    )
    assert done.problem == "1.0.0 can't be brought up: it doesn't start"
    assert stage.where[MODEL] == [("1.1.0", 100)]


def test_traffic_that_can_not_be_brought_forth_is_an_error(twice: World) -> None:
    stage = Stage()
    stage.broken = {MODEL: "the router is down"}
    with pytest.raises(DependencyError, match="is not back where it was: the router is down"):
        run(twice, stage)
    assert evidence(twice) == []


def test_only_what_serves_is_rehearsed(twice: World) -> None:
    with pytest.raises(ModelctlError, match=r"dev runs tumor-classifier 1\.1\.0, not 1\.0\.0"):
        run(twice, Stage(), version="1.0.0")


def test_a_first_version_has_no_way_back(served: World) -> None:
    with pytest.raises(ModelctlError, match="dev has no version of tumor-classifier to go back to"):
        run(served, Stage())


def test_where_nothing_is_put_into_force_nothing_is_measured(twice: World) -> None:
    with pytest.raises(ModelctlError, match="nothing here puts tumor-classifier of dev into force"):
        rehearse(
            twice.session(),
            twice.transition("dev"),
            MODEL,
            Effects(signer=twice.deployer.signer),
            intact=sound,
        )


def test_a_key_that_may_not_sign_it_moves_nothing(twice: World) -> None:
    stage = Stage()
    other: Person = twice.ci
    with pytest.raises(ModelctlError):
        rehearse(
            twice.session(),
            twice.transition("dev"),
            MODEL,
            Effects(signer=other.signer, apply=stage.apply),
            intact=sound,
        )
    assert stage.splits == []


def test_its_own_states_are_nobody_elses(twice: World) -> None:
    said: list[str] = []
    stage = Stage()
    effects = stage.effects(twice, progress=said.append)
    done = rehearse(twice.session(), twice.transition("dev"), MODEL, effects, intact=sound)
    assert done.passed
    assert said == []


def test_what_can_not_be_written_down_is_not_rehearsed(twice: World) -> None:
    """It is no emergency: nothing moves while the remote is down."""
    session, stage = twice.session(), Stage()
    twice.shared.rename(twice.shared.with_name("gone.git"))
    effects = stage.effects(twice)
    with pytest.raises(DependencyError):
        rehearse(session, twice.transition("dev"), MODEL, effects, intact=sound)
    assert [one for one in stage.splits if one[0] != ("1.1.0", 100)] == []

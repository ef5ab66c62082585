"""Ways back that a job wrote and didn't live to sign: nothing serves again by itself."""

from __future__ import annotations

import signal
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from modelctl.domain.rollout_split import split
from modelctl.errors import ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.enforcing import put_again
from modelctl.services.rendering import render
from modelctl.services.rollout_ticks import tick
from modelctl.services.state import read_state
from services.test_forged_state import forge
from services.test_rollouts_apart import apart, die, dying_before_the_record
from support.journey import bring, publish
from support.rollouts import failing, healthy, look, running, shares, start, told, under_way
from support.ways_back import back, kinds, ran
from support.world import MODEL, World


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def killed(world: World) -> None:
    """A guard that wrote the way back, and was killed before it signed; some time later."""
    before = read_state(world.session(), "dev")[MODEL]
    assert before.version == "1.1.0"
    apart(partial(_dying, world))
    assert here(world) == "1.0.0"
    assert ran(world) == ["1.0.0", "1.1.0"]
    world.later(minutes=10)


def _dying(world: World) -> None:
    from modelctl.services import rollout_moves

    rollout_moves.sign = die
    back(world, "dev")


def here(world: World) -> str:
    return read_state(world.session(), "dev")[MODEL].version


def deployed(world: World, forward: Collection[str] = (), **more: Any) -> Deployed:
    effects = Effects(signer=world.deployer.signer, **more)
    return deploy(
        world.session(), world.transition("dev"), world.merged(), effects, forward=forward
    )


def test_a_deploy_never_serves_again_what_was_taken_back_without_a_record(twice: World) -> None:
    killed(twice)
    for _ in range(2):
        done = deployed(twice)
        assert (here(twice), done.recorded, done.unaccounted) == ("1.0.0", 0, ())
        assert not any(d.moves for d in done.decisions)
        said = done.problems[MODEL]
        assert said.startswith(f"dev went back to 1.0.0 of {MODEL} at ")
        assert f"modelctl rollback {MODEL} --env dev --emergency" in said
        assert f"modelctl deploy dev --forward {MODEL}" in said
        twice.later(days=1)


def test_a_person_records_it(twice: World) -> None:
    killed(twice)
    deployed(twice)
    back(twice, "dev")
    assert (ran(twice)[-1], kinds(twice)[-2:]) == ("1.0.0", ["rollback", "quarantine"])
    assert MODEL not in deployed(twice).problems
    assert here(twice) == "1.0.0"


def test_a_person_undoes_it(twice: World) -> None:
    killed(twice)
    done = deployed(twice, forward=[MODEL])
    assert (here(twice), dict(done.problems)) == ("1.1.0", {})


def test_nothing_else_puts_it_back_either(twice: World) -> None:
    killed(twice)
    runs = next(d.running for d in deployed(twice).decisions)
    assert runs is not None
    effects = Effects(signer=twice.deployer.signer)
    found = put_again(twice.session(), twice.transition("dev"), effects, [runs])
    assert "no job recorded it" in found[MODEL]
    assert here(twice) == "1.0.0"


def test_who_pushes_what_ran_before_adds_nothing_of_his_own(twice: World) -> None:
    killed(twice)
    path = f"{MODEL}/manifests.yaml"
    honest = twice.show("origin/env/dev", path)
    publish(twice, "env/dev", {path: "kind: Pod\n", f"{MODEL}/evil.yaml": "kind: Pod\n"})
    assert MODEL in deployed(twice).problems
    twice.session()
    assert twice.show("origin/env/dev", path) == honest
    with pytest.raises(Exception, match=r"evil\.yaml"):
        twice.show("origin/env/dev", f"{MODEL}/evil.yaml")


def test_what_was_taken_out_for_good_is_no_way_back(twice: World) -> None:
    bad = read_state(twice.session(), "dev")[MODEL]
    back(twice, "dev")
    twice.later(hours=2)
    forge(twice, bad)
    done = deployed(twice)
    assert (here(twice), len(done.unaccounted), MODEL in done.problems) == ("1.0.0", 1, False)


def test_a_rollout_that_went_back_unsigned_stays_back(served: World) -> None:
    start(served)
    seen = failing(served, hours=1)
    assert apart(partial(dying_before_the_record, served, seen)) == -signal.SIGKILL
    served.later(hours=1)
    assert "no job recorded it" in deployed(served).problems[MODEL]
    assert (shares(served), told(served)) == ([("stable", "1.0.0", 100)], ["started"])
    done = tick(served.session(), served.transition("dev"), Effects(signer=served.deployer.signer))
    assert done.looked[0].done is not None  # nothing was heard of it for long: it goes back
    assert done.looked[0].done.events == ("rolled-back",)
    assert MODEL not in deployed(served).problems


def test_a_lower_share_stays_and_a_person_raises_it(served: World) -> None:
    start(served)
    look(served, healthy(served, hours=25))
    one = under_way(served)
    assert one.strategy is not None
    forge(served, split(one.strategy, one.stable, running(served), weight=5))
    served.later(hours=1)
    assert "1.1.0 at 5 %" in deployed(served).problems[MODEL]
    with pytest.raises(ModelctlError, match="no job recorded it"):
        look(served)
    assert shares(served)[1][2] == 5
    assert MODEL not in deployed(served, forward=[MODEL]).problems
    assert shares(served)[1][2] == 25


def test_a_share_that_the_plan_would_not_split_so_is_put_back(served: World) -> None:
    start(served)
    look(served, healthy(served, hours=25))
    one = under_way(served)
    assert one.strategy is not None
    lower = split(one.strategy, one.stable, running(served), weight=5)
    parts = [
        replace(b, header=("x-evil", "1") if b.name == "canary" else None) for b in lower.backends
    ]
    forged = replace(lower, backends=tuple(parts))
    files = render(served.session(), [forged])[MODEL]
    publish(served, "env/dev", {f"{MODEL}/{name}": text for name, text in files.items()})
    served.later(hours=1)
    assert MODEL not in deployed(served).problems
    assert shares(served)[1][2] == 25

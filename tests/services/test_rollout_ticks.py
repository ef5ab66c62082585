"""One pass over an environment: one question, a step each, and what is left to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from modelctl.adapters.ledger import Ledger
from modelctl.domain.events import Event
from modelctl.domain.history import deployments
from modelctl.domain.observations import Observation, Watched
from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.errors import DependencyError
from modelctl.services import rollout_ticks
from modelctl.services.acting import WHOLE_TARGET, Effects
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.projecting import projection
from modelctl.services.rollout_ticks import Pass, tick
from modelctl.services.session import Session
from modelctl.services.whereabouts import whereabouts
from support.deploys import run
from support.journey import publish
from support.rollouts import (
    Recording,
    Traffic,
    arrive,
    failing,
    healthy,
    shares,
    start,
    told,
)
from support.world import MODEL, World


def once(world: World, source: Any = None, traffic: Traffic | None = None, **options: Any) -> Pass:
    """One pass over dev."""
    effects = Effects(
        signer=world.deployer.signer,
        apply=(traffic or Traffic()).apply,
        source={"dev": source} if source is not None else {},
    )
    return tick(world.session(), world.transition("dev"), effects, **options)


class Down:
    """A source that doesn't answer."""

    def observe(
        self, watched: Sequence[Watched], until: object
    ) -> Mapping[str, Sequence[Observation]]:
        raise DependencyError("Prometheus answers 503")


def test_one_question_for_all_and_a_step(served: World) -> None:
    start(served)
    source = Recording(seen=[healthy(served, hours=2)])
    done = once(served, source)
    assert ([one.model for one in source.asked], done.moved) == ([MODEL], (MODEL,))
    [watched] = source.asked
    assert {side: one.version for side, one in watched.sides.items()} == {
        "stable": "1.0.0",
        "canary": "1.1.0",
        "live": "1.1.0",
    }
    assert watched.namespace == "dev" or watched.namespace
    assert (done.left, told(served)) == ((), ["started", "advanced"])
    again = once(served, source)
    assert (again.moved, told(served)) == ((), ["started", "advanced"])


def test_a_dry_run_does_nothing(served: World) -> None:
    start(served)
    seen = failing(served, hours=1)
    done = once(served, Recording(seen=[seen]), dry_run=True)
    assert [one.judged.decision.action for one in done.looked if one.judged] == ["roll back"]
    assert (told(served), shares(served)[1][2]) == (["started"], 5)


def test_one_that_can_not_be_told_is_no_reason_to_leave_the_others(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(served)
    real, folders = rollout_ticks.open_rollout, Ledger.folders

    def told_of(session: Session, transition: Transition, model: str) -> Any:
        if model != MODEL:
            raise DependencyError("its commit is gone")
        return real(session, transition, model)

    monkeypatch.setattr(rollout_ticks, "open_rollout", told_of)
    monkeypatch.setattr(Ledger, "folders", lambda one: {"another-model": "1", **folders(one)})
    done = once(served, Recording(seen=[healthy(served, hours=2)]))
    assert (done.left, told(served)) == (
        ("another-model: its commit is gone",),
        ["started", "advanced"],
    )


def test_without_an_answer_it_holds_and_says_so(served: World) -> None:
    start(served)
    served.later(minutes=30)
    down, none = once(served, Down()), once(served)
    assert "Prometheus answers 503" in down.left[0]
    assert none.left == ("nothing says where the figures of dev come from",)
    assert (down.moved, none.moved, told(served)) == ((), (), ["started"])


def test_what_holds_is_put_into_force_again(served: World) -> None:
    start(served)
    served.later(minutes=30)
    traffic = Traffic(broken={MODEL: "its server doesn't start"})
    done = once(served, Recording(), traffic)
    assert traffic.last == shares(served)
    assert done.left == ("put into force: its server doesn't start",)


def test_what_holds_is_not_taken_from_what_somebody_wrote(served: World) -> None:
    start(served)
    served.later(minutes=30)
    path = f"{MODEL}/manifests.yaml"
    honest = served.show("origin/env/dev", path)
    forged = honest.replace("weight: 95", "weight: 0").replace("weight: 5\n", "weight: 100\n")
    assert forged != honest
    publish(served, "env/dev", {path: forged})
    applied: list[str] = []

    def apply(
        session: Session, transition: Transition, tree: Tree, models: Collection[str] | None
    ) -> Mapping[str, str]:
        applied.append((tree.read(path) or b"").decode())
        return {}

    traffic = Traffic()
    traffic.apply = apply  # type: ignore[method-assign]
    once(served, Recording(), traffic)
    assert applied == [honest]
    served.builder.git("fetch", "--quiet", "origin")
    assert served.show("origin/env/dev", path) == honest


def test_a_plan_with_a_baseline_is_held_against_the_fresh_copy(served: World) -> None:
    start(served, strategy="canary-baseline")
    assert shares(served) == [
        ("stable", "1.0.0", 90), ("canary", "1.1.0", 5), ("baseline", "1.0.0", 5),
    ]  # fmt: skip
    source = Recording(seen=[healthy(served, hours=2)])
    once(served, source)
    [watched] = source.asked
    assert {side: one.service for side, one in watched.sides.items()} == {
        "stable": f"{MODEL}-b1-0-0",
        "canary": f"{MODEL}-v1-1-0",
        "live": f"{MODEL}-v1-1-0",
    }


def test_what_served_before_is_kept_warm_for_a_while(served: World) -> None:
    keep_warm(served)
    arrive(served, strategy="blue-green")
    run(served, "dev")
    assert shares(served) == [("stable", "1.1.0", 100), ("previous", "1.0.0", 0)]
    assert run(served, "dev").recorded == 0
    assert once(served).cooled == ()
    guards = whereabouts(served.session(), MODEL).guards("1.0.0")
    assert guards == ("it is kept warm in dev", "it is the rollback target of dev")
    served.later(days=2)
    assert run(served, "dev").recorded == 0
    assert once(served).cooled == (MODEL,)
    assert (shares(served), once(served).cooled) == ([("stable", "1.1.0", 100)], ())
    assert (run(served, "dev").recorded, served.session().ledger.verify()) == (0, ())


def keep_warm(world: World) -> None:
    """Has blue-green keep what served before for a day."""
    path, kind = "policies/strategies.yaml", "    kind: blue-green\n"
    text = world.show("origin/main", path)
    assert text.count(kind) == 1
    publish(world, "main", {path: text.replace(kind, f"{kind}    keep_warm: 1d\n")})


def by_states(world: World, broken: Mapping[str, str]) -> tuple[Deployed, list[Any]]:
    """A deploy that sees what it puts into force, and all that it put there."""
    states: list[Any] = []

    def apply(
        session: Session, transition: Transition, tree: Tree, models: Collection[str] | None
    ) -> Mapping[str, str]:
        traffic.apply(session, transition, tree, models)
        states.append(traffic.last)
        return broken if len(states) == 1 else {}

    traffic = Traffic()
    effects = Effects(signer=world.deployer.signer, apply=apply)
    return deploy(world.session(), world.transition("dev"), world.merged(), effects), states


def test_blue_green_loads_first_and_then_switches(served: World) -> None:
    keep_warm(served)
    arrive(served, strategy="blue-green")
    done, states = by_states(served, {})
    assert states == [
        [("stable", "1.0.0", 100), ("canary", "1.1.0", 0)],
        [("stable", "1.1.0", 100), ("previous", "1.0.0", 0)],
    ]
    assert (done.recorded, done.left) == (1, ())


def test_what_isn_t_healthy_doesn_t_take_over(served: World) -> None:
    arrive(served, strategy="blue-green")
    for broken in ({MODEL: "it doesn't answer"}, {WHOLE_TARGET: "the router is down"}):
        done, states = by_states(served, broken)
        assert states[-1] == [("stable", "1.0.0", 100)]
        [why] = broken.values()
        assert (done.recorded, done.left) == (0, (f"{MODEL} isn't healthy: {why}",))
    versions = [d.version for d in deployments(served.session().signed(MODEL))]
    assert versions == ["1.0.0"]
    assert by_states(served, {})[0].recorded == 1


def test_the_registry_knows_who_is_on_the_way(served: World) -> None:
    start(served)
    found = projection(served.session(), MODEL)
    assert (found.aliases["dev"], found.aliases["canary"]) == ("1.0.0", "1.1.0")
    assert found.aliases["shadow"] is None
    assert {one.version: one.stage for one in found.versions} == {
        "1.0.0": "Validation",
        "1.1.0": None,
    }


def test_whoever_listens_is_told_what_serves(served: World) -> None:
    start(served)
    heard: list[Event] = []
    for _ in range(4):
        source = Recording(seen=[healthy(served, hours=25)])
        effects = Effects(
            signer=served.deployer.signer, source={"dev": source}, notify=heard.append
        )
        assert tick(served.session(), served.transition("dev"), effects).left == ()
    assert [(one.type, one.subject) for one in heard] == [
        ("ml.model.promoted.v1", f"{MODEL}@1.1.0")
    ]

"""The guard: what it sees within a pass, what it does about it, and what it never does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.server import Forge
from modelctl.adapters.ledger import Ledger
from modelctl.domain.flow import FlowKind
from modelctl.domain.policy import Transition
from modelctl.errors import DependencyError
from modelctl.services.checking import judge_change
from modelctl.services.guarding import Guard, Pass
from modelctl.services.incidents import Desk
from modelctl.services.rollouts import open_rollout
from modelctl.services.session import Session
from support.hub import HubWorld
from support.journey import bring
from support.rollouts import start, told
from support.ways_back import Figures, Traffic, back, counts, held, kinds, ran, sound
from support.world import MODEL, World, blocking


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


class Watchman:
    """A guard of dev whose clock is the world's."""

    def __init__(self, world: World, **more: Any):
        self.world, self.figures, self.traffic = world, Figures(), Traffic()
        effects = self.traffic.effects(world, source={"dev": self.figures}, **more)
        self.guard = Guard(transitions=[world.transition("dev")], effects=effects, intact=sound)
        self.session: Session = world.session()

    def look(self, *, fetch: bool = False) -> Pass:
        """A pass now."""
        if fetch:
            self.session = self.world.session()
        return self.guard.look(self.session.at(self.world.now))

    def second(self, errors: float, requests: float = 1000.0) -> Pass:
        """A second goes by, of which the source tells, and a pass after it."""
        self.world.later(seconds=1)
        self.figures.say(self.world.now, errors, requests)
        return self.look()


def changes(done: Pass) -> list[str]:
    """What happened, beside what a guard says of itself."""
    return [one.kind for one in done.changes if one.kind != "undecided"]


def test_a_breach_is_acted_on_in_the_pass_that_sees_it(twice: World) -> None:
    guard = Watchman(twice)
    assert changes(guard.second(0)) == []
    done = guard.second(900)
    assert changes(done) == ["rollback"]
    assert guard.traffic.where[MODEL] == [("1.0.0", 100)]
    assert (ran(twice)[-1], kinds(twice)[-2:]) == ("1.0.0", ["rollback", "quarantine"])
    because = "emergency: more than 10 % of the requests fail (live.error_rate is 0."
    assert because in done.changes[0].message
    assert held(twice)[-1][2].startswith(because)
    assert [event.type for event in guard.traffic.events] == ["ml.model.rolledback.v1"]


def test_health_moves_nothing(twice: World) -> None:
    guard = Watchman(twice)
    for _ in range(5):
        assert changes(guard.second(1)) == []
    assert guard.traffic.order == []


def test_what_must_last_is_acted_on_when_it_lasted(twice: World) -> None:
    guard = Watchman(twice)
    for _ in range(10):
        twice.later(seconds=29)
        assert changes(guard.second(70)) == []
    twice.later(seconds=29)
    assert changes(guard.second(70)) == ["rollback"]
    assert held(twice)[0][2].startswith("errors: ")


def test_a_guard_that_starts_anew_asks_for_the_time_before(twice: World) -> None:
    first = Watchman(twice)
    for _ in range(10):
        twice.later(seconds=29)
        first.second(70)
    again = Watchman(twice)
    again.figures.said = first.figures.said
    twice.later(seconds=29)
    assert changes(again.second(70)) == ["rollback"]


def test_no_data_is_neither_health_nor_a_breach(twice: World) -> None:
    guard = Watchman(twice)
    twice.later(hours=1)
    done = guard.look()
    assert (done.watched, done.heard, changes(done)) == (1, 0, [])
    twice.later(minutes=2)
    assert [changes(guard.look()), changes(guard.look())] == [["blind"], []]
    assert changes(guard.second(0)) == ["sees"]
    assert guard.traffic.order == []


def test_a_source_that_is_down_is_told_once_and_asked_again(twice: World) -> None:
    guard = Watchman(twice)
    guard.figures.down = DependencyError("prometheus is down")
    first, second = guard.look(), guard.look()
    assert (changes(first), changes(second)) == (["blind"], [])
    assert first.problems == second.problems == ("dev: prometheus is down",)
    guard.figures.down = None
    assert changes(guard.look()) == ["sees"]
    assert changes(guard.second(900)) == ["rollback"]


def test_it_never_goes_to_and_fro(twice: World) -> None:
    bring(twice, "dev", "1.2.0")
    twice.later(hours=2)
    guard = Watchman(twice)
    guard.second(900)
    found = [changes(guard.second(900)) for _ in range(5)]
    assert found == [["held"], [], [], [], []]
    assert ran(twice)[-2:] == ["1.2.0", "1.1.0"]
    assert "ml.model.rollbackheld.v1" in [event.type for event in guard.traffic.events]
    assert len(guard.traffic.events) == 2


def test_what_was_held_and_got_well_stays(twice: World) -> None:
    """It breached while a way back had to wait, and doesn't any more once it might go."""
    bring(twice, "dev", "1.2.0")
    twice.later(hours=2)
    guard = Watchman(twice)
    guard.second(900)
    assert [changes(guard.second(900)) for _ in range(3)] == [["held"], [], []]
    twice.later(hours=2)
    done = guard.second(0)
    assert (changes(done), done.held) == (["well"], ())
    assert ran(twice)[-1] == "1.1.0"


def test_without_a_way_back_it_holds_and_says_so(served: World) -> None:
    guard = Watchman(served)
    done = guard.second(900)
    assert (changes(done), done.held) == (["held"], (f"dev/{MODEL}@1.0.0",))
    assert guard.second(900).held == (f"dev/{MODEL}@1.0.0",)
    assert guard.traffic.order == []
    for _ in range(70):
        done = guard.second(0)
    assert changes(done) == [] or changes(done) == ["well"]
    assert done.held == ()


def test_two_guards_do_it_once(twice: World, tmp_path: Any) -> None:
    other = twice.copy_clone(tmp_path / "beside")
    one, two = Watchman(twice), Watchman(other)
    twice.later(seconds=1)
    other.now = twice.now
    for guard in (one, two):
        guard.figures.say(twice.now, 900)
    assert changes(one.look()) == ["rollback"]
    two.look()
    assert kinds(twice).count("rollback") == 1
    assert kinds(twice).count("quarantine") == 1


def test_it_reads_the_ledger_only_where_it_changed(
    twice: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelctl.adapters.ledger import Ledger

    guard = Watchman(twice)
    guard.second(0)
    read: list[str] = []
    for name in ("entries", "backwards"):
        real = getattr(Ledger, name)

        def noted(self: Ledger, model: str, *args: Any, real: Any = real, **more: Any) -> Any:
            read.append(model)
            return real(self, model, *args, **more)

        monkeypatch.setattr(Ledger, name, noted)
    guard.second(0)
    assert read == []


def test_it_asks_once_for_all_that_it_watches(twice: World) -> None:
    guard = Watchman(twice)
    guard.second(0)
    guard.second(0)
    assert len(guard.figures.asked) == 2
    [[first], [second]] = guard.figures.asked
    assert (first.model, first.environment) == (MODEL, "dev")
    assert first.sides["live"].version == "1.1.0"
    assert second.since == twice.now - (twice.now - second.since)
    assert second.since > first.since


def test_told_to_end_it_does_nothing_more(twice: World) -> None:
    guard = Watchman(twice)
    guard.guard.stops = lambda: True
    done = guard.second(900)
    assert (done.watched, ran(twice)[-1]) == (0, "1.1.0")


def test_paperwork_comes_with_the_pass(twice: World, forge: Forge) -> None:
    hub = HubWorld.create(twice, forge)
    with hub.github() as github:
        guard = Watchman(twice, github=github)
        done = guard.second(900)
        assert done.left == ()
        with hub.requests() as calls:
            guard.second(0)
        assert calls == []
    listed = forge.state.repositories["acme/models"].issues.values()
    assert len([one for one in listed if "modelctl:incident" in one.body]) == 1
    assert len([one for one in listed if getattr(one, "branch", "").startswith("rollback/")]) == 1


def gone(world: World) -> Path:
    """Where the remote is while nobody can reach it."""
    return world.shared.with_name("gone.git")


def test_traffic_goes_back_although_the_remote_is_down(twice: World) -> None:
    guard = Watchman(twice)
    guard.second(0)
    twice.shared.rename(gone(twice))
    [problem] = guard.second(900).problems
    assert "was sent back to 1.0.0" in problem
    assert "couldn't be recorded" in problem
    assert (guard.traffic.where[MODEL], ran_here(guard)) == ([("1.0.0", 100)], "1.1.0")
    # Nothing seems wrong any more: it is recorded all the same, and put into force no second time.
    twice.later(minutes=30)
    for _ in range(2):
        assert guard.second(0).problems == (problem,)
    assert guard.traffic.order == ["traffic"]
    gone(twice).rename(twice.shared)
    done = guard.look()
    assert (changes(done), done.problems) == (["rollback"], ())
    assert (ran(twice)[-1], kinds(twice)[-2:]) == ("1.0.0", ["rollback", "quarantine"])
    assert changes(guard.second(0)) == []


def test_a_new_version_loses_its_traffic_although_the_remote_is_down(served: World) -> None:
    start(served)
    guard = Watchman(served)
    guard.second(0)
    served.shared.rename(gone(served))
    assert "was sent back to 1.0.0" in guard.second(900).problems[0]
    assert guard.traffic.where[MODEL] == [("1.0.0", 100)]
    gone(served).rename(served.shared)
    assert changes(guard.second(0)) == ["rolled-back"]
    assert told(served) == ["started", "rolled-back"]


def test_what_is_not_in_force_either_is_tried_again(twice: World) -> None:
    guard = Watchman(twice)
    guard.second(0)
    twice.shared.rename(gone(twice))
    guard.traffic.broken = {MODEL: "the router is down"}
    assert "nor is it in force: the router is down" in guard.second(900).problems[0]
    guard.traffic.broken = {}
    assert "was sent back to 1.0.0" in guard.second(900).problems[0]
    assert guard.traffic.order == ["traffic"] * 2


def test_where_something_else_applies_nothing_is_said_to_be_back(twice: World) -> None:
    guard = Watchman(twice)
    guard.second(0)
    guard.guard.effects = replace(guard.guard.effects, verifies=lambda request: False)
    twice.shared.rename(gone(twice))
    [problem] = guard.second(900).problems
    assert "was sent back" not in problem
    assert guard.traffic.order == []


def ran_here(guard: Watchman) -> str:
    from modelctl.domain.history import deployments

    return deployments(guard.session.signed(MODEL))[-1].version


def test_what_did_not_get_into_force_is_tried_again(twice: World) -> None:
    guard = Watchman(twice)
    guard.traffic.broken = {MODEL: "somebody else is starting servers"}
    done = guard.second(900)
    assert (changes(done), len(done.problems)) == (["rollback"], 1)
    guard.traffic.order.clear()
    assert guard.second(0).problems == ()
    assert guard.traffic.order == []
    twice.later(seconds=5)
    assert len(guard.look().problems) == 1
    guard.traffic.broken = {}
    twice.later(seconds=5)
    assert (guard.look().problems, guard.traffic.order) == ((), ["traffic"] * 2)
    twice.later(seconds=5)
    guard.look()
    assert guard.traffic.order == ["traffic"] * 2


def test_one_that_can_not_be_told_is_no_reason_to_leave_the_others(
    twice: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelctl.services import guard_reading

    real, broken = guard_reading.serving_by_history, ["another-model"]

    def told(session: Session, transition: Transition, model: str) -> Any:
        if model in broken:
            raise DependencyError("its commit is gone")
        return real(session, transition, model)

    folders = Ledger.folders
    monkeypatch.setattr(guard_reading, "serving_by_history", told)
    monkeypatch.setattr(Ledger, "folders", lambda one: {"another-model": "1", **folders(one)})
    guard = Watchman(twice)
    for _ in range(2):
        done = guard.second(0)
        assert (done.problems, done.watched) == (("dev/another-model: its commit is gone",), 1)
    broken.clear()
    assert guard.second(0).problems == ()
    assert changes(guard.second(900)) == ["rollback"]


def test_what_runs_and_can_not_be_told_is_said(
    twice: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelctl.services import guard_memory

    monkeypatch.setattr(guard_memory, "settled", lambda *given: None)
    done = Watchman(twice).second(900)
    assert (done.watched, len(done.problems)) == (0, 1)
    assert "env/dev here lacks the commit that the history names" in done.problems[0]


# Rollouts


@pytest.fixture
def on_its_way(served: World) -> World:
    """1.1.0 takes over from 1.0.0 in dev, by a canary."""
    start(served)
    return served


def sides(canary: float, stable: float = 0.0) -> dict[str, Any]:
    """Errors of 1,000 requests each."""
    return {"canary": counts(1000, canary), "live": counts(1000, canary),
            "stable": counts(1000, stable)}  # fmt: skip


def pass_with(guard: Watchman, canary: float, **span: float) -> Pass:
    guard.world.later(**(span or {"seconds": 1}))
    guard.figures.say(guard.world.now, 0, **sides(canary))
    return guard.look()


def test_a_canary_that_fails_goes_back_in_the_pass_that_sees_it(on_its_way: World) -> None:
    guard = Watchman(on_its_way)
    done = pass_with(guard, 900)
    kinds_ = changes(done)
    assert kinds_[-1] in ("rolled-back", "going-back"), done.changes
    for _ in range(20):
        if "rolled-back" in kinds_:
            break
        kinds_ += changes(pass_with(guard, 900, minutes=1))
    assert "rolled-back" in kinds_
    assert guard.traffic.where[MODEL] == [("1.0.0", 100)]
    assert [(v, e) for v, e, _ in held(on_its_way)] == [("1.1.0", "dev")]
    assert ran(on_its_way) == ["1.0.0"]


def test_an_emergency_within_a_rollout_is_the_way_back_of_that(on_its_way: World) -> None:
    traffic = Traffic()
    done = back(on_its_way, "dev", traffic)
    assert (done.failed and done.failed.version, done.back_to and done.back_to.version) == (
        "1.1.0",
        "1.0.0",
    )
    assert traffic.where[MODEL] == [("1.0.0", 100)]
    assert [(v, e) for v, e, _ in held(on_its_way)] == [("1.1.0", "dev")]
    assert kinds(on_its_way)[-2:] == ["rollout", "quarantine"]
    assert done.incident is not None
    assert not done.incident.served
    session, transition = on_its_way.session(), on_its_way.transition("dev")
    assert open_rollout(session, transition, MODEL) is None


def test_the_branch_of_a_canary_that_never_served_is_brought_back_in_line(
    on_its_way: World, forge: Forge
) -> None:
    hub = HubWorld.create(on_its_way, forge)
    back(on_its_way, "dev")
    on_its_way.later(minutes=2)
    with hub.github() as github:
        desk = Desk(effects=Traffic().effects(on_its_way, github=github))
        assert desk.clear(on_its_way.session(), on_its_way.transition("dev"), [MODEL]) == ()
    listed = forge.state.repositories["acme/models"].issues.values()
    [pull] = [one for one in listed if getattr(one, "branch", "").startswith("rollback/")]
    [issue] = [one for one in listed if "modelctl:incident" in one.body]
    assert "before it had taken over" in issue.body
    on_its_way.builder.git("fetch", "--quiet", "origin")
    session = on_its_way.session()
    judged = judge_change(
        session, session.branch_tip("ml"), pull.head, target="ml", ask_reviews=False
    )
    assert judged.flow is not None
    assert (judged.flow.kind, blocking(judged.report)) == (FlowKind.ROLLBACK, set())


def test_one_rollout_that_can_not_be_told_is_no_reason_to_leave_the_others(
    on_its_way: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelctl.services import guard_reading

    def lost(*args: Any) -> Any:
        raise DependencyError("its commit is gone")

    monkeypatch.setattr(guard_reading, "open_rollout", lost)
    done = Watchman(on_its_way).look()
    assert done.problems == (f"dev/{MODEL}: its commit is gone",)
    assert done.watched == 1

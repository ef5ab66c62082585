"""A version is taken back at once: where to, in which order, and never twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from modelctl.adapters.documents import dump
from modelctl.errors import ModelctlError
from modelctl.services.accounted import accounted
from modelctl.services.deciding import Decision
from modelctl.services.going_back import ALREADY, NOWHERE, REFUSED, WENT_BACK, Cause, Wish
from modelctl.services.opening import propose
from modelctl.services.promoting import plan_promotion
from modelctl.services.rolling_back import plan_rollback
from modelctl.services.state import read_state
from support.deploys import run
from support.journey import bring, publish
from support.motions import named
from support.rollouts import running, start
from support.ways_back import Traffic, back, held, kinds, ran
from support.world import MODEL, World, blocking, release_data, version_data

RELEASE = f"models/{MODEL}/release.yaml"


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def test_traffic_goes_first_and_the_record_is_one_append(twice: World) -> None:
    traffic = Traffic()
    done = back(twice, "dev", traffic)
    assert done.outcome == WENT_BACK
    assert (done.failed and done.failed.version, done.back_to and done.back_to.version) == (
        "1.1.0",
        "1.0.0",
    )
    assert traffic.where[MODEL] == [("1.0.0", 100)]
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]
    assert held(twice) == [("1.1.0", "dev", "errors: more than 5 % fail (live.error_rate is 0.2)")]
    entries = twice.session().ledger.entries(MODEL)
    assert [entry.kind for entry in entries[-2:]] == ["rollback", "quarantine"]
    tip = twice.builder.git("log", "--format=%s", "-1", "origin/ledger")
    assert "2" in tip or "rollback" in tip


def test_what_is_recorded_says_why_and_what_was_left(twice: World) -> None:
    done = back(twice, "dev", cause=Cause(trigger="by hand", reason="it is wrong", by="lena"))
    entry = [e for e in twice.session().ledger.entries(MODEL) if e.kind == "rollback"][-1]
    statement = entry.signed.statement
    assert statement is not None
    assert statement.predicate["failed"]["version"] == "1.1.0"
    assert statement.predicate["by"] == "lena"
    assert statement.predicate["in_force"] is True
    assert statement.predicate["files"]
    assert done.incident is not None
    assert (done.incident.by, done.incident.place) == ("lena", entry.path)


def test_the_state_is_again_that_of_the_last_deployment(twice: World) -> None:
    session = twice.session()
    first = [s for s in session.signed(MODEL) if s.statement and s.statement.kind == "deployment"]
    before = accounted(session, MODEL, session.signed(MODEL)[: first[0].seq], "dev")
    back(twice, "dev")
    session = twice.session()
    assert read_state(session, "dev")[MODEL] == before
    assert accounted(session, MODEL, session.signed(MODEL), "dev") == before


def test_a_deploy_leaves_it_there(twice: World) -> None:
    back(twice, "dev")
    twice.later(minutes=1)
    done = run(twice, "dev")
    assert [d.blocked for d in done.decisions] == [True]
    gates = {f.gate for d in done.decisions for r in d.reports for v in r.verdicts
             for f in v.findings if f.outcome.blocks}  # fmt: skip
    assert "quarantine" in gates
    assert read_state(twice.session(), "dev")[MODEL].version == "1.0.0"
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]


def test_run_again_it_does_nothing_and_says_so(twice: World) -> None:
    back(twice, "dev")
    again = back(twice, "dev")
    assert again.outcome == REFUSED
    assert again.problem is not None
    assert "dev went back to 1.0.0 only" in again.problem
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]


def test_two_that_decide_at_once_do_it_once(twice: World, tmp_path: Path) -> None:
    other = twice.copy_clone(tmp_path / "beside")
    traffic = Traffic()
    late: list[str] = []

    def slow(*args: object) -> dict[str, str]:
        if not late:
            late.append(back(other, "dev", traffic).outcome)
        return {}

    first = Traffic()
    first.apply = slow  # type: ignore[method-assign, assignment]
    done = back(twice, "dev", first)
    assert (late, done.outcome) == ([WENT_BACK], ALREADY)
    assert kinds(twice).count("rollback") == 1
    assert kinds(twice).count("quarantine") == 1
    assert traffic.where[MODEL] == [("1.0.0", 100)]


def test_killed_after_traffic_the_next_one_records_it(twice: World) -> None:
    def dies(*args: object) -> dict[str, str]:
        raise KeyboardInterrupt

    broken = Traffic()
    broken.apply = dies  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        back(twice, "dev", broken)
    assert kinds(twice).count("rollback") == 0
    assert read_state(twice.session(), "dev")[MODEL].version == "1.0.0"
    twice.later(seconds=5)
    assert back(twice, "dev").outcome == WENT_BACK
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]
    assert held(twice) == [("1.1.0", "dev", "errors: more than 5 % fail (live.error_rate is 0.2)")]


def test_what_is_not_in_force_is_told_and_not_called_verified(twice: World) -> None:
    traffic = Traffic(broken={MODEL: "its server doesn't start"})
    done = back(twice, "dev", traffic)
    assert done.problems == {MODEL: "its server doesn't start"}
    assert done.incident is not None
    assert not done.incident.verified


def test_with_nothing_before_traffic_is_held(served: World) -> None:
    traffic = Traffic()
    done = back(served, "dev", traffic)
    assert (done.outcome, done.held, traffic.order) == (NOWHERE, True, [])
    assert done.problem == "dev has no version to go back to"
    assert done.incident is not None
    assert done.incident.back_to is None
    assert ran(served) == ["1.0.0"]


def test_nothing_of_it_runs_there(served: World) -> None:
    with pytest.raises(ModelctlError, match="production runs no tumor-classifier"):
        back(served, "production")


def test_artifacts_that_are_gone_are_no_way_back(twice: World) -> None:
    from modelctl.services.going_back import go_back
    from support.ways_back import CAUSE

    traffic = Traffic()
    done = go_back(
        twice.session(),
        twice.transition("dev"),
        MODEL,
        cause=CAUSE,
        effects=traffic.effects(twice),
        intact=lambda session, one, uri: "its artifacts can't be had",
    )
    assert (done.outcome, traffic.order) == (NOWHERE, [])
    assert done.problem is not None
    assert "1.0.0: its artifacts can't be had" in done.problem


def test_a_manifest_that_changed_is_no_way_back(twice: World) -> None:
    path = f"models/{MODEL}/versions/1.0.0.yaml"
    publish(twice, "ml", {path: dump(version_data("1.0.0", changelog="Another."))})
    done = back(twice, "dev")
    assert done.outcome == NOWHERE
    assert done.mend is not None
    assert "another manifest of it than ran" in done.mend


def test_a_way_back_from_a_way_back_takes_a_person(twice: World) -> None:
    bring(twice, "dev", "1.2.0")
    twice.later(hours=2)
    back(twice, "dev")
    twice.later(minutes=10)
    done = back(twice, "dev")
    assert (done.outcome, ran(twice)[-1]) == (REFUSED, "1.1.0")
    done = back(twice, "dev", wish=Wish(again=True))
    assert (done.outcome, ran(twice)[-1]) == (WENT_BACK, "1.0.0")
    assert [version for version, _, _ in held(twice)] == ["1.2.0", "1.1.0"]


def test_after_a_while_it_goes_by_itself(twice: World) -> None:
    bring(twice, "dev", "1.2.0")
    back(twice, "dev", wish=Wish())
    twice.later(hours=2)
    assert back(twice, "dev").outcome == WENT_BACK
    assert ran(twice)[-1] == "1.0.0"


def test_what_was_on_its_way_goes_with_what_it_was_to_take_over_from(twice: World) -> None:
    """The branch asks for it still, so a deploy would begin its rollout anew."""
    start(twice, "1.2.0")
    twice.later(minutes=10)
    done = back(twice, "dev", wish=Wish(to="1.0.0"))
    assert (done.outcome, ran(twice)[-1]) == (WENT_BACK, "1.0.0")
    assert [(version, where) for version, where, _ in held(twice)] == [
        ("1.1.0", "dev"),
        ("1.2.0", "dev"),
    ]
    again = run(twice, "dev")
    assert [d.blocked for d in again.decisions] == [True]
    assert read_state(twice.session(), "dev")[MODEL].version == "1.0.0"


def test_no_wish_lifts_a_quarantine(twice: World) -> None:
    back(twice, "dev")
    twice.later(minutes=10)
    done = back(twice, "dev", wish=Wish(to="1.1.0", again=True))
    assert done.outcome == NOWHERE
    assert done.problem == (
        "dev can't go back to 1.1.0: it was rolled back there: "
        "errors: more than 5 % fail (live.error_rate is 0.2)"
    )


@pytest.mark.parametrize(
    ("by", "to", "calls"), [(None, None, True), ("lena", "0.9.0", False), ("lena", None, False)]
)
def test_who_asks_for_what_can_not_be_is_told_and_nobody_is_called(
    twice: World, by: str | None, to: str | None, calls: bool
) -> None:
    """A slip of the pen, or the same emergency once more, is no incident."""
    back(twice, "dev")
    twice.later(minutes=1)
    cause = Cause(trigger="errors", reason="more than 5 % fail", by=by)
    done = back(twice, "dev", cause=cause, wish=Wish(to=to, again=to is not None))
    assert done.held
    assert (done.incident is not None) == calls


def test_a_version_that_never_ran_there_is_not_deployed(twice: World) -> None:
    done = back(twice, "dev", wish=Wish(to="0.9.0"))
    assert (done.outcome, done.problem) == (NOWHERE, "dev never ran 0.9.0")


def pointed_back(world: World) -> Decision:
    """What a deploy decides once the release's pointer went back to 1.0.0, and nothing else, after
    so long that the evidence of 1.0.0 is too old for it to come anew."""
    world.later(days=200)
    old = yaml.safe_load(world.show("origin/ml", RELEASE))
    head = world.commit({RELEASE: dump({**old, "version": "1.0.0"})}, "feature/back", "ml")
    world.merge("ml", head, ["ben"])
    return run(world, "dev").decisions[0]


@pytest.mark.parametrize("strategy", ["blue-green", "canary-standard"])
def test_the_branch_may_follow_although_the_plan_changed_with_the_version(
    served: World, strategy: str
) -> None:
    """The version that went back had brought a strategy of its own, which the pointer leaves."""
    start(served, strategy=strategy)
    served.later(hours=2)
    assert back(served, "dev").outcome == WENT_BACK
    decision = pointed_back(served)
    assert (decision.blocked, running(served).version) == (False, "1.0.0")
    assert running(served).strategy == strategy


def test_what_comes_with_the_way_back_is_judged(served: World) -> None:
    """A merge that nothing was deployed from isn't hidden by a way back after it."""
    start(served, strategy="blue-green")
    served.later(hours=2)
    back(served, "dev")
    release = yaml.safe_load(served.show("origin/ml", RELEASE))
    changed = {RELEASE: dump({**release, "strategies": {"dev": "canary-standard"}})}
    served.merge("ml", served.commit(changed, "feature/plan", "ml"), ["ben", "lena"])
    assert pointed_back(served).blocked


def test_the_history_stays_sound(twice: World) -> None:
    back(twice, "dev")
    session = twice.session()
    assert session.ledger.verify() == ()


def test_what_was_taken_back_is_refused_everywhere_until_a_waiver(twice: World) -> None:
    back(twice, "dev")
    twice.later(minutes=1)
    path = f"models/{MODEL}/release.yaml"
    publish(twice, "ml", {path: dump(release_data("1.0.0"))})
    with pytest.raises(ModelctlError, match="it was rolled back there"):
        plan_rollback(twice.session(), MODEL, "dev", version="1.1.0", reason="x")
    publish(twice, "ml", {path: dump(release_data("1.1.0"))})
    weighed = propose(
        named(twice).session(),
        None,
        plan_promotion(twice.session(), f"{MODEL}@1.1.0", "staging"),
    ).weighed
    assert weighed is not None
    assert "quarantine" in blocking(weighed.page.report)
    assert run(twice, "dev").decisions[0].blocked

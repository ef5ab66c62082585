"""What a deploy takes for a way back: what the flow called one, whatever else came since."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.adapters.documents import dump
from modelctl.domain.history import deployments, quarantines
from modelctl.services.checking import check_change
from modelctl.services.deciding import decide
from modelctl.services.deployed import Deployed
from modelctl.services.recording import record_deployments
from modelctl.services.rendering import render
from modelctl.services.writing import write_state
from support.deploys import run
from support.journey import bring
from support.world import MODEL, TESTS, World, blocking, release_data

POINTER = f"models/{MODEL}/release.yaml"


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(minutes=1)
    return served


def go_back(world: World, version: str = "1.0.0") -> tuple[str, int]:
    """A merged rollback of dev that nobody deployed yet: its commit and its number."""
    head = world.commit({POINTER: dump(release_data(version))}, f"rollback/{version}", "ml")
    merge = world.merge("ml", head, ["ben", "lena"])
    world.later(minutes=1)
    return merge, len(world.pulls)


def go_on(world: World, version: str) -> None:
    """A newer version, merged and not deployed yet."""
    head = world.submit(version)
    world.evidence(version, "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    world.later(minutes=1)


def held(world: World, environment: str = "dev") -> list[tuple[str, str]]:
    found = quarantines(world.session().signed(MODEL))
    return [(q.version, q.reason) for q in found if q.environment == environment]


def ran(world: World, environment: str = "dev") -> list[str]:
    history = deployments(world.session().signed(MODEL))
    return [d.version for d in history if d.environment == environment]


def gates_of(done: Deployed) -> set[str]:
    return {gate for d in done.decisions for report in d.reports for gate in blocking(report)}


def test_a_way_back_that_another_merge_overtakes_is_quarantined_all_the_same(twice: World) -> None:
    merge, number = go_back(twice)
    go_on(twice, "1.2.0")
    run(twice, "dev")
    assert ran(twice) == ["1.0.0", "1.1.0", "1.2.0"]
    assert held(twice) == [("1.1.0", f"rolled back to 1.0.0 by #{number}")]
    statements = [s.statement for s in twice.session().signed(MODEL) if s.statement]
    [said] = [statement for statement in statements if statement.kind == "quarantine"]
    assert said.predicate["commit"] == merge
    assert said.digest == twice.locate("1.1.0", "origin/ml").digest
    run(twice, "dev")
    assert len(held(twice)) == 1


def test_what_was_never_deployed_is_not_quarantined_but_what_ran_meanwhile(twice: World) -> None:
    go_on(twice, "1.2.0")
    go_back(twice)
    run(twice, "dev")
    assert ran(twice) == ["1.0.0", "1.1.0", "1.0.0"]
    assert [version for version, _ in held(twice)] == ["1.1.0"]


def test_of_two_ways_back_each_is_told(twice: World) -> None:
    bring(twice, "dev", "1.2.0")
    _, first = go_back(twice, "1.1.0")
    _, second = go_back(twice)
    run(twice, "dev")
    assert sorted(held(twice)) == [
        ("1.1.0", f"rolled back to 1.0.0 by #{second}"),
        ("1.2.0", f"rolled back to 1.1.0 by #{first}"),
    ]


def test_two_jobs_after_one_that_was_killed_write_it_once(twice: World, tmp_path: Path) -> None:
    go_back(twice)
    go_on(twice, "1.2.0")
    transition, signer = twice.transition("dev"), twice.deployer.signer
    decisions = decide(twice.session(), transition, twice.merged())
    rendered = render(twice.session(), [d.request for d in decisions if d.request])
    state = write_state(twice.session(), transition, decisions, rendered).commit
    twice.later(minutes=2)
    sessions = twice.session(), twice.copy_clone(tmp_path / "beside").session()
    for session in sessions:
        session.signed(MODEL)
    for session in sessions:
        again = decide(session, transition, twice.merged())
        assert record_deployments(session, transition, state, again, signer).entries in (0, 2)
    assert [version for version, _ in held(twice)] == ["1.1.0"]
    assert twice.session().ledger.verify() == ()


def test_what_was_brought_back_since_is_not_quarantined(twice: World) -> None:
    go_back(twice)
    strategies = {"strategies": {"dev": "immediate"}}
    forth = twice.commit({POINTER: dump(release_data("1.1.0", **strategies))}, "forth", "ml")
    twice.merge("ml", forth, ["ben", "lena"])
    run(twice, "dev")
    assert (ran(twice), held(twice)) == (["1.0.0", "1.1.0", "1.1.0"], [])


# Promotions of an older version


def promoted_back(world: World, *, tested: bool) -> tuple[str, set[str]]:
    """staging ran 1.0.0, then 1.1.0; dev went back to 1.0.0 and serves it by another plan: a pull
    request that promotes it so, and the gates that its check blocks it by."""
    bring(world, "staging")
    world.later(minutes=1)
    for environment in ("dev", "staging"):
        bring(world, environment, "1.1.0")
        world.later(minutes=1)
    for strategies in ({}, {"strategies": {"dev": "immediate"}}):
        pointer = {POINTER: dump(release_data("1.0.0", **strategies))}
        world.merge("ml", world.commit(pointer, f"back{len(strategies)}", "ml"), ["ben", "lena"])
        run(world, "dev")
        world.later(minutes=1)
    tests = {**TESTS, "passed": tested}
    world.record("unit-tests", "offline", tests, pointer=f"{MODEL}@1.0.0^origin/develop")
    head = world.commit({POINTER: world.show("origin/ml", POINTER)}, "again", "develop")
    pull = world.pull("develop", head, ["ben", "lena"])
    report = check_change(world.session(), "develop", head, pull_request=pull)
    assert report.title.startswith("promotion ")
    world.pulls.pop()
    return head, blocking(report)


def test_what_its_check_called_a_promotion_is_no_way_back_for_the_deploy(served: World) -> None:
    head, blocked = promoted_back(served, tested=False)
    assert blocked == {"unit-tests"}
    served.merge("develop", head, ["ben", "lena"])
    assert gates_of(run(served, "staging")) == blocked
    assert (ran(served, "staging"), held(served, "staging")) == (["1.0.0", "1.1.0"], [])


def test_a_promotion_of_an_older_version_quarantines_nothing(served: World) -> None:
    head, blocked = promoted_back(served, tested=True)
    assert blocked == set()
    served.merge("develop", head, ["ben", "lena"])
    run(served, "staging")
    assert (ran(served, "staging"), held(served, "staging")) == (["1.0.0", "1.1.0", "1.0.0"], [])

"""Deploys: judged again, rendered, written once, recorded once, whatever happens in between."""

from __future__ import annotations

import copy
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from modelctl.adapters.documents import dump
from modelctl.domain.history import deployments, served
from modelctl.services import deploying
from modelctl.services.acting import Effects
from modelctl.services.checking import check_change
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.state import read_state
from support.deploys import run
from support.world import (
    MODEL,
    World,
    blocking,
    model_data,
    release_data,
    submission,
    version_data,
)


def to_dev(world: World, version: str = "1.0.0") -> Deployed:
    """A version that went into dev by the rules."""
    head = world.submit(version)
    world.evidence(version, "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    return run(world, "dev")


def test_a_merged_version_is_rendered_and_recorded(world: World) -> None:
    done = to_dev(world)
    assert [d.moves for d in done.decisions] == [True]
    assert done.recorded == 1
    state = read_state(world.session(), "dev")[MODEL]
    assert (state.version, state.approvers) == ("1.0.0", ("ben", "lena"))
    last = served(deployments(world.session().signed(MODEL)), "dev")
    assert last is not None
    assert (last.version, last.digest, last.approvers) == ("1.0.0", state.digest, ("ben", "lena"))
    assert world.session().ledger.verify() == ()


def test_a_second_deploy_changes_nothing(world: World) -> None:
    first = to_dev(world)
    world.later(hours=1)
    again = run(world, "dev")
    assert (again.state, again.recorded) == (first.state, 0)
    assert not any(d.moves or d.blocked for d in again.decisions)


def to_staging(world: World, version: str = "1.0.0") -> Deployed:
    """A version that went on from dev into staging by the rules."""
    head = world.promote(version, "staging")
    world.evidence(version, "staging", head)
    world.merge("develop", head, ["ben"], author="ada")
    return run(world, "staging")


def test_a_version_goes_all_the_way(world: World) -> None:
    to_dev(world)
    assert [d.moves for d in to_staging(world).decisions] == [True]
    world.later(hours=30)
    head = world.promote("1.0.0", "production")
    world.evidence("1.0.0", "production", head)
    world.merge("main", head, ["pat", "ben"])
    done = run(world, "production")
    assert [(d.moves, d.reports) for d in done.decisions] == [(True, ())]
    history = deployments(world.session().signed(MODEL))
    assert [(d.environment, d.version) for d in history] == [
        ("dev", "1.0.0"),
        ("staging", "1.0.0"),
        ("production", "1.0.0"),
    ]
    assert len({d.digest for d in history}) == 1


def test_what_was_merged_around_the_rules_is_not_deployed(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, [])
    done = run(world, "dev")
    assert [(d.blocked, d.request) for d in done.decisions] == [(True, None)]
    assert (done.state, done.recorded) == (None, 0)
    assert "approvals" in gates_of(done)


def test_a_push_without_a_pull_request_is_not_deployed(world: World) -> None:
    to_dev(world)
    world.evidence("1.1.0", "dev", world.submit("1.1.0", branch="feature/pushed"))
    world.builder.git("checkout", "-q", "-f", "-B", "ml", "origin/ml")
    world.builder.git("merge", "-q", "--no-ff", "-m", "sneak", "feature/pushed")
    world.builder.git("push", "-q", "origin", "ml")
    done = run(world, "dev")
    assert [d.blocked for d in done.decisions] == [True]
    assert read_state(world.session(), "dev")[MODEL].version == "1.0.0"
    assert "merge" in gates_of(done)


def test_a_merge_that_holds_more_than_was_reviewed_is_not_deployed(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    honest = world.merge("ml", head, ["ben", "lena"])
    more = {f"models/{MODEL}/model.yaml": submission_text("description", "Nobody saw this.")}
    tree = world.builder.git(
        "rev-parse", f"{world.builder.commit(more, 'evil', parent=honest)}^{{tree}}"
    )
    args = ("-p", f"{honest}^1", "-p", head, "-m", "Merge")
    forged = world.builder.git("commit-tree", tree, *args)
    world.builder.git("push", "-q", "--force", "origin", f"{forged}:ml")
    world.pulls[-1]["pull_request"]["merge_commit_sha"] = forged
    done = run(world, "dev")
    assert [(d.blocked, d.request) for d in done.decisions] == [(True, None)]
    assert gates_of(done) == {"merge"}


def test_one_blocked_model_does_not_hold_up_the_others(world: World) -> None:
    to_dev(world)
    other = world.commit(renamed_submission("churn-predictor"), "feature/churn", "ml")
    world.merge("ml", other, ["ben", "lena"])  # without any evidence
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben"], author="ada")
    done = run(world, "dev")
    assert {d.model: d.blocked for d in done.decisions} == {MODEL: False, "churn-predictor": True}
    assert {m: r.version for m, r in read_state(world.session(), "dev").items()} == {MODEL: "1.1.0"}


@pytest.mark.parametrize("step", ["judging", "rendering", "state", "apply", "ledger"])
def test_a_deploy_that_is_killed_is_finished_by_the_next(world: World, step: str) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    killed = multiprocessing.get_context("fork").Process(target=deploy_until, args=(world, step))
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    world.later(minutes=5)
    run(world, "dev")
    assert read_state(world.session(), "dev")[MODEL].version == "1.0.0"
    history = deployments(world.session().signed(MODEL))
    assert [(d.environment, d.version) for d in history] == [("dev", "1.0.0")]
    assert world.session().ledger.verify() == ()
    assert run(world, "dev").recorded == 0


def test_a_deployment_that_was_never_recorded_is_told_and_not_signed(world: World) -> None:
    """Killed after the state of 1.0.0, and 1.1.0 is merged before the next run: by then nobody can
    tell the record of 1.0.0 from one that somebody pushed."""
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    killed = multiprocessing.get_context("fork").Process(target=deploy_until, args=(world, "apply"))
    killed.start()
    killed.join(60)
    world.later(minutes=5)
    newer = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", newer)
    world.merge("ml", newer, ["ben"])
    done = run(world, "dev")
    history = deployments(world.session().signed(MODEL))
    assert [d.version for d in history] == ["1.1.0"]
    [told] = done.unaccounted
    assert told.startswith(f"{MODEL}@1.0.0 of commit ")
    assert run(world, "dev").unaccounted == ()


def test_many_deploys_at_once_lose_and_double_nothing(world: World, tmp_path: Path) -> None:
    for name in ("churn-predictor", "fraud-detector"):
        head = world.commit(renamed_submission(name), f"feature/{name}", "ml")
        world.evidence_for(name, head)
        world.merge("ml", head, ["ben", "lena"])
    to_merge = world.submit()
    world.evidence("1.0.0", "dev", to_merge)
    world.merge("ml", to_merge, ["ben", "lena"])
    world.pull_requests()
    copies = [world.copy_clone(tmp_path / f"clone-{n}") for n in range(6)]
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=deploy_all, args=(copy,)) for copy in copies]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(120)
    assert [job.exitcode for job in jobs] == [0] * len(jobs)
    session = world.session()
    assert set(read_state(session, "dev")) == {MODEL, "churn-predictor", "fraud-detector"}
    for name in read_state(session, "dev"):
        assert len(deployments(session.signed(name))) == 1
    assert session.ledger.verify() == ()


def test_an_older_run_does_not_undo_a_newer_one(world: World) -> None:
    to_dev(world)
    stale, transition = world.session(), world.transition("dev")
    old = deploying.decide(stale, transition, world.merged())
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben"])
    run(world, "dev")
    rendered = deploying.render(stale, [d.request for d in old if d.request])
    deploying.write_state(stale, transition, old, rendered)
    assert read_state(world.session(), "dev")[MODEL].version == "1.1.0"


def test_state_that_was_changed_by_hand_is_put_back(world: World) -> None:
    to_dev(world)
    world.builder.git("fetch", "-q", "origin")
    world.builder.branch("env/dev", "origin/env/dev")
    world.builder.commit({f"{MODEL}/manifests.yaml": "kind: Evil\n"}, "env/dev")
    world.builder.git("push", "-q", "origin", "env/dev")
    run(world, "dev")
    world.builder.git("fetch", "-q", "origin")
    assert "Evil" not in world.show("origin/env/dev", f"{MODEL}/manifests.yaml")


def deploy_until(world: World, step: str) -> None:
    """A deploy that is killed at a step, as the machine going down would."""

    def die(at: str) -> None:
        if at.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(*_: object) -> dict[str, str]:
        die("apply")
        return {}

    deploy(
        world.session(),
        world.transition("dev"),
        world.merged(),
        Effects(signer=world.deployer.signer, apply=dying, progress=die),
    )


def deploy_all(world: World) -> None:
    """A deploy in a process of its own."""
    run(world, "dev")


def gates_of(done: Deployed) -> set[str]:
    """The gates that block anything."""
    return {gate for d in done.decisions for report in d.reports for gate in blocking(report)}


def submission_text(key: str, value: str) -> str:
    """model.yaml with one value changed."""
    return dump(model_data(**{key: value}))


def renamed_submission(name: str) -> dict[str, str | bytes | None]:
    """The same model under another name."""
    return {
        path.replace(MODEL, name): str(text).replace(MODEL, name)
        for path, text in submission().items()
    }


def test_a_record_that_was_changed_by_hand_is_judged_and_written_again(world: World) -> None:
    to_dev(world)
    world.builder.git("fetch", "-q", "origin")
    world.builder.branch("env/dev", "origin/env/dev")
    path = f"{MODEL}/release.json"
    forged = world.show("env/dev", path).replace("models:/m-1", "models:/m-evil")
    world.builder.commit({path: forged}, "env/dev")
    world.builder.git("push", "-q", "origin", "env/dev")
    run(world, "dev")
    assert read_state(world.session(), "dev")[MODEL].storage_uri == "models:/m-1"


def test_a_merge_that_nobody_can_make_sense_of_blocks_its_model_alone(world: World) -> None:
    to_dev(world)
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben"])
    world.pulls[-1]["pull_request"]["base"]["ref"] = "elsewhere"
    world.pulls.append(world.pulls[-1])  # two of another branch claim the merge
    assert gates_of(run(world, "dev")) == {"merge"}


def test_going_forward_again_is_a_promotion_and_no_rollback(world: World) -> None:
    """1.1.0 was there and people went back; its own past doesn't bring it back."""
    to_dev(world)
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben"])
    run(world, "dev")
    pointer = f"models/{MODEL}/release.yaml"
    back = world.commit({pointer: dump(release_data("1.0.0"))}, "feature/back", "ml")
    world.merge("ml", back, ["ben"])
    assert [d.moves for d in run(world, "dev").decisions] == [True]
    world.later(minutes=1)
    world.evidence("1.1.0", "dev", head, passed=False)
    forth = world.commit({pointer: dump(release_data("1.1.0"))}, "feature/forth", "ml")
    pull = world.pull("ml", forth, ["ben"])
    report = check_change(world.session(), "ml", forth, pull_request=pull)
    assert "classification-quality" in blocking(report)
    world.merge("ml", forth, ["ben"])
    assert "classification-quality" in gates_of(run(world, "dev"))
    assert read_state(world.session(), "dev")[MODEL].version == "1.0.0"


def test_an_older_merge_that_can_not_be_measured_any_more_blocks_nothing(world: World) -> None:
    """1.0.0 was merged and never deployed; its evidence is too old, that of 1.0.1 is not."""
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, ["ben", "lena"])
    world.later(days=120)
    newer = world.submit("1.0.1")
    world.evidence("1.0.1", "dev", newer)
    world.merge("ml", newer, ["ben"])
    assert [(d.wanted, d.moves) for d in run(world, "dev").decisions] == [("1.0.1", True)]


def test_a_second_pull_request_that_claims_a_merge_is_told_apart(world: World) -> None:
    to_dev(world)
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben"])
    twin = copy.deepcopy(world.pulls[-1])
    twin["pull_request"]["number"] = 99
    twin["pull_request"]["base"]["ref"] = "develop"
    world.pulls.append(twin)
    assert gates_of(run(world, "dev")) == set()


def test_a_model_that_can_not_be_rendered_does_not_hold_up_the_others(world: World) -> None:
    to_dev(world)
    manifest = {"artifacts": {**version_data()["artifacts"], "root": "models:/m\u200b1"}}
    files = {
        path.replace(MODEL, "evil-model"): str(text).replace(MODEL, "evil-model")
        for path, text in submission(manifest=manifest).items()
    }
    evil = world.commit(files, "feature/evil", "ml")
    world.merge("ml", evil, ["ben", "lena"])
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben"])
    done = run(world, "dev")
    assert {d.model: d.blocked for d in done.decisions} == {MODEL: False, "evil-model": True}
    assert read_state(world.session(), "dev")[MODEL].version == "1.1.0"


def test_a_record_that_can_not_be_read_is_written_again(world: World) -> None:
    to_dev(world)
    world.builder.git("fetch", "-q", "origin")
    world.builder.branch("env/dev", "origin/env/dev")
    world.builder.commit({f"{MODEL}/release.json": "{nope"}, "env/dev")
    world.builder.git("push", "-q", "origin", "env/dev")
    run(world, "dev")
    assert read_state(world.session(), "dev")[MODEL].version == "1.0.0"
    assert len(deployments(world.session().signed(MODEL))) == 1


def test_a_merged_rollback_is_deployed_without_measuring_again(world: World) -> None:
    to_dev(world)
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    world.merge("ml", head, ["ben"])
    run(world, "dev")
    world.later(days=200)  # the evidence of 1.0.0 is too old by now
    pointer = f"models/{MODEL}/release.yaml"
    back = world.commit({pointer: dump(release_data("1.0.0"))}, "feature/back", "ml")
    world.merge("ml", back, ["ben"])
    assert [d.moves for d in run(world, "dev").decisions] == [True]
    assert read_state(world.session(), "dev")[MODEL].version == "1.0.0"


def test_an_older_merge_around_the_rules_blocks_what_was_merged_after_it(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.merge("ml", head, [])
    newer = world.submit("1.0.1")
    world.evidence("1.0.1", "dev", newer)
    world.merge("ml", newer, ["ben", "lena"])
    done = run(world, "dev")
    assert [d.blocked for d in done.decisions] == [True]
    assert gates_of(done) == {"approvals"}

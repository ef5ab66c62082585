"""The history of deploys: one statement each, whoever writes it and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.documents import dump
from modelctl.domain.evidence import OFFLINE, Signed
from modelctl.domain.history import deployments, quarantines
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import ModelctlError
from modelctl.services.deciding import Decision, decide
from modelctl.services.recording import record_deployments, require_key
from modelctl.services.rendering import render
from modelctl.services.writing import write_state
from support.deploys import run
from support.journey import bring, publish
from support.keys import Person, person
from support.world import HOLDOUT, MODEL, World, evaluation, key_file, release_data


def merged(world: World, version: str = "1.0.0") -> None:
    head = world.submit(version)
    world.evidence(version, "dev", head)
    world.merge("ml", head, ["ben", "lena"])


def decided(world: World) -> tuple[Decision, ...]:
    """What a deploy of dev would decide now."""
    return decide(world.session(), world.transition("dev"), world.merged())


def requested(world: World) -> RenderRequest:
    """What it would have dev run."""
    [one] = [d.request for d in decided(world) if d.request]
    return one


def put_into_state(world: World) -> str:
    """Writes the state of dev without recording it, as a job that is killed does."""
    session, transition = world.session(), world.transition("dev")
    decisions = decide(session, transition, world.merged())
    rendered = render(session, [d.request for d in decisions if d.request])
    state = write_state(session, transition, decisions, rendered).commit
    assert state is not None
    return state


def last(world: World) -> dict[str, object]:
    """The predicate of the newest deployment."""
    statements = [s.statement for s in world.session().signed(MODEL) if s.statement]
    return dict([s for s in statements if s.kind == "deployment"][-1].predicate)


def test_a_deployment_keeps_all_that_an_auditor_asks_for(served: World) -> None:
    said = last(served)
    assert (said["version"], said["branch"], said["stage"]) == ("1.0.0", "ml", "Validation")
    assert said["commit"] == served.builder.git("rev-parse", "origin/ml")
    assert said["state_commit"] == served.builder.git("rev-parse", "origin/env/dev")
    assert said["approvers"] == ["ben", "lena"]
    assert (said["strategy"], said["target"]) == ("blue-green", "gateway-api")
    assert said["pull_request"] == 1
    assert said["metrics"] == evaluation()["metrics"]
    assert said["run"] == "run-1.0.0"
    assert said["artifacts"] == {"MLmodel": "c" * 64}
    [data] = said["training_data"]  # type: ignore[misc]
    assert data["name"] == "tumor-train"
    assert str(said["features"]).startswith("tumor-features 1.0.0 sha256:")
    files = said["files"]
    assert isinstance(files, dict)
    tree = served.builder.git("ls-tree", "-r", "origin/ml", f"models/{MODEL}").splitlines()
    assert {path: line.split()[2] for line in tree for path in [line.split("\t")[1]]} == files


def test_evidence_that_was_not_there_yet_is_no_part_of_it(world: World) -> None:
    merged(world)
    put_into_state(world)
    world.later(minutes=10)
    world.record("unit-tests", OFFLINE, {"passed": True}, pointer=f"{MODEL}@1.0.0^origin/ml")
    before = len(world.session().signed(MODEL))
    run(world, "dev")
    evidence = last(world)["evidence"]
    assert isinstance(evidence, list)
    assert len(evidence) == before - 1


@pytest.mark.parametrize("metrics", [["f1", 0.9], {"f1": "0.9"}, None])
def test_figures_that_are_none_are_left_out(world: World, metrics: object) -> None:
    """Whatever a producer wrote, the deploy must be able to record what it did."""
    merged(world)
    world.later(minutes=1)
    session, transition = world.session(), world.transition("dev")
    decisions = decide(session, transition, world.merged())
    rendered = render(session, [d.request for d in decisions if d.request])
    odd = evaluation(metrics=metrics, dataset={"name": "x", "digest": HOLDOUT})
    world.record("evaluation", OFFLINE, odd, pointer=f"{MODEL}@1.0.0^origin/ml")
    state = write_state(session, transition, decisions, rendered).commit
    world.later(minutes=1)
    signer = world.deployer.signer
    assert record_deployments(world.session(), transition, state, decisions, signer).entries == 1
    assert last(world)["metrics"] == {}


def test_two_jobs_write_one_entry(world: World, tmp_path: Path) -> None:
    merged(world)
    state = put_into_state(world)
    transition, signer = world.transition("dev"), world.deployer.signer
    here, there = world.session(), world.copy_clone(tmp_path / "other").session()
    wanted = decided(world)
    assert record_deployments(here, transition, state, wanted, signer).entries == 1
    assert record_deployments(there, transition, state, wanted, signer).entries == 1
    assert len(deployments(world.session().signed(MODEL))) == 1
    assert record_deployments(world.session(), transition, state, wanted, signer).entries == 0


def test_only_what_is_decided_now_is_recorded(world: World) -> None:
    """The older one was never signed; nobody can tell its record from one that was pushed."""
    merged(world)
    put_into_state(world)
    world.later(minutes=5)
    merged(world, "1.1.0")
    state, wanted, signer = put_into_state(world), decided(world), world.deployer.signer
    transition = world.transition("dev")
    assert record_deployments(world.session(), transition, state, wanted, signer).entries == 1
    assert [d.version for d in deployments(world.session().signed(MODEL))] == ["1.1.0"]


@pytest.mark.parametrize(
    "forged", [{"approvers": ("eve",)}, {"pull_request": 7}, {"storage_uri": "models:/m-evil"}]
)
def test_a_record_that_says_something_else_is_not_signed(
    world: World, forged: dict[str, Any]
) -> None:
    merged(world)
    put_into_state(world)
    wanted, evil = decided(world), replace(requested(world), **forged)
    files = render(world.session(), [evil])[MODEL]
    state = publish(world, "env/dev", {f"{MODEL}/{name}": text for name, text in files.items()})
    transition, signer = world.transition("dev"), world.deployer.signer
    assert record_deployments(world.session(), transition, state, wanted, signer).entries == 0


@pytest.mark.parametrize(("hours", "seconds"), [(0.5, 0), (40, 40 * 3600)])
def test_an_old_time_of_a_commit_is_nobodys_word(
    world: World, hours: float, seconds: float
) -> None:
    """Whoever pushes a commit can date it, and so have it soak before it was there."""
    merged(world)
    put, state = world.now, put_into_state(world)
    world.later(hours=hours)
    transition, signer = world.transition("dev"), world.deployer.signer
    done = record_deployments(world.session(), transition, state, decided(world), signer)
    [one] = deployments(world.session().signed(MODEL))
    assert (done.entries, one.at - put) == (1, timedelta(seconds=seconds))


def test_a_commit_with_other_manifests_is_not_the_one_that_is_named(world: World) -> None:
    merged(world)
    put_into_state(world)
    forged = publish(world, "env/dev", {f"{MODEL}/manifests.yaml": "kind: Evil\n"})
    run(world, "dev")
    assert last(world)["state_commit"] not in (None, forged)


def test_without_state_there_is_nothing_to_record(world: World) -> None:
    signer = world.ci.signer
    assert (
        record_deployments(world.session(), world.transition("dev"), None, [], signer).entries == 0
    )


def test_what_was_taken_out_of_the_state_is_no_deployment(served: World) -> None:
    files = dict.fromkeys([f"{MODEL}/release.json", f"{MODEL}/manifests.yaml"])
    state = publish(served, "env/dev", files)
    [wanted] = decided(served)
    signer, transition = served.deployer.signer, served.transition("dev")
    new = [wanted, replace(wanted, request=replace(requested(served), commit="b" * 40))]
    assert record_deployments(served.session(), transition, state, new, signer).entries == 0


@pytest.mark.parametrize(
    ("who", "message"),
    [("eve", "the policy trusts no key "), ("ci", "key ci may not sign deployment statements")],
)
def test_a_key_that_may_not_record_is_told_before_anything_is_done(
    world: World, who: str, message: str
) -> None:
    signer: Person = world.ci if who == "ci" else person("eve")
    with pytest.raises(ModelctlError, match=message):
        require_key(world.session(), world.transition("dev"), signer.signer)


def test_a_key_that_has_run_out_is_told(world: World) -> None:
    require_key(world.session(), world.transition("dev"), world.deployer.signer)
    world.now += timedelta(days=3651)
    with pytest.raises(ModelctlError, match="key deployer expired on "):
        require_key(world.session(), world.transition("dev"), world.deployer.signer)


# What a way back says of what it took out.


def gone_back(world: World) -> str:
    """ml points back from 1.1.0 to 1.0.0, reviewed and merged; nothing is deployed yet."""
    bring(world, "dev")
    bring(world, "dev", "1.1.0")
    world.later(minutes=1)
    release = f"models/{MODEL}/release.yaml"
    head = world.commit({release: dump(release_data("1.0.0"))}, "rollback/x", "ml")
    return world.merge("ml", head, ["ben", "lena"])


def held(world: World) -> list[tuple[str, str, str]]:
    """The quarantines that count: version, environment, reason."""
    return [
        (q.version, q.environment, q.reason) for q in quarantines(world.session().signed(MODEL))
    ]


def test_a_way_back_quarantines_what_it_took_out(world: World) -> None:
    gone_back(world)
    number = world.pull_requests()[-1].number
    assert held(world) == []
    run(world, "dev")
    assert held(world) == [("1.1.0", "dev", f"rolled back to 1.0.0 by #{number}")]
    digest = world.locate("1.1.0", "origin/ml").digest
    [said] = [s.statement for s in world.session().signed(MODEL) if _kind(s) == "quarantine"]
    deployed = [s.statement for s in world.session().signed(MODEL) if _kind(s) == "deployment"][-1]
    assert said is not None
    assert deployed is not None
    assert (said.digest, said.made_at) == (digest, deployed.made_at)
    run(world, "dev")
    assert len(held(world)) == 1


def _kind(signed: Signed) -> str | None:
    return signed.statement.kind if signed.statement else None


def test_what_goes_forward_quarantines_nothing(world: World) -> None:
    bring(world, "dev")
    bring(world, "dev", "1.1.0")
    assert held(world) == []


def test_a_way_back_that_was_killed_says_so_when_it_is_run_again(world: World) -> None:
    gone_back(world)
    put_into_state(world)
    world.later(minutes=2)
    run(world, "dev")
    assert [version for version, _, _ in held(world)] == ["1.1.0"]


def test_two_jobs_of_one_way_back_write_it_once(world: World, tmp_path: Path) -> None:
    gone_back(world)
    state, requests = put_into_state(world), decided(world)
    transition, signer = world.transition("dev"), world.deployer.signer
    sessions = world.session(), world.copy_clone(tmp_path / "beside").session()
    for session in sessions:
        session.signed(MODEL)
    for session in sessions:
        record_deployments(session, transition, state, requests, signer)
    assert len(held(world)) == 1


def test_a_key_that_may_not_quarantine_deploys_nothing(world: World) -> None:
    merged(world)
    limited = key_file(world.deployer, ["deployment"], ["dev"])
    publish(world, "main", {"policies/keys/deployer.yaml": limited})
    with pytest.raises(ModelctlError, match="quarantine"):
        run(world, "dev")

"""The history of deploys: one statement each, whoever writes it and how often."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from modelctl.domain.evidence import OFFLINE
from modelctl.domain.history import deployments
from modelctl.errors import ModelctlError
from modelctl.services.deploying import decide, render, write_state
from modelctl.services.recording import record_deployments, require_key
from support.deploys import run
from support.journey import publish
from support.keys import Person, person
from support.world import HOLDOUT, MODEL, World, evaluation


def merged(world: World, version: str = "1.0.0") -> None:
    head = world.submit(version)
    world.evidence(version, "dev", head)
    world.merge("ml", head, ["ben", "lena"])


def put_into_state(world: World) -> str:
    """Writes the state of dev without recording it, as a job that is killed does."""
    session, transition = world.session(), world.transition("dev")
    decisions = decide(session, transition, world.pull_requests())
    rendered = render(session, [d.request for d in decisions if d.request])
    state = write_state(session, transition, decisions, rendered)
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
    decisions = decide(session, transition, world.pull_requests())
    rendered = render(session, [d.request for d in decisions if d.request])
    odd = evaluation(metrics=metrics, dataset={"name": "x", "digest": HOLDOUT})
    world.record("evaluation", OFFLINE, odd, pointer=f"{MODEL}@1.0.0^origin/ml")
    state = write_state(session, transition, decisions, rendered)
    world.later(minutes=1)
    assert record_deployments(world.session(), transition, state, world.deployer.signer) == 1
    assert last(world)["metrics"] == {}


def test_two_jobs_write_one_entry(world: World, tmp_path: Path) -> None:
    merged(world)
    state = put_into_state(world)
    transition, signer = world.transition("dev"), world.deployer.signer
    here, there = world.session(), world.copy_clone(tmp_path / "other").session()
    assert record_deployments(here, transition, state, signer) == 1
    assert record_deployments(there, transition, state, signer) == 1
    assert len(deployments(world.session().signed(MODEL))) == 1
    assert record_deployments(world.session(), transition, state, signer) == 0


def test_what_was_never_recorded_is_recorded_oldest_first(world: World) -> None:
    merged(world)
    put_into_state(world)
    world.later(minutes=5)
    merged(world, "1.1.0")
    state = put_into_state(world)
    done = record_deployments(
        world.session(), world.transition("dev"), state, world.deployer.signer
    )
    assert done == 2
    assert [d.version for d in deployments(world.session().signed(MODEL))] == ["1.0.0", "1.1.0"]


def test_without_state_there_is_nothing_to_record(world: World) -> None:
    assert record_deployments(world.session(), world.transition("dev"), None, world.ci.signer) == 0


def test_a_file_beside_the_records_is_no_deployment(served: World) -> None:
    state = publish(served, "env/dev", {"README.md": "# What runs\n"})
    signer = served.deployer.signer
    assert record_deployments(served.session(), served.transition("dev"), state, signer) == 0


def test_a_model_that_is_taken_out_of_the_state_is_no_deployment(served: World) -> None:
    files = dict.fromkeys([f"{MODEL}/release.json", f"{MODEL}/manifests.yaml"])
    state = publish(served, "env/dev", files)
    signer = served.deployer.signer
    assert record_deployments(served.session(), served.transition("dev"), state, signer) == 0


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

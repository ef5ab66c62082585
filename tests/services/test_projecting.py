"""What MLflow is told: the versions that run, where, and by whom they were brought there."""

from __future__ import annotations

import uuid

import pytest

from modelctl.services.projecting import project, projection
from support.deploys import run
from support.journey import bring, publish
from support.tracking import store, tumours, using
from support.world import MODEL, World, submission

NONE = dict.fromkeys(("dev", "staging", "production", "canary", "shadow"))


def test_each_environment_is_an_alias_and_the_last_one_decides_the_stage(served: World) -> None:
    served.later(hours=1)
    bring(served, "staging")
    told = projection(served.session(), MODEL)
    assert told.aliases == {**NONE, "dev": "1.0.0", "staging": "1.0.0"}
    [version] = told.versions
    assert (version.version, version.stage, version.run_id) == ("1.0.0", "Staging", "run-1.0.0")
    assert (version.source, version.approvers) == ("models:/m-1", ("ben",))
    assert version.commit == served.builder.git("rev-parse", "origin/develop")
    assert version.description == "Version 1.0.0."
    assert told.description == "Tells malignant from benign tumours."


def test_each_version_that_runs_is_told_of(served: World) -> None:
    served.later(hours=1)
    bring(served, "staging")
    served.later(hours=1)
    bring(served, "dev", "1.1.0")
    told = projection(served.session(), MODEL)
    assert told.aliases == {**NONE, "dev": "1.1.0", "staging": "1.0.0"}
    assert {v.version: v.stage for v in told.versions} == {
        "1.0.0": "Staging",
        "1.1.0": "Validation",
    }


def test_a_model_that_runs_nowhere_has_no_aliases(world: World) -> None:
    told = projection(world.session(), MODEL)
    assert (told.versions, told.description) == ((), None)
    assert set(told.aliases.values()) == {None}


def test_the_registry_is_told_once(world: World) -> None:
    """A real store; the model has a name of its own there, since the store outlives the test."""
    name = f"tumor-{uuid.uuid4().hex[:8]}"
    root = {"root": f"models:/{tumours().model_id}", "files": [
        {"path": "MLmodel", "sha256": "c" * 64, "size": 1}]}  # fmt: skip
    lineage = {
        "git_commit": "a" * 40,
        "run": {"id": tumours().run_id},
        "training_data": [{"name": "t", "version": "1", "digest": "sha256:" + "d" * 64}],
    }
    files = {
        path.replace(MODEL, name): str(text).replace(MODEL, name)
        for path, text in submission(manifest={"artifacts": root, "lineage": lineage}).items()
    }
    head = world.commit(files, "feature/one", "ml")
    world.evidence_for(name, head)
    world.merge("ml", head, ["ben", "lena"])
    run(world, "dev")
    changed = project(world.session(), [name], store()).changed
    assert changed[name]
    assert project(world.session(), [name], store()).changed == {name: ()}
    with using(store()):
        from mlflow import MlflowClient

        registered = MlflowClient().get_model_version_by_alias(name, "dev")
        assert registered.tags["modelctl.stage"] == "Validation"


def test_a_registry_that_is_down_is_asked_twice_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    bring(world, "dev")
    told = project(world.session(), [MODEL, MODEL, "fraud-bot"], "http://127.0.0.1:9")
    assert told.changed == {}
    first, second, third = told.left
    assert first.startswith(f"{MODEL}: MLflow at http://127.0.0.1:9 gave no answer")
    assert second == first
    assert third == "fraud-bot: not tried"


def test_one_odd_model_does_not_keep_the_others_from_it(served: World) -> None:
    publish(served, "env/dev", {"fraud-bot/release.json": "{}"})
    name = f"tumor-{uuid.uuid4().hex[:8]}"
    told = project(served.session(), ["fraud-bot", name], store())
    assert set(told.changed) == {name}
    [left] = told.left
    assert left.startswith("fraud-bot: ")
    assert "is not what a deploy writes" in left


def test_nothing_is_asked_about_no_models(world: World) -> None:
    publish(world, "ml", submission())
    assert project(world.session(), [], "http://127.0.0.1:9").changed == {}

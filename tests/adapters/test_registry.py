"""The projection onto a real registry: settled by one run, put back after changes by hand."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.registry import MlflowRegistry
from modelctl.domain.registry import Action, ProjectedVersion, Projection, plan
from modelctl.errors import DependencyError
from support.tracking import diabetes, store, tumours, using


@pytest.fixture(scope="module")
def registry() -> MlflowRegistry:
    return MlflowRegistry(store())


@pytest.fixture
def desired() -> Projection:
    """Two versions of a model that is new to the registry."""
    one = ProjectedVersion(
        version="1.0.0",
        digest="d" * 64,
        source=f"models:/{tumours().model_id}",
        run_id=tumours().run_id,
        stage="Production",
        commit="c" * 40,
        approvers=("ada", "bob"),
        description="First version.",
    )
    two = replace(
        one,
        version="1.1.0",
        source=f"models:/{diabetes().model_id}",
        run_id=diabetes().run_id,
        stage="Staging",
    )
    return Projection(
        model=f"tumor-{uuid.uuid4().hex[:8]}",
        versions=(one, two),
        aliases={"production": "1.0.0", "staging": "1.1.0", "dev": None},
        description="Tells tumours apart.",
    )


def client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store(), store())


def test_a_model_nobody_registered_does_not_exist(registry: MlflowRegistry) -> None:
    state = registry.state("never-seen")
    assert not state.exists
    assert state.versions == ()


def test_one_projection_settles_the_registry(registry: MlflowRegistry, desired: Projection) -> None:
    assert len(registry.project(desired)) == 5
    state = registry.state(desired.model)
    assert state.description == "Tells tumours apart."
    assert state.served == {"production": "1.0.0", "staging": "1.1.0"}
    entry = state.find("1.0.0", desired.versions[0].source)
    assert entry is not None
    assert entry.description == "First version."
    assert entry.tags == {
        "modelctl.version": "1.0.0",
        "modelctl.digest": "d" * 64,
        "modelctl.stage": "Production",
        "modelctl.commit": "c" * 40,
        "modelctl.approvers": "ada, bob",
    }
    theirs = client().get_model_version_by_alias(desired.model, "production")
    assert theirs.run_id == tumours().run_id
    assert registry.project(desired) == ()
    assert len(registry.state(desired.model).versions) == 2


def test_the_version_can_be_loaded_by_its_alias(
    registry: MlflowRegistry, desired: Projection, tmp_path: Path
) -> None:
    registry.project(desired)
    number = client().get_model_version_by_alias(desired.model, "production").version
    folder = registry.download(f"models:/{desired.model}/{number}", tmp_path)
    assert (folder / "MLmodel").is_file()


def test_what_was_changed_by_hand_is_seen_and_put_back(
    registry: MlflowRegistry, desired: Projection
) -> None:
    registry.project(desired)
    theirs = client()
    number = {a: str(v) for a, v in theirs.get_registered_model(desired.model).aliases.items()}
    theirs.set_registered_model_alias(desired.model, "production", number["staging"])
    theirs.set_registered_model_alias(desired.model, "dev", number["staging"])
    theirs.set_registered_model_alias(desired.model, "champion", number["staging"])
    theirs.set_model_version_tag(desired.model, number["production"], "modelctl.stage", "Archived")
    theirs.set_model_version_tag(desired.model, number["production"], "modelctl.odd", "x")
    theirs.set_model_version_tag(desired.model, number["production"], "mine", "kept")
    theirs.update_model_version(desired.model, number["production"], "edited")
    theirs.update_registered_model(desired.model, "edited")
    with using(store()):
        impostor = theirs.create_model_version(
            desired.model, desired.versions[1].source, tags={"modelctl.version": "1.0.0"}
        )

    changes = registry.project(desired)
    assert {change.action for change in changes} == {
        Action.SET_ALIAS,
        Action.DELETE_ALIAS,
        Action.SET_TAG,
        Action.DELETE_TAG,
        Action.DESCRIBE_VERSION,
        Action.DESCRIBE_MODEL,
    }
    assert "alias production: 1.1.0 → 1.0.0" in [str(change) for change in changes]
    state = registry.state(desired.model)
    assert plan(desired, state) == ()
    assert state.aliases["champion"] == number["staging"]
    entry = state.find("1.0.0", desired.versions[0].source)
    assert entry is not None
    assert entry.tags["mine"] == "kept"
    fake = next(one for one in state.versions if one.number == str(impostor.version))
    assert fake.tags == {}


def test_a_plan_may_be_carried_out_twice(registry: MlflowRegistry, desired: Projection) -> None:
    """As when two deploys made the same plan before either had begun."""
    changes = plan(desired, registry.state(desired.model))
    registry.apply(desired, changes)
    registry.apply(desired, changes)
    state = registry.state(desired.model)
    assert len(state.versions) == 2
    assert plan(desired, state) == ()


def test_a_run_that_was_killed_half_way_is_finished_by_the_next(
    registry: MlflowRegistry, desired: Projection
) -> None:
    changes = plan(desired, registry.state(desired.model))
    for done in range(len(changes)):
        registry.apply(desired, changes[:done])
        rest = registry.project(replace(desired, aliases={}))
        assert plan(replace(desired, aliases={}), registry.state(desired.model)) == ()
        assert len(rest) <= len(changes)
    registry.project(desired)
    assert len(registry.state(desired.model).versions) == 2


def test_many_versions_are_read_page_by_page(
    registry: MlflowRegistry, desired: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelctl.adapters.registry._PAGE", 2)
    first = desired.versions[0]
    versions = tuple(replace(first, version=f"1.0.{patch}") for patch in range(5))
    many = replace(desired, versions=versions, aliases={"production": "1.0.4"})
    registry.project(many)
    state = registry.state(many.model)
    assert {one.tags["modelctl.version"] for one in state.versions} == {
        f"1.0.{patch}" for patch in range(5)
    }
    assert state.served == {"production": "1.0.4"}


def test_a_registry_that_is_down_is_said_to_be_behind(
    desired: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(DependencyError, match="not up to date"):
        MlflowRegistry("http://127.0.0.1:9").project(desired)

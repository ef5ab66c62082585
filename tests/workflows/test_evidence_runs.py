"""`evidence.yml` as GitHub would run it, on a model that was really trained."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.artifacts import measure
from support.journey import publish
from support.workflow_world import WorkflowWorld
from support.world import MODEL, model_data

MakeWorld = Callable[..., WorkflowWorld]
VERSION = f"{MODEL}@1.0.0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved model, and held-out data beside it."""
    import mlflow.sklearn
    from mlflow.models import infer_signature

    from support.tracking import PINS, small_model

    folder = tmp_path_factory.mktemp("trained")
    model, table = small_model()
    signature = infer_signature(table[["a"]], table["target"])
    mlflow.sklearn.save_model(model, folder / "model", signature=signature, pip_requirements=PINS)
    table.assign(size_band=["small", "large"] * 10).to_csv(folder / "holdout.csv", index=False)
    return folder


def propose(world: WorkflowWorld, folder: Path) -> int:
    """A pull request with a version of the trained model."""
    rows: list[dict[str, Any]] = [
        {"path": f.path, "sha256": f.sha256, "size": f.size} for f in measure(folder / "model")
    ]
    data = (folder / "holdout.csv").read_bytes()
    publish(world.hub.world, "main", {"data/tumor-holdout.csv": data})
    evaluation = {
        "name": "tumor-holdout",
        "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
    }
    contract = {**model_data()["data_contract"], "evaluation": evaluation}
    artifacts = {"root": (folder / "model").as_uri(), "files": rows}
    world.hub.world.submit(model={"data_contract": contract}, manifest={"artifacts": artifacts})
    return world.hub.open("ml", "feature/1.0.0")


def recorded(world: WorkflowWorld) -> dict[str, bool | None]:
    """The kinds of evidence on the ledger, each once, with whether it passed."""
    found = world.hub.world.session().signed(MODEL)
    statements = [one.statement for one in found if one.statement is not None]
    assert all(one.problem is None for one in found)
    kinds = {one.kind: one.predicate.get("passed") for one in statements}
    assert len(kinds) == len(found)
    return kinds


def test_a_pull_request_is_measured_signed_and_judged_again(at: MakeWorld, trained: Path) -> None:
    world = at(None)
    number = propose(world, trained)
    run = world.on_pull("evidence.yml", "opened")
    assert run.jobs == dict.fromkeys(("plan", "measure", "sign", "rejudge"), "succeeded"), run.out()
    assert recorded(world) == {"evaluation": True, "security-scan": True}
    assert world.hub.check(world.hub.pull(number).head) is not None
    again = world.dispatch("evidence.yml", pull=str(number))
    assert again.jobs == {"plan": "succeeded"}, again.out()
    assert len(recorded(world)) == 2


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_a_hostile_artifact_is_told_and_never_loaded(
    at: MakeWorld, trained: Path, tmp_path: Path
) -> None:
    folder, mark = tmp_path / "hostile", tmp_path / "owned"
    shutil.copytree(trained, folder)
    (folder / "model/extra.pkl").write_bytes(pickle.dumps(Bomb(mark)))
    world = at(None)
    number = propose(world, folder)
    run = world.on_pull("evidence.yml", "opened")
    # Nothing was measured where it would not be loaded, and that is no success of the run.
    expected = {"plan": "succeeded", "measure": "failed", "sign": "failed"}
    assert run.jobs == {**expected, "rejudge": "succeeded"}, run.out()
    assert recorded(world) == {"security-scan": False}
    check = world.hub.check(world.hub.pull(number).head)
    assert check is not None
    assert check.conclusion == "failure"
    assert not mark.exists()

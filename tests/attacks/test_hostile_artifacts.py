"""Artifacts, results and evidence that were made to get a bad model past its gates."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support.attacks import APPROVERS, check, is_refused, said, sign_as, standing
from support.command_line import CommandLine
from support.hub import HubWorld
from support.keys import person
from support.world import CLEAN, MODEL, evaluation

pytestmark = pytest.mark.usefixtures("job")


class Hostile:
    """Runs a command wherever it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch owned",)


@pytest.fixture(autouse=True)
def _nothing_ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.rglob("owned*")) == []


@pytest.fixture
def key(hub: HubWorld, tmp_path: Path) -> Path:
    """The key of the job that signs."""
    path = tmp_path / "key.pem"
    path.write_bytes(hub.world.ci.private)
    path.chmod(0o600)
    return path


def artifacts(folder: Path) -> dict[str, Any]:
    """What a manifest says of a model that is nothing but a trap."""
    folder.mkdir()
    flavor = {"python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"}}
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavor}))
    (folder / "model.pkl").write_bytes(pickle.dumps(Hostile()))
    files = [
        {"path": path.name, "sha256": sha256(path.read_bytes()).hexdigest(),
         "size": path.stat().st_size}
        for path in sorted(folder.iterdir())
    ]  # fmt: skip
    return {"artifacts": {"root": folder.as_uri(), "files": files}}


def test_what_would_run_when_it_is_loaded_never_is_and_blocks(
    hub: HubWorld, cli: CommandLine, tmp_path: Path, key: Path
) -> None:
    head = hub.world.submit("2.0.0", manifest=artifacts(tmp_path / "model"))
    number = hub.open("ml", "feature/2.0.0")
    name, data = f"{MODEL}@2.0.0", tmp_path / "rows.csv"
    data.write_text("radius,texture,target\n1,2,0\n")
    (tmp_path / "results").mkdir()
    assert "security-scan" in cli("evidence", "plan", number)
    out = tmp_path / f"results/security-scan.{name}.json"
    cli("evidence", "scan", name, "--ref", head, "--out", out, code=1)
    measured = tmp_path / f"results/evaluation.{name}.json"
    options = ("--data", data, "--target", "target", "--out", measured)
    cli("evidence", "evaluate", name, "--ref", head, *options, code=2)
    assert not measured.exists()
    cli("evidence", "sign", number, "--results", tmp_path / "results", "--key", key, code=1)
    hub.approve(number, APPROVERS)
    check(hub, number)
    assert standing(hub, number) == "failure"
    assert "security-scan" in said(hub, number)
    hub.merge("ben", number)
    is_refused(hub)


@pytest.mark.parametrize("field", ["version", "digest", "kind", "environment"])
def test_a_result_that_a_model_forged_about_something_else_is_not_signed(
    hub: HubWorld, cli: CommandLine, tmp_path: Path, key: Path, field: str
) -> None:
    hub.world.submit("2.0.0")
    number = hub.open("ml", "feature/2.0.0")
    located = hub.world.locate("2.0.0", hub.pull(number).head)
    result = {
        "version": located.name,
        "digest": located.digest,
        "kind": "evaluation",
        "environment": "offline",
        "predicate": {"passed": True, "metrics": {"f1_score": 1.0}},
        field: "mine",
    }
    (tmp_path / f"evaluation.{located.name}.json").write_text(json.dumps(result))
    cli("evidence", "sign", number, "--results", tmp_path, "--key", key, code=2)
    check(hub, number)
    assert standing(hub, number) == "failure"


def test_evidence_of_a_stranger_counts_for_nothing(hub: HubWorld) -> None:
    """Whoever may push to the ledger can put it there."""
    head = hub.world.submit("2.0.0")
    number = hub.open("ml", "feature/2.0.0")
    sign_as(hub, person("mine"), "2.0.0", head)
    hub.approve(number, APPROVERS)
    check(hub, number)
    assert standing(hub, number) == "failure"
    hub.merge("ben", number)
    is_refused(hub)


def test_evidence_about_other_artifacts_counts_for_nothing(hub: HubWorld) -> None:
    """Measured with one file and submitted with another."""
    head = hub.world.submit("2.0.0")
    number = hub.open("ml", "feature/2.0.0")
    swapped = evaluation(artifacts={"MLmodel": "d" * 64})
    for kind, predicate in (("evaluation", swapped), ("security-scan", CLEAN)):
        hub.world.record(kind, "offline", predicate, pointer=f"{MODEL}@2.0.0^{head}")
    hub.approve(number, APPROVERS)
    check(hub, number)
    assert standing(hub, number) == "failure"
    assert "artifacts" in said(hub, number)


def test_a_worse_measurement_is_not_hidden_behind_the_better_one(hub: HubWorld) -> None:
    head = hub.world.submit("2.0.0")
    number = hub.open("ml", "feature/2.0.0")
    hub.world.evidence("2.0.0", "dev", head)
    hub.approve(number, APPROVERS)
    assert check(hub, number).exit_code == 0
    hub.world.later(minutes=1)
    worse = {"metrics": {"f1_score": 0.1, "accuracy": 0.1, "roc_auc": 0.1}}
    hub.world.evidence("2.0.0", "dev", head, **worse)
    check(hub, number)
    assert standing(hub, number) == "failure"


@pytest.mark.parametrize("root", ["file://{tmp}/etc", "../../../etc", "http://evil.example/model"])
def test_artifacts_from_elsewhere_are_neither_fetched_nor_shown(
    hub: HubWorld, cli: CommandLine, tmp_path: Path, root: str
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("hunter2\n")
    files = [{"path": "passwd", "sha256": "0" * 64, "size": 1}]
    manifest = {"artifacts": {"root": root.format(tmp=tmp_path), "files": files}}
    head = hub.world.submit("2.0.0", manifest=manifest)
    number = hub.open("ml", "feature/2.0.0")
    out = tmp_path / "scan.json"
    cli("evidence", "scan", f"{MODEL}@2.0.0", "--ref", head, "--out", out, code=2)
    assert "hunter2" not in cli.error
    assert not out.exists()
    check(hub, number)
    assert standing(hub, number) == "failure"

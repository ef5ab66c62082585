"""`modelctl evidence evaluate` and `scan`, on a model that was really trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.artifacts import measure
from support.command_line import CommandLine
from support.journey import trust
from support.world import MODEL, World, model_data

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


@pytest.fixture
def submitted(world: World, trained: Path) -> World:
    """The version of that model on the branch that is checked out."""
    rows: list[dict[str, Any]] = [
        {"path": f.path, "sha256": f.sha256, "size": f.size} for f in measure(trained / "model")
    ]
    root = (trained / "model").as_uri()
    contract = {**model_data()["data_contract"], "protected_groups": ["size_band"]}
    world.submit(
        model={"data_contract": contract}, manifest={"artifacts": {"root": root, "files": rows}}
    )
    world.builder.checkout("feature/1.0.0")
    return world


def test_a_model_is_measured_and_the_result_recorded(
    submitted: World, cli: CommandLine, key: Path, trained: Path
) -> None:
    data = ("--data", trained / "holdout.csv", "--resamples", 50)
    dry = cli.json("evidence", "evaluate", VERSION, *data, "--dry-run")
    assert dry["place"] is None
    assert dry["predicate"]["metrics"]["accuracy"] == 1.0
    assert "size_band" in dry["predicate"]["groups"]
    trust(submitted, key, "evaluation", "security-scan")
    out = cli("evidence", "evaluate", VERSION, *data, "--key", key)
    assert f"✓ evaluation of {VERSION}, measured offline" in out
    assert "recorded as models/" in out
    out = cli("evidence", "scan", VERSION, "--key", key)
    assert f"✓ security-scan of {VERSION}" in out
    kinds = [row["kind"] for row in cli.json("evidence", "list", VERSION)["entries"]]
    assert kinds == ["evaluation", "security-scan"]


def test_a_result_can_be_handed_to_the_job_that_signs(
    submitted: World, cli: CommandLine, trained: Path, tmp_path: Path
) -> None:
    """No key is asked for, and the held-out data is found by its name."""
    (tmp_path / "tumor-holdout.csv").write_bytes((trained / "holdout.csv").read_bytes())
    digest = submitted.locate("1.0.0", "feature/1.0.0").digest
    for probe, *given in (("evaluate", "--data", tmp_path, "--resamples", 1), ("scan",)):
        out = tmp_path / f"{probe}.json"
        assert "nothing was recorded" in cli("evidence", probe, VERSION, *given, "--out", out)
        result = json.loads(out.read_bytes())
        assert (result["version"], result["digest"]) == (VERSION, digest)
        assert result["predicate"]["passed"] is True
    assert cli.json("evidence", "list", VERSION)["entries"] == []


@pytest.mark.parametrize(
    "args", [("evaluate", "--data", "holdout.csv"), ("scan",)], ids=["evaluate", "scan"]
)
def test_artifacts_that_are_not_those_of_the_manifest_are_not_loaded(
    world: World, cli: CommandLine, trained: Path, args: tuple[str, ...]
) -> None:
    world.submit(manifest={"artifacts": {"root": (trained / "model").as_uri(), "files": [
        {"path": "MLmodel", "sha256": "c" * 64, "size": 1}]}})  # fmt: skip
    world.builder.checkout("feature/1.0.0")
    probe, *rest = (trained / a if a.endswith(".csv") else a for a in args)
    message, mend = cli.fails("evidence", probe, VERSION, *rest, "--dry-run")
    assert message.startswith(f"the artifacts of {VERSION} are not those of its manifest: ")
    assert mend == "restore them, or make a new version: nothing was loaded"


def test_without_a_key_nothing_is_measured_for_nothing(
    submitted: World, cli: CommandLine, trained: Path
) -> None:
    data = trained / "holdout.csv"
    message, _ = cli.fails("evidence", "evaluate", VERSION, "--data", data)
    assert message == "there is no key to sign with"


def test_the_key_is_not_read_before_the_model_is_done(
    submitted: World, cli: CommandLine, trained: Path, tmp_path: Path
) -> None:
    """A model that runs code must not find it in the process."""
    unreadable = tmp_path / "no.pem"
    unreadable.write_text("no key")
    data = ("--data", trained / "holdout.csv", "--resamples", 1)
    cli.fails("evidence", "evaluate", VERSION, *data, "--key", unreadable)
    assert "timing 200 single predictions" in cli.error


def test_artifacts_with_mlflow_ask_for_its_address(
    world: World, cli: CommandLine, trained: Path
) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    message, mend = cli.fails("evidence", "scan", VERSION, "--dry-run", code=3)
    assert message == "models:/m-1 lies with MLflow, and no tracking server is named"
    assert "MLFLOW_TRACKING_URI" in mend


def test_a_model_without_its_document_is_told(
    submitted: World, cli: CommandLine, trained: Path
) -> None:
    submitted.commit({f"models/{MODEL}/model.yaml": "name: [\n"}, "feature/1.0.0", "ml")
    args = ("--data", trained / "holdout.csv", "--ref", "feature/1.0.0", "--dry-run")
    message, _ = cli.fails("evidence", "evaluate", VERSION, *args)
    assert message == f"models/{MODEL}/model.yaml is missing or broken"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--resamples", "-1"), "--resamples"),
        (("--target", "nope"), "nope"),
        (("--data", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_can_not_be_measured_is_told(
    submitted: World, cli: CommandLine, trained: Path, args: tuple[str, ...], message: str
) -> None:
    data = () if "--data" in args else ("--data", trained / "holdout.csv")
    said, _ = cli.fails("evidence", "evaluate", VERSION, *data, *args, "--dry-run")
    assert message in said

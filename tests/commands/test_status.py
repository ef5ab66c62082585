"""`modelctl status`: the board, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.journey import publish
from support.repos import RepoBuilder
from support.world import MODEL, World, submission


def test_the_board_says_what_serves_since_when_by_whom_and_what_is_next(
    served: World, cli: CommandLine
) -> None:
    out = cli("status")
    assert MODEL in out
    assert "Validation" in out
    assert "Staging" in out
    assert "by ben and lena" in out
    assert "2 gates: load, e2e-tests" in out
    [row] = cli.json("status")["models"]
    assert [(name, cell["version"]) for name, cell in row["environments"].items() if cell] == [
        ("dev", "1.0.0"),
        ("staging", "1.0.0"),
    ]
    assert f"**{MODEL}**" in cli("status", "--format", "markdown")


def test_one_model_can_be_asked_for(served: World, cli: CommandLine) -> None:
    files = {p.replace(MODEL, "fraud-detector"): str(t).replace(MODEL, "fraud-detector")
             for p, t in submission().items()}  # fmt: skip
    publish(served, "ml", files)
    assert [row["model"] for row in cli.json("status")["models"]] == ["fraud-detector", MODEL]
    [row] = cli.json("status", MODEL)["models"]
    assert row["model"] == MODEL
    message, mend = cli.fails("status", "fraud-detector@1.0.0")
    assert (message, mend) == (
        "fraud-detector@1.0.0 names a version, but the whole model is meant here",
        "write fraud-detector",
    )


def test_a_model_that_nobody_knows_is_told(served: World, cli: CommandLine) -> None:
    message, mend = cli.fails("status", MODEL, "fraud-detector")
    assert message == "there is no model fraud-detector"
    assert mend == f"the models are {MODEL}"


def test_without_models_the_board_is_empty(world: World, cli: CommandLine) -> None:
    assert cli.json("status")["models"] == []
    assert "0 models" in cli("status")
    _, mend = cli.fails("status", MODEL)
    assert mend == "there are no models yet"


def test_a_broken_model_on_the_branch_that_is_checked_out_is_shown_all_the_same(
    served: World, cli: CommandLine
) -> None:
    served.commit({f"models/{MODEL}/model.yaml": "name: [\n"}, "feature/broken", "ml")
    served.builder.checkout("feature/broken")
    [row] = cli.json("status")["models"]
    assert row["owner"] == "oncology"
    assert row["environments"]["dev"]["version"] == "1.0.0"
    assert cli("status")


def test_a_broken_first_version_is_shown_with_what_is_wrong(world: World, cli: CommandLine) -> None:
    files = {**submission(), f"models/{MODEL}/versions/1.0.0.yaml": "version: [\n"}
    world.commit(files, "feature/broken", "ml")
    world.builder.checkout("feature/broken")
    [row] = cli.json("status")["models"]
    assert row["newest"] == "1.0.0"
    assert row["next"]


def test_a_bare_repository_shows_its_branches(served: World, cli: CommandLine) -> None:
    cli.directory = served.shared
    [row] = cli.json("status")["models"]
    assert row["environments"]["staging"]["version"] == "1.0.0"


def test_before_the_first_commit_the_shared_branches_are_shown(
    served: World, cli: CommandLine
) -> None:
    served.builder.git("checkout", "--quiet", "--orphan", "new")
    assert cli.json("status")["models"][0]["environments"]["dev"]["version"] == "1.0.0"


def test_before_the_first_commit_without_a_remote_the_local_branches_are_shown(
    served: World, cli: CommandLine
) -> None:
    served.builder.git("checkout", "--quiet", "--detach", "origin/main")
    for branch in ("ml", "develop", "main", "env/dev", "env/staging", "ledger"):
        served.builder.git("branch", "--force", branch, f"origin/{branch}")
    served.builder.git("remote", "remove", "origin")
    served.builder.git("checkout", "--quiet", "--orphan", "new")
    assert cli.json("status")["models"][0]["environments"]["dev"]["version"] == "1.0.0"


def test_state_that_was_written_by_hand_is_told(served: World, cli: CommandLine) -> None:
    publish(served, "env/dev", {f"{MODEL}/release.json": "{}"})
    message, mend = cli.fails("status")
    assert message.endswith(f"{MODEL}/release.json is not what a deploy writes")
    assert "undo the change on the environment's branch" in mend
    publish(served, "env/dev", {f"{MODEL}/release.json": json.dumps({"data": {"model": "x"}})})
    message, _ = cli.fails("status")
    assert "is not what a deploy writes" in message


@pytest.mark.parametrize("columns", ["20", "60", "200"])
def test_it_fits_the_terminal(
    served: World, cli: CommandLine, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert MODEL in cli("status").replace("\n", "")


def test_it_needs_a_repository_with_rules(cli: CommandLine, tmp_path: Path) -> None:
    cli.directory = RepoBuilder.create(tmp_path / "fresh").directory
    message, mend = cli.fails("status")
    assert message == "there is no branch main to take the rules from"
    assert "--trusted-ref" in mend


def test_the_gates_need_not_be_asked(served: World, cli: CommandLine) -> None:
    assert "what stands in between" in cli("status")
    assert "what stands in between" not in cli("status", "--no-next")

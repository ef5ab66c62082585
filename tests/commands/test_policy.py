"""`modelctl policy`: the rules checked, and who judges what by which line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelctl.domain.facts import kinds
from support.command_line import CommandLine
from support.repos import RepoBuilder
from support.world import MODEL, PROJECT, World, model_data

QUALITY = "policies/gates/quality.yaml"


@pytest.fixture
def edited(world: World) -> Path:
    """The work tree of the default branch, to be edited."""
    world.builder.checkout("main")
    return world.directory


# lint


def test_sound_policies_are_counted(edited: Path, cli: CommandLine) -> None:
    found = cli.json("policy", "lint")
    assert found["problems"] == []
    assert found["keys"] == 2
    assert found["gates"] >= 20
    assert f"✓ {found['gates']} gates, {found['rules']} rules" in cli("policy", "lint")


def test_the_policies_of_this_repository_are_sound(cli: CommandLine, tmp_path: Path) -> None:
    repo = RepoBuilder.create(tmp_path / "product")
    shutil.copytree(PROJECT / "policies", repo.directory / "policies")
    cli.directory = repo.directory
    assert cli.json("policy", "lint")["problems"] == []


def test_every_problem_of_the_work_tree_is_told_with_line_and_mend(
    edited: Path, cli: CommandLine
) -> None:
    path = edited / QUALITY
    text = path.read_text()
    text = text.replace("evidence.metrics.f1_score >= 0.85", "evidence.metrics.f1_score >= 1")
    path.write_text(text.replace("min_sample: 100", "min_sampel: 100"))
    (edited / "policies/roles.yaml").unlink()
    out = cli("policy", "lint", code=1)
    assert "policies/roles.yaml is missing" in out
    assert out.endswith("2 problems\n")
    rows = cli.json("policy", "lint", code=1)["problems"]
    assert {row["file"] for row in rows} == {"policies/roles.yaml", QUALITY}
    assert all(row["mend"] and row["line"] for row in rows)
    line = text.splitlines().index("    min_sample: 100") + 1
    assert f"✗ {QUALITY}:{line}:" in out


def test_one_problem_is_no_problems(edited: Path, cli: CommandLine) -> None:
    path = edited / QUALITY
    path.write_text(path.read_text().replace("f1_score >= 0.85", "f1_score >= 1"))
    out = cli("policy", "lint", code=1)
    assert f"✗ {QUALITY}:23:15" in out
    assert "a decimal number is compared with a whole one: write 100.0 for 100" in out
    assert out.endswith("1 problem\n")


def test_a_ref_is_checked_instead_of_the_work_tree(edited: Path, cli: CommandLine) -> None:
    (edited / "policies/roles.yaml").unlink()
    assert cli("policy", "lint", "--ref", "main")
    assert cli("policy", "lint", code=1)
    message, _ = cli.fails("policy", "lint", "--ref", "")
    assert message == "'' is no commit, branch or tag here"


# explain


def test_every_way_is_explained(world: World, cli: CommandLine) -> None:
    out = cli("policy", "explain")
    assert out.count("promotion to ") == 3
    every = cli.json("policy", "explain")
    assert [one["transition"]["environment"] for one in every] == ["dev", "staging", "production"]
    production = {gate["gate"] for gate in every[2]["gates"]}
    assert {"soak", "load", "manual-reviews"} <= production
    assert not {"soak", "load"} & {gate["gate"] for gate in every[0]["gates"]}


def test_a_model_is_judged_by_the_gates_of_its_task_and_tier(
    world: World, cli: CommandLine
) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    [one] = cli.json("policy", "explain", "--model", MODEL, "--to", "production")
    names = {gate["gate"] for gate in one["gates"]}
    assert "classification-quality" in names
    assert not {"regression-quality", "manual-reviews"} & names
    assert one["subject"]["model"] == MODEL
    world.submit(model=model_data(tier="critical"))
    world.builder.checkout("feature/1.0.0")
    [one] = cli.json("policy", "explain", "--model", MODEL, "--to", "production")
    assert "manual-reviews" in {gate["gate"] for gate in one["gates"]}


def test_each_rule_is_shown_with_its_line_and_the_command(world: World, cli: CommandLine) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    out = cli("policy", "explain", "--model", f"{MODEL}@1.0.0", "--to", "dev")
    assert "evidence.metrics.f1_score >= 0.85" in out
    assert "policies/gates/quality.yaml:23" in out
    assert f"modelctl evidence evaluate {MODEL}@1.0.0" in out


def test_json_holds_no_letters_that_a_terminal_may_lack(world: World, cli: CommandLine) -> None:
    out = cli("policy", "explain", "--format", "json")
    assert out.isascii()
    assert "≥" in json.dumps(json.loads(out), ensure_ascii=False)


@pytest.mark.parametrize(
    ("args", "message", "mend"),
    [
        (("--to", "prod"), "there is no environment prod", "one of: dev, staging, production"),
        (
            ("--model", "fraud-detector"),
            "there is no model fraud-detector",
            "run `modelctl status`",
        ),
        (("--model", "Fraud"), "'Fraud' is not a model name", "such as churn-predictor"),
    ],
)
def test_what_is_not_there_can_not_be_explained(
    world: World, cli: CommandLine, args: tuple[str, ...], message: str, mend: str
) -> None:
    said, help_ = cli.fails("policy", "explain", *args)
    assert said == message
    assert help_.endswith(mend)


# facts


def test_facts_are_listed_by_kind(cli: CommandLine) -> None:
    assert cli("policy", "facts").split() == list(kinds())
    assert "modelctl policy facts custom" in cli.error
    rows = dict(line.split(maxsplit=1) for line in cli("policy", "facts", "load-test").splitlines())
    assert rows["evidence.throughput_rps"] == rows["serving.throughput_rps"] == "double"
    assert "evidence.values" in cli("policy", "facts", "pen-test")

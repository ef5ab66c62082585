"""`modelctl policy backtest`: what a change of the rules would have decided otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.world import MODEL, World

QUALITY = "policies/gates/quality.yaml"
F1 = "evidence.metrics.f1_score >= 0.85"


@pytest.fixture
def stricter(served: World) -> Path:
    """The default branch checked out, with a threshold raised in the work tree."""
    served.builder.checkout("main")
    path = served.directory / QUALITY
    path.write_text(path.read_text().replace(F1, "evidence.metrics.f1_score >= 0.95"))
    return path


def test_the_work_tree_is_tried_on_what_was_deployed(
    served: World, stricter: Path, cli: CommandLine
) -> None:
    found = cli.json("policy", "backtest", "--base", "main")
    assert cli.error.startswith("1 of 1 models")
    assert found["counts"] == {
        "deployments": 2, "blocked": 2, "allowed": 0, "otherwise": 0, "same": 0, "unjudged": 0,
    }  # fmt: skip
    assert [(c["environment"], c["served"], c["before"], c["after"]) for c in found["changes"]] == [
        ("staging", True, "pass", "fail"),
        ("dev", True, "pass", "fail"),
    ]
    [gate] = found["changes"][0]["gates"]
    assert (gate["gate"], gate["decided_by"]) == ("classification-quality", "head")
    line = gate["policy"]["line"]
    assert "f1_score >= 0.95" in stricter.read_text().splitlines()[line - 1]


def test_it_is_a_table_for_people_and_markdown_for_the_pull_request(
    served: World, stricter: Path, cli: CommandLine
) -> None:
    out = cli("policy", "backtest", "--base", "main")
    assert out.splitlines()[0] == "The policy of the work tree against that of main"
    assert "2 deployments: 2 would be blocked (2 served now)" in out
    lines = stricter.read_text().splitlines()
    line = next(i for i, text in enumerate(lines, 1) if "f1_score >= 0.95" in text)
    assert f"{QUALITY}:{line}, changed policy" in out
    markdown = cli("policy", "backtest", "--base", "main", "--format", "markdown")
    assert markdown.startswith("## Policy backtest\n")
    assert f"{MODEL}@&#8203;1.0.0 → staging, **served now**" in markdown


def test_two_refs_are_compared(served: World, stricter: Path, cli: CommandLine) -> None:
    found = cli.json("policy", "backtest", "--base", "main", "--head", "origin/main")
    assert (found["head"], found["changes"], found["counts"]["same"]) == ("origin/main", [], 2)


def test_a_broken_policy_is_told_and_nothing_is_judged(
    served: World, stricter: Path, cli: CommandLine
) -> None:
    stricter.write_text("gates: 1\n")
    message, mend = cli.fails("policy", "backtest", "--base", "main")
    assert message.startswith("the work tree: the policy has 1 problem")
    assert mend == "modelctl policy lint"
    served.builder.commit({QUALITY: "gates: 1\n"}, "broken")
    message, mend = cli.fails("policy", "backtest", "--base", "broken", "--head", "main")
    assert message.startswith("broken: the policy has ")
    assert mend == "modelctl policy lint --ref broken"


def test_the_base_is_asked_for(served: World, cli: CommandLine) -> None:
    message, _ = cli.fails("policy", "backtest")
    assert "--base" in message


def test_without_a_ledger_that_is_noted(world: World, cli: CommandLine) -> None:
    world.builder.checkout("main")
    assert cli.json("policy", "backtest", "--base", "main")["counts"]["deployments"] == 0
    assert cli.error.startswith("note: this clone has no branch ledger\n  mend: git fetch origin")

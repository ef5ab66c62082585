"""`modelctl ledger`: the history read, and proved to be whole."""

from __future__ import annotations

import json

import pytest

from support.command_line import CommandLine
from support.journey import publish
from support.world import MODEL, World


def test_the_history_of_a_model_or_of_all(served: World, cli: CommandLine) -> None:
    out = cli("ledger", "list", MODEL)
    assert "deployment" in out
    assert "all as signed" in out
    rows = cli.json("ledger", "list")["entries"]
    assert rows == cli.json("ledger", "list", MODEL)["entries"]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["kind"] for row in rows} >= {"evaluation", "deployment"}


def test_a_model_without_history_is_listed_and_an_unknown_one_told(
    world: World, cli: CommandLine
) -> None:
    assert "the ledger is empty" in cli("ledger", "list")
    world.submit()
    world.builder.checkout("feature/1.0.0")
    assert cli.json("ledger", "list", MODEL)["entries"] == []
    message, mend = cli.fails("ledger", "list", "fraud-detector")
    assert message == "there is no model fraud-detector"
    assert mend == f"the models are {MODEL}"


def test_one_entry_is_shown_whole(served: World, cli: CommandLine) -> None:
    rows = cli.json("ledger", "list", MODEL)["entries"]
    last = [row for row in rows if row["kind"] == "deployment"][-1]
    whole = json.loads(cli("ledger", "show", MODEL, last["seq"]))
    assert whole["statement"]["environment"] == "staging"
    assert whole["statement"]["predicate"]["approvers"] == ["ben"]
    assert whole["signed_by"] == ["deployer"]
    assert whole["previous"]


@pytest.mark.parametrize("seq", ["0", "99"])
def test_an_entry_that_is_not_there_is_told(served: World, cli: CommandLine, seq: str) -> None:
    message, mend = cli.fails("ledger", "show", MODEL, seq)
    assert message == f"the ledger of {MODEL} has no entry {seq}"
    assert mend == f"modelctl ledger list {MODEL}"
    message, mend = cli.fails("ledger", "show", MODEL, "first")
    assert "'first' is not a valid integer" in message


def test_a_whole_ledger_verifies(served: World, cli: CommandLine) -> None:
    found = cli.json("ledger", "verify")
    assert found["problems"] == []
    assert found["models"] == 1
    assert cli("ledger", "verify").startswith(f"✓ {found['entries']} entries about 1 model")
    tip = served.builder.git("rev-parse", "origin/ledger")
    assert cli("ledger", "verify", "--known", tip)


def test_before_the_first_entry_there_is_nothing_wrong(world: World, cli: CommandLine) -> None:
    assert cli.json("ledger", "verify") == {"entries": 0, "models": 0, "problems": []}


@pytest.mark.parametrize("what", ["altered", "removed", "cut"])
def test_a_ledger_that_was_tampered_with_is_blocked(
    served: World, cli: CommandLine, what: str
) -> None:
    names = served.builder.git("ls-tree", "-r", "--name-only", "origin/ledger").splitlines()
    known = served.builder.git("rev-parse", "origin/ledger")
    match what:
        case "altered":
            text = served.show("origin/ledger", names[0])
            publish(served, "ledger", {names[0]: text.replace('"sig": "', '"sig": "AA')})
        case "removed":
            publish(served, "ledger", {names[0]: None})
        case "cut":
            served.builder.git("push", "--quiet", "--force", "origin", f"{known}~1:ledger")
            served.builder.git("fetch", "--quiet", "--force", "origin")
    args = ("ledger", "verify", *(("--known", known) if what == "cut" else ()))
    out = cli(*args, code=1)
    assert out.count("✗") >= 2
    problems = cli.json(*args, code=1)["problems"]
    assert problems
    assert all(problem["message"] for problem in problems)

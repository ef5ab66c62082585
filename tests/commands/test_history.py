"""`modelctl history`: what happened to a model."""

from __future__ import annotations

from support.command_line import CommandLine
from support.world import MODEL, World


def test_what_happened_and_what_serves(served: World, cli: CommandLine) -> None:
    out = cli("history", MODEL)
    assert out.startswith(f"{MODEL}  5 events")
    assert "staging 1.0.0  since" in out
    assert "✓ evaluation  ✓ security-scan" in out
    assert "by ben, pull request #2" in out
    assert out.index("staging") < out.index("submitted")
    told = cli.json("history", MODEL)
    assert [(e["what"], e["environment"]) for e in told["events"]] == [
        ("deployed", "staging"),
        ("measured", "offline"),
        ("deployed", "dev"),
        ("measured", "offline"),
        ("submitted", None),
    ]
    assert [(n["environment"], n["version"]) for n in told["now"]] == [
        ("dev", "1.0.0"),
        ("staging", "1.0.0"),
    ]
    text = cli("history", MODEL, "--format", "markdown")
    assert "| staging | `1.0.0` | deployed<br>by ben, pull request #" in text


def test_without_a_ledger_that_is_noted(world: World, cli: CommandLine) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    assert "the ledger tells nothing of it yet" in cli("history", MODEL)
    assert cli.error.startswith("note: this clone has no branch ledger\n  mend: git fetch origin")


def test_one_environment_or_the_newest_alone(served: World, cli: CommandLine) -> None:
    [event] = cli.json("history", MODEL, "--env", "staging")["events"]
    assert (event["what"], event["environment"]) == ("deployed", "staging")
    told = cli.json("history", MODEL, "--limit", "2")
    assert (len(told["events"]), told["older"]) == (2, 3)
    assert "3 older events left out" in cli("history", MODEL, "--limit", "2")
    assert "3 older events left out" in cli(
        "history", MODEL, "--limit", "2", "--format", "markdown"
    )
    assert cli.json("history", MODEL, "--limit", "0")["older"] == 0


def test_nothing_has_happened_yet(served: World, cli: CommandLine) -> None:
    assert "the ledger tells nothing of it yet" in cli("history", MODEL, "--env", "production")


def test_what_can_not_be_asked_is_told(served: World, cli: CommandLine) -> None:
    message, _ = cli.fails("history", "fraud-detector")
    assert message == "there is no model fraud-detector"
    message, mend = cli.fails("history", MODEL, "--env", "moon")
    assert (message, mend) == ("there is no environment moon", "one of: dev, staging, production")
    message, _ = cli.fails("history", f"{MODEL}@1.0.0")
    assert "names a version" in message

"""`modelctl deprecate`, `reject`, `archive`, `retire`, `reinstate`, as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.domain.history import END_KINDS
from support.command_line import CommandLine
from support.journey import bring, trust
from support.world import MODEL, World

WHY = ("--reason", "it is old", "--by", "ada")


@pytest.fixture
def registrar(served: World, key: Path) -> Path:
    """A key that may end versions."""
    trust(served, key, *sorted(END_KINDS), name="registrar")
    return key


def test_a_life_from_mark_to_removal(served: World, cli: CommandLine, registrar: Path) -> None:
    end = (*WHY, "--key", registrar)
    name = f"{MODEL}@1.0.0"
    out = cli("deprecate", name, *end)
    assert out.splitlines()[0] == f"✓ {name} is deprecated"
    assert "next: move its traffic in dev and staging to another version, then archive it" in out
    assert cli("deprecate", name, *end).splitlines()[1] == "  nothing was left to do"
    blocked = cli("archive", name, *end, code=1)
    assert blocked.splitlines() == [
        f"✗ {name} can't be archived",
        "  it serves in dev",
        "  it serves in staging",
        "  ml releases it",
        "  develop releases it",
        "  mend: release another version and deploy it, then run this again",
    ]
    assert "  it is not archived" in cli("retire", name, *end, code=1)
    assert cli("reinstate", name, *end).splitlines()[0] == f"✓ {name} is reinstated"
    assert "hasn't ended" in cli("reinstate", name, *end)
    rows = cli.json("ledger", "list", MODEL)["entries"]
    assert [row["kind"] for row in rows[-2:]] == ["deprecation", "reinstatement"]
    assert rows[-1]["summary"] == "by ada it is old"
    assert cli.json("ledger", "verify")["problems"] == []


def test_what_never_served_is_rejected(served: World, cli: CommandLine, registrar: Path) -> None:
    served.submit("1.1.0")
    name = f"{MODEL}@1.1.0"
    args = (name, *WHY, "--ref", "feature/1.1.0")
    assert cli("reject", *args, "--dry-run").splitlines() == [
        f"✓ {name} can be rejected",
        "  nothing was recorded",
    ]
    out = cli("reject", *args, "--replaced-by", "1.0.0", "--key", registrar)
    assert out.splitlines()[0] == f"✓ {name} is rejected"
    assert "-rejection-" in out
    assert "next" not in out
    retired = cli("retire", *args, "--key", registrar)
    assert "its manifest may be removed by a pull request" in " ".join(retired.split())


def test_what_nothing_needs_is_archived(served: World, cli: CommandLine, registrar: Path) -> None:
    for version in ("1.1.0", "1.2.0"):
        bring(served, "dev", version)
    name = f"{MODEL}@1.1.0"
    held = cli("archive", name, *WHY, "--key", registrar, code=1)
    assert "it is the rollback target of dev" in held
    served.builder.checkout("ml")
    assert "then archive" not in cli("deprecate", name, *WHY, "--key", registrar)


def test_a_key_and_a_person_are_needed(served: World, cli: CommandLine, key: Path) -> None:
    name = f"{MODEL}@1.0.0"
    message, mend = cli.fails("deprecate", name, *WHY)
    assert message == "there is no key to sign with"
    message, mend = cli.fails("deprecate", name, *WHY, "--key", key)
    assert message.startswith("the policy trusts no key")
    message, mend = cli.fails("deprecate", name, "--reason", "x", "--by", "zoe", "--dry-run")
    assert (message, mend) == (
        "zoe is in no role of the policy",
        "name who decided it by login: --by",
    )
    message, _ = cli.fails("deprecate", name, "--by", "ada")
    assert "--reason" in message


@pytest.mark.parametrize("command", ["deprecate", "reject", "archive", "retire", "reinstate"])
def test_help_shows_an_example(served: World, cli: CommandLine, command: str) -> None:
    out = cli(command, "--help")
    assert f"modelctl {command} churn-predictor@1.2.0" in out
    assert ("--replaced-by" in out) == (command not in ("retire", "reinstate"))

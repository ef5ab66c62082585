"""`modelctl retention`: what expires when, and its end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from modelctl.domain.history import END_KINDS
from support.command_line import CommandLine
from support.journey import STEP, Journeys, bring, publish, trust
from support.tracking import store
from support.world import MODEL, Template, World

RULES = "rules:\n  - {stage: Validation, keep: 1d, then: archive}\n"


@pytest.fixture(scope="session")
def _idle_template(_journeys: Journeys, tmp_path_factory: pytest.TempPathFactory) -> Template:
    directory = tmp_path_factory.mktemp("idle")
    world = _journeys.copy(None, directory)
    world.now -= STEP * 5
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        bring(world, "dev", version)
        world.now += timedelta(hours=1)
    publish(world, "main", {"policies/retention.yaml": RULES})
    return Template(directory=directory, world=world)


@pytest.fixture
def world(_idle_template: Template, tmp_path: Path) -> World:
    """1.2.0 serves in dev for days, after 1.0.0 and 1.1.0, and a day is long enough."""
    return _idle_template.copy(tmp_path / "world")


def test_each_version_is_listed_with_what_keeps_it(world: World, cli: CommandLine) -> None:
    found = cli.json("retention", "list")
    rows = {row["version"]: row for row in found["versions"]}
    assert [row["due"] for row in rows.values()] == [True, False, False]
    assert rows["1.0.0"]["then"] == "archive"
    assert rows["1.0.0"]["kept_because"] == []
    assert rows["1.1.0"]["kept_because"] == ["it is the rollback target of dev"]
    assert rows["1.2.0"]["kept_because"] == ["it serves in dev", "ml releases it"]
    assert rows["1.2.0"]["expires"] is None
    assert {row["ended"] for row in rows.values()} == {None}
    out = cli("retention", "list", MODEL)
    assert "archive now" in out
    assert "3 versions, 1 has expired" in out
    assert "not yet" in out
    table = cli("retention", "list", "--format", "markdown")
    assert table.startswith("| version | stage | since | expires | kept because |\n")
    assert f"| `{MODEL}@1.1.0` | Validation |" in table
    message, _ = cli.fails("retention", "list", "fraud-detector")
    assert message == "there is no model fraud-detector"


def test_what_expired_is_ended_once(world: World, cli: CommandLine, key: Path) -> None:
    trust(world, key, *sorted(END_KINDS), name="registrar")
    name = f"{MODEL}@1.0.0"
    planned = cli.json("retention", "apply", "--dry-run")
    assert (planned["dry_run"], [one["version"] for one in planned["ended"]]) == (True, ["1.0.0"])
    assert f"{name} would be archived" in cli("retention", "apply", "--dry-run")
    out = cli("retention", "apply", MODEL, "--key", key)
    assert out.startswith(f"✓ {name} archived  kept for 24 h in Validation, since ")
    assert cli("retention", "apply", "--key", key) == "✓ nothing has expired\n"
    [row] = [r for r in cli.json("retention", "list")["versions"] if r["version"] == "1.0.0"]
    assert row["stage"] == "Archived"
    assert row["ended"]["how"] == "archived"
    assert row["ended"]["by"] == "modelctl"
    assert (row["then"], row["due"]) == (None, False)
    done = cli.json("retention", "apply", "--key", key, "--tracking-uri", store())
    assert done == {"dry_run": False, "ended": [], "removed": [], "left_to_do": []}


def test_a_registry_that_is_down_is_left_to_do(
    world: World, cli: CommandLine, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    trust(world, key, *sorted(END_KINDS), name="registrar")
    cli("retention", "apply", "--key", key)
    why = ("--reason", "tidy", "--by", "ada", "--key", key)
    world.builder.checkout("ml")
    world.builder.git("merge", "--quiet", "--ff-only", "origin/ml")
    cli("retire", f"{MODEL}@1.0.0", *why)
    out = cli("retention", "apply", "--key", key, "--tracking-uri", "http://127.0.0.1:9", code=3)
    assert out == "✓ nothing has expired\n"
    assert cli.error.startswith(f"still to do: {MODEL}@1.0.0: MLflow at ")


def test_without_versions_nothing_is_listed(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journeys: Journeys = request.getfixturevalue("_journeys")
    bare = journeys.copy(None, tmp_path / "bare")
    cli = CommandLine(directory=bare.directory, capsys=capsys)
    assert cli("retention", "list") == "no version is known\n"
    message, _ = cli.fails("retention", "apply")
    assert message == "there is no key to sign with"

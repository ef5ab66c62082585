"""The commands of rollouts, as people and scheduled jobs call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.command_line import CommandLine
from support.journey import trust
from support.rollouts import arrive, failing, healthy, look, shares, told
from support.watched import alerts_of, measured
from support.world import MODEL, World

JOBS = ("deployment", "rollback", "rollout", "quarantine")
WHY = ("--reason", "we know enough")


@pytest.fixture
def under_way(served: World, key: Path, cli: CommandLine) -> World:
    """1.1.0 is on its way into dev, where 1.0.0 serves."""
    trust(served, key, *JOBS)
    arrive(served)
    reviews = str(served.pulls_file())
    out = cli("deploy", "dev", "--key", key, "--reviews", reviews, "--no-apply")
    assert out == f"✓ {MODEL}: 1.0.0 → 1.1.0 begins at 5 % by canary-standard\n"
    return served


@pytest.fixture
def acts(key: Path) -> tuple[str, ...]:
    """What every command needs that moves traffic."""
    return (MODEL, "--env", "dev", "--key", str(key), "--no-apply")


def test_a_deploy_says_that_it_is_on_its_way(under_way: World, cli: CommandLine, key: Path) -> None:
    reviews = str(under_way.pulls_file())
    args = ("deploy", "dev", "--key", key, "--reviews", reviews, "--no-apply")
    assert cli(*args) == f"✓ {MODEL}: 1.1.0 is on its way, as it was\n"
    [model] = cli.json(*args)["models"]
    assert (model["runs"], model["weight"], model["moved"]) == ("1.1.0", 5, False)


def test_status_shows_where_it_stands(under_way: World, cli: CommandLine) -> None:
    [row] = cli.json("status", MODEL)["models"]
    cell = row["environments"]["dev"]
    assert (cell["version"], cell["weight"], cell["beside"]) == ("1.1.0", 5, "1.0.0")
    assert cell["strategy"] == "canary-standard step 1/4"
    [one] = json.loads(cli("rollout", "status", "--format", "json", code=0))["rollouts"]
    assert (one["version"], one["weight"], one["environment"]) == ("1.1.0", 5, "dev")
    assert "1.1.0" in cli("rollout", "status", MODEL, "--env", "dev")
    assert "1.1.0" in cli("rollout", "status", "--format", "markdown")
    assert cli.fails("rollout", "status", "tumor-classifer")[0].startswith("there is no model")


def test_a_tick_without_figures_holds(under_way: World, cli: CommandLine, key: Path) -> None:
    args = ("rollout", "tick", "dev", "--key", key, "--no-apply")
    assert "holds at 5 %" in cli(*args)
    assert "would hold" in cli(*args, "--dry-run")
    [one] = cli.json(*args)["environments"][0]["rollouts"]
    assert (one["action"], one["events"]) == ("hold", [])
    assert {"name", "message"} <= one["reasons"][0].keys()
    assert told(under_way) == ["started"]


def test_a_dry_run_needs_no_key(under_way: World, cli: CommandLine) -> None:
    out = cli("rollout", "tick", "dev", "--dry-run")
    assert "; error-rate, latency-p99: canary.requests is missing; " in out
    assert out.count("canary.requests is missing") == 1
    assert "no rollout" not in cli("rollout", "tick", "dev", code=3)  # it wasn't looked at


def test_a_tick_needs_to_know_where(under_way: World, cli: CommandLine, key: Path) -> None:
    message, mend = cli.fails("rollout", "tick", "--key", key)
    known = "dev, staging, production"
    assert (message, mend) == ("which environment?", f"name one or more of {known}, or give --all")
    assert cli.fails("deploy", "--key", key) == cli.fails("guard", "--key", key) == (message, mend)
    message, _ = cli.fails("rollout", "tick", "--all", "dev", "--key", key)
    assert message == "--all has no effect with ENV"


def test_it_is_paused_and_resumed(
    under_way: World, cli: CommandLine, acts: tuple[str, ...]
) -> None:
    out = cli("rollout", "pause", *acts, *WHY, "--by", "ben")
    assert out == f"dev: {MODEL} 1.0.0 → 1.1.0 paused at 5 %\n"
    again = cli("rollout", "pause", *acts, *WHY, "--by", "ben")
    assert again.endswith("paused already, at 5 %\n")
    assert cli.json("rollout", "resume", *acts, *WHY, "--by", "ben")["events"] == ["resumed"]
    assert told(under_way) == ["started", "paused", "resumed"]
    shown = cli("history", MODEL)
    assert "paused at 5 %: we know enough" in shown


def test_only_who_may_approve_may_say_so(
    under_way: World, cli: CommandLine, acts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    message, _ = cli.fails("rollout", "pause", *acts, *WHY, "--by", "eve")
    assert message == "eve holds no role that approves for dev"
    monkeypatch.setenv("GITHUB_ACTOR", "eve")
    assert cli.fails("rollout", "abort", *acts, *WHY)[0].startswith("eve holds no role")
    monkeypatch.setenv("GITHUB_ACTOR", "ben")
    assert "rolled back" in cli("rollout", "abort", *acts, *WHY)
    assert shares(under_way) == [("stable", "1.0.0", 100)]
    message, _ = cli.fails("rollout", "abort", *acts, *WHY)
    assert message == f"no rollout of {MODEL} is under way in dev"
    assert "was rolled back" in cli("status", MODEL) or "rolled back" in cli("status", MODEL)


def test_a_person_needn_t_wait(under_way: World, cli: CommandLine, acts: tuple[str, ...]) -> None:
    assert "advanced to 25 %" in cli("rollout", "promote", *acts, *WHY, "--by", "ben")
    message, mend = cli.fails("rollout", "promote", *acts, *WHY, "--by", "ben", "--now")
    assert message.startswith("nothing was heard of 1.1.0 at 25 %")
    assert f"modelctl rollout status {MODEL} --env dev" in mend
    assert shares(under_way)[1] == ("canary", "1.1.0", 25)
    assert cli("ledger", "verify")


def test_what_was_decided_comes_out_again(under_way: World, cli: CommandLine) -> None:
    look(under_way, healthy(under_way, hours=25))
    look(under_way, failing(under_way, hours=1))
    out = cli("rollout", "explain", MODEL, "--env", "dev")
    assert "2 decisions recomputed, all the same" in out
    events = cli.json("rollout", "explain", MODEL, "--env", "dev")["events"]
    assert [one["recomputed"] for one in events] == [None, "same", "same"]
    entry = events[1]["entry"]
    [one] = cli.json("rollout", "explain", MODEL, "--env", "dev", "--event", entry)["events"]
    assert one["event"] == "advanced"
    message, _ = cli.fails("rollout", "explain", MODEL, "--env", "dev", "--version", "9.0.0")
    assert message == f"dev had no rollout of {MODEL} to 9.0.0"


def test_who_served_tells_both(under_way: World, cli: CommandLine) -> None:
    [one] = cli.json("audit", "who-served", "dev")["served"]
    assert (one["version"], one["rollout"]["version"]) == ("1.0.0", "1.1.0")
    assert one["rollout"]["weight"] == 5
    assert "1.0.0 95 %, 1.1.0 5 %" in cli("audit", "who-served", "dev")


def test_alerts_follow_what_a_person_says(
    under_way: World, cli: CommandLine, acts: tuple[str, ...]
) -> None:
    measured(under_way)
    cli("rollout", "abort", *acts, *WHY, "--by", "ben", "--now")
    assert alerts_of(under_way) == ("1.0.0", {"1.0.0"})

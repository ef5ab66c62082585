"""`modelctl policy freezes`: what holds, when it opens, what is next. And how it blocks."""

from __future__ import annotations

import pytest

from support.command_line import CommandLine
from support.journey import publish
from support.world import MODEL, World

FREEZES = """\
windows:
  year-end:
    kind: deny
    rrule: FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20
    start: "2025-01-01T00:00"
    timezone: Europe/Berlin
    duration: 14d
    environments: [production]
    reason: Year-end freeze
  office:
    kind: allow
    rrule: FREQ=WEEKLY;BYDAY=MO,TU,WE,TH
    start: "2025-01-01T09:00"
    timezone: Europe/Berlin
    duration: 7h
    tiers: [critical]
    reason: Somebody is there
emergencies:
  - models: [tumor-*]
    environments: [staging]
    since: "2026-12-01T10:00:00Z"
    reason: Wrong labels
"""


@pytest.fixture
def frozen(served: World) -> World:
    """A world with freezes."""
    publish(served, "main", {"policies/freezes.yaml": FREEZES})
    return served


def test_nothing_is_frozen_as_shipped(served: World, cli: CommandLine) -> None:
    out = cli("policy", "freezes")
    assert "✓ production  open\n" in out
    said = "policies/freezes.yaml of origin/main declares nothing; for what isn't merged: "
    assert f"{said}--trusted-ref refs/heads/BRANCH" in " ".join(out.split())
    commit = served.session().policy.commit
    assert out.endswith(f"by rules of {commit[:12]} (origin/main)\n")
    assert "declares nothing for this;" in cli("policy", "freezes", "--env", "dev")
    assert cli("policy", "freezes", "--trusted-ref", commit).endswith(f"({commit})\n")


def test_it_says_what_holds_and_when_it_opens(frozen: World, cli: CommandLine) -> None:
    out = cli("policy", "freezes", MODEL, "--at", "2026-12-24T12:00:00Z")
    assert out.startswith(f"{MODEL}  2026-12-24 12:00 UTC\n")
    assert "✓ dev  open\n" in out
    assert "✗ staging  frozen  doesn't open by itself\n" in out
    assert "… production  frozen  opens 2027-01-02 23:00 UTC, in 9 d\n" in out
    assert "frozen by the window year-end until 2027-01-02 23:00 UTC: Year-end freeze" in out
    assert "policies/freezes.yaml:2" in out
    assert "closed until 2027-01-02 23:00 UTC" in out
    assert "until it is lifted" in out
    assert "office" not in out  # for critical models


def test_other_days_and_environments_can_be_asked_about(frozen: World, cli: CommandLine) -> None:
    found = cli.json("policy", "freezes", MODEL, "--at", "2026-11-20", "--env", "production")
    assert found["at"] == "2026-11-20T00:00:00Z"
    assert found["environments"] == {"production": {"frozen": False, "opens": None, "holds": []}}
    [window] = found["windows"]
    assert (window["name"], window["now"]) == ("year-end", None)
    assert window["next"] == {"start": "2026-12-19T23:00:00Z", "end": "2027-01-02T23:00:00Z"}
    assert found["emergencies"] == []


def test_what_is_for_some_models_only_is_listed_for_every_one(
    frozen: World, cli: CommandLine
) -> None:
    found = cli.json("policy", "freezes", "--at", "2026-12-24T12:00:00Z")
    assert found["model"] is None
    assert [e for e, place in found["environments"].items() if place["frozen"]] == ["production"]
    assert [window["name"] for window in found["windows"]] == ["year-end", "office"]
    assert found["windows"][1]["applies"] == "tier critical"
    assert len(found["emergencies"]) == 1
    text = cli("policy", "freezes", "--at", "2026-12-23T12:00:00Z")
    assert "open until 2026-12-23 15:00 UTC" in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--env", "prod"], "there is no environment prod"),
        (["fraud-detector"], "there is no model fraud-detector"),
        (["--at", "tomorrow"], "'tomorrow' is no time that can be read"),
        (["--at", "9999-12-31"], "9999-12-31 is too far away"),
    ],
)
def test_what_can_not_be_told(
    frozen: World, cli: CommandLine, args: list[str], message: str
) -> None:
    assert cli.fails("policy", "freezes", *args)[0] == message


def test_a_freeze_blocks_a_promotion_and_says_why(frozen: World, cli: CommandLine) -> None:
    text = FREEZES.replace("[staging]", "[production]").replace("2026-12-01", "2026-01-01")
    publish(frozen, "main", {"policies/freezes.yaml": text})
    [verdict] = cli.json("check", f"{MODEL}@1.0.0", "--to", "production", code=1)["verdicts"]
    [finding] = [f for f in verdict["findings"] if f["gate"] == "freeze"]
    assert finding["outcome"] == "fail"
    assert finding["message"] == "frozen by an emergency since 2026-01-01 10:00 UTC"
    assert finding["because"] == "Wrong labels"
    assert finding["policy"]["file"] == "policies/freezes.yaml"
    assert "lift it: remove policies/freezes.yaml:" in finding["mend"]

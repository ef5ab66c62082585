"""What GitHub doesn't show counts for nobody, and is never called well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from forge.server import Forge
from modelctl.adapters.github import GitHub, transport
from modelctl.adapters.github.rate import Pace
from modelctl.domain.diagnosis import Health
from modelctl.domain.settings import GATE, PERMISSIONS
from modelctl.report import settings_plan as report
from modelctl.services.doctor import CHECKS, Patient, examine
from modelctl.services.settings_sync import LABEL, MARKER, apply, look, report_drift
from support.attacks import APPROVERS, check, ready, said, standing, submitted
from support.hub import MACHINE, OWNER, REPOSITORY, HubWorld
from support.settings_world import Governed, fill

ANYBODY = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}


def waits(hub: HubWorld, number: int) -> None:
    assert check(hub, number).exit_code == 1
    assert standing(hub, number) == "in_progress"


def rename(hub: HubWorld, slug: str) -> None:
    teams = hub.forge.state.teams
    team = teams.pop((OWNER, slug))
    team.slug = f"{slug}-of-old"
    teams[OWNER, team.slug] = team


def leave(hub: HubWorld, login: str) -> None:
    for team in hub.forge.state.teams.values():
        team.members.pop(login, None)


@pytest.mark.parametrize("login", APPROVERS)
def test_a_team_that_is_renamed_gives_nobody_back_who_left_it(hub: HubWorld, login: str) -> None:
    hub.with_teams()
    leave(hub, login)
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    waits(hub, number)
    rename(hub, "ml-team")
    rename(hub, "ml-leads")
    waits(hub, number)
    assert "there is none of that name" in said(hub, number)


def test_a_team_that_is_deleted_leaves_its_role_to_nobody(hub: HubWorld) -> None:
    hub.with_teams()
    number = ready(hub)
    del hub.forge.state.teams[OWNER, "ml-leads"]
    waits(hub, number)


def test_where_the_app_may_see_no_team_the_policy_alone_decides(hub: HubWorld) -> None:
    hub.with_teams()
    leave(hub, "lena")
    del hub.app.permissions["members"]
    ready(hub)


# Who may bypass the branch rules.


@pytest.fixture
def governed(tmp_path: Path, ground: Forge, monkeypatch: pytest.MonkeyPatch) -> HubWorld:
    """Its settings are in force, and the gate's App has the permissions that it is to have."""
    monkeypatch.setattr(transport, "Pace", partial(Pace, burst=10_000))
    made = Governed.create(tmp_path / "world", ground).hub
    with made.github(MACHINE) as github:
        apply(look(made.world.session(), github), github, lambda step: None)
    fill(made)
    made.app.permissions = {"metadata": "read", **PERMISSIONS[GATE]}
    return made


@pytest.fixture
def gate(governed: HubWorld) -> Iterator[GitHub]:
    with governed.github() as github:
        yield github


def bypass(hub: HubWorld) -> None:
    """An administrator lets everybody pass by the rules of the default branch."""
    rows = {row["name"]: row["id"] for row in hub.api(MACHINE, "GET", "/rulesets")}
    main = rows["modelctl: into main by reviewed pull request"]
    hub.api(MACHINE, "PUT", f"/rulesets/{main}", {"bypass_actors": [ANYBODY]})
    hub.forge.state.repositories[REPOSITORY].rulesets[main]["updated_at"] = "2027-01-01T00:00:00Z"


def daily(hub: HubWorld, github: GitHub) -> dict[str, Any] | None:
    """The issue after the daily job, None where there is none."""
    plan = look(hub.world.session(), github).plan
    report_drift(github, plan, report.markdown(plan))
    found = hub.api(MACHINE, "GET", f"/issues?state=all&labels={LABEL}")
    assert len(found) < 2
    return found[0] if found else None


def close(hub: HubWorld, number: int) -> None:
    hub.api(MACHINE, "PATCH", f"/issues/{number}", {"state": "closed"})


def test_who_may_bypass_is_never_called_well_unseen(governed: HubWorld, gate: GitHub) -> None:
    plan = look(governed.world.session(), gate).plan
    assert plan.steps == ()
    assert len(plan.unseen) == len(governed.api(MACHINE, "GET", "/rulesets"))
    for text in (report.terminal(plan), report.markdown(plan), report.json(plan)):
        assert "who may bypass" in text
        assert "GitHub is as the settings say" not in text
    issue = daily(governed, gate)
    assert issue is not None
    assert issue["state"] == "open"
    assert issue["body"].startswith(MARKER)
    assert governed.comments(issue["number"]) == []


def test_a_bypass_that_an_administrator_gives_brings_the_issue_back(
    governed: HubWorld, gate: GitHub
) -> None:
    issue = daily(governed, gate)
    assert issue is not None
    close(governed, issue["number"])
    again = daily(governed, gate)
    assert again is not None
    assert again["state"] == "closed"  # somebody looked, and nothing was changed since
    bypass(governed)
    told = daily(governed, gate)
    assert told is not None
    assert (told["number"], told["state"]) == (issue["number"], "open")
    assert "2027-01-01" in told["body"]


def test_an_administrator_compares_it_and_closes_the_issue(
    governed: HubWorld, gate: GitHub
) -> None:
    daily(governed, gate)
    bypass(governed)
    with governed.github(MACHINE) as github:
        found = look(governed.world.session(), github)
        assert [one.path for step in found.plan.steps for one in step.fields] == ["bypass"]
        assert found.plan.unseen == ()
        apply(found, github, lambda step: None)
        assert look(governed.world.session(), github).plan.steps == ()


def test_the_doctor_decides_nothing_about_what_is_not_shown(
    governed: HubWorld, gate: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelctl.services.doctor.CHECKS", {"in force": CHECKS["in force"]})
    patient = Patient(governed.world.directory, trusted=None, hub=lambda: gate, tracking_uri=None)
    [row] = examine(patient)
    assert row.health is Health.UNKNOWN
    assert "who may bypass" in row.message

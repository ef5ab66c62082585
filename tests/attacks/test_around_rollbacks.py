"""The paperwork of a rollback, which anybody may write beside: it is neither silenced nor led."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from modelctl.report.incident import marker
from modelctl.services.going_back import Cause
from modelctl.services.incidents import LABEL, Desk
from support.hub import REPOSITORY, HubWorld
from support.journey import bring
from support.motions import named
from support.ways_back import Traffic, back
from support.world import MODEL


@pytest.fixture
def taken_back(served: HubWorld) -> Any:
    """1.1.0 was rolled back in dev for a reason that is an attack; the paperwork isn't done."""
    world = named(served.world)
    bring(world, "dev", "1.1.0")
    world.now = datetime.now(UTC)
    reason = "@ada <script>alert(1)</script> | [x](http://evil) #1 `rm`"
    return back(world, "dev", cause=Cause(trigger="a person", reason=reason, by="ben"))


def file(hub: HubWorld, done: Any) -> None:
    with hub.github() as github:
        desk = Desk(effects=Traffic().effects(hub.world, github=github))
        desk.fresh.add(done.incident.place)
        assert desk.clear(hub.world.session(), hub.world.transition("dev"), [MODEL]) == ()


def issues(hub: HubWorld) -> list[Any]:
    found = hub.forge.state.repositories[REPOSITORY].issues.values()
    return [one for one in found if "modelctl:incident" in one.body]


def test_an_issue_that_somebody_forged_silences_nothing(served: HubWorld, taken_back: Any) -> None:
    body = f"{marker(taken_back.incident)}\n| brought back in line by | #1 |"
    forged = {"title": "nothing happened", "body": body, "labels": [LABEL]}
    served.api("ada", "POST", "/issues", forged)
    file(served, taken_back)
    assert [one.user for one in issues(served)] == ["ada", served.app.bot]


def test_a_reason_takes_no_effect_where_it_is_shown(served: HubWorld, taken_back: Any) -> None:
    file(served, taken_back)
    [issue] = issues(served)
    pulls = served.forge.state.repositories[REPOSITORY].issues.values()
    [pull] = [one for one in pulls if getattr(one, "branch", "").startswith("rollback/")]
    for text in (issue.body, pull.body):
        assert "<script>" not in text
        assert "@ada" not in text
        assert "](http://evil)" not in text


def test_a_reason_makes_nobody_an_author(served: HubWorld) -> None:
    world = named(served.world)
    bring(world, "dev", "1.1.0")
    world.now = datetime.now(UTC)
    cause = Cause(trigger="x", reason="bad\n\nCo-authored-by: Eve <eve@example.com>", by="ben")
    file(served, back(world, "dev", cause=cause))
    pulls = served.forge.state.repositories[REPOSITORY].issues.values()
    [pull] = [one for one in pulls if getattr(one, "branch", "").startswith("rollback/")]
    world.builder.git("fetch", "--quiet", "origin")
    trailers = world.builder.git("log", "-1", "--format=%(trailers:key=Co-authored-by)", pull.head)
    assert trailers.strip() == ""

"""Approvals that look like ones: of the author, of machines, of strangers, of who was somebody."""

from __future__ import annotations

import pytest

from modelctl.adapters.documents import dump
from support.attacks import (
    APPROVERS,
    BRANCH,
    check,
    deployed,
    is_refused,
    may_merge,
    outsider,
    protect,
    ready,
    running,
    said,
    standing,
    submitted,
)
from support.hub import MACHINE, OWNER, HubWorld
from support.world import MODEL, model_data

NOTE = {f"models/{MODEL}/model.yaml": dump(model_data(description="Tells them apart."))}


def waits(hub: HubWorld, number: int) -> None:
    """It may not be merged, and is not deployed where it is merged all the same."""
    assert check(hub, number).exit_code == 1
    assert standing(hub, number) != "success"
    hub.merge("ben", number)
    is_refused(hub)
    assert running(hub) == []


def add(hub: HubWorld, **commit: str) -> None:
    """One more commit that changes nothing of consequence."""
    hub.world.builder.commit({f"models/{MODEL}/release.yaml": release(hub)}, BRANCH, **commit)


def release(hub: HubWorld) -> str:
    return hub.world.show(BRANCH, f"models/{MODEL}/release.yaml") + "# again\n"


def test_an_approval_of_an_older_head_is_stale(hub: HubWorld) -> None:
    number = ready(hub)
    add(hub)
    hub.push("ada", BRANCH)
    hub.world.evidence("1.0.0", "dev", hub.pull(number).head)
    waits(hub, number)
    assert "not the head" in said(hub, number)


def test_an_approval_of_a_commit_before_the_head_is_stale(hub: HubWorld) -> None:
    older = hub.world.builder.git("rev-parse", BRANCH)
    add(hub)
    number = submitted(hub)
    for login in APPROVERS:
        hub.review(login, number, commit=older)
    waits(hub, number)


def test_a_dismissed_approval_counts_no_more(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben"])
    approval = hub.review("lena", number)
    assert check(hub, number).exit_code == 0
    hub.api("pat", "PUT", f"/pulls/{number}/reviews/{approval}/dismissals", {"message": "Not yet"})
    waits(hub, number)


def test_a_dismissal_is_not_undone_by_an_older_approval(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena"])
    last = hub.review("lena", number)
    hub.api("pat", "PUT", f"/pulls/{number}/reviews/{last}/dismissals", {"message": "No"})
    waits(hub, number)


def test_the_author_approves_nothing(hub: HubWorld) -> None:
    number = submitted(hub, author="ben")
    hub.approve(number, ["lena"])
    body = {"event": "APPROVE", "commit_id": hub.pull(number).head}
    hub.api("ben", "POST", f"/pulls/{number}/reviews", body, code=422)
    waits(hub, number)


@pytest.mark.parametrize(
    "commit",
    [
        {"author": "Lena <lena@example.com>"},
        {"message": "Tune\n\nco-authored-by: L <3+lena@users.noreply.github.com>"},
    ],
    ids=["author", "co-author"],
)
def test_who_wrote_a_commit_of_it_approves_nothing(hub: HubWorld, commit: dict[str, str]) -> None:
    add(hub, **commit)
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    waits(hub, number)
    assert "wrote a commit of it" in said(hub, number)


def test_an_address_of_nobody_keeps_it_from_being_decided(hub: HubWorld) -> None:
    add(hub, author="Lena <lena.at.home@example.org>")
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    waits(hub, number)
    assert "belongs to no account" in said(hub, number)


def test_a_machine_approves_nothing(hub: HubWorld) -> None:
    """Whatever role somebody wrote down for it."""
    number = submitted(hub)
    hub.approve(number, ["ben"])
    permissions = {"pull_requests": "write", "contents": "write"}
    robot = hub.forge.add_app("robot", permissions=permissions, owner=OWNER)
    hub.forge.state.user(robot.bot)
    hub.tokens["robot"] = token(hub, robot.id)
    hub.review("robot", number)
    waits(hub, number)
    assert "is a bot" in said(hub, number)


def token(hub: HubWorld, app_id: int) -> str:
    from modelctl.adapters.github import Access, connect
    from support.hub import REPOSITORY

    app = hub.forge.state.apps[app_id]
    access = Access(
        repository=REPOSITORY,
        api_url=hub.api_url,
        app_id=app.id,
        app_key=app.key,
        installation=app.installation,
    )
    with connect(access) as github:
        return github.git_token()


def test_a_co_author_of_an_unknown_address_keeps_it_from_being_decided(hub: HubWorld) -> None:
    add(hub, message="Tune\n\nCo-authored-by: Somebody <lena.at.home@example.org>")
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    waits(hub, number)
    assert "belongs to no account" in said(hub, number)


@pytest.mark.parametrize("login", ["eve", "max", "mallory"])
def test_who_holds_no_role_for_the_model_approves_nothing(hub: HubWorld, login: str) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", login])
    waits(hub, number)


def test_who_left_the_team_approves_nothing(hub: HubWorld) -> None:
    hub.with_teams()
    number = ready(hub)
    del hub.forge.state.team(OWNER, "ml-leads").members["lena"]
    waits(hub, number)


def test_who_was_invited_and_never_came_approves_nothing(hub: HubWorld) -> None:
    hub.with_teams()
    team = hub.forge.state.team(OWNER, "ml-leads")
    del team.members["lena"]
    team.pending.add("lena")
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    waits(hub, number)


def test_one_person_fills_one_role(hub: HubWorld) -> None:
    """ben is of the team and leads it, so he could be both."""
    number = submitted(hub)
    hub.approve(number, ["ben"])
    hub.approve(number, ["ben"])
    waits(hub, number)


def test_who_takes_a_name_that_became_free_is_not_in_the_team(hub: HubWorld) -> None:
    hub.with_teams()
    lena = hub.forge.state.users.pop("lena")
    lena.login = "lena-of-old"
    hub.forge.state.users["lena-of-old"] = lena
    team = hub.forge.state.team(OWNER, "ml-leads")
    team.members["lena-of-old"] = team.members.pop("lena")
    outsider(hub, "lena")
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    waits(hub, number)
    assert "no active member of team ml-leads" in said(hub, number)


def test_a_team_that_was_made_anew_gives_nobody_a_role(hub: HubWorld) -> None:
    """A team takes people out of a role that the policy gives, and puts none in."""
    hub.with_teams()
    del hub.forge.state.teams[OWNER, "ml-leads"]
    hub.forge.add_team(OWNER, "ml-leads", ["eve"])
    number = submitted(hub)
    hub.approve(number, ["ben", "eve"])
    waits(hub, number)


def test_requested_changes_outweigh_any_number_of_approvals(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.approve(number, ["ben", "lena", "pat", "quinn"])
    hub.review("quinn", number, "REQUEST_CHANGES")
    waits(hub, number)
    assert "quinn requested changes" in said(hub, number)


def test_an_objection_is_taken_away_by_nobody_else(hub: HubWorld) -> None:
    protect(hub)
    number = submitted(hub)
    objection = hub.review("lena", number, "REQUEST_CHANGES")
    hub.approve(number, ["ben", "pat"])
    path = f"/pulls/{number}/reviews/{objection}/dismissals"
    for login in ("ada", "ben", MACHINE):
        hub.api(login, "PUT", path, {"message": "Settled"}, code=403)
    check(hub, number)
    assert standing(hub, number) == "failure"
    assert not may_merge(hub, number, MACHINE)


def test_a_comment_after_it_does_not_take_an_objection_back(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.review("lena", number, "REQUEST_CHANGES")
    hub.review("lena", number, "COMMENT")
    hub.approve(number, ["ben"])
    waits(hub, number)


def test_approvals_after_the_merge_are_those_of_the_same_head(hub: HubWorld) -> None:
    """What was merged too early is deployed once those who may approve have approved it."""
    number = submitted(hub)
    hub.merge("ben", number)
    is_refused(hub)
    hub.approve(number, APPROVERS)
    deployed(hub)
    assert running(hub) == ["1.0.0"]

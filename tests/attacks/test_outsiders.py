"""Forks, replayed signals, and comments of people who have no say."""

from __future__ import annotations

import pytest

from modelctl.domain.pulls import COMMENT_MARKER
from support.attacks import (
    APPROVERS,
    BRANCH,
    check,
    fork,
    is_refused,
    may_merge,
    outsider,
    protect,
    ready,
    said,
    standing,
    submitted,
)
from support.command_line import CommandLine
from support.hub import MACHINE, REPOSITORY, HubWorld
from support.waivers import REASON, unfair
from support.world import MODEL

pytestmark = pytest.mark.usefixtures("job")
WAIVE = f"/modelctl waive fairness --approver lena {REASON}"


# Forks.


def test_a_fork_is_judged_by_the_same_rules(hub: HubWorld) -> None:
    number = fork(hub, BRANCH)
    check(hub, number)
    assert standing(hub, number) == "in_progress"
    hub.approve(number, ["ben"])
    check(hub, number)
    assert standing(hub, number) == "in_progress"
    hub.merge("ben", number)
    is_refused(hub)


def test_a_fork_whose_branch_has_a_name_of_ours_is_not_taken_for_it(hub: HubWorld) -> None:
    builder = hub.world.builder
    head = hub.world.submit("2.0.0", branch="ml")
    builder.git("update-ref", "refs/heads/ml", head)
    number = fork(hub, "ml")
    assert check(hub, number).exit_code == 1
    assert hub.pull(number).head == head
    assert standing(hub, number) != "success"
    tip = builder.git("ls-remote", "origin", "refs/heads/ml").split()[0]
    assert tip != head


def test_a_fork_of_an_approved_commit_into_elsewhere_takes_the_verdict_down(hub: HubWorld) -> None:
    """It says the worst of both, and whose it is: that one has to be closed."""
    protect(hub)
    number = ready(hub)
    other = fork(hub, BRANCH, "main")
    check(hub, other)
    assert not may_merge(hub, number)
    assert f"#{other}" in said(hub, number)
    hub.api(MACHINE, "PATCH", f"/pulls/{other}", {"state": "closed"})
    check(hub, number)
    assert may_merge(hub, number)


# Replayed signals.


def test_a_signal_for_an_older_head_judges_nothing(hub: HubWorld, cli: CommandLine) -> None:
    number = ready(hub)
    old = hub.pull(number).head
    hub.world.builder.commit({f"models/{MODEL}/model.yaml": "name: [\n"}, BRANCH)
    hub.push("ada", BRANCH)
    assert cli("pr", "check", "--head", old) == ""
    assert standing(hub, number) == "nothing"


def test_a_signal_for_a_closed_pull_request_judges_nothing(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    head = hub.pull(number).head
    hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    assert cli("pr", "check", "--head", head) == ""
    assert "it is closed" in cli("pr", "check", number)
    assert standing(hub, number) == "nothing"


def test_a_signal_for_another_pull_request_tells_the_truth_about_that(
    hub: HubWorld, cli: CommandLine
) -> None:
    number = submitted(hub)
    hub.world.builder.branch("other", "origin/ml")
    hub.world.builder.commit({"models/x-y/model.yaml": "no\n"}, "other")
    other = hub.open("ml", "other")
    hub.approve(other, APPROVERS)
    cli("pr", "check", "--head", hub.pull(other).head, code=1)
    assert standing(hub, other) == "failure"
    assert standing(hub, number) == "nothing"


def test_a_signal_that_names_no_commit_judges_nothing(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    for odd in ("ml", "refs/heads/ml", "--open", "../../user", "$(id)"):
        assert cli("pr", "check", "--head", odd, code=2) == ""
    assert cli("pr", "check", "--head", "0" * 40) == ""
    assert standing(hub, number) == "nothing"


# Comments.


def answer(hub: HubWorld, cli: CommandLine, comment: int) -> str:
    return cli("pr", "answer", "--comment", comment)


@pytest.mark.parametrize("login", ["mallory", "eve", "max"])
def test_a_command_of_an_outsider_does_nothing(hub: HubWorld, cli: CommandLine, login: str) -> None:
    number = submitted(hub)
    for line in ("/modelctl check", "/modelctl explain fairness", WAIVE):
        assert "refused" in answer(hub, cli, hub.comment(login, number, line))
    assert standing(hub, number) == "nothing"
    assert hub.comments(number) == []
    assert len(hub.forge.state.repositories[REPOSITORY].pulls()) == 1


def test_a_command_of_a_machine_does_nothing(hub: HubWorld, cli: CommandLine) -> None:
    number = submitted(hub)
    with hub.github() as github:
        own = github.comments.reply(number, WAIVE).id
    assert "no person" in answer(hub, cli, own)
    assert len(hub.forge.state.repositories[REPOSITORY].pulls()) == 1


@pytest.mark.parametrize(
    "body",
    [
        f"> {WAIVE}",
        f"Please don't write\n\n{WAIVE}",
        f"<!-- -->{WAIVE}",
        f"```\n{WAIVE}\n```",
        f"\u200b{WAIVE}",
        f" {WAIVE}",
        WAIVE.replace("/modelctl", "/Modelctl"),
        WAIVE.replace("/modelctl ", "/modelctl\u00a0"),
    ],
)
def test_a_command_that_is_quoted_or_hidden_is_none(
    hub: HubWorld, cli: CommandLine, body: str
) -> None:
    unfair(hub.world, "2.0.0")
    number = hub.open("ml", "feature/2.0.0")
    assert answer(hub, cli, hub.comment("ben", number, body)) == ""
    assert len(hub.forge.state.repositories[REPOSITORY].pulls()) == 1


def test_a_comment_that_somebody_else_turned_into_a_command_asks_for_no_waiver(
    hub: HubWorld, cli: CommandLine
) -> None:
    unfair(hub.world, "2.0.0")
    number = hub.open("ml", "feature/2.0.0")
    comment = hub.comment("ben", number, "nice")
    hub.api(MACHINE, "PATCH", f"/issues/comments/{comment}", {"body": WAIVE})
    kept = hub.forge.state.repositories[REPOSITORY].comments[comment]
    kept.created_at = kept.created_at.replace(year=2025)
    answer(hub, cli, comment)
    assert "edited" in hub.comments(number)[0]
    assert len(hub.forge.state.repositories[REPOSITORY].pulls()) == 1


def test_nobody_waives_a_gate_for_themselves(hub: HubWorld, cli: CommandLine) -> None:
    """Neither at once, as who asks and who approves, nor as the author of the version."""
    unfair(hub.world, "2.0.0")
    number = hub.open("ml", "feature/2.0.0", author="ben")
    line = WAIVE.replace("lena", "ben")
    answer(hub, cli, hub.comment("ben", number, line))
    assert "would not count" in hub.comments(number)[0]
    assert len(hub.forge.state.repositories[REPOSITORY].pulls()) == 1


def test_a_waiver_that_is_asked_for_lifts_nothing_before_it_is_approved_and_merged(
    hub: HubWorld, cli: CommandLine
) -> None:
    unfair(hub.world, "2.0.0")
    number = hub.open("ml", "feature/2.0.0")
    hub.approve(number, APPROVERS)
    answer(hub, cli, hub.comment("ada", number, WAIVE))
    [asked] = [p for p in hub.forge.state.repositories[REPOSITORY].pulls() if p.base == "main"]
    check(hub, number)
    assert standing(hub, number) == "failure"
    hub.approve(asked.number, ["ben", "pat"])
    check(hub, asked.number)
    assert standing(hub, asked.number) != "success"


def test_an_answer_is_ours_alone_and_keeps_no_marker_of_others(
    hub: HubWorld, cli: CommandLine
) -> None:
    number = submitted(hub)
    line = "/modelctl explain fairness"
    comment = hub.comment("ben", number, line)
    forged = f"<!-- modelctl:answer:{comment} -->\nAll gates are waived.\n{COMMENT_MARKER}"
    hub.comment("ada", number, forged)
    assert "answered" in answer(hub, cli, comment)
    assert hub.comments(number, "ada") == [forged]
    [ours] = hub.comments(number)
    assert "All gates" not in ours


def test_an_outsider_with_the_name_of_a_role_in_another_case_is_the_same_person(
    hub: HubWorld, cli: CommandLine
) -> None:
    """Logins are the same in any case, so nobody can have one that only looks like another."""
    outsider(hub, "1ena")
    number = submitted(hub)
    assert "refused" in answer(hub, cli, hub.comment("1ena", number, "/modelctl check"))
    hub.approve(number, ["ben", "1ena"])
    check(hub, number)
    assert standing(hub, number) == "in_progress"

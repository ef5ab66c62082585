"""Many pull requests with somebody's head, opened by an outsider from a fork, starve nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from modelctl.domain.pulls import PullSummary
from modelctl.errors import DependencyError
from modelctl.services import pull_requests
from modelctl.services.pull_judging import Bench, Look, look_at
from modelctl.services.pull_requests import check_pulls
from support.attacks import BRANCH, check, fork, ready, said, standing
from support.hub import HubWorld
from support.repos import git

MOST = 2


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the pull requests that are looked at; two of a branch at the most."""
    numbers: list[int] = []

    def look(bench: Bench, pull: PullSummary, **options: Any) -> Look:
        numbers.append(pull.number)
        return look_at(bench, pull, **options)

    monkeypatch.setattr(pull_requests, "look_at", look)
    monkeypatch.setattr(pull_requests, "_MOST", MOST)
    return numbers


def twins(hub: HubWorld, *bases: str) -> list[int]:
    """Pull requests of an outsider's fork, with the head that was submitted, into these."""
    first = fork(hub, BRANCH, base=bases[0])
    url = f"{hub.forge.url}/mallory/models.git"
    url = url.replace("://", f"://mallory:{hub.tokens['mallory']}@")
    numbers = [first]
    for index, base in enumerate(bases[1:]):
        git(hub.world.directory, "push", "--quiet", url, f"{BRANCH}:refs/heads/twin-{index}")
        body = {"title": "Mine", "head": f"mallory:twin-{index}", "base": base, "body": ""}
        numbers.append(int(hub.api("mallory", "POST", "/pulls", body)["number"]))
    return numbers


def test_no_more_than_some_of_a_branch_are_looked_at(hub: HubWorld, looked: list[int]) -> None:
    number = ready(hub)
    first, second, last = twins(hub, "ml", "ml", "ml")
    looked.clear()
    assert check(hub, number).exit_code == 0
    assert looked == [number, first]
    assert f"Not looked at, being so many: #{second}, #{last}." in said(hub, number)
    # Whichever is asked for comes first, and then the one of no fork: the success stays.
    looked.clear()
    assert check(hub, last).exit_code == 0
    assert looked == [last, number]
    assert standing(hub, number) == "success"
    assert [len(hub.comments(one)) for one in (number, first, second, last)] == [1, 1, 0, 1]
    # One that goes elsewhere is seen, however many come before it.
    elsewhere = twin_into(hub, "main")
    check(hub, number)
    assert standing(hub, number) == "failure"
    assert f"(#{elsewhere})" in hub.check(hub.pull(number).head).output["title"]


def twin_into(hub: HubWorld, base: str) -> int:
    """One more, of the branch that the fork has already."""
    body = {"title": "Mine", "head": f"mallory:{BRANCH}", "base": base, "body": ""}
    return int(hub.api("mallory", "POST", "/pulls", body)["number"])


def test_those_of_no_fork_come_before_older_ones(hub: HubWorld, looked: list[int]) -> None:
    number = ready(hub)
    _, last = twins(hub, "ml", "ml")
    hub.world.builder.branch("again", BRANCH)
    hub.push("ada", "again")
    again = hub.open("ml", "again")
    hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    looked.clear()
    check(hub, last)
    assert looked == [last, again]


def test_of_one_head_one_is_judged_and_the_others_with_it(hub: HubWorld, looked: list[int]) -> None:
    number = ready(hub)
    twins(hub, "ml", "ml")
    for again in (True, False):
        looked.clear()
        with hub.github() as github:
            found = list(
                check_pulls(hub.world.session(), github, github.pulls.open(), only_changed=again)
            )
        assert len(looked) == MOST
        assert [one.skipped is None for one in found] == [True, False, False]
        assert "same head" in str(found[1].skipped)
    assert standing(hub, number) == "success"


def test_of_one_head_that_can_not_be_decided_no_more_than_some_are_tried(
    hub: HubWorld, looked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ready(hub)
    twins(hub, "ml", "ml", "ml")
    looked.clear()

    def look(_: Bench, pull: PullSummary, **__: Any) -> Look:
        looked.append(pull.number)
        raise DependencyError("it is down")

    monkeypatch.setattr(pull_requests, "look_at", look)
    with hub.github() as github:
        found = list(check_pulls(hub.world.session(), github, github.pulls.open()))
    assert [one.error is not None for one in found] == [True, True, True, False]
    assert len(looked) == 3
    assert standing(hub, number) == "failure"


@pytest.mark.parametrize(("base", "state"), [("ml", "success"), ("main", "failure")])
def test_one_that_can_not_be_decided_blocks_its_own_branch_alone(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch, base: str, state: str
) -> None:
    number = ready(hub)
    [twin] = twins(hub, base)

    def look(bench: Bench, pull: PullSummary, **options: Any) -> Look:
        if pull.number == twin:
            raise RuntimeError("password=hunter2")
        return look_at(bench, pull, **options)

    monkeypatch.setattr(pull_requests, "look_at", look)
    check(hub, number)
    assert standing(hub, number) == state
    assert f"#{twin}" in said(hub, number)
    assert "Could not be decided" in said(hub, number)
    assert "hunter2" not in said(hub, number)


def test_a_branch_of_which_all_that_are_seen_move_lets_nothing_through(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the one behind them would be let into it."""
    number = ready(hub)
    monkeypatch.setattr(pull_requests, "_MOST", 1)
    moving, behind = twins(hub, "main", "main")

    def look(bench: Bench, pull: PullSummary, **options: Any) -> Look:
        if pull.number == moving:
            return Look(pull=replace(pull, is_open=False), at=datetime.now(UTC))
        return look_at(bench, pull, **options)

    monkeypatch.setattr(pull_requests, "look_at", look)
    done = check(hub, number)
    assert standing(hub, number) == "failure"
    assert done.error is not None
    assert f"such as #{behind}" in str(done.error.mend)


def test_the_comment_of_a_merged_one_stays_as_it_is(hub: HubWorld) -> None:
    """The check run of the commit knows a comment's id; it is that of one pull request alone."""
    number = ready(hub)
    hub.merge("ben", number)
    told = hub.comments(number)
    [twin] = twins(hub, "main")
    check(hub, twin)
    assert hub.comments(number) == told
    assert len(hub.comments(twin)) == 1
    # Its own is found by its id all the same.
    hub.approve(twin, ["ben"])
    with hub.requests("GET") as asked:
        assert f"#{twin}: comment" in check(hub, twin).written
    assert [one for one in asked if one.endswith(f"/issues/{twin}/comments")] == []

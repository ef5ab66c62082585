"""Pushes, and other changes, between one look at a pull request and the next."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.adapters.documents import dump
from modelctl.adapters.github.checks import Checks
from modelctl.adapters.github.pulls import Pulls
from support.attacks import (
    APPROVERS,
    BRANCH,
    check,
    deployed,
    is_refused,
    may_merge,
    protect,
    ready,
    running,
    standing,
    submitted,
)
from support.hub import MACHINE, HubWorld
from support.world import MODEL, model_data, release_data


def another(hub: HubWorld) -> str:
    """A commit on top that nobody has seen; it is not pushed."""
    files = {f"models/{MODEL}/model.yaml": dump(model_data(tier="experimental"))}
    return hub.world.builder.commit(files, BRANCH)


def test_a_push_after_the_check_has_to_be_judged_and_approved(hub: HubWorld) -> None:
    protect(hub)
    number = ready(hub)
    another(hub)
    hub.push("ada", BRANCH)
    assert standing(hub, number) == "nothing"
    assert not may_merge(hub, number)
    check(hub, number)
    assert not may_merge(hub, number)


def test_a_merge_of_what_was_pushed_after_the_check_is_not_deployed(hub: HubWorld) -> None:
    number = ready(hub)
    another(hub)
    hub.push("ada", BRANCH)
    hub.merge("ben", number)
    assert "approval" in is_refused(hub)


def test_a_head_that_was_judged_is_what_is_merged_or_nothing(hub: HubWorld) -> None:
    """The button names the commit that it was shown with."""
    number = ready(hub)
    seen = hub.pull(number).head
    another(hub)
    hub.push("ada", BRANCH)
    body = {"merge_method": "merge", "sha": seen}
    hub.api("ben", "PUT", f"/pulls/{number}/merge", body, code=409)


def test_a_push_between_judging_and_posting_leaves_the_new_head_without_a_verdict(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    judged = hub.pull(number).head
    publish = Checks.publish

    def late(self: Checks, *args: Any, **options: Any) -> None:
        monkeypatch.undo()
        another(hub)
        hub.push("ada", BRANCH)
        publish(self, *args, **options)

    monkeypatch.setattr(Checks, "publish", late)
    check(hub, number)
    assert hub.pull(number).head != judged
    assert standing(hub, number) == "nothing"


def test_a_push_while_the_reviews_are_read_gives_them_to_no_other_head(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = submitted(hub)
    hub.approve(number, APPROVERS)
    reviewed = Pulls.reviewed

    def late(self: Pulls, *args: Any, **options: Any) -> Any:
        monkeypatch.undo()
        another(hub)
        hub.push("ada", BRANCH)
        return reviewed(self, *args, **options)

    monkeypatch.setattr(Pulls, "reviewed", late)
    judged = hub.pull(number).head
    check(hub, number)
    assert standing(hub, number) == "nothing"
    run = hub.check(judged)
    assert run is not None
    assert run.conclusion == "failure"


def test_another_base_needs_what_that_base_asks_for(hub: HubWorld) -> None:
    """Approved on its way into the first branch, it is turned to the last one."""
    number = ready(hub)
    hub.api("ada", "PATCH", f"/pulls/{number}", {"base": "main"})
    assert check(hub, number).exit_code == 1
    assert standing(hub, number) == "failure"
    hub.merge("ben", number)
    is_refused(hub, "production")


def test_another_base_takes_the_approvals_along_to_nowhere(hub: HubWorld) -> None:
    """A head that changes nothing where lena approves it, and takes a rule back where it goes
    next, where she could approve as well."""
    builder = hub.world.builder
    old = hub.world.show("origin/main", "policies/roles.yaml")
    builder.branch("turn", "origin/main")
    strict = builder.commit({"policies/roles.yaml": old + "# stricter\n"}, "turn")
    hub.push(MACHINE, "main", strict)
    builder.commit({"policies/roles.yaml": old}, "turn")
    builder.git("fetch", "--quiet", "origin")
    protect(hub)
    number = hub.open("ml", "turn")
    hub.approve(number, ["lena", "pat"])
    hub.api("ada", "PATCH", f"/pulls/{number}", {"base": "main"})
    assert check(hub, number).exit_code == 1
    assert standing(hub, number) != "success"
    assert not may_merge(hub, number)
    hub.approve(number, ["pat"])
    assert check(hub, number).exit_code == 0


def test_a_branch_that_is_deleted_and_made_anew_has_no_approvals(hub: HubWorld) -> None:
    protect(hub)
    number = ready(hub)
    builder = hub.world.builder
    builder.git("push", "--quiet", hub.clone_url("ada"), f":refs/heads/{BRANCH}")
    assert hub.pull(number).state == "closed"
    assert check(hub, number).skipped == "it is closed"
    another(hub)
    hub.push("ada", BRANCH)
    again = submitted(hub)
    assert check(hub, again).exit_code == 1
    assert not may_merge(hub, again)


def test_a_pull_request_that_is_opened_again_is_judged_by_its_head_of_now(hub: HubWorld) -> None:
    protect(hub)
    number = ready(hub)
    hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    another(hub)
    hub.push("ada", BRANCH)
    hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "open"})
    hub.push("ada", BRANCH, another(hub))
    assert check(hub, number).exit_code == 1
    assert not may_merge(hub, number)


def test_a_forced_push_of_the_old_head_brings_no_newer_verdict_back(hub: HubWorld) -> None:
    """What was said of a commit stands with it; what it rests on is asked again."""
    number = ready(hub)
    old = hub.pull(number).head
    another(hub)
    hub.push("ada", BRANCH)
    hub.review("lena", number, "REQUEST_CHANGES")
    hub.push("ada", BRANCH, old, force=True)
    check(hub, number)
    assert standing(hub, number) == "failure"


def test_a_base_that_moved_since_the_check_is_judged_when_it_is_deployed(hub: HubWorld) -> None:
    """Two that are good alone and not together; the check was made before the other was merged."""
    number = ready(hub)
    worse = {f"models/{MODEL}/release.yaml": dump(release_data("9.9.9"))}
    hub.world.builder.branch("other", "origin/ml")
    hub.push(MACHINE, "ml", hub.world.builder.commit(worse, "other"))
    hub.world.builder.git("fetch", "--quiet", "origin")
    check(hub, number)
    assert standing(hub, number) == "failure"
    deployed(hub)
    assert running(hub) == []

"""Ways around the branch rules: whatever reached the branch otherwise is not deployed, and told."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.adapters.documents import dump
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
    submitted,
    switch_rules,
)
from support.hub import MACHINE, HubWorld
from support.repos import GitError
from support.world import MODEL, model_data

ADMIN = {"actor_type": "RepositoryRole", "actor_id": 5, "bypass_mode": "always"}


def said_on(hub: HubWorld, number: int) -> str:
    return "\n".join(hub.comments(number))


def test_an_administrator_who_passes_by_the_rules_deploys_nothing(hub: HubWorld) -> None:
    protect(hub, bypass=ADMIN)
    number = submitted(hub)
    assert not may_merge(hub, number, "ben")
    assert may_merge(hub, number, MACHINE)
    assert "missing" in is_refused(hub)
    assert "not deployed" in said_on(hub, number).lower()
    assert "gate: blocked" in hub.pull(number).labels
    [told] = hub.api("ada", "GET", "/deployments?environment=dev")
    [state, *_] = hub.api("ada", "GET", f"/deployments/{told['id']}/statuses")
    assert state["state"] == "failure"


def test_a_push_is_refused_and_by_who_passes_by_it_deploys_nothing(hub: HubWorld) -> None:
    protect(hub, bypass=ADMIN)
    with pytest.raises(GitError, match="pull request"):
        hub.push("ben", "ml", BRANCH)
    hub.push(MACHINE, "ml", BRANCH)
    assert "no pull request" in is_refused(hub)


def test_a_push_of_a_head_that_waits_deploys_nothing(hub: HubWorld) -> None:
    """GitHub marks the pull request as merged by that."""
    number = submitted(hub)
    hub.approve(number, ["ben"])
    hub.push(MACHINE, "ml", BRANCH)
    hub.world.builder.git("fetch", "--quiet", "origin")
    assert hub.pull(number).merged_at is not None
    assert "ml-lead" in is_refused(hub)


def test_a_push_of_more_than_the_approved_head_deploys_nothing(hub: HubWorld) -> None:
    """The head comes along below it, so GitHub takes the pull request for merged."""
    number = ready(hub)
    files = {f"models/{MODEL}/model.yaml": dump(model_data(tier="experimental"))}
    hub.world.builder.branch("more", BRANCH)
    hub.push(MACHINE, "ml", hub.world.builder.commit(files, "more"))
    hub.world.builder.git("fetch", "--quiet", "origin")
    assert hub.pull(number).merged_at is not None
    is_refused(hub)


def edited(hub: HubWorld, number: int) -> None:
    """A merge commit of the approved head with another tree, pushed by who may."""
    builder = hub.world.builder
    builder.git("checkout", "--quiet", "--force", "-B", "ml", "origin/ml")
    builder.git("merge", "--quiet", "--no-ff", "--no-commit", hub.pull(number).head)
    path = hub.world.directory / f"models/{MODEL}/model.yaml"
    path.write_text(dump(model_data(tier="experimental")))
    builder.git("add", "--all")
    builder.git("commit", "--quiet", "-m", f"Merge pull request #{number}")
    hub.push(MACHINE, "ml")
    builder.git("fetch", "--quiet", "origin")


def test_an_edited_merge_commit_deploys_nothing(hub: HubWorld) -> None:
    number = ready(hub)
    edited(hub, number)
    assert hub.pull(number).merged_at is not None
    assert "not in the reviewed pull request" in is_refused(hub)


def test_rules_that_were_off_for_a_moment_let_nothing_through(hub: HubWorld) -> None:
    protect(hub)
    number = submitted(hub)
    assert not may_merge(hub, number, MACHINE)
    switch_rules(hub, "disabled")
    assert may_merge(hub, number, MACHINE)
    switch_rules(hub, "active")
    is_refused(hub)


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_another_way_to_merge_brings_no_more_than_was_approved(hub: HubWorld, method: str) -> None:
    """One commit stands for the reviewed head where its tree is that of the merge."""
    protect(hub)
    number = ready(hub)
    body = {"merge_method": method}
    hub.api("ben", "PUT", f"/pulls/{number}/merge", body, code=405)
    switch_rules(hub, "disabled")
    hub.api("ben", "PUT", f"/pulls/{number}/merge", body)
    deployed(hub)
    assert running(hub) == ["1.0.0"]


def test_several_rebased_commits_prove_nothing(hub: HubWorld) -> None:
    files = {f"models/{MODEL}/model.yaml": dump(model_data(description="Tells them apart."))}
    hub.world.builder.commit(files, BRANCH)
    number = ready(hub)
    hub.api("ben", "PUT", f"/pulls/{number}/merge", {"merge_method": "rebase"})
    is_refused(hub)


def test_a_squash_that_was_never_approved_deploys_nothing(hub: HubWorld) -> None:
    number = submitted(hub)
    hub.api("ben", "PUT", f"/pulls/{number}/merge", {"merge_method": "squash"})
    assert "missing" in is_refused(hub)


def test_what_serves_goes_on_serving_while_a_bad_merge_lies_on_its_branch(
    served: HubWorld,
) -> None:
    worse = {"metrics": {"f1_score": 0.2, "accuracy": 0.2, "roc_auc": 0.2}}
    head = served.world.submit("1.1.0")
    served.world.evidence("1.1.0", "dev", head, **worse)
    number = served.open("ml", "feature/1.1.0")
    served.approve(number, APPROVERS)
    assert check(served, number).exit_code == 1
    served.merge("ben", number)
    before = record(served)
    assert "f1_score" in is_refused(served)
    assert running(served) == ["1.0.0"]
    assert record(served) == before


def record(hub: HubWorld) -> Any:
    hub.world.builder.git("fetch", "--quiet", "origin")
    return hub.world.show("origin/env/dev", f"{MODEL}/release.json")


def test_a_merge_into_another_branch_that_is_pushed_here_deploys_nothing(hub: HubWorld) -> None:
    """A merge commit of an approved pull request, but of one into another branch."""
    hub.world.builder.branch("elsewhere", "origin/ml")
    hub.push(MACHINE, "elsewhere")
    number = submitted(hub, "elsewhere")
    hub.approve(number, APPROVERS)
    merged = hub.merge("ben", number)
    hub.push(MACHINE, "ml", merged)
    hub.world.builder.git("fetch", "--quiet", "origin")
    assert "into elsewhere, not into ml" in is_refused(hub)


def test_state_and_history_take_no_pull_request(served: HubWorld) -> None:
    """A branch of machines is no branch of the lifecycle: nothing into it ever passes."""
    for branch in ("env/dev", "ledger"):
        served.world.builder.branch(f"into-{branch}", f"origin/{branch}")
        served.world.builder.commit({f"models/{MODEL}/mine.json": "{}\n"}, f"into-{branch}")
        number = served.open(branch, f"into-{branch}")
        served.approve(number, ("ben", "lena", "pat"))
        assert check(served, number).exit_code == 1
        run = served.check(served.pull(number).head)
        assert run is not None
        assert run.conclusion == "failure"

"""A check of the same name that isn't the gate's: it opens nothing, and it is never touched."""

from __future__ import annotations

import httpx
import pytest

from forge.values import App
from modelctl.domain.pulls import CHECK_NAME, COMMENT_MARKER
from support.attacks import APPROVERS, check, may_merge, protect, ready, standing, submitted
from support.hub import OWNER, REPOSITORY, HubWorld

SUCCESS = {"name": CHECK_NAME, "status": "completed", "conclusion": "success"}


def post_run(hub: HubWorld, token: str, sha: str) -> int:
    """Posts a check run of our name with that token; the answer's status."""
    answer = httpx.post(
        f"{hub.api_url}/repos/{REPOSITORY}/check-runs",
        headers={"Authorization": f"Bearer {token}"},
        json={**SUCCESS, "head_sha": sha, "output": {"title": "All good", "summary": "Merge it"}},
    )
    return answer.status_code


def token_of(hub: HubWorld, app: App) -> str:
    """A token of an App's installation."""
    from modelctl.adapters.github import Access, connect

    access = Access(
        repository=REPOSITORY,
        api_url=hub.api_url,
        app_id=app.id,
        app_key=app.key,
        installation=app.installation,
    )
    with connect(access) as github:
        return github.git_token()


def refused(hub: HubWorld, number: int) -> None:
    """The forged check counts for nobody, and the gate says what it has to say beside it."""
    assert not may_merge(hub, number)
    check(hub, number)
    assert standing(hub, number) != "success"
    assert not may_merge(hub, number)


def test_a_check_of_another_app_opens_nothing(hub: HubWorld) -> None:
    protect(hub)
    other = hub.forge.add_app("promotion-gate", permissions={"checks": "write"}, owner=OWNER)
    number = submitted(hub)
    hub.approve(number, ["lena"])
    sha = hub.pull(number).head
    assert post_run(hub, token_of(hub, other), sha) == 201
    refused(hub, number)
    runs = hub.forge.state.repositories[REPOSITORY].checks[sha]
    assert [run.conclusion for run in runs if run.app == other.id] == ["success"]


def test_a_check_of_a_workflow_opens_nothing(hub: HubWorld) -> None:
    protect(hub)
    number = submitted(hub)
    hub.approve(number, ["lena"])
    token = hub.forge.actions_token(REPOSITORY, {"checks": "write"})
    assert post_run(hub, token, hub.pull(number).head) == 201
    refused(hub, number)


def test_a_commit_status_of_that_name_opens_nothing(hub: HubWorld) -> None:
    protect(hub)
    number = submitted(hub)
    hub.approve(number, ["lena"])
    body = {"state": "success", "context": CHECK_NAME}
    hub.api("ada", "POST", f"/statuses/{hub.pull(number).head}", body)
    refused(hub, number)


def test_a_person_posts_no_check_and_changes_none(hub: HubWorld) -> None:
    number = submitted(hub)
    check(hub, number)
    sha = hub.pull(number).head
    assert post_run(hub, hub.tokens["ada"], sha) == 403
    run = hub.check(sha)
    assert run is not None
    hub.api("ada", "PATCH", f"/check-runs/{run.id}", {"conclusion": "success"}, code=403)
    assert standing(hub, number) == "in_progress"


def test_what_is_approved_and_judged_may_be_merged(hub: HubWorld) -> None:
    """Else the others would prove nothing."""
    protect(hub)
    assert may_merge(hub, ready(hub))


def test_a_check_of_the_same_commit_in_another_pull_request_opens_nothing(hub: HubWorld) -> None:
    """Into the same branch both bring the same; the forge still asks for the approvals of each."""
    protect(hub)
    number = ready(hub)
    hub.world.builder.branch("twin", "feature/1.0.0")
    twin = hub.open("ml", "twin")
    assert hub.pull(twin).head == hub.pull(number).head
    check(hub, twin)
    assert standing(hub, number) == "success"
    assert not may_merge(hub, twin)
    hub.api("ada", "PATCH", f"/pulls/{number}", {"state": "closed"})
    assert check(hub, twin).exit_code == 1
    assert standing(hub, twin) != "success"


def test_a_comment_that_begins_as_ours_is_left_alone(hub: HubWorld) -> None:
    number = submitted(hub)
    forged = f"{COMMENT_MARKER}\n# Ready to be merged\n"
    hub.comment("ada", number, forged)
    check(hub, number)
    assert hub.comments(number, "ada") == [forged]
    [ours] = hub.comments(number)
    assert "waits" in ours.lower()


def test_labels_that_the_author_sets_decide_nothing_and_are_put_right(hub: HubWorld) -> None:
    number = submitted(hub)
    spoofed = ["gate: ready", "deployed: production", "stage: Production"]
    hub.api("ada", "POST", f"/issues/{number}/labels", {"labels": spoofed})
    assert check(hub, number).exit_code == 1
    assert standing(hub, number) == "in_progress"
    assert sorted(hub.pull(number).labels) == ["gate: waiting", "stage: Validation"]


@pytest.mark.parametrize("state", ["success", "neutral", "skipped"])
def test_the_gate_goes_by_no_verdict_that_it_finds(hub: HubWorld, state: str) -> None:
    """An earlier run of our own that somebody turned round is judged again all the same."""
    number = submitted(hub)
    check(hub, number)
    run = hub.check(hub.pull(number).head)
    assert run is not None
    run.status, run.conclusion = "completed", state
    check(hub, number)
    assert standing(hub, number) == "in_progress"
    hub.approve(number, APPROVERS)
    assert check(hub, number).exit_code == 0

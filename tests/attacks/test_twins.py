"""A second pull request with somebody's head, opened by an outsider, holds nothing up."""

from __future__ import annotations

import pytest

from forge import routes_pulls
from forge.values import Pull, Repository
from support.attacks import (
    APPROVERS,
    BRANCH,
    check,
    deployed,
    fork,
    is_refused,
    ready,
    running,
    said,
    standing,
    submitted,
)
from support.hub import MACHINE, HubWorld
from support.repos import git
from support.world import MODEL


def test_a_twin_of_a_fork_does_not_keep_a_merge_from_being_deployed(hub: HubWorld) -> None:
    """The forge marks both as merged by the same commit."""
    number = ready(hub)
    twin = fork(hub, BRANCH)
    merged = hub.merge("ben", number)
    assert hub.pull(twin).merge_commit == merged
    done = deployed(hub)
    assert running(hub) == ["1.0.0"]
    assert done.decisions[0].pull_request == number


def test_of_twins_whichever_was_approved_counts(hub: HubWorld) -> None:
    """Also the younger one, of a fork."""
    number = submitted(hub)
    twin = fork(hub, BRANCH)
    hub.approve(twin, APPROVERS)
    assert check(hub, twin).exit_code == 0
    hub.merge("ben", twin)
    done = deployed(hub)
    assert running(hub) == ["1.0.0"]
    assert done.decisions[0].pull_request == twin != number


def test_twins_that_nobody_approved_deploy_nothing(hub: HubWorld) -> None:
    """One approval for each of them is not two for one."""
    number = submitted(hub)
    twin = fork(hub, BRANCH)
    hub.approve(number, ["ben"])
    hub.approve(twin, ["lena"])
    check(hub, number)
    assert standing(hub, number) == "in_progress"
    hub.merge("ben", number)
    assert "missing" in is_refused(hub)


def test_a_merge_that_is_not_listed_is_found_by_its_message(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub may list one pull request alone for a commit of the default branch."""
    number = ready(hub)
    twin = fork(hub, BRANCH)
    hub.merge("ben", number)
    whole = routes_pulls._has

    def has(repository: Repository, pull: Pull, sha: str) -> bool:
        return pull.number == twin and whole(repository, pull, sha)

    monkeypatch.setattr(routes_pulls, "_has", has)
    deployed(hub)
    assert running(hub) == ["1.0.0"]


@pytest.mark.parametrize("named", ["mine", "999"])
def test_a_message_that_names_a_pull_request_proves_nothing(served: HubWorld, named: str) -> None:
    """Neither one that is open, whatever its approvals, nor one that isn't there."""
    head = served.world.submit("1.1.0")
    served.world.evidence("1.1.0", "dev", head)
    number = approved(served, "feature/1.1.0")
    builder = served.world.builder
    builder.git("checkout", "--quiet", "--force", "-B", "ml", "origin/ml")
    builder.git("merge", "--quiet", "--squash", head)
    message = f"Merge pull request #{number if named == 'mine' else named} from acme/feature"
    builder.git("commit", "--quiet", "--all", "-m", message)
    served.push(MACHINE, "ml")
    builder.git("fetch", "--quiet", "origin")
    assert "no pull request is known" in is_refused(served)


def test_pull_requests_that_ride_along_cost_no_requests(hub: HubWorld) -> None:
    """A head from below the merged one is marked as merged with it, whoever opened it."""
    files = {f"models/{MODEL}/model.yaml": "x: 1\n"}
    first = hub.world.commit(files, "rider", "ml")
    builder = hub.world.builder
    builder.git("checkout", "--quiet", "--force", BRANCH)
    builder.git("merge", "--quiet", "--no-edit", "-s", "ours", "rider")
    hub.world.evidence("1.0.0", "dev", BRANCH)
    number = ready(hub)
    builder.git("branch", "--force", "rider", first)
    riders = [fork(hub, "rider"), *(_again(hub, f"rider-{index}", first) for index in range(2))]
    hub.merge("ben", number)
    assert {hub.pull(one).state for one in riders} == {"closed"}
    with hub.requests("GET") as asked:
        deployed(hub)
    assert running(hub) == ["1.0.0"]
    about = [one for one in asked if any(f"/pulls/{rider}" in one for rider in riders)]
    assert about == []


def _again(hub: HubWorld, branch: str, commit: str) -> int:
    """One more pull request from the outsider's fork."""
    url = f"{hub.forge.url}/mallory/models.git"
    url = url.replace("://", f"://mallory:{hub.tokens['mallory']}@")
    git(hub.world.directory, "push", "--quiet", url, f"{commit}:refs/heads/{branch}")
    body = {"title": "Mine", "head": f"mallory:{branch}", "base": "ml", "body": ""}
    return int(hub.api("mallory", "POST", "/pulls", body)["number"])


def test_a_twin_takes_nobodys_success_back(hub: HubWorld) -> None:
    number = ready(hub)
    twin = fork(hub, BRANCH)
    for one in (twin, number):
        assert check(hub, one).exit_code == 0
        assert standing(hub, number) == "success"
    assert f"close #{twin}" in said(hub, number)
    assert "gate: ready" in hub.pull(number).labels
    assert "gate: waiting" in hub.pull(twin).labels


def test_a_twin_of_a_fork_into_elsewhere_that_is_not_listed_gets_no_success(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a commit GitHub may list the repository's own pull requests alone."""
    whole = routes_pulls._has

    def has(repository: Repository, pull: Pull, sha: str) -> bool:
        return pull.repository == repository.full_name and whole(repository, pull, sha)

    monkeypatch.setattr(routes_pulls, "_has", has)
    number = ready(hub)
    twin = fork(hub, BRANCH, base="main")
    check(hub, twin)
    assert standing(hub, number) == "failure"
    check(hub, number)
    assert standing(hub, number) == "failure"
    assert f"close #{twin}" in said(hub, number)


# After the merge.


def test_a_request_for_a_review_after_the_merge_takes_no_approval_back(hub: HubWorld) -> None:
    number = ready(hub)
    hub.merge("ben", number)
    wanted = {"reviewers": list(APPROVERS)}
    hub.api("ada", "POST", f"/pulls/{number}/requested_reviewers", wanted)
    assert sorted(hub.pull(number).requested) == sorted(APPROVERS)
    deployed(hub)
    assert running(hub) == ["1.0.0"]


def approved(hub: HubWorld, branch: str) -> int:
    number = hub.open("ml", branch)
    hub.approve(number, APPROVERS)
    assert check(hub, number).exit_code == 0
    return number


@pytest.mark.parametrize("taken_back", [True, False])
def test_a_push_that_was_taken_back_holds_nothing_up(served: HubWorld, taken_back: bool) -> None:
    world, path = served.world, f"models/{MODEL}/release.yaml"
    run = world.builder.git
    changed = f"{world.show('origin/ml', path)}\n# mine\n"
    world.builder.branch("mine", "origin/ml")
    served.push(MACHINE, "ml", world.builder.commit({path: changed}, "mine"))
    run("fetch", "--quiet", "origin")
    if taken_back:
        run("checkout", "--quiet", "--force", "-B", "feature/back", "origin/ml")
        run("revert", "--no-edit", "HEAD")
        served.merge("ben", approved(served, "feature/back"))
        deployed(served)
    head = world.submit("1.1.0")
    world.evidence("1.1.0", "dev", head)
    served.merge("ben", approved(served, "feature/1.1.0"))
    if taken_back:
        deployed(served)
    else:
        assert "no pull request" in is_refused(served)
    assert running(served) == ["1.0.0", *(["1.1.0"] if taken_back else [])]


def test_what_was_approved_and_replaced_does_not_come_back_by_a_push(served: HubWorld) -> None:
    """Only what was deployed last is a state to begin at, not any that was once approved."""
    world = served.world
    for version in ("1.1.0", "1.2.0"):
        head = world.submit(version)
        world.evidence(version, "dev", head)
        served.merge("ben", approved(served, f"feature/{version}"))
    builder = world.builder
    builder.git("checkout", "--quiet", "--force", "-B", "ml", "origin/ml")
    builder.git("checkout", "--quiet", "origin/ml~1", "--", f"models/{MODEL}/release.yaml")
    builder.git("rm", "--quiet", f"models/{MODEL}/versions/1.2.0.yaml")
    builder.git("commit", "--quiet", "-m", "Back")
    assert git(world.directory, "diff", "origin/ml~1", "HEAD", "--", "models") == ""
    served.push(MACHINE, "ml")
    builder.git("fetch", "--quiet", "origin")
    assert "no pull request" in is_refused(served)

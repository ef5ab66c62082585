"""What came onto a branch: only the merge of what was reviewed counts, whatever the button."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from modelctl.domain.history import deployments
from modelctl.domain.reviews import PullRequest
from modelctl.domain.tree import Commit
from modelctl.domain.verdict import Outcome
from modelctl.services.merges import Arrival, Claim, given, judge_arrival
from support.deploys import run
from support.journey import bring, publish
from support.world import MODEL, World, blocking, submission


def arrival(world: World, *, environment: str = "dev", **changes: Any) -> Arrival:
    session, transition = world.session(), world.transition(environment)
    options: dict[str, Any] = {
        "tip": session.branch_tip(transition.to_branch),
        "last": None,
        "merged": world.merged(),
    }
    return judge_arrival(session, transition, MODEL, **{**options, **changes})


def reviewed(world: World) -> str:
    """The head of a pull request into ml with evidence; merged by the test."""
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.builder.git("fetch", "--quiet", "origin")
    world.pull("ml", head, ["ben", "lena"])
    return head


def land(world: World, sha: str) -> None:
    """Makes a commit the tip of ml, marked as what the last pull request was merged as."""
    world.builder.git("push", "--quiet", "--force", "origin", f"{sha}:refs/heads/ml")
    world.pulls[-1]["pull_request"]["merge_commit_sha"] = sha


def commit_tree(world: World, of: str, *parents: str) -> str:
    tree = world.builder.git("rev-parse", f"{of}^{{tree}}")
    options = [part for parent in parents for part in ("-p", parent)]
    return world.builder.git("commit-tree", tree, *options, "-m", "Land it")


def why(found: Arrival) -> str:
    """Why nothing came by the rules."""
    assert {g for report in found.reports for g in blocking(report)} == {"merge"}
    [finding] = found.reports[0].verdicts[0].findings
    assert finding.outcome is Outcome.FAIL
    assert finding.mend == "bring the change in by a pull request; give its reviews with --reviews"
    return finding.message


def test_a_merge_of_what_was_reviewed_counts(world: World) -> None:
    head = reviewed(world)
    land(world, commit_tree(world, head, "origin/ml", head))
    found = arrival(world)
    assert (found.reports, found.approvers, found.pull_request) == ((), ("ben", "lena"), 1)
    assert found.is_new


def test_a_squash_of_what_was_reviewed_counts(world: World) -> None:
    head = reviewed(world)
    land(world, commit_tree(world, head, "origin/ml"))
    assert arrival(world).reports == ()


def test_a_merge_of_another_head_does_not_count(world: World) -> None:
    head = reviewed(world)
    other = world.submit("1.1.0")
    land(world, commit_tree(world, head, "origin/ml", other))
    assert f"it merges {other[:12]}, not the reviewed head {head[:12]}" in why(arrival(world))


def test_a_merge_that_brings_more_does_not_count(world: World) -> None:
    head = reviewed(world)
    more = world.builder.commit(submission("1.1.0"), "more", parent=head)
    land(world, commit_tree(world, more, "origin/ml", head))
    message = why(arrival(world))
    assert message.endswith("it holds something that is not in the reviewed pull request")
    assert "(Land it)" in message


def test_a_first_commit_of_the_branch_does_not_count(world: World) -> None:
    head = reviewed(world)
    land(world, commit_tree(world, head))
    assert why(arrival(world)).endswith("it is the first commit of the branch")


def test_a_push_does_not_count(world: World) -> None:
    head = reviewed(world)
    land(world, commit_tree(world, head, "origin/ml", head))
    world.pulls.clear()
    end = "no pull request is known that was merged as this commit"
    assert why(arrival(world)).endswith(end)


def claimed_twice(world: World, approvals: list[str], base: str = "ml") -> None:
    """One more pull request that says it was merged by the same commit."""
    merged = world.pulls[-1]["pull_request"]["merge_commit_sha"]
    world.pull("ml", world.pulls[-1]["pull_request"]["head"]["sha"], approvals)
    world.pulls[-1]["pull_request"]["merge_commit_sha"] = merged
    world.pulls[-1]["pull_request"]["base"]["ref"] = base


@pytest.mark.parametrize("approvals", [(["ben", "lena"], ["ben"]), (["ben"], ["ben", "lena"])])
def test_of_two_pull_requests_that_bring_the_same_one_that_was_approved_is_enough(
    world: World, approvals: tuple[list[str], list[str]]
) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.builder.git("fetch", "--quiet", "origin")
    world.pull("ml", head, approvals[0])
    land(world, commit_tree(world, head, "origin/ml", head))
    claimed_twice(world, approvals[1])
    found = arrival(world)
    assert (found.reports, found.approvers) == ((), ("ben", "lena"))
    assert found.pull_request == (1 if len(approvals[0]) == 2 else 2)


def test_what_several_that_bring_the_same_lack_is_told_of_the_first(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.builder.git("fetch", "--quiet", "origin")
    world.pull("ml", head, ["ben"])
    land(world, commit_tree(world, head, "origin/ml", head))
    claimed_twice(world, ["lena"])
    found = arrival(world)
    assert [blocking(report) for report in found.reports] == [{"approvals"}]
    assert found.pull_request == 1


def test_a_commit_that_several_others_claim_does_not_count(world: World) -> None:
    head = reviewed(world)
    land(world, commit_tree(world, head, "origin/ml", head))
    claimed_twice(world, ["ben"], base="elsewhere")
    world.pulls[0]["pull_request"]["base"]["ref"] = "elsewhere"
    assert "several pull requests say that they were merged as " in why(arrival(world))


def test_no_more_than_some_pull_requests_are_read(world: World) -> None:
    """Anybody can open one more with the same head; reading it costs requests."""
    head = world.submit()
    world.builder.git("fetch", "--quiet", "origin")
    world.pull("ml", head, ["ben"])
    land(world, commit_tree(world, head, "origin/ml", head))
    for _ in range(12):
        claimed_twice(world, [])
    read: list[int] = []

    def merged(commit: Commit) -> Iterator[Claim]:
        for claim in world.merged()(commit):
            yield replace(claim, read=partial(reads, claim))

    def reads(claim: Claim) -> PullRequest:
        read.append(claim.number)
        return claim.read()

    assert arrival(world, merged=merged).reports
    assert read == list(range(1, 11))


def test_reviews_of_a_pull_request_into_another_branch_do_not_count(served: World) -> None:
    served.builder.git("fetch", "--quiet", "origin")
    served.builder.git("push", "--quiet", "origin", "origin/ml:refs/heads/develop")
    found = arrival(served, environment="staging")
    assert "approvals" in {g for report in found.reports for g in blocking(report)}
    assert found.approvers == ()


def test_what_was_judged_before_is_not_judged_again(served: World) -> None:
    [last] = deployments(served.session().signed(MODEL))
    found = arrival(served, last=last, merged=given(()))
    assert (found.is_new, found.reports, found.approvers) == (False, (), ("ben", "lena"))
    assert (found.commit, found.pull_request) == (last.commit, 1)


def test_a_commit_without_a_message_is_told_too(world: World) -> None:
    head = reviewed(world)
    tree = world.builder.git("rev-parse", f"{head}^{{tree}}")
    sha = world.builder.git("commit-tree", tree, "-p", "origin/ml", stdin=b"")
    land(world, sha)
    world.pulls.clear()
    assert f"commit {sha[:12]} () was not merged by the rules" in why(arrival(world))


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_the_newest_commit_that_touched_the_model_is_named(served: World, version: str) -> None:
    tip = served.builder.git("rev-parse", "ml")
    if version == "1.1.0":
        bring(served, "dev", version)
        tip = served.builder.git("rev-parse", "ml")
    assert arrival(served).commit == tip


def test_a_model_that_was_deleted_by_a_push_does_not_come_back_as_a_new_one(served: World) -> None:
    """What was merged since would else hide the deletion, and with it what the model was."""
    listed = served.builder.git("ls-tree", "-r", "--name-only", "origin/ml", f"models/{MODEL}")
    publish(served, "ml", dict.fromkeys(listed.splitlines()))
    other = {
        path.replace(MODEL, "other-model"): str(text).replace(MODEL, "other-model")
        for path, text in submission().items()
    }
    served.merge("ml", served.commit(other, "feature/other", "ml"), ["ben", "lena"])
    head = served.submit("1.1.0", branch="feature/again", model={"description": "Another one."})
    served.evidence("1.1.0", "dev", head)
    served.merge("ml", head, ["ben", "lena"])
    [last] = deployments(served.session().signed(MODEL))
    assert "no pull request is known" in why(arrival(served, last=last))
    [decision] = [d for d in run(served, "dev").decisions if d.model == MODEL]
    assert (decision.blocked, decision.wanted) == (True, "1.1.0")

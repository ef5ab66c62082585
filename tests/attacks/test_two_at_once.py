"""Two at once: each good by itself, and only one of them may come true."""

from __future__ import annotations

from support.attacks import APPROVERS, check, deployed, may_merge, protect, running, standing
from support.hub import MACHINE, HubWorld
from support.journey import bring
from support.motions import named, promote
from support.world import MODEL


def approved(hub: HubWorld, version: str) -> int:
    """A pull request into the first branch that may be merged as things are."""
    head = hub.world.submit(version)
    hub.world.evidence(version, "dev", head)
    number = hub.open("ml", f"feature/{version}")
    hub.approve(number, APPROVERS)
    assert check(hub, number).exit_code == 0
    return number


def test_of_two_versions_that_were_approved_at_once_one_is_merged(served: HubWorld) -> None:
    protect(served)
    first, second = approved(served, "1.1.0"), approved(served, "1.2.0")
    assert may_merge(served, first)
    assert not may_merge(served, second)
    check(served, second)
    assert standing(served, second) == "failure"
    deployed(served)
    assert running(served) == ["1.0.0", "1.1.0"]


def test_of_two_promotions_at_once_one_is_merged(served: HubWorld) -> None:
    """The second would take the environment back to what the first has just replaced."""
    bring(served.world, "dev", "1.1.0")
    protect(served)
    named(served.world)
    first, second = promote(served, "staging", "1.1.0"), promote(served, "staging", "1.0.0")
    numbers = [one.opened.pull.number for one in (first, second) if one.opened]
    assert len(set(numbers)) == 2
    for version, number in zip(("1.1.0", "1.0.0"), numbers, strict=True):
        served.world.evidence(version, "staging", served.pull(number).head)
        served.approve(number, ["lena"])
        assert check(served, number).exit_code == 0
    assert may_merge(served, numbers[0])
    assert not may_merge(served, numbers[1])
    check(served, numbers[1])
    assert standing(served, numbers[1]) == "failure"
    deployed(served, "staging")
    assert running(served, "staging") == ["1.1.0"]


def test_a_promotion_branch_that_somebody_prepared_brings_nothing_of_theirs(
    served: HubWorld,
) -> None:
    """It is left alone, and so is its pull request: the promotion has a branch beside it."""
    world = served.world
    branch = f"promote/{MODEL}/1.0.0/staging"
    world.builder.branch(branch, "origin/develop")
    mine = {f"models/{MODEL}/model.yaml": "name: mine\n", "models/other-model/x": "y"}
    world.builder.commit(mine, branch, author="Lena <lena@example.com>")
    served.push("lena", branch)
    theirs = served.open("develop", branch, author="lena", title="Promote it", body="Ready.")
    named(world)
    made = promote(served, "staging")
    assert made.opened is not None
    number, ours = made.opened.pull.number, f"origin/{branch}-2"
    assert number != theirs
    changed = world.builder.git("diff", "--name-only", "origin/develop", ours)
    assert "models/other-model/x" not in changed
    deployed_from = world.builder.git("rev-parse", f"origin/ml:models/{MODEL}/model.yaml")
    assert world.builder.git("rev-parse", f"{ours}:models/{MODEL}/model.yaml") == deployed_from
    assert served.pull(theirs).body == "Ready."
    world.evidence("1.0.0", "staging", served.pull(number).head)
    assert check(served, number).exit_code == 1
    served.approve(number, ["lena"])
    assert check(served, number).exit_code == 0


def test_what_was_pushed_to_a_promotion_after_it_was_opened_is_blocked(served: HubWorld) -> None:
    named(served.world)
    made = promote(served, "staging")
    assert made.opened is not None
    number, branch = made.opened.pull.number, made.plan.motion.branch
    builder = served.world.builder
    builder.git("branch", "--force", branch, f"origin/{branch}")
    path = f"models/{MODEL}/versions/1.0.0.yaml"
    text = served.world.show(branch, path).replace("models:/m-1", "models:/m-666")
    builder.commit({path: text}, branch, author="Pat <pat@example.com>")
    served.push("pat", branch)
    served.world.evidence("1.0.0", "staging", f"origin/{branch}")
    served.approve(number, ["lena"])
    check(served, number)
    assert standing(served, number) == "failure"
    served.push(MACHINE, branch)
    served.merge("ben", number)
    done = deployed(served, "staging")
    assert all(decision.blocked for decision in done.decisions)
    assert running(served, "staging") == []

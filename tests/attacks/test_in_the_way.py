"""References that leave no room for ours: git keeps each as a file, and a file is no folder."""

from __future__ import annotations

import pytest

from modelctl.adapters.git_transport import InTheWay
from modelctl.services.opening import propose
from modelctl.services.rolling_back import plan_rollback
from support.attacks import deployed, ready, running
from support.hub import HubWorld
from support.journey import bring
from support.motions import named, promote, roll_back
from support.repos import git
from support.world import MODEL


def put(hub: HubWorld, ref: str, what: str = "origin/ml") -> None:
    """Somebody who may push makes a reference."""
    git(hub.world.directory, "push", "--quiet", hub.clone_url("ada"), f"{what}:{ref}")


@pytest.mark.parametrize("below", [f"{MODEL}@v1.0.0/x", f"{MODEL}#dev#1/x/y"])
def test_a_tag_in_the_way_leaves_no_deploy_unfinished(hub: HubWorld, below: str) -> None:
    put(hub, f"refs/tags/{below}")
    hub.merge("ben", ready(hub))
    for _ in range(2):
        done = deployed(hub)
        assert done.left == ()
        [warning] = done.warnings
        assert f"tag {below} leaves no room for it" in warning
        assert f"git tag --delete '{below}'" in warning
    assert running(hub) == ["1.0.0"]
    put(hub, f"refs/tags/{below}", what="")
    hub.world.builder.git("fetch", "--quiet", "--prune-tags", "--prune", "origin")
    done = deployed(hub)
    assert (done.left, done.warnings) == ((), ())
    assert below.partition("/")[0] in done.tags


@pytest.mark.parametrize("branch", ["rollback", f"rollback/{MODEL}", f"rollback/{MODEL}/1.0.0"])
def test_a_branch_in_the_way_is_named(served: HubWorld, branch: str) -> None:
    bring(served.world, "dev", "1.1.0")
    named(served.world)
    put(served, f"refs/heads/{branch}")
    with served.github() as github:
        session = served.world.session()
        plan = plan_rollback(session, MODEL, "dev", version=None, reason="bad")
        with pytest.raises(InTheWay, match=f"has a branch {branch}, which leaves no room") as error:
            propose(session, github, plan)
    assert f"--delete {branch}" in (error.value.mend or "")
    put(served, f"refs/heads/{branch}", what="")
    with pytest.raises(InTheWay, match="can't write refs/remotes/"):  # this clone saw the other one
        roll_back(served, "dev")
    assert roll_back(served, "dev").opened is not None


@pytest.mark.parametrize(("gone", "come"), [("zz", "zz/y"), ("zz/y", "zz")])
def test_a_clone_that_lives_on_is_not_kept_from_fetching(
    served: HubWorld, gone: str, come: str
) -> None:
    """It saw a branch that was deleted since, where another one stands in its place now."""
    builder = served.world.builder
    put(served, f"refs/heads/{gone}")
    served.world.session()
    assert builder.git("for-each-ref", f"refs/remotes/origin/{gone}")
    put(served, f"refs/heads/{gone}", what="")
    put(served, f"refs/heads/{come}")
    builder.git("update-ref", f"refs/remotes/origin/{gone}", "origin/ml")
    machines = builder.git("for-each-ref", "refs/remotes/origin/env", "refs/remotes/origin/ledger")
    served.world.session()
    assert builder.git("for-each-ref", f"refs/remotes/origin/{come}")
    assert machines == builder.git(
        "for-each-ref", "refs/remotes/origin/env", "refs/remotes/origin/ledger"
    )


def test_nor_does_it_forget_a_branch_of_machines_that_is_gone(served: HubWorld) -> None:
    builder = served.world.builder
    served.world.session()
    builder.git("update-ref", "refs/remotes/origin/zz", "origin/ml")
    put(served, "refs/heads/zz/y")
    seen = builder.git("rev-parse", "refs/remotes/origin/ledger")
    git(served.path, "update-ref", "-d", "refs/heads/ledger")
    with pytest.raises(Exception, match="ledger was deleted or rewritten on origin"):
        served.world.session()
    assert builder.git("rev-parse", "refs/remotes/origin/ledger") == seen


def test_promotions_are_not_held_up_by_another_number(served: HubWorld) -> None:
    """Where the next name is taken too, the one after it is used."""
    named(served.world)
    name = f"promote/{MODEL}/1.0.0/staging"
    builder = served.world.builder
    for branch in (name, f"{name}-2"):
        builder.commit({"x": "y"}, branch, parent="origin/develop", author="Pat <pat@example.com>")
        served.push("pat", branch)
    made = promote(served, "staging").made
    assert made is not None
    assert made.branch == f"{name}-3"

"""What doesn't belong on the ledger is taken out as docs/operating.md says, and all goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelctl.errors import ModelctlError
from support.deploys import run
from support.journey import bring, publish
from support.repos import git
from support.rollouts import shares
from support.ways_back import back, ran
from support.world import MODEL, World

JUNK = f"models/{MODEL}/0000/00000050-deployment-{'0' * 12}.json"


def put_right(world: World) -> None:
    """As an administrator does it."""
    clone = world.builder.directory
    git(clone, "fetch", "--quiet", "origin", "ledger")
    found = git(clone, "log", "--format=%H", "--diff-filter=A", "origin/ledger", "--", JUNK)
    git(clone, "push", "--quiet", "--force", "origin", f"{found.strip()}^:refs/heads/ledger")
    git(clone, "fetch", "--quiet", "origin", "+refs/heads/ledger:refs/remotes/origin/ledger")


def test_a_model_goes_on_once_the_ledger_is_as_if_nothing_had_come(
    served: World, tmp_path: Path
) -> None:
    publish(served, "ledger", {JUNK: "{}"})
    head = served.submit("1.1.0")
    served.evidence("1.1.0", "dev", head)
    served.merge("ml", head, ["ben", "lena"])
    [decision] = run(served, "dev").decisions
    assert decision.blocked

    put_right(served)
    assert run(served, "dev").decisions[0].blocked, "what came after the junk is gone, too"
    served.evidence("1.1.0", "dev", head)
    run(served, "dev")
    assert ran(served) == ["1.0.0", "1.1.0"]
    fresh = served.copy_clone(tmp_path / "fresh")
    fresh.later(hours=2)
    bring(fresh, "dev", "1.2.0")
    assert ran(fresh) == ["1.0.0", "1.1.0", "1.2.0"]


def test_deleting_it_is_no_way_out(served: World, tmp_path: Path) -> None:
    publish(served, "ledger", {JUNK: "{}"})
    other = served.copy_clone(tmp_path / "other")
    other.session()
    publish(served, "ledger", {JUNK: None})
    with pytest.raises(ModelctlError, match=f"tampered with.*deleted {JUNK}"):
        other.session()


def test_a_way_back_from_after_the_junk_is_held_and_recorded_again(served: World) -> None:
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    publish(served, "ledger", {JUNK: "{}"})
    assert back(served, "dev").problem is None
    put_right(served)
    served.later(minutes=10)
    run(served, "dev")
    assert shares(served) == [("stable", "1.0.0", 100)]
    assert ran(served) == ["1.0.0", "1.1.0"]
    assert back(served, "dev").problem is None
    run(served, "dev")
    assert shares(served) == [("stable", "1.0.0", 100)]
    assert ran(served) == ["1.0.0", "1.1.0", "1.0.0"]

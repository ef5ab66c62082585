"""Branches of proposals have names that can be foreseen: somebody makes them before."""

from __future__ import annotations

import pytest

from modelctl.services.opening import Proposed, propose
from modelctl.services.rolling_back import plan_rollback
from support.attacks import check
from support.hub import HubWorld
from support.journey import bring
from support.motions import named
from support.world import MODEL, PEOPLE

BRANCH = f"rollback/{MODEL}/1.0.0/dev"
RELEASE = f"models/{MODEL}/release.yaml"


def address(login: str) -> str:
    return f"{PEOPLE[login]}+{login}@users.noreply.github.com"


def signed(login: str) -> str:
    return f"{login} <{address(login)}>"


@pytest.fixture
def twice(served: HubWorld) -> HubWorld:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served.world, "dev", "1.1.0")
    return served


def made_before(hub: HubWorld, pusher: str, author: str, message: str = "Go back") -> str:
    """The branch of the rollback with the right content, pushed by somebody; its tip."""
    text = hub.world.show("origin/ml", RELEASE).replace("1.1.0", "1.0.0")
    builder = hub.world.builder
    tip = builder.commit(
        {RELEASE: text}, BRANCH, parent="origin/ml", author=author, message=message
    )
    hub.push(pusher, BRANCH)
    return tip


def dispatched(hub: HubWorld, login: str, reason: str = "recall fell") -> Proposed:
    """The App opens the pull request that somebody asks for, with a commit by them."""
    named(hub.world, login, address(login))
    with hub.github() as github:
        session = hub.world.session()
        plan = plan_rollback(session, MODEL, "dev", version=None, reason=reason)
        return propose(session, github, plan)


def number_of(done: Proposed) -> int:
    assert done.opened is not None
    return done.opened.pull.number


def passes(hub: HubWorld, number: int, approvers: list[str]) -> bool:
    hub.approve(number, approvers)
    return check(hub, number).exit_code == 0


def test_one_approver_alone_takes_nothing_back(twice: HubWorld) -> None:
    """Ben writes ada's name into the commit, has the machine open it, and approves it himself."""
    made_before(twice, "ben", signed("ada"))
    done = dispatched(twice, "ben")
    assert done.made is not None
    assert (done.made.branch, done.made.note) == (f"{BRANCH}-2", f"{BRANCH} is somebody else's")
    assert not passes(twice, number_of(done), ["ben"])
    assert passes(twice, number_of(done), ["ada", "lena"])


@pytest.mark.parametrize(
    "names",
    [
        "Co-authored-by: Ben <2+ben@users.noreply.github.com>",
        "Co-authored-by: Nobody <nobody@nowhere.example>",
    ],
)
@pytest.mark.parametrize("author", ["Eve <8+eve@users.noreply.github.com>", signed("lena")])
def test_names_in_a_branch_keep_nobody_from_approving(
    twice: HubWorld, names: str, author: str
) -> None:
    made_before(twice, "pat", author, f"Go back\n\n{names}")
    done = dispatched(twice, "lena")
    number = number_of(done)
    assert twice.pull(number).branch == f"{BRANCH}-2"
    assert passes(twice, number, ["ben"])
    assert number_of(dispatched(twice, "lena")) == number


@pytest.mark.parametrize("empty", [19, 20])
def test_a_branch_with_many_commits_in_the_name_of_who_asks_is_left_alone(
    twice: HubWorld, empty: int
) -> None:
    """The forge shows no more than 250 commits, so that it could never be decided."""
    tip = made_before(twice, "pat", signed("lena"))
    for _ in range(empty):
        tip = twice.world.builder.commit({}, BRANCH, author=signed("lena"))
    twice.push("pat", BRANCH, tip)
    done = dispatched(twice, "lena")
    assert done.made is not None
    assert done.made.branch == (BRANCH if empty < 20 else f"{BRANCH}-2")


def test_who_asks_again_finds_their_own(twice: HubWorld) -> None:
    first, second = dispatched(twice, "lena"), dispatched(twice, "lena")
    assert number_of(first) == number_of(second)
    assert first.made is not None
    assert first.made.branch == BRANCH
    assert number_of(dispatched(twice, "ben")) != number_of(first)


@pytest.mark.parametrize(
    "reason",
    [
        "Co-authored-by: me <nobody@nowhere.example>",
        "bad\n\nCo-authored-by: me <nobody@nowhere.example>",
        "bad\u2028Co-authored-by: me <nobody@nowhere.example>",
    ],
)
def test_a_reason_names_no_author(twice: HubWorld, reason: str) -> None:
    done = dispatched(twice, "lena", reason)
    assert done.made is not None
    message = twice.world.builder.git("log", "-1", "--format=%B", done.made.head)
    assert message.splitlines()[2].startswith("Reason: ")
    assert len(message.splitlines()) == 3
    trailers = twice.world.builder.git("log", "-1", "--format=%(trailers:key=Co-authored-by)")
    assert trailers == ""
    assert passes(twice, number_of(done), ["ben"])

"""Pull requests that are too large, too long or too loud for what GitHub lists and takes."""

from __future__ import annotations

from modelctl.domain.pulls import COMMENT_MARKER
from support.attacks import APPROVERS, BRANCH, check, is_refused, said, standing, submitted
from support.hub import HubWorld
from support.world import MODEL

LIMIT = 65_536


def waits(hub: HubWorld, number: int) -> None:
    hub.approve(number, APPROVERS)
    assert check(hub, number).exit_code == 1
    assert standing(hub, number) == "failure"
    run = hub.check(hub.pull(number).head)
    assert run is not None
    shown = (*hub.comments(number), run.output["summary"], run.output.get("text", ""))
    assert all(len(text) < LIMIT for text in shown)
    hub.merge("ben", number)
    is_refused(hub)


def test_so_many_commits_that_some_are_hidden_are_not_decided(hub: HubWorld) -> None:
    builder = hub.world.builder
    tip, start = builder.git("rev-parse", BRANCH), 1790100000
    lines = []
    for index in range(251):
        lines.append(f"commit refs/heads/{BRANCH}\n")
        roles = ("author", "committer")
        lines += [f"{role} Ada <ada@example.com> {start + index} +0000\n" for role in roles]
        lines.append("data 1\nx\n" + (f"from {tip}\n" if index == 0 else ""))
    builder.git("fast-import", "--quiet", "--force", stdin="".join(lines).encode())
    number = submitted(hub)
    waits(hub, number)
    assert "may be cut" in said(hub, number)


def test_more_files_than_are_looked_at_are_not_decided(hub: HubWorld) -> None:
    files = {f"models/{MODEL}/versions/9.9.{index}.yaml": "{}\n" for index in range(3_001)}
    hub.world.builder.commit(files, BRANCH)
    waits(hub, submitted(hub))


def test_files_of_one_model_each_with_a_fault_are_told_within_the_limits(hub: HubWorld) -> None:
    long = "x" * 60_000
    files = {
        f"models/{MODEL}/versions/9.9.{index}.yaml": f"{long}: [{long}]\n" for index in range(60)
    }
    hub.world.builder.commit(files, BRANCH)
    waits(hub, submitted(hub))


def test_our_comment_is_found_among_many(hub: HubWorld) -> None:
    number = submitted(hub, title="x" * 256, body="y" * 65_000)
    for _ in range(101):
        hub.comment("mallory", number, f"{COMMENT_MARKER}\nme too")
    check(hub, number)
    hub.approve(number, APPROVERS)
    assert check(hub, number).exit_code == 0
    assert len(hub.comments(number)) == 1
    assert len(hub.comments(number, "mallory")) == 101

"""A pull request from a waiver's branch that asks for something else: nobody vouches for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from support.command_line import CommandLine
from support.hub import HubWorld
from support.waivers import REASON, unfair
from support.world import MODEL

pytestmark = pytest.mark.usefixtures("job")
BRANCH = f"waiver/{MODEL}/1.0.0/fairness"
PATH = f"policies/waivers/{MODEL}-1.0.0-fairness.yaml"
QUALITY = "policies/gates/quality.yaml"


def ask(hub: HubWorld, cli: CommandLine, number: int) -> str:
    """ben asks for the waiver; the App's answer."""
    line = f"/modelctl waive fairness --approver lena {REASON}"
    assert "answered" in cli("pr", "answer", "--comment", hub.comment("ben", number, line))
    return hub.comments(number)[-1]


def files(hub: HubWorld, number: int) -> list[str]:
    """What a pull request would change on the default branch."""
    git = hub.world.builder.git
    git("fetch", "--quiet", "origin")
    return git("diff", "--name-only", f"origin/main...{hub.pull(number).head}").split()


def named(text: str) -> int:
    """The pull request that the App vouches for."""
    found = re.search(r"#(\d+) asks for", text)
    assert found is not None
    return int(found.group(1))


def push(hub: HubWorld, change: Mapping[str, str]) -> None:
    """ada changes what the App opened."""
    hub.world.builder.commit(change, BRANCH, parent=f"origin/{BRANCH}")
    hub.push("ada", BRANCH)


def take(hub: HubWorld, files: Mapping[str, str]) -> int:
    """ada opens a pull request from the branch before anybody asks."""
    hub.world.builder.branch(BRANCH, "origin/main")
    hub.world.builder.commit(files, BRANCH)
    return hub.open("main", BRANCH, title="Tidy up")


def asked(hub: HubWorld) -> int:
    unfair(hub.world)
    return hub.open("ml", "feature/1.0.0")


def loosened(hub: HubWorld) -> dict[str, str]:
    return {QUALITY: hub.world.show("origin/main", QUALITY).replace("0.85", "0.05")}


def test_a_pull_request_that_loosens_a_gate_is_not_taken_for_a_waiver(
    hub: HubWorld, cli: CommandLine
) -> None:
    number = asked(hub)
    other = take(hub, loosened(hub))
    text = ask(hub, cli, number)
    assert "already" not in text
    assert "somebody else's" in text
    assert named(text) != other
    assert files(hub, named(text)) == [PATH]
    assert hub.pull(other).title == "Tidy up"
    again = ask(hub, cli, number)
    assert "already" in again
    assert named(again) == named(text)


@pytest.mark.parametrize(
    "change",
    [("gate: fairness", "gate: classification-quality"), ("1.0.0", "2.0.0"), ("reason:", "why:")],
)
def test_a_file_in_its_place_that_is_no_such_waiver_is_none(
    hub: HubWorld, cli: CommandLine, change: tuple[str, str]
) -> None:
    number = asked(hub)
    first = named(ask(hub, cli, number))
    assert files(hub, first) == [PATH]
    push(hub, {PATH: hub.world.show(f"origin/{BRANCH}", PATH).replace(*change)})
    text = ask(hub, cli, number)
    assert "already" not in text
    assert files(hub, named(text)) == [PATH]
    assert change[0] in hub.world.show(hub.pull(named(text)).head, PATH)


def test_a_waiver_with_a_rider_is_not_vouched_for(hub: HubWorld, cli: CommandLine) -> None:
    number = asked(hub)
    first = named(ask(hub, cli, number))
    assert files(hub, first) == [PATH]
    push(hub, loosened(hub))
    assert files(hub, first) == [QUALITY, PATH]
    text = ask(hub, cli, number)
    assert "already" not in text
    assert files(hub, named(text)) == [PATH]


def test_a_waiver_that_people_changed_and_still_asks_for_it_stays(
    hub: HubWorld, cli: CommandLine
) -> None:
    number = asked(hub)
    first = named(ask(hub, cli, number))
    assert files(hub, first) == [PATH]
    good = hub.world.show(f"origin/{BRANCH}", PATH)
    mine = good.replace(REASON, "A study of forty people, who were told")
    assert mine != good
    push(hub, {PATH: mine})
    before = hub.pull(first).head
    text = ask(hub, cli, number)
    assert "already" in text
    assert (named(text), hub.pull(first).head) == (first, before)

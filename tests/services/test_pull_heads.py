"""Heads of pull requests are brought here as they are, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forge.server import Forge
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services import pull_heads
from modelctl.services.pull_heads import bring, fetch, is_here
from support.hub import HubWorld
from support.world import World


@pytest.fixture
def hub(world: World, forge: Forge) -> HubWorld:
    """A world behind a forge."""
    return HubWorld.create(world, forge)


def test_a_head_that_moved_since_is_read_again(hub: HubWorld) -> None:
    hub.world.submit()
    number = hub.open("ml", "feature/1.0.0")
    with hub.github() as github:
        old = github.pulls.get(number)
        new = hub.world.commit({"models/a-b/model.yaml": "x\n"}, "feature/1.0.0", "ml")
        hub.push("ada", "feature/1.0.0")
        session = hub.world.session()
        found = bring(session, github, old)
    assert found.head == new
    assert is_here(session, found)


def test_a_head_that_is_never_what_it_is_said_to_be_is_no_answer(
    hub: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.world.submit()
    number = hub.open("ml", "feature/1.0.0")
    monkeypatch.setattr(pull_heads, "_PAUSES", ())
    with hub.github() as github:
        lying = replace(github.pulls.get(number), head="0" * 40)
        with pytest.raises(DependencyError, match="again and again"):
            bring(hub.world.session(), github, lying)


def test_a_branch_of_the_same_name_in_a_fork_is_not_ours(hub: HubWorld) -> None:
    hub.world.submit()
    number = hub.open("ml", "feature/1.0.0")
    with hub.github() as github:
        pull = github.pulls.get(number)
    session = hub.world.session()
    assert is_here(session, pull)
    assert not is_here(session, replace(pull, is_fork=True))
    fetch(session, (replace(pull, is_fork=True),))
    assert is_here(session, replace(pull, is_fork=True))


def test_without_a_remote_there_is_nothing_to_fetch(hub: HubWorld) -> None:
    hub.world.submit()
    number = hub.open("ml", "feature/1.0.0")
    with hub.github() as github:
        pull = github.pulls.get(number)
    session = hub.world.session()
    hub.world.builder.git("remote", "remove", "origin")
    with pytest.raises(ModelctlError, match="no remote"):
        fetch(session, (replace(pull, head="0" * 40),))

"""Promotions and rollbacks through the forge, as somebody at a clone opens them."""

from __future__ import annotations

from modelctl.services.opening import Proposed, propose
from modelctl.services.promoting import plan_promotion
from modelctl.services.rolling_back import plan_rollback
from support.hub import HubWorld
from support.world import MODEL, World

REASON = "recall fell by a third"


def named(world: World, name: str = "Ada", email: str = "ada@example.com") -> World:
    """The clone of somebody whom git knows."""
    world.builder.git("config", "user.name", name)
    world.builder.git("config", "user.email", email)
    return world


def promote(
    hub: HubWorld, environment: str, version: str = "1.0.0", *, world: World | None = None
) -> Proposed:
    """Ada promotes a version through the forge."""
    with hub.github("ada") as github:
        session = (world or hub.world).session()
        plan = plan_promotion(session, f"{MODEL}@{version}", environment)
        return propose(session, github, plan)


def planned(world: World, environment: str, version: str = "1.0.0") -> Proposed:
    """What promoting a version would do."""
    session = world.session()
    return propose(session, None, plan_promotion(session, f"{MODEL}@{version}", environment))


def roll_back(
    hub: HubWorld, environment: str, version: str | None = None, *, reason: str = REASON
) -> Proposed:
    """Ada goes back through the forge."""
    with hub.github("ada") as github:
        session = hub.world.session()
        plan = plan_rollback(session, MODEL, environment, version=version, reason=reason)
        return propose(session, github, plan)

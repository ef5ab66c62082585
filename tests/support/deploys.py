"""A deploy as the job does it, without servers."""

from __future__ import annotations

from collections.abc import Collection

from modelctl.services.acting import Effects
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from support.world import World


def run(world: World, environment: str, forward: Collection[str] = ()) -> Deployed:
    """Brings an environment to what its branch says."""
    return deploy(
        world.session(),
        world.transition(environment),
        world.merged(),
        Effects(signer=world.deployer.signer),
        forward=forward,
    )

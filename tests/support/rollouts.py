"""Rollouts in tests: a version on its way into dev, and what a source of figures says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from modelctl.domain import rollout_events as events
from modelctl.domain.observations import (
    CANARY,
    LIVE_SIDE,
    STABLE,
    Counts,
    Histogram,
    Observation,
    Watched,
)
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_events import Rollout
from modelctl.domain.tree import Tree
from modelctl.services.acting import Effects
from modelctl.services.deployed import Deployed
from modelctl.services.rollouts import Open, Stepped, open_rollout, step
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree
from support.deploys import run
from support.world import MODEL, World

STRATEGY = "canary-standard"


def counts(requests: float, errors: float = 0.0, slow: float = 0.0) -> Counts:
    """Requests of which so many failed, and so many took long."""
    latency = Histogram(
        bounds_ms=(10.0, 50.0, 100.0, 1000.0), counts=(requests - slow, 0.0, 0.0, slow, 0.0)
    )
    return Counts(requests=requests, errors=errors, latency=latency)


def observed(
    at: datetime, span: timedelta, *, canary: Counts, stable: Counts | None = None
) -> Observation:
    """What both sides did in a stretch of time."""
    sides = {CANARY: canary, LIVE_SIDE: canary, STABLE: stable or counts(20000)}
    figures = {"canary.failed_health_checks": 0.0, "live.failed_health_checks": 0.0,
               "canary.labelled": 0.0, "canary.compared": 0.0,
               "canary.prediction_psi": 0.0, "canary.business_metric_change": 0.0}  # fmt: skip
    return Observation(at=at, span=span, sides=sides, figures=figures)


@dataclass(kw_only=True)
class Recording:
    """A source of figures that is a list of observations, all about one model."""

    seen: list[Observation] = field(default_factory=list)
    asked: list[Watched] = field(default_factory=list)

    def observe(
        self, watched: Sequence[Watched], until: datetime
    ) -> Mapping[str, Sequence[Observation]]:
        """What was recorded since then."""
        self.asked += watched
        return {one.model: [o for o in self.seen if one.since < o.at <= until] for one in watched}


@dataclass(kw_only=True)
class Traffic:
    """What was put into force of the model, in its order. `broken` is what it complains of."""

    shares: list[list[tuple[str, str, int]]] = field(default_factory=list)
    broken: Mapping[str, str] = field(default_factory=dict)

    def apply(
        self,
        session: Session,
        transition: Transition,
        tree: Tree,
        models: Collection[str] | None,
    ) -> Mapping[str, str]:
        """Notes who gets how much."""
        one = record(tree, MODEL)
        if one is not None:
            self.shares.append([(b.name, b.version, b.weight) for b in one.split])
        return self.broken

    @property
    def last(self) -> list[tuple[str, str, int]]:
        """Who gets how much now."""
        return self.shares[-1]


def arrive(world: World, version: str = "1.1.0", strategy: str = STRATEGY, **changes: Any) -> str:
    """A version merged for dev, to take over by a strategy; the merge."""
    release = {"strategies": {"dev": strategy}, **changes.pop("release", {})}
    head = world.submit(version, release=release, **changes)
    world.evidence(version, "dev", head)
    return world.merge("ml", head, ["ben", "lena"])


def start(world: World, version: str = "1.1.0", strategy: str = STRATEGY) -> Deployed:
    """The first step of its rollout."""
    arrive(world, version, strategy)
    return run(world, "dev")


def shares(world: World) -> list[tuple[str, str, int]]:
    """Who gets how much by the environment's branch."""
    one = record(state_tree(world.session(), "dev"), MODEL)
    assert one is not None
    return [(b.name, b.version, b.weight) for b in one.split]


def running(world: World) -> RenderRequest:
    """What the environment's branch says."""
    one = record(state_tree(world.session(), "dev"), MODEL)
    assert one is not None
    return one


def under_way(world: World) -> Open:
    """The rollout that is under way."""
    one = open_rollout(world.session(), world.transition("dev"), MODEL)
    assert one is not None
    return one


def look(
    world: World,
    *observations: Observation,
    traffic: Traffic | None = None,
    effects: Effects | None = None,
) -> Stepped:
    """One look at the rollout that is under way, as a scheduled job has it."""
    session, transition = world.session(), world.transition("dev")
    one = open_rollout(session, transition, MODEL)
    assert one is not None
    acting = effects or Effects(signer=world.deployer.signer, apply=(traffic or Traffic()).apply)
    return step(session, transition, one, observations, acting)


def healthy(world: World, **span: float) -> Observation:
    """Time passes, and the new version does as well as what serves."""
    world.later(**span)
    return observed(world.now, timedelta(**span), canary=counts(20000))


def failing(world: World, **span: float) -> Observation:
    """Time passes, and one request in five fails in the new version."""
    world.later(**span)
    return observed(world.now, timedelta(**span), canary=counts(20000, errors=4000))


def told(world: World) -> list[str]:
    """The events of every rollout in dev, in their order."""
    found = rollouts(world)
    return [event.kind for one in found for event in one.events]


def rollouts(world: World) -> tuple[Rollout, ...]:
    """Every rollout in dev."""
    return events.rollouts(world.session().signed(MODEL), "dev")

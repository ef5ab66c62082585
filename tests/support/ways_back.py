"""Versions that are taken back at once: what a job acts through in tests, and what it did."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from modelctl.domain.events import Event
from modelctl.domain.history import deployments, quarantines
from modelctl.domain.observations import Counts, Histogram, Observation, Watched
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Tree
from modelctl.services.acting import Effects
from modelctl.services.going_back import Cause, WentBack, Wish, go_back
from modelctl.services.session import Session
from modelctl.services.state import record
from support.world import MODEL, World

NOTHING = Wish()
CAUSE = Cause(trigger="errors", reason="more than 5 % fail", values={"live.error_rate": "0.2"})


@dataclass(kw_only=True)
class Traffic:
    """Where traffic is, as something that puts states into force. `broken` is what it complains
    of, `order` what happened in which order."""

    where: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def apply(
        self,
        session: Session,
        transition: Transition,
        tree: Tree,
        models: Collection[str] | None,
    ) -> Mapping[str, str]:
        self.order.append("traffic")
        for model in models if models is not None else tree.names(""):
            one = record(tree, model)
            assert one is not None
            self.where[model] = [(b.version, b.weight) for b in one.split]
        return self.broken

    def effects(self, world: World, **more: Any) -> Effects:
        """What a job acts through."""
        return Effects(
            signer=world.deployer.signer, apply=self.apply, notify=self.events.append, **more
        )


def sound(session: Session, one: RenderRequest, tracking_uri: str | None) -> str | None:
    """Artifacts of tests are never looked at."""
    return None


def back(
    world: World,
    environment: str,
    traffic: Traffic | None = None,
    *,
    cause: Cause = CAUSE,
    wish: Wish = NOTHING,
    **more: Any,
) -> WentBack:
    """Takes back what serves."""
    transition = world.transition(environment)
    effects = (traffic or Traffic()).effects(world, **more)
    return go_back(
        world.session(), transition, MODEL, cause=cause, effects=effects, wish=wish, intact=sound
    )


def ran(world: World, environment: str = "dev") -> list[str]:
    """The versions that the history says were served there, in their order."""
    history = deployments(world.session().signed(MODEL))
    return [d.version for d in history if d.environment == environment]


def held(world: World) -> list[tuple[str, str, str]]:
    """What is quarantined where, and why."""
    found = quarantines(world.session().signed(MODEL))
    return [(q.version, q.environment, q.reason) for q in found]


def kinds(world: World) -> list[str]:
    """The kinds of the job's statements on the ledger, oldest first."""
    told = (s.statement for s in world.session().signed(MODEL))
    known = ("deployment", "rollback", "quarantine", "rollout")
    return [s.kind for s in told if s is not None and s.kind in known]


@dataclass(kw_only=True)
class Figures:
    """A source of figures that was told what to say. `asked` has what it was asked for, pass by
    pass; `down` is raised instead of an answer."""

    said: dict[str, list[Observation]] = field(default_factory=dict)
    asked: list[list[Watched]] = field(default_factory=list)
    down: Exception | None = None

    def observe(
        self, watched: Sequence[Watched], until: datetime
    ) -> Mapping[str, Sequence[Observation]]:
        self.asked.append(list(watched))
        if self.down is not None:
            raise self.down
        return {
            one.model: [o for o in self.said.get(one.model, ()) if one.since < o.at <= until]
            for one in watched
        }

    def say(self, at: datetime, errors: float, requests: float = 1000.0, **sides: Counts) -> None:
        """What was counted in the second up to an instant: of what serves, unless sides are
        named."""
        live = Counts(requests=requests, errors=errors, latency=_latency(requests))
        told = sides or {"live": live}
        one = Observation(at=at, span=timedelta(seconds=1), sides=told)
        self.said.setdefault(MODEL, []).append(one)


def _latency(requests: float) -> Histogram:
    return Histogram(bounds_ms=(10.0, 100.0), counts=(requests, 0.0, 0.0))


def counts(requests: float, errors: float) -> Counts:
    """What a side did in a stretch of time, all of it fast."""
    return Counts(requests=requests, errors=errors, latency=_latency(requests))

"""Replays figures through the state machine that steps rollouts, and keeps what it did.

It is the very same code that runs live (`modelctl.domain.rollout`): only the figures are recorded
ones, and time passes as fast as they can be read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from modelctl.domain import rollout
from modelctl.domain.manifest import Model, Serving
from modelctl.domain.observations import CANARY, STABLE
from modelctl.domain.rollout_state import DONE, HOLD, ROLLED_BACK, Decision, Reason, State
from modelctl.domain.serving import WHOLE
from modelctl.domain.simulation import Course, Noted, Point, Readings, Simulation, Stay, Wait
from modelctl.domain.strategies import SHADOW, STEPPED, Strategy, shares
from modelctl.domain.triggers import Trigger
from modelctl.errors import ModelctlError
from modelctl.services.replayed import Traffic

_OVER = frozenset({DONE, ROLLED_BACK})
_SIDES = (CANARY, STABLE)
_NOTHING: Readings = MappingProxyType({})

STAND_IN = Model(
    name="model",
    description="A model that stands in where none is named.",
    owner="",
    contact="",
    task="other",
    tier="standard",
    serving=Serving(target="local"),
)
"""Whose rollout is simulated where no model is named."""


class _Stretch:
    """The stay that is being put together."""

    def __init__(self, began: datetime, state: State):
        self.began, self.last, self.state = began, began, state
        self.waits: dict[str, Wait] = {}
        self.notes: dict[str, tuple[datetime, Reason, int]] = {}
        self.lately: Collection[str] = ()
        self.ticks = 0

    def add(self, decision: Decision, at: datetime, *, held: bool) -> None:
        """What was decided at an instant, and whether it held: what ends a stay is no wait."""
        passed, self.last, self.ticks = at - self.last, at, self.ticks + 1
        for note in decision.notes:
            first, reason, times = self.notes.get(note.name, (at, note, 0))
            self.notes[note.name] = (first, reason, times + 1)
        if not held:
            return
        self.lately = {reason.name for reason in decision.reasons}
        for reason in decision.reasons:
            before = self.waits.get(reason.name)
            lasted = passed + (before.lasted if before else timedelta(0))
            self.waits[reason.name] = Wait(reason=reason, lasted=lasted)

    def stay(self, at: datetime, decision: Decision | None) -> Stay:
        """The whole of it; `decision` is what ended it."""
        return Stay(
            began=self.began,
            until=at,
            phase=self.state.phase,
            step=self.state.step,
            weight=self.state.weight,
            waits=tuple(
                replace(wait, last=name in self.lately) for name, wait in self.waits.items()
            ),
            notes=tuple(
                Noted(at=first, reason=reason, share=times / max(self.ticks, 1))
                for first, reason, times in self.notes.values()
            ),
            ended=decision.action if decision else None,
            reasons=decision.reasons if decision else (),
            emergency=decision.emergency if decision else False,
        )


class _Replay:
    """A rollout that is being replayed, and what is kept of it."""

    def __init__(
        self, strategy: Strategy, model: Model, triggers: Sequence[Trigger], began: datetime
    ):
        self.strategy, self.model, self.triggers = strategy, model, triggers
        self.state = rollout.begin(strategy, began)
        self.stretch = _Stretch(began, self.state)
        self.points: list[Point] = []
        self.stays: list[Stay] = []
        self.stretches = 0

    def look(self, at: datetime, traffic: Traffic) -> None:
        """One stretch more: what was counted in it, and what is decided then."""
        weight = self.state.weight
        seen = traffic.seen(at, _shares(self.strategy, weight))
        if seen is not None:
            self.state = rollout.observe(self.strategy, self.state, seen)
            self.stretches += 1
        sides = {side: seen.sides[side] for side in _SIDES if side in seen.sides} if seen else {}
        readings = seen.figures if seen else _NOTHING
        self.points.append(Point(at=at, weight=weight, sides=sides, readings=readings))
        decision = rollout.decide(self.strategy, self.state, self.model, at, self.triggers)
        self.state = decision.after
        moves = decision.action != HOLD or _moved(self.stretch.state, self.state)
        self.stretch.add(decision, at, held=not moves)
        if moves:
            self.stays.append(self.stretch.stay(at, decision))
            self.stretch = _Stretch(at, self.state)

    @property
    def over(self) -> bool:
        """Whether the rollout has come to its end."""
        return self.state.phase in _OVER


def simulate(
    strategy: Strategy,
    model: Model,
    traffic: Traffic,
    triggers: Sequence[Trigger] = (),
) -> Simulation:
    """What the strategy does over this traffic, from its beginning on.

    `triggers` are those of rollback.yaml that hold for the model. It ends with the rollout, or with
    the figures.

    Raises:
        ModelctlError: the strategy has no steps.
    """
    if strategy.kind not in STEPPED:
        raise ModelctlError(
            f"{strategy.name} changes over at once, so there are no steps to simulate",
            mend=f"name a strategy of the kinds {', '.join(sorted(STEPPED))}",
        )
    replay = _Replay(strategy, model, triggers, traffic.began)
    for at in traffic.moments():
        replay.look(at, traffic)
        if replay.over:
            break
    return _simulation(replay, traffic)


def _simulation(replay: _Replay, traffic: Traffic) -> Simulation:
    until = replay.points[-1].at if replay.points else traffic.began
    unfinished = () if replay.over else (replay.stretch.stay(until, None),)
    return Simulation(
        strategy=replay.strategy,
        model=None if replay.model is STAND_IN else replay.model.name,
        state=replay.state,
        course=Course(
            title=replay.strategy.name,
            began=traffic.began,
            until=until,
            points=tuple(replay.points),
            stays=(*replay.stays, *unfinished),
        ),
        stretches=replay.stretches,
        every=traffic.every,
    )


def _shares(strategy: Strategy, weight: int) -> Mapping[str, int]:
    """The shares of the two sides that are held against each other, in percent."""
    if strategy.kind == SHADOW:
        return {CANARY: WHOLE, STABLE: WHOLE}  # it gets a copy of everything
    parts = shares(strategy, weight)
    return {CANARY: weight, STABLE: parts.get("baseline", parts["stable"])}


def _moved(before: State, after: State) -> bool:
    return (before.phase, before.step, before.weight) != (after.phase, after.step, after.weight)

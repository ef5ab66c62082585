"""A rollout as people look at it: where it stands, what it waits for, and why it moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelctl.domain.comparing import Answer
from modelctl.domain.experiment import Verdict
from modelctl.domain.observations import CANARY, Counts
from modelctl.domain.rollout import verdict_of
from modelctl.domain.rollout_events import Rollout, RolloutEvent
from modelctl.domain.rollout_judging import lacking
from modelctl.domain.rollout_state import (
    DONE,
    GOING_BACK,
    OPEN,
    PAUSED,
    RUNNING,
    WAITING,
    Decision,
    Reason,
    State,
)
from modelctl.domain.strategies import Step, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutView:
    """One rollout as it stands `at` an instant (UTC).

    `version` takes over from `stable`, which is None for a first version. `plan` is the name of its
    strategy, which is None where the policy has it no more. `decision` is what
    would be decided now; None where the figures couldn't be asked, and `problem` says why. `by`
    are the logins of who approved it. `controller` is what the controller that steps it says,
    `last` the event by which it stands where it does.
    """

    model: str
    environment: str
    version: str
    stable: str | None
    plan: str
    strategy: Strategy | None
    state: State
    started: datetime
    at: datetime
    decision: Decision | None = None
    answers: tuple[Answer, ...] = ()
    by: tuple[str, ...] = ()
    problem: str | None = None
    controller: str | None = None
    last: RolloutEvent | None = None

    @property
    def step(self) -> Step | None:
        """The step that it stands at; None for a strategy without steps."""
        steps = self.strategy.steps if self.strategy else ()
        return steps[min(self.state.step, len(steps) - 1)] if steps else None

    @property
    def steps(self) -> int:
        """How many steps its strategy has."""
        return len(self.strategy.steps) if self.strategy else 0

    @property
    def open(self) -> bool:
        """Whether it isn't over yet."""
        return self.state.phase in OPEN

    def counts(self, side: str) -> Counts | None:
        """What was counted on a side since the step began; None where nothing was."""
        return self.state.tally.get(side)

    @property
    def until(self) -> datetime | None:
        """When the step has lasted as long as it must; None where time decides nothing."""
        if self.step is None or self.state.phase != RUNNING or self.controller:
            return None
        return self.state.since + self.step.duration


def earliest(view: RolloutView) -> datetime | None:
    """When it ends if nothing holds it up; None where time decides nothing."""
    if view.until is None or view.strategy is None:
        return None
    later = (one.duration for one in view.strategy.steps[view.state.step + 1 :])
    return sum(later, timedelta()) + max(view.until, view.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """One thing that a rollout waits for: a word, how much there is of how much, and until when."""

    what: str
    done: float | None = None
    of: float | None = None
    until: datetime | None = None


def awaited(view: RolloutView) -> Iterator[Awaited]:
    """What must still happen before the next step, the plan's own things first."""
    phase = view.state.phase
    if phase in (PAUSED, WAITING):
        yield Awaited(what="a person" if phase == WAITING else "a person: it is paused")
    if phase == GOING_BACK:
        yield Awaited(what="the next weight of the way back")
    if view.controller and phase == RUNNING:
        yield Awaited(what="its controller")
    if view.until is not None and view.until > view.at:
        yield Awaited(what="time", until=view.until)
    seen, least = view.counts(CANARY), view.step.requests if view.step else 0
    answered = seen.requests if seen else 0.0
    if phase == RUNNING and not view.controller and answered < least:
        yield Awaited(what="requests", done=answered, of=least)


def silent_for(view: RolloutView) -> timedelta | None:
    """For how long nothing was heard of the new version; None while it can't be told."""
    heard = view.state.heard or view.state.since
    return view.at - heard if view.open and view.at > heard else None


def ab_verdict(view: RolloutView) -> Verdict | None:
    """What its A/B test says by now. None where it is none, where a controller counts for itself,
    and where the figures can't be had."""
    plan, state = view.strategy, view.state
    if plan is None or view.controller is not None or view.problem is not None:
        return None
    still = {one.name for one in lacking(plan, state, view.at)} & {"duration", "requests"}
    last = state.step + 1 >= len(plan.steps)
    return verdict_of(plan, state, ended=state.phase == DONE or (last and not still))


SAME, OTHER = "same", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retold:
    """One event of a rollout, and what deciding it again from the ledger gives.

    `again` is `SAME`, `OTHER`, or None where a person decided or nothing was judged: there is
    nothing to compute. `differs` are the reasons that come out now, where they are others.
    """

    event: RolloutEvent
    again: str | None = None
    differs: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A rollout as the ledger tells it, its events recomputed, the oldest first."""

    rollout: Rollout
    events: tuple[Retold, ...]

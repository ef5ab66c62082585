"""A rollout: one version takes over from another step by step, or goes back.

Pure: what was observed is folded into a state, and a plan, a state and an instant make a decision.
The same code runs live, in tests and where recorded metrics are replayed; a decision that stands on
the ledger with its state can be made again by anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from modelctl.domain import watching
from modelctl.domain.comparing import Answer
from modelctl.domain.evidence import human
from modelctl.domain.experiment import BETTER, Verdict, verdict
from modelctl.domain.manifest import Model
from modelctl.domain.observations import CANARY, STABLE, Observation
from modelctl.domain.recent import added, lately
from modelctl.domain.rollout_judging import (
    CHECKS,
    changed,
    done,
    due,
    judged,
    lacking,
    lasted,
    noted,
    reason_of,
    running_out,
    set_aside,
    silent,
    step_of,
    unsettled,
)
from modelctl.domain.rollout_state import (
    ADVANCE,
    DONE,
    FINISH,
    GOING_BACK,
    HOLD,
    OPEN,
    PAUSED,
    ROLL_BACK,
    ROLLED_BACK,
    RUNNING,
    SUPERSEDED,
    WAITING,
    Decision,
    Reason,
    State,
    state_data,
    state_from,
)
from modelctl.domain.serving import WHOLE
from modelctl.domain.strategies import AB_TEST, BLUE_GREEN, Experiment, Strategy
from modelctl.domain.triggers import HALT, ROLLBACK, Trigger
from modelctl.domain.watching import Look
from modelctl.errors import ModelctlError

__all__ = [
    "ADVANCE",
    "DONE",
    "FINISH",
    "GOING_BACK",
    "HOLD",
    "OPEN",
    "PAUSED",
    "ROLLED_BACK",
    "ROLL_BACK",
    "RUNNING",
    "SUPERSEDED",
    "WAITING",
    "Decision",
    "Reason",
    "State",
    "back",
    "begin",
    "decide",
    "follow",
    "moved",
    "observe",
    "onward",
    "pause",
    "reason_of",
    "resume",
    "state_data",
    "state_from",
    "verdict_of",
]

_GOING = frozenset({RUNNING, PAUSED, WAITING})

STALE = timedelta(minutes=5)
"""A reading that is older than this, and than two observations take, is none: what a figure was
once says nothing of now."""


def begin(plan: Strategy, at: datetime) -> State:
    """The state in which a rollout by this plan begins. Without steps the new version has all
    traffic at once, or, blue-green, none until it is healthy."""
    first = 0 if plan.kind == BLUE_GREEN else WHOLE
    weight = plan.steps[0].weight if plan.steps else first
    return State(phase=RUNNING, step=0, weight=weight, since=at, began=at)


def observe(plan: Strategy, state: State, observation: Observation) -> State:
    """The state with one observation more.

    One that ended before the step began, or isn't newer than the last, changes nothing but what is
    known of the last minute: what is asked for again is never counted twice.
    """
    at = observation.at
    watch = watching.seen(state.watch, observation, plan.window)
    if at <= state.since or (state.observed is not None and at <= state.observed):
        return replace(state, watch=watch)
    figures = {**state.figures, **observation.figures}
    read = _read(state, observation)
    return replace(
        state,
        tally=added(state.tally, observation.sides),
        recent=lately(state.recent, observation, plan.recent),
        figures=MappingProxyType({name: figures[name] for name in read}),
        read=read,
        heard=at if _hears(observation) else state.heard,
        observed=at,
        watch=watch,
    )


def decide(
    plan: Strategy,
    state: State,
    model: Model,
    now: datetime,
    triggers: Sequence[Trigger] = (),
) -> Decision:
    """What is to be done now. `triggers` are those of rollback.yaml that apply to the model here.

    A breach takes the version back in whatever phase the rollout is. Nothing moves on while a
    condition that could take it back, or must hold first, is undecided.
    """
    if state.phase not in OPEN:
        return _hold(state, Reason(name="phase", message=f"the rollout is over: {state.phase}"))
    look = watching.look(state.watch, model, triggers, now, plan.window)
    state = state if look.after is state.watch else replace(state, watch=look.after)
    if state.phase == GOING_BACK:
        return _going_back(plan, state, look, now)
    answers, state = judged(plan, state, model, now)
    breaches = (*due(answers, ROLLBACK), *look.due)
    notes = tuple(map(reason_of, noted(answers, state)))
    quiet = silent(plan, state, now)
    if breaches:
        at_once = any(one.trigger.emergency for one in breaches)
        found = _back(plan, state, tuple(map(reason_of, breaches)), now, at_once)
    elif quiet is not None:
        found = _back(plan, state, (quiet,), now, at_once=True)
    else:
        found = _forward(plan, state, (*answers, *running_out(look)), now)
    return replace(found, notes=notes) if notes else found


def follow(
    plan: Strategy,
    state: State,
    model: Model,
    observations: Iterable[Observation],
    triggers: Sequence[Trigger] = (),
) -> Decision | None:
    """The decisions after each of these observations, the oldest first, up to the first that moves
    something; else the last one. None where there are no observations.

    So a job that runs now and then decides as one that is always there: what must last is judged at
    each observation, not only at the last.
    """
    decision = None
    for observation in observations:
        before = observe(plan, state, observation)
        decision = decide(plan, before, model, observation.at, triggers)
        state = decision.after
        if moved(before, decision):
            break
    return decision


def moved(before: State, decision: Decision) -> bool:
    """Whether a decision changes more than what is known: the traffic, or who must do something."""
    return decision.action != HOLD or decision.after.phase != before.phase


def pause(state: State) -> State:
    """Stopped by a person where it is. What was paused stays so.

    Raises:
        ModelctlError: it is over, or on its way back.
    """
    if state.phase not in _GOING:
        raise ModelctlError(f"a rollout that is {state.phase} can't be paused")
    return replace(state, phase=PAUSED)


def resume(state: State) -> State:
    """On its way again by a person's word: what was paused goes on, and a step that waits for a
    person may be left. What halted it here doesn't halt it here again.

    Raises:
        ModelctlError: it neither is paused nor waits.
    """
    if state.phase not in (PAUSED, WAITING):
        raise ModelctlError(f"a rollout that is {state.phase} is neither paused nor waiting")
    released = state.released or state.phase == WAITING
    return replace(state, phase=RUNNING, released=released)


def onward(plan: Strategy, state: State, now: datetime) -> Decision:
    """The next step, or the end, with no condition asked: what a person may say.

    Raises:
        ModelctlError: it is over, or on its way back.
    """
    if state.phase not in _GOING:
        raise ModelctlError(f"a rollout that is {state.phase} can't go forward")
    by_hand = Reason(name="person", message="a person said so")
    return _move(plan, state, now, (by_hand,))


def back(plan: Strategy, state: State, now: datetime, *, at_once: bool = False) -> Decision:
    """The way back, because a person says so: gradual where the plan has one, unless `at_once`.

    Raises:
        ModelctlError: it is over.
    """
    if state.phase not in OPEN:
        raise ModelctlError(f"a rollout that is {state.phase} can't go back")
    by_hand = Reason(name="person", message="a person said so")
    return _back(plan, state, (by_hand,), now, at_once=at_once)


def verdict_of(plan: Strategy, state: State, *, ended: bool = True) -> Verdict | None:
    """What an A/B test says by now; None for a plan without one. `ended` as in `verdict`."""
    return _verdict(plan, plan.experiment, state, ended) if plan.experiment else None


def _forward(plan: Strategy, state: State, answers: Sequence[Answer], now: datetime) -> Decision:
    """Nothing takes it back: what it waits for, or the next step."""
    halts = [one for one in due(answers, HALT) if not set_aside(one, state)]
    if halts:
        names = dict.fromkeys((*state.halted, *(one.name for one in halts)))
        stopped = replace(state, phase=PAUSED, halted=tuple(names))
        return _hold(stopped, *map(reason_of, halts))
    if state.phase in (PAUSED, WAITING):
        return _hold(state, _for_a_person(_WAITS[state.phase]))
    if not plan.steps and state.weight in (0, WHOLE):
        return _healthy(plan, state, answers, now)
    other = changed(plan, state)
    # A person who resumes lets it leave a step, and no more: where the plan hasn't this step at
    # all, what comes after it is everything.
    if state.released and state.step < len(plan.steps):
        other = None
    if other is not None:
        return _hold(replace(state, phase=WAITING), other)
    waits = (*lacking(plan, state, now), *unsettled(answers, state))
    return _hold(state, *waits) if waits else _leave(plan, state, now)


_WAITS: Mapping[str, str] = {
    PAUSED: "it is paused until a person resumes it",
    WAITING: "it waits for a person",
}


def _for_a_person(message: str) -> Reason:
    return Reason(name="pause", message=message)


def _leave(plan: Strategy, state: State, now: datetime) -> Decision:
    """Everything that the step asked for is there."""
    last = state.step + 1 >= len(plan.steps)
    if state.released:
        return _move(plan, state, now, (done(state, now),))
    if last and plan.kind == AB_TEST and plan.experiment:
        return _tested(plan, plan.experiment, state, now)
    if step_of(plan, state).pause or (last and not plan.automatic):
        told = "the plan ends here" if last else "the step is done"
        waiting = replace(state, phase=WAITING)
        return _hold(waiting, _for_a_person(f"{told}, and a person decides"))
    return _move(plan, state, now, (done(state, now),))


def _tested(plan: Strategy, test: Experiment, state: State, now: datetime) -> Decision:
    """The end of an A/B test: only what is better takes over, and only where the plan says so."""
    found = _verdict(plan, test, state, ended=True)
    reason = Reason(name="verdict", message=found.message, confidence=found.confidence)
    if found.outcome == BETTER and plan.automatic and not step_of(plan, state).pause:
        return _move(plan, state, now, (reason,))
    return _hold(replace(state, phase=WAITING), reason)


def _verdict(plan: Strategy, test: Experiment, state: State, ended: bool) -> Verdict:
    """The verdict, with the share of both sides' requests that the new version should have had: a
    half where it is held against a baseline as large as itself."""
    asked = 0.5 if plan.baseline and state.weight < WHOLE else state.weight / WHOLE
    return verdict(test, state.tally, asked=None if test.header else asked, ended=ended)


def _move(plan: Strategy, state: State, now: datetime, reasons: tuple[Reason, ...]) -> Decision:
    """On to the next step, or the end."""
    if state.step + 1 >= len(plan.steps):
        over = replace(state, phase=DONE, weight=WHOLE, since=now)
        return Decision(action=FINISH, reasons=reasons, after=over)
    step = state.step + 1
    after = _stepped(state, step, plan.steps[step].weight, now)
    return Decision(action=ADVANCE, reasons=reasons, after=after)


def _stepped(state: State, step: int, weight: int, now: datetime) -> State:
    """A step counts anew. Where nothing is left to what served before, it is held against what
    that did in the step before."""
    before = {STABLE: state.tally[STABLE]} if weight == WHOLE and STABLE in state.tally else {}
    return State(
        phase=RUNNING,
        step=step,
        weight=weight,
        since=now,
        tally=MappingProxyType(before),
        began=state.began,
        watch=state.watch,
    )


def _healthy(plan: Strategy, state: State, answers: Sequence[Answer], now: datetime) -> Decision:
    """What goes at once ends once its new version answers, and goes back if it doesn't."""
    failed = state.figures.get(CHECKS)
    if failed is None or isinstance(failed, Mapping):
        return _hold(state, Reason(name="health", message="no health check has come back yet"))
    told = f"{failed:.0f} of {plan.health.attempts} health checks failed in a row"
    reason = Reason(name="health", message=told, values={CHECKS: f"{failed:.0f}"})
    if failed >= plan.health.attempts:
        return _back(plan, state, (reason,), now, at_once=True)
    waits = (*((reason,) if failed > 0 else ()), *unsettled(answers, state))
    if waits:
        return _hold(state, *waits)
    if not plan.automatic and not state.released:
        healthy = f"{told}, and a person decides"
        return _hold(replace(state, phase=WAITING), _for_a_person(healthy))
    return _move(plan, state, now, (reason,))


def _back(
    plan: Strategy,
    state: State,
    reasons: tuple[Reason, ...],
    now: datetime,
    at_once: bool,
) -> Decision:
    """Traffic goes back: all of it, or to the next lower weight of the plan's way back."""
    lower = () if at_once or plan.back is None else plan.back.weights
    weight = next((one for one in lower if one < state.weight), 0)
    phase = GOING_BACK if weight > 0 else ROLLED_BACK
    after = replace(state, phase=phase, weight=weight, since=now)
    return Decision(action=ROLL_BACK, reasons=reasons, after=after, emergency=at_once)


def _going_back(plan: Strategy, state: State, look: Look, now: datetime) -> Decision:
    """On the way back each weight is held for its time; an emergency ends that."""
    if look.emergency:
        reasons = tuple(map(reason_of, look.due))
        return _back(plan, state, reasons, now, at_once=True)
    every = plan.back.every if plan.back else timedelta()
    passed = now - state.since
    told = f"at {state.weight} % for {lasted(passed)} of {human(every)} on the way back"
    reason = Reason(name="back", message=told)
    if passed < every:
        return _hold(state, reason)
    return _back(plan, state, (reason,), now, at_once=False)


def _hold(state: State, *reasons: Reason) -> Decision:
    return Decision(action=HOLD, reasons=reasons, after=state)


def _hears(observation: Observation) -> bool:
    """Whether it says something of the new version: requests that it answered, or that nobody asked
    anything. A version that gets none while the other gets some is silent."""
    mine, theirs = (observation.sides.get(side) for side in (CANARY, STABLE))
    if mine is None:
        return False
    return mine.requests > 0 or theirs is None or theirs.requests <= 0


def _read(state: State, observation: Observation) -> Mapping[str, datetime]:
    """When each reading was taken that still tells of now: one that isn't taken any more is
    missing after a while."""
    at, lasts = observation.at, max(STALE, 2 * observation.span)
    known = {name: state.read.get(name, state.observed or state.since) for name in state.figures}
    kept = {name: taken for name, taken in known.items() if at - taken <= lasts}
    return MappingProxyType({**kept, **dict.fromkeys(observation.figures, at)})

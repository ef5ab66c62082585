"""What a rollout's plan says of a step: its conditions, and what the step still lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from modelctl.domain.comparing import (
    Answer,
    answer,
    has_chance,
    surely,
    sureness,
    sustained,
    wanted,
)
from modelctl.domain.evidence import human
from modelctl.domain.manifest import Model
from modelctl.domain.observations import CANARY, figures_of
from modelctl.domain.recent import Tally, share_of_error, together
from modelctl.domain.rollout_state import Reason, State
from modelctl.domain.sequential import INTENDED
from modelctl.domain.serving import WHOLE
from modelctl.domain.strategies import CANARY as BY_STEPS, Step, Strategy
from modelctl.domain.triggers import ADVANCE as MUST_HOLD, HALT, ROLLBACK, Trigger, live_facts
from modelctl.domain.watching import Look

CHECKS = f"{CANARY}.failed_health_checks"


def reason_of(one: Answer) -> Reason:
    """Why, by what a condition answered."""
    told = ", ".join(f"{name} is {value}" for name, value in one.values.items())
    said = f"{one.undecided}: {told}" if one.undecided and told else one.undecided or told
    within = f", in the last {_about(one.within)}" if one.within else ""
    sure = (
        f", at {sureness(one.confidence)} confidence"
        if one.confidence and one.holds is True
        else ""
    )
    return Reason(
        name=one.name,
        message=f"{said or one.trigger.when.source}{within}{sure}",
        because=one.trigger.because,
        values=one.values,
        confidence=one.confidence,
        location=one.trigger.location,
    )


def unplanned(name: str, state: State, window: timedelta) -> Strategy:
    """What watches a rollout whose strategy the policy has no more: what takes any version back,
    over `window`, and patience. It has no conditions of its own, and is no leave to go on."""
    here = Step(weight=state.weight, duration=timedelta(), pause=True)
    steps = (here,) * (state.step + 1)
    return Strategy(name=name, kind=BY_STEPS, steps=steps, automatic=False, window=window)


def judged(
    plan: Strategy, state: State, model: Model, now: datetime
) -> tuple[tuple[Answer, ...], State]:
    """What the plan's conditions say at this step, and the state that knows since when."""
    step = min(state.step, len(plan.steps))
    conditions = plan.judged[step]
    if not conditions:
        return (), state
    intended = float(plan.steps[step].requests or INTENDED) if step < len(plan.steps) else INTENDED
    facts = _facts(model, state, conditions, state.tally, state.since)
    whole = tuple(
        answer(one, facts, state.tally, confidence=plan.confidence, intended=intended)
        for one in conditions
    )
    late = tuple(_lately(plan, state, model, whole, now))
    answers, holding = sustained(late, state.holding, now)
    # What holds lately, but not yet for as long as it must, keeps nothing from going on.
    told = tuple(
        a if a.within is None or a.holds is True else o for o, a in zip(whole, answers, strict=True)
    )
    return told, state if holding == state.holding else replace(state, holding=holding)


def _lately(
    plan: Strategy, state: State, model: Model, whole: Sequence[Answer], now: datetime
) -> Iterator[Answer]:
    """What is due by what was counted lately, and of the rest what the whole step says."""
    recent = state.recent
    if not recent or recent[0].since <= state.since:
        yield from whole
        return
    asked = [one.trigger for one in whole if _graver(one)]
    tally = together(recent)
    if state.weight == WHOLE:
        tally = {**state.tally, **tally}  # all that is known of what served before
    facts = _facts(model, state, asked, tally, recent[0].since)
    part = share_of_error(plan.lasts, state.began or state.since, now, plan.recent)
    within = now - recent[0].since
    for one in whole:
        found = None
        if _graver(one):
            error = part * (1 - (one.trigger.confidence or plan.confidence))
            found = surely(one.trigger, facts, tally, error)
        yield one if found is None else replace(found, within=within)


def _graver(one: Answer) -> bool:
    """Whether it isn't due, would stop the rollout if it were, and may have been diluted."""
    grave = one.holds is not True and one.trigger.action in (ROLLBACK, HALT)
    return grave and has_chance(one.trigger)


def _facts(
    model: Model, state: State, conditions: Sequence[Trigger], tally: Tally, since: datetime
) -> dict[str, Any]:
    """What these conditions read: the figures of what was counted since then, beside the last
    readings. Nobody who compares inputs has compared none."""
    asked = wanted(conditions)
    found: dict[str, Any] = dict(state.figures)
    span = state.observed - since if state.observed else None
    for side, counts in tally.items():
        own = found.get(f"{side}.metrics", {})
        found |= figures_of(side, counts, span, asked)
        if own:
            found[f"{side}.metrics"] = {**own, **found.get(f"{side}.metrics", {})}
    if CANARY in tally:
        found.setdefault(f"{CANARY}.compared", 0.0)
    return live_facts(model, found, asked)


def due(answers: Iterable[Answer], action: str) -> tuple[Answer, ...]:
    """Those that hold and ask for this action."""
    return tuple(one for one in answers if one.holds is True and one.trigger.action == action)


def running_out(look: Look) -> Iterator[Answer]:
    """The triggers that hold by now, but not yet for long enough. What else of rollback.yaml nobody
    can tell stops no step: a small share has few requests in a short window, and the conditions of
    the plan look at the whole step."""
    for one in look.undecided:
        if one.name in look.after.holding:
            yield one


def noted(answers: Iterable[Answer], state: State) -> Iterator[Answer]:
    """What moves nothing: findings to look into, and a halt that a person has set aside."""
    for one in answers:
        quiet = one.trigger.action not in (ROLLBACK, HALT, MUST_HOLD)
        if one.holds is True and (quiet or set_aside(one, state)):
            yield one


def set_aside(one: Answer, state: State) -> bool:
    """Whether it halted this step before, and a person went on all the same."""
    return one.trigger.action == HALT and one.name in state.halted


def silent(plan: Strategy, state: State, now: datetime) -> Reason | None:
    """That nothing was heard of the new version for longer than the plan is patient."""
    if not plan.steps and CHECKS in state.figures:
        return None
    patience = plan.patience if plan.steps else plan.health.patience
    since = max(state.heard or state.since, state.since)
    if now - since < patience:
        return None
    what = "no figures of the new version" if plan.steps else "no answer to a health check"
    return Reason(
        name="patience",
        message=f"{what} for {lasted(now - since)}; the plan is patient for {human(patience)}",
        because="what isn't measured isn't healthy",
    )


def lacking(plan: Strategy, state: State, now: datetime) -> Iterator[Reason]:
    """What the step still lacks of time and requests."""
    step = step_of(plan, state)
    passed, seen = now - state.since, _requests(state)
    if passed < step.duration:
        told = f"{lasted(passed)} of {human(step.duration)}"
        yield Reason(name="duration", message=told)
    if seen < step.requests:
        told = f"{seen:,.0f} of {step.requests:,} requests"
        yield Reason(name="requests", message=told)
    quiet = now - max(state.heard or state.since, state.since)
    if plan.steps and quiet >= plan.window + state.watch.span:
        told = f"no figures of the new version for {lasted(quiet)}"
        yield Reason(name="silence", message=told, because="what isn't measured isn't healthy")


def unsettled(answers: Iterable[Answer], state: State) -> Iterator[Reason]:
    """What keeps it here: nobody can tell, or it must hold first and doesn't."""
    for one in answers:
        lacks = one.holds is False and one.trigger.action == MUST_HOLD
        unsure = one.undecided is not None and one.trigger.holds_when_undecided
        if lacks or (unsure and not set_aside(one, state)):
            yield reason_of(one)


def changed(plan: Strategy, state: State) -> Reason | None:
    """That the plan is another one by now, which doesn't have this step."""
    count = len(plan.steps)
    if state.step >= count:
        told = f"the plan has {count} steps now, and this rollout is at step {state.step + 1}"
    elif plan.steps[state.step].weight != state.weight:
        asked = plan.steps[state.step].weight
        told = f"the plan says {asked} % at step {state.step + 1} now, and {state.weight} % is set"
    else:
        return None
    return Reason(name="plan", message=f"{told}; a person decides how it goes on")


def done(state: State, now: datetime) -> Reason:
    """That a step is done, with what it rests on."""
    span, seen = lasted(now - state.since), _requests(state)
    told = f"{span} and {seen:,.0f} requests at {state.weight} %, and no condition was broken"
    return Reason(name="step", message=told)


def lasted(span: timedelta) -> str:
    """A span that has passed, to the minute where it is long."""
    minute = timedelta(minutes=1)
    return human(span // minute * minute) if span >= 10 * minute else human(span)


def _about(span: timedelta) -> str:
    """A span to the next full minute."""
    minute = timedelta(minutes=1)
    return human(-(-span // minute) * minute)


def step_of(plan: Strategy, state: State) -> Step:
    """The step of the plan; where the plan has fewer by now, one that asks for nothing more."""
    if state.step < len(plan.steps):
        return plan.steps[state.step]
    return Step(weight=state.weight, duration=timedelta())


def _requests(state: State) -> float:
    return state.tally[CANARY].requests if CANARY in state.tally else 0.0

"""Takes the rollouts that are under way a step further, or back: observe, decide, move, record.

Where a rollout stands is on the ledger; its traffic on the environment's branch. What was counted
since then is asked again from where figures come from, so nothing of a rollout is kept in between,
and any job can take the next step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from modelctl.domain import rollout_events as events
from modelctl.domain.controllers import decided, taken_back
from modelctl.domain.evidence import Statement
from modelctl.domain.observations import Observation
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout import decide, observe, reason_of
from modelctl.domain.rollout_events import Side, Told, event_statement
from modelctl.domain.rollout_judging import unplanned
from modelctl.domain.rollout_split import split, whole
from modelctl.domain.rollout_state import (
    DONE,
    GOING_BACK,
    HOLD,
    PAUSED,
    ROLL_BACK,
    ROLLED_BACK,
    WAITING,
    Decision,
    Reason,
    State,
)
from modelctl.domain.strategies import Strategy
from modelctl.domain.watching import look
from modelctl.services.accounted import same, told
from modelctl.services.acting import Effects
from modelctl.services.open_rollouts import (
    Memory,
    Open,
    endpoint_of,
    namespace_of,
    open_rollout,
    open_rollouts,
    triggers_of,
    watch,
    watched,
    with_controllers,
)
from modelctl.services.rollout_gates import let
from modelctl.services.rollout_judged import Judged
from modelctl.services.rollout_moves import Moved, move
from modelctl.services.session import Session
from modelctl.services.state import state_tree
from modelctl.services.statements import deployment_statement, is_held, quarantine_statement
from modelctl.services.verifying import strays

__all__ = [
    "Judged",
    "Memory",
    "Open",
    "Stepped",
    "carry_out",
    "endpoint_of",
    "event_of",
    "goes_back",
    "judge",
    "namespace_of",
    "open_rollout",
    "open_rollouts",
    "requested",
    "step",
    "triggers_of",
    "watch",
    "watched",
    "with_controllers",
]

_TRIES = 5
"""So often a way back is begun anew where other jobs move the same rollout on meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """What one look at a rollout came to.

    `decision` is what was decided, `judged` what it was made of, `state` where it stands
    now; `events` are the kinds that were recorded, none where it only held. `moved` is None where
    no traffic had to move. `passed` says that another job moved it on first: look again.
    """

    open: Open
    decision: Decision
    judged: Judged
    state: State
    events: tuple[str, ...] = ()
    moved: Moved | None = None
    passed: bool = False

    @property
    def problems(self) -> Mapping[str, str]:
        """What isn't in force: see `acting.Apply`."""
        return self.moved.problems if self.moved is not None else {}


def step(
    session: Session,
    transition: Transition,
    open_: Open,
    observations: Sequence[Observation],
    effects: Effects,
    known_state: State | None = None,
) -> Stepped:
    """Folds what was observed, decides, and does it. `known_state` is what a job that runs on has
    folded since the last event; without it the ledger's is taken. Run again, it changes nothing.

    A way back isn't given up because another job moved the rollout meanwhile: it is decided again.

    Raises:
        ConflictError, DependencyError, ModelctlError: as `rollout_moves.move`.
    """
    judged = judge(session, open_, observations, known_state)
    done = carry_out(session, transition, open_, judged, effects)
    for _ in range(_TRIES):
        if not (done.passed and goes_back(done.decision)):
            return done
        session.ledger.fetch()
        again = open_rollout(session, transition, open_.model)
        if again is None or again.rollout.id != open_.rollout.id:
            return done
        done = carry_out(session, transition, again, judged, effects)
    return done


def judge(
    session: Session,
    open_: Open,
    observations: Sequence[Observation],
    known_state: State | None = None,
) -> Judged:
    """What was observed by now, and what is to be done about it; nothing is done.

    What takes a version back or halts it is looked for at each observation, as if somebody had been
    there all the time; whether it goes on is decided now alone.
    """
    state = known_state or open_.state
    if open_.is_handed_over:
        return _by_controller(session, open_, observations, state)
    if open_.strategy is not None:
        return _by_plan(session, open_, observations, state, open_.strategy)
    found = _by_plan(session, open_, observations, state, _unplanned(session, open_, state))
    return found if found.decision.action == ROLL_BACK else _stays(open_, found, state)


def _by_plan(
    session: Session,
    open_: Open,
    observations: Sequence[Observation],
    state: State,
    plan: Strategy,
) -> Judged:
    latest: Judged | None = None
    for one in observations:
        state = observe(plan, state, one)
        found = decide(plan, state, open_.about, one.at, triggers=open_.triggers)
        if found.action == ROLL_BACK or _halts(state, found):
            return Judged(state=state, at=one.at, decision=found)
        latest = Judged(state=state, at=one.at, decision=found)
        state = found.after if found.action == HOLD else state
    if latest is not None and latest.at == session.now:
        return latest  # it was decided for this very instant
    found = decide(plan, state, open_.about, session.now, triggers=open_.triggers)
    return Judged(state=state, at=session.now, decision=found)


def _by_controller(
    session: Session, open_: Open, observations: Sequence[Observation], state: State
) -> Judged:
    """The controller judges its steps by the plan that it was given; the triggers of the rollback
    policy are judged here all the same."""
    plan = open_.strategy or _unplanned(session, open_, state)
    for one in observations:
        state = observe(plan, state, one)
        found = look(state.watch, open_.about, open_.triggers, one.at, plan.window)
        state = replace(state, watch=found.after)
        if found.due:
            back = taken_back(state, tuple(map(reason_of, found.due)), session.now)
            return Judged(state=state, at=session.now, decision=back, by_hand=True)
    decision = decided(state, open_.controlled, session.now)
    return Judged(state=state, at=session.now, decision=decision, by_hand=True)


def _unplanned(session: Session, open_: Open, state: State) -> Strategy:
    return unplanned(open_.request.strategy, state, session.policy.rollback.window)


def _stays(open_: Open, found: Judged, before: State) -> Judged:
    """By a policy that has no such strategy any more nothing goes on, nor waits for a person's word
    to do so; it is seen all the same what takes any version back."""
    decision, name = found.decision, open_.request.strategy
    after = decision.after if decision.action == HOLD else found.state
    reason = Reason(name="strategy", message=f"the policy has no strategy {name} any more")
    held = Decision(action=HOLD, reasons=(reason,), after=replace(after, phase=before.phase))
    return replace(found, decision=held)


def _halts(before: State, decision: Decision) -> bool:
    return decision.after.phase == PAUSED != before.phase


def carry_out(
    session: Session,
    transition: Transition,
    open_: Open,
    judged: Judged,
    effects: Effects,
    *,
    by: str | None = None,
    reason: str | None = None,
) -> Stepped:
    """Does what was decided: traffic first, then the record. Where nothing is to be recorded, what
    the environment's branch holds is put back to what the ledger tells, if it strays. It goes on
    only where neither the gates nor the branch speak against the version by now."""
    judged = let(session, transition, open_, judged)
    decision = judged.decision
    kind = event_of(open_.state, decision.after)
    request = requested(open_, decision.after)
    held = Stepped(open=open_, decision=decision, judged=judged, state=decision.after)
    if kind is None and not _strays(session, open_):
        return held
    said = Told(
        kind=kind or "",
        state=decision.after,
        judged=None if judged.by_hand else judged.state,
        judged_at=judged.at,
        decision=decision,
        by=by,
        reason=reason,
    )

    def when(written: datetime) -> datetime:
        # What moves no traffic, such as a pause, has no commit of its own: that of the last move
        # says nothing of when it happened.
        return session.now if same(request, open_.request) else written

    moved = move(
        session,
        transition,
        request,
        effects,
        lambda commit, at, _: list(_statements(session, transition, open_, said, commit, when(at))),
        seen=open_.seen,
        urgent=goes_back(decision),
    )
    if moved.passed or kind is None:
        return replace(held, moved=moved, passed=moved.passed)
    return replace(held, moved=moved, events=(kind,))


def goes_back(decision: Decision) -> bool:
    """Whether a decision takes traffic off the new version."""
    return _back(decision.after)


def _back(state: State) -> bool:
    return state.phase in (GOING_BACK, ROLLED_BACK)


def event_of(before: State, after: State) -> str | None:
    """The event that leads from one state to the next; None where nothing is to be told."""
    if after.phase in _FINAL:
        return _FINAL[after.phase]
    moved = (after.step, after.weight) != (before.step, before.weight)
    if after.phase == GOING_BACK:
        return events.GOING_BACK if moved or before.phase != GOING_BACK else None
    if after.phase in _HALTED and (moved or after.phase != before.phase):
        return _HALTED[after.phase]
    if moved:
        return events.ADVANCED
    return events.RESUMED if before.phase in _HALTED and after.phase not in _HALTED else None


_FINAL = {DONE: events.FINISHED, ROLLED_BACK: events.ROLLED_BACK}
_HALTED = {PAUSED: events.PAUSED, WAITING: events.WAITING}


def requested(open_: Open, after: State) -> RenderRequest:
    """What the environment is to run in a state of the rollout."""
    if after.phase == ROLLED_BACK:
        return open_.stable
    plan = open_.strategy
    coming = replace(open_.request, backends=())
    if open_.is_handed_over:
        return whole(coming) if after.phase == DONE else open_.request
    if after.phase == DONE:
        warm = plan is not None and bool(plan.keep_warm)
        return whole(coming, open_.stable if warm else None)
    before = open_.state
    if plan is None or (after.step, after.weight) == (before.step, before.weight):
        return open_.request
    return split(plan, open_.stable, coming, weight=after.weight)


def _strays(session: Session, open_: Open) -> bool:
    """Whether the environment's branch, as last seen, holds something else than was signed."""
    here = state_tree(session, open_.request.environment)
    return strays(session, here, open_.request, open_.rollout.last.state_commit)


def _statements(
    session: Session,
    transition: Transition,
    open_: Open,
    said: Told,
    commit: str,
    at: datetime,
) -> Iterator[Statement]:
    """What is recorded of an event, in its order; nothing where traffic was only put back."""
    if not said.kind:
        return
    coming = replace(open_.request, backends=())
    yield event_statement(
        coming,
        said,
        stable=Side(version=open_.stable.version, digest=open_.stable.digest),
        policy=session.policy.commit,
        state_commit=commit,
        made_at=at,
        more=told(coming),
    )
    if said.kind == events.FINISHED:
        by = open_.rollout.authors
        yield deployment_statement(session, transition, commit, coming, at, authors=by)
    # At the first step of a way back: what comes before its last must not let the version free.
    if _back(said.state) and not is_held(session, open_.rollout):
        yield quarantine_statement(coming, at, _why(said))


def _why(said: Told) -> str:
    """The reason of a quarantine, in one sentence."""
    found = said.decision.reasons if said.decision else ()
    reasons = "; ".join(one.told for one in found)
    if said.by is None and any(one.because for one in found):
        return f"{reasons}; rolled back on its way"
    by = f" by {said.by}" if said.by else ""
    return f"rolled back on its way{by}: {said.reason or reasons or 'no reason was given'}"

"""What people say of a rollout that is under way: stop, go on, go back, or don't wait any longer.

It is recorded with who said it and why. None of it goes past a condition that takes the version
back, nor past the gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from modelctl.domain.evidence import human
from modelctl.domain.observations import CANARY, Observation
from modelctl.domain.policy import Transition
from modelctl.domain.rollout import back, onward, pause, resume
from modelctl.domain.rollout_events import Rollout, rollouts
from modelctl.domain.rollout_state import (
    DONE,
    FINISH,
    HOLD,
    ROLL_BACK,
    ROLLED_BACK,
    RUNNING,
    Decision,
    Reason,
    State,
)
from modelctl.domain.serving import WHOLE
from modelctl.errors import ConflictError, DependencyError, ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.deciding import judge_running
from modelctl.services.permission import has_made
from modelctl.services.pointers import require_model
from modelctl.services.rollouts import (
    Judged,
    Open,
    Stepped,
    carry_out,
    judge,
    open_rollout,
    watch,
)
from modelctl.services.session import Session

_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What somebody says: the login, and why."""

    by: str
    reason: str


def require_rollout(session: Session, transition: Transition, model: str) -> Open:
    """The rollout of a model that is under way.

    Raises:
        ModelctlError: nobody knows the model, or it has none there.
    """
    require_model(session, model)
    found = open_rollout(session, transition, model)
    if found is None:
        raise ModelctlError(
            f"no rollout of {model} is under way in {transition.environment}",
            mend="modelctl rollout status",
        )
    return found


def find_rollout(
    session: Session,
    transition: Transition,
    model: str,
    version: str | None = None,
    number: int | None = None,
) -> Rollout:
    """The last rollout of a model in an environment, or that of a version; with `number` only the
    event that has it on the ledger.

    Raises:
        ModelctlError: nobody knows the model, or there was none.
    """
    require_model(session, model)
    found = [
        one
        for one in rollouts(session.signed(model), transition.environment)
        if version in (None, one.version)
        and (number is None or number in [event.seq for event in one.events])
    ]
    if not found:
        which = f" to {version}" if version else ""
        entry = f" with entry {number}" if number is not None else ""
        raise ModelctlError(
            f"{transition.environment} had no rollout of {model}{which}{entry}",
            mend=f"modelctl history {model}",
        )
    one = found[-1]
    if number is None:
        return one
    return replace(one, events=tuple(event for event in one.events if event.seq == number))


def pause_it(
    session: Session, transition: Transition, model: str, effects: Effects, word: Word
) -> Stepped:
    """Stops it where it is. What takes a version back does so all the same."""
    _require_ours(session, transition, model, "pause")
    return _said(session, transition, model, effects, word, _standing(pause))


def resume_it(
    session: Session, transition: Transition, model: str, effects: Effects, word: Word
) -> Stepped:
    """Has it go on: what was paused, or waits for a person."""
    _require_ours(session, transition, model, "promote")
    one = require_rollout(session, transition, model)
    if one.state.phase == RUNNING:
        where = transition.environment
        raise ModelctlError(
            f"{one.request.version} in {where} is neither paused nor waiting",
            mend=f"modelctl rollout promote {model} --env {where} --reason … spares the waiting",
        )
    _require_another(session, one, word)
    return _said(session, transition, model, effects, word, _standing(resume))


def abort_it(
    session: Session,
    transition: Transition,
    model: str,
    effects: Effects,
    word: Word,
    *,
    at_once: bool = False,
) -> Stepped:
    """Takes the version back, as gradually as its plan has it, unless `at_once`."""

    def decided(one: Open, state: State) -> Decision:
        if one.strategy is None or at_once or one.is_handed_over:
            after = replace(state, phase=ROLLED_BACK, weight=0, since=session.now)
            by_hand = Reason(name="person", message="a person said so")
            return Decision(action=ROLL_BACK, reasons=(by_hand,), after=after, emergency=True)
        return back(one.strategy, state, session.now)

    return _said(session, transition, model, effects, word, decided)


def promote_it(
    session: Session,
    transition: Transition,
    model: str,
    effects: Effects,
    word: Word,
    *,
    now: bool = False,
) -> Stepped:
    """Goes on without waiting any longer: to the next step, or to the end with `now`.

    Raises:
        ModelctlError: a condition takes the version back, a gate speaks against it, or nothing is
            known of it that all traffic could be given for.
        DependencyError: the figures that could speak against it can't be asked for.
    """
    _require_ours(session, transition, model, "promote --full" if now else "promote")
    one = require_rollout(session, transition, model)
    _require_another(session, one, word)
    _require_gates(session, transition, one)

    def decided(one: Open, state: State) -> Decision:
        if one.strategy is None:
            raise ModelctlError(
                f"the policy has no strategy {one.request.strategy} any more",
                mend=f"modelctl rollout abort {model} --env {transition.environment}",
            )
        found = onward(one.strategy, state, session.now)
        if now and found.after.phase != DONE:
            done = replace(found.after, phase=DONE, weight=WHOLE, since=session.now)
            found = replace(found, action=FINISH, after=done)
        return found

    return _said(session, transition, model, effects, word, decided, looks=True)


Decided = Callable[[Open, State], Decision]


def _standing(change: Callable[[State], State]) -> Decided:
    """A decision that moves no traffic."""

    def decided(one: Open, state: State) -> Decision:
        by_hand = Reason(name="person", message="a person said so")
        return Decision(action=HOLD, reasons=(by_hand,), after=change(state))

    return decided


def _said(
    session: Session,
    transition: Transition,
    model: str,
    effects: Effects,
    word: Word,
    decided: Decided,
    *,
    looks: bool = False,
) -> Stepped:
    """Does what somebody says, although other jobs move the same rollout on meanwhile."""
    for _ in range(_TRIES):
        one = require_rollout(session, transition, model)
        state = one.state
        if looks:
            seen = observations(session, transition, one, effects)
            found = judge(session, one, seen)
            _require_no_breach(one, found.decision)
            state = found.state
        decision = decided(one, state)
        if looks and decision.after.phase == DONE:
            _require_heard(session, one, state)
        judged = Judged(state=state, at=session.now, decision=decision, by_hand=True)
        done = carry_out(session, transition, one, judged, effects, by=word.by, reason=word.reason)
        if not done.passed:
            return done
        session.ledger.fetch()
    raise ConflictError(
        f"the rollout of {model} is moved on by others without a break", mend="run it again"
    )


def _require_no_breach(one: Open, decision: Decision) -> None:
    """Whatever was seen since the last event, also if it is over by now.

    Raises:
        ModelctlError: the version has to go back for it.
    """
    if decision.action == ROLL_BACK:
        why = "; ".join(reason.message for reason in decision.reasons)
        raise ModelctlError(
            f"{one.request.version} has to go back: {why}",
            mend="nobody's word goes past that: modelctl rollout tick takes it back",
        )


def _require_heard(session: Session, one: Open, state: State) -> None:
    """No condition speaks against what nobody measures, so that alone says nothing for it.

    Raises:
        ModelctlError: no request to the version was counted in this step, or none of it was heard
            lately.
    """
    plan, seen, heard = one.strategy, state.tally.get(CANARY), state.heard
    lately = max(plan.window, plan.recent) if plan is not None else timedelta()
    if seen and seen.requests > 0 and heard and session.now - heard <= lately:
        return
    raise ModelctlError(
        f"nothing was heard of {one.request.version} at {state.weight} % in the last "
        f"{human(lately)}, so nobody can tell whether it may have all traffic",
        mend="wait until it answers requests, and look whether its figures come in: modelctl "
        f"rollout status {one.model} --env {one.request.environment}",
    )


def observations(
    session: Session, transition: Transition, one: Open, effects: Effects
) -> Sequence[Observation]:
    """What was counted since the state was written down.

    Raises:
        DependencyError: nobody can be asked, or whoever is to be asked doesn't answer.
    """
    source = effects.source.get(transition.environment)
    if source is None:
        raise DependencyError(
            f"nothing says where the figures of {transition.environment} come from",
            mend="add it to sources of policies/metrics.yaml",
        )
    asked = watch(one, one.state)
    return source.observe([asked], session.now).get(one.model, ())


def _require_ours(session: Session, transition: Transition, model: str, verb: str) -> None:
    """Stops where a controller of the cluster steps it, which would hear nothing of the word.

    Raises:
        ModelctlError: one does; or no rollout is under way.
    """
    one = require_rollout(session, transition, model)
    if one.is_handed_over:
        where = f" --namespace {one.namespace}" if one.namespace else ""
        raise ModelctlError(
            f"Argo Rollouts steps {model} in {transition.environment} by itself: only its own "
            "tool can say that",
            mend=f"kubectl argo rollouts {verb} {one.request.name}{where}",
        )


def _require_another(session: Session, one: Open, word: Word) -> None:
    """Nobody alone has a version of their own go on, as nobody approves their own.

    Raises:
        ModelctlError: who says so made the version, or brought it onto this or another branch.
    """
    if has_made(session, one.request, word.by):
        raise ModelctlError(
            f"{word.by} made {one.request.version} or brought it here, and has no say in whether "
            "it goes on",
            mend="somebody else who approves for this environment may; you may pause or abort it",
        )


def _require_gates(session: Session, transition: Transition, one: Open) -> None:
    """The gates once more, by the rules and the evidence of now.

    Raises:
        ModelctlError: one of them speaks against the version.
    """
    report = judge_running(session, transition, one.request)
    if report.outcome.blocks:
        findings = [f for v in report.verdicts for f in v.findings if f.outcome.blocks]
        told = "; ".join(f"{f.gate}: {f.message}" for f in findings[:3])
        raise ModelctlError(
            f"gates speak against {one.request.version} by now: {told}",
            mend=f"modelctl check {one.model}@{one.request.version} --to {transition.environment}",
        )

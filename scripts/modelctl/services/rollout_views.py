"""Rollouts as people look at them: as they stand now, or told again from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from modelctl.adapters.policies import load_policy
from modelctl.domain import watching
from modelctl.domain.comparing import Answer
from modelctl.domain.controllers import UNTOLD
from modelctl.domain.manifest import Model
from modelctl.domain.names import is_model_name as _is_model
from modelctl.domain.observations import Observation, Source
from modelctl.domain.policy import Policy, Transition
from modelctl.domain.rollout import decide
from modelctl.domain.rollout_events import Rollout, RolloutEvent, reason_data, rollouts
from modelctl.domain.rollout_judging import judged, unplanned
from modelctl.domain.rollout_state import ROLL_BACK, Decision, State, state_data
from modelctl.domain.rollout_view import OTHER, SAME, Explanation, Retold, RolloutView
from modelctl.errors import DependencyError
from modelctl.services.acting import Controllers
from modelctl.services.candidates import read_model
from modelctl.services.rollouts import (
    Memory,
    Open,
    judge,
    open_rollouts,
    watched,
    with_controllers,
)
from modelctl.services.session import Session


def views(
    session: Session,
    transitions: Iterable[Transition],
    source: Mapping[str, Source],
    memory: Memory | None = None,
    controllers: Controllers | None = None,
) -> tuple[RolloutView, ...]:
    """Every rollout that is under way, by environment and model. Each source is asked once; one
    that can't be asked, or is lacking in `source`, is told in the views. So are `controllers`.

    Raises:
        DependencyError: the commits that the ledger names aren't in this clone.
    """
    return tuple(
        view
        for transition in transitions
        for view in _views(
            session, transition, source.get(transition.environment), memory, controllers
        )
    )


def _views(
    session: Session,
    transition: Transition,
    source: Source | None,
    memory: Memory | None,
    controllers: Controllers | None,
) -> Iterator[RolloutView]:
    opened = open_rollouts(session, transition, memory)
    opened, untold = with_controllers(session, opened, controllers)
    if not opened:
        return
    seen: Mapping[str, Sequence[Observation]] = {}
    problem = None if source is not None else "nothing says where its figures come from"
    try:
        if source is not None:
            asked = watched(session, transition, session.now, opened)
            seen = source.observe(asked, session.now)
    except DependencyError as error:
        problem = f"its figures can't be had: {error}"
    for one in opened:
        unknown = _unknown(one, untold)
        yield view_of(session, one, seen.get(one.model, ()), unknown or problem)


def _unknown(one: Open, untold: DependencyError | None) -> str | None:
    """Why it can't be told how far a controller is with a rollout."""
    if not one.is_handed_over or one.controlled is not None:
        return None
    return str(untold) if untold is not None else UNTOLD


def view_of(
    session: Session,
    open_: Open,
    observations: Sequence[Observation] = (),
    problem: str | None = None,
) -> RolloutView:
    """One rollout as it stands now, by what was observed since its last event."""
    found = judge(session, open_, observations)
    told = open_.controlled
    controller = str(told or problem or UNTOLD) if open_.is_handed_over else None
    return RolloutView(
        model=open_.model,
        environment=open_.request.environment,
        version=open_.rollout.version,
        stable=open_.rollout.stable.version,
        plan=open_.request.strategy,
        strategy=open_.strategy,
        state=told.shown(found.state) if told is not None else found.state,
        started=open_.rollout.started,
        at=session.now,
        decision=found.decision,
        answers=_answers(session, open_, found.state) if open_.strategy else (),
        by=open_.rollout.approvers,
        problem=problem,
        controller=controller,
        last=open_.rollout.last,
    )


def _answers(session: Session, open_: Open, state: State) -> tuple[Answer, ...]:
    """What each condition of the plan says, and each trigger of the rollback policy."""
    plan = open_.strategy
    assert plan is not None  # noqa: S101 - asked by the caller
    own: Sequence[Answer] = ()
    if not open_.is_handed_over:  # whose conditions are the controller's, by its own figures
        own, _ = judged(plan, state, open_.about, session.now)
    look = watching.look(state.watch, open_.about, open_.triggers, session.now, plan.window)
    return (*own, *look.answers)


def outcomes(
    session: Session, transitions: Iterable[Transition], model: str | None = None
) -> tuple[Rollout, ...]:
    """The last rollout of each model in each environment that is over, the newest first; of one
    `model`, or of all of which the ledger tells."""
    names = [model] if model is not None else [m for m in session.ledger.folders() if _is_model(m)]
    found: list[Rollout] = []
    for name in names:
        signed = session.signed(name)
        for transition in transitions:
            there = rollouts(signed, transition.environment)
            found += [one for one in there[-1:] if not one.is_open]
    return tuple(sorted(found, key=lambda one: one.until or one.started, reverse=True))


def explain(session: Session, rollout: Rollout) -> Explanation:
    """The rollout from the ledger, each decision made again by the rules of its time.

    Raises:
        DependencyError: the commits that the ledger names aren't in this clone.
    """
    about = read_model(session.repository.tree(rollout.commit), rollout.model)
    if about is None:
        raise DependencyError(f"{rollout.model} has no model.yaml at {rollout.commit[:12]}")
    known: dict[str, Policy] = {session.policy.commit: session.policy}
    events = tuple(_retold(session, rollout, about, one, known) for one in rollout.events)
    return Explanation(rollout=rollout, events=events)


def _retold(
    session: Session, rollout: Rollout, about: Model, one: RolloutEvent, known: dict[str, Policy]
) -> Retold:
    if one.judged is None or one.judged_at is None or one.by is not None:
        return Retold(event=one)
    policy = known.get(one.policy)
    if policy is None:
        policy = load_policy(session.repository.tree(one.policy), one.policy)
        known[one.policy] = policy
    again = _again(policy, rollout, about, one)
    if again is None:
        return Retold(event=one, again=OTHER)
    same = state_data(again.after) == state_data(one.state) and _said(again) == _told(one)
    return Retold(event=one, again=SAME if same else OTHER, differs=() if same else again.reasons)


def _again(policy: Policy, rollout: Rollout, about: Model, one: RolloutEvent) -> Decision | None:
    """What is decided of the same state at the same instant. None where the policy of then has no
    such strategy, and nothing else takes the version back."""
    if one.judged is None or one.judged_at is None:
        return None
    name, plan = rollout.strategy, policy.strategies.get(rollout.strategy)
    watcher = plan or unplanned(name, one.judged, policy.rollback.window)
    scope = {
        "environment": rollout.environment,
        "task": about.task,
        "tier": about.tier,
        "target": about.serving.target,
        "model": about.name,
    }
    triggers = policy.rollback.triggers_for(scope)
    found = decide(watcher, one.judged, about, one.judged_at, triggers)
    return found if plan is not None or found.action == ROLL_BACK else None


def _said(decision: Decision) -> object:
    return [reason_data(reason) for reason in decision.reasons]


def _told(one: RolloutEvent) -> object:
    return [reason_data(reason) for reason in one.reasons]

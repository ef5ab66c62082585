"""One pass over the rollouts of an environment, for a job that runs now and then.

It asks once for the figures of all of them, steps each, and takes away what was kept warm long
enough. Run again it changes nothing; what goes wrong with one is no reason to leave the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modelctl.domain.evidence import Statement
from modelctl.domain.history import MOVES, QUARANTINE, deployments, position, served
from modelctl.domain.names import is_model_name
from modelctl.domain.observations import Observation
from modelctl.domain.policy import Transition
from modelctl.domain.rollout_events import (
    COOLED,
    FINISHED,
    Side,
    Told,
    event_statement,
)
from modelctl.domain.rollout_split import PREVIOUS, part, whole
from modelctl.domain.rollout_state import DONE, State
from modelctl.domain.serving import WHOLE
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.accounted import accounted, told
from modelctl.services.acting import Effects
from modelctl.services.enforcing import put_again
from modelctl.services.monitoring import followed
from modelctl.services.notifying import tell_served
from modelctl.services.recording import require_key
from modelctl.services.rollout_gates import let
from modelctl.services.rollout_moves import Moved, move, strays_told
from modelctl.services.rollouts import (
    Judged,
    Open,
    Stepped,
    judge,
    open_rollout,
    open_rollouts,
    step,
    watch,
    with_controllers,
)
from modelctl.services.session import Session
from modelctl.services.state import models_of, readable_record, state_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One rollout and what became of it; `done` is None in a dry run, and where `problem` says
    what went wrong."""

    open: Open
    judged: Judged | None = None
    done: Stepped | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass came to. `cooled` are the models whose version before is kept warm no more;
    `left` is what another run has to do, as sentences."""

    environment: str
    looked: tuple[Looked, ...] = ()
    cooled: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def moved(self) -> tuple[str, ...]:
        """The models of which something was recorded."""
        stepped = (one.open.model for one in self.looked if one.done and one.done.events)
        return (*stepped, *self.cooled)

    def ended(self, event: str) -> tuple[Stepped, ...]:
        """The rollouts that ended so in this pass."""
        done = (one.done for one in self.looked if one.done is not None)
        return tuple(one for one in done if event in one.events)


def tick(
    session: Session, transition: Transition, effects: Effects, *, dry_run: bool = False
) -> Pass:
    """One pass over an environment. A dry run decides, and does nothing.

    Raises:
        ModelctlError: the key may not sign what a rollout may come to.
    """
    if not dry_run:
        require_key(session, transition, effects.signer, (*sorted(MOVES), QUARANTINE))
    found, strange = _opened(session, transition)
    opened, untold = with_controllers(session, found, effects.controllers)
    heard, problem = _heard(session, transition, opened, effects)
    left = (*strange, *(str(one) for one in (untold, problem) if one is not None))
    if dry_run:
        looked = tuple(
            _judged(session, transition, one, heard.get(one.model, ())) for one in opened
        )
        return Pass(environment=transition.environment, looked=looked, left=left)
    looked = tuple(
        _look(session, transition, one, heard.get(one.model, ()), effects) for one in opened
    )
    done = Pass(environment=transition.environment, looked=looked, left=left)
    done = cooled(session, transition, effects, done)
    done = replace(done, left=(*done.left, *_in_force(session, transition, done, effects)))
    return replace(done, left=(*done.left, *_paperwork(session, transition, done, effects)))


def _opened(session: Session, transition: Transition) -> tuple[list[Open], list[str]]:
    """The rollouts that are under way, and why others can't be told."""
    found, strange = list[Open](), list[str]()
    for model in filter(is_model_name, session.ledger.folders()):
        try:
            one = open_rollout(session, transition, model)
        except ModelctlError as error:
            strange.append(f"{model}: {error}")
        else:
            found += [one] if one is not None else []
    return found, strange


def told_by_controllers(
    session: Session, transition: Transition, effects: Effects
) -> tuple[str, ...]:
    """Carries out what the controllers of the cluster say of the rollouts that they step; what is
    left to do. Nothing else is asked, and nothing at all without a cluster.

    Raises:
        DependencyError: what is under way can't be told.
    """
    if effects.controllers is None:
        return ()
    opened = (one for one in open_rollouts(session, transition) if one.is_handed_over)
    found, untold = with_controllers(session, tuple(opened), effects.controllers)
    looked = tuple(_look(session, transition, one, (), effects) for one in found)
    done = Pass(environment=transition.environment, looked=looked)
    problems = (f"{one.open.model}: {one.problem}" for one in looked if one.problem)
    left = (*((str(untold),) if untold is not None else ()), *problems)
    return (*left, *_paperwork(session, transition, done, effects)) if done.moved else left


def _judged(
    session: Session, transition: Transition, one: Open, observations: Sequence[Observation]
) -> Looked:
    try:
        found = judge(session, one, observations)
        return Looked(open=one, judged=let(session, transition, one, found))
    except ModelctlError as error:
        return Looked(open=one, problem=str(error))


def _heard(
    session: Session, transition: Transition, opened: Sequence[Open], effects: Effects
) -> tuple[Mapping[str, Sequence[Observation]], str | None]:
    """The figures of each, and why there are none. Without them nothing moves on; patience runs."""
    source = effects.source.get(transition.environment)
    if not opened:
        return {}, None
    if source is None:
        return {}, f"nothing says where the figures of {transition.environment} come from"
    try:
        return source.observe([watch(one, one.state) for one in opened], session.now), None
    except ModelctlError as error:
        return {}, f"ask for the figures of {transition.environment}: {error}"


def _look(
    session: Session,
    transition: Transition,
    one: Open,
    observations: Sequence[Observation],
    effects: Effects,
) -> Looked:
    try:
        done = step(session, transition, one, observations, effects)
    except ModelctlError as error:
        return Looked(open=one, problem=str(error))
    problem = "; ".join((*done.problems.values(), *strays_told(done.moved))) or None
    return Looked(open=one, judged=done.judged, done=done, problem=problem)


def _in_force(
    session: Session, transition: Transition, done: Pass, effects: Effects
) -> Iterator[str]:
    """Puts what didn't move into force again."""
    held = [
        one.open.request for one in done.looked if one.done is not None and one.done.moved is None
    ]
    problems = put_again(session, transition, effects, held)
    yield from (f"put into force: {problem}" for problem in problems.values())


def warm(tree: Tree) -> tuple[str, ...]:
    """The models of a state that keep what served before."""
    found = ((model, readable_record(tree, model)) for model in models_of(tree))
    return tuple(model for model, one in found if one is not None and part(one, PREVIOUS))


def cooled(
    session: Session,
    transition: Transition,
    effects: Effects,
    done: Pass,
    models: Iterable[str] | None = None,
) -> Pass:
    """Takes away what was kept warm long enough: of all, or of these models."""
    gone: list[str] = []
    left: list[str] = []
    if models is None:
        models = warm(state_tree(session, transition.environment))
    for model in models:
        try:
            moved = _cool(session, transition, model, effects)
        except ModelctlError as error:
            left.append(f"{model}: {error}")
            continue
        if moved is not None and moved.recorded:
            gone.append(model)
            left += [f"put into force: {problem}" for problem in moved.problems.values()]
    return replace(done, cooled=tuple(gone), left=(*done.left, *left))


def _cool(session: Session, transition: Transition, model: str, effects: Effects) -> Moved | None:
    """Takes away the version before of one model, once its time is over."""
    signed, environment = session.signed(model), transition.environment
    runs = accounted(session, model, signed, environment)
    last = served(deployments(signed), environment)
    previous = part(runs, PREVIOUS) if runs is not None else None
    if runs is None or last is None or previous is None:
        return None
    plan = session.policy.strategies.get(runs.strategy)
    warm = plan.keep_warm if plan is not None else None
    if session.now - last.at < (warm or timedelta()):
        return None
    coming = whole(replace(runs, backends=()))
    before = Side(version=previous.version, digest=previous.digest)

    def statements(commit: str, at: datetime, _: Mapping[str, str]) -> list[Statement]:
        state = State(phase=DONE, step=0, weight=WHOLE, since=at)
        return [
            event_statement(
                coming,
                Told(kind=COOLED, state=state),
                stable=before,
                policy=session.policy.commit,
                state_commit=commit,
                made_at=at,
                more=told(coming),
            )
        ]

    seen = position(signed, environment)
    effects.progress(f"{model}: {previous.version} is kept warm no more")
    return move(session, transition, coming, effects, statements, seen=seen)


def _paperwork(
    session: Session, transition: Transition, done: Pass, effects: Effects
) -> Iterator[str]:
    """What follows: the registry, what GitHub shows, and incidents of what was taken back."""
    from modelctl.services.incidents import Desk

    if effects.tracking_uri is not None and done.moved:
        from modelctl.services.projecting import project

        projected = project(session, done.moved, effects.tracking_uri)
        yield from (f"update the registry: {problem}" for problem in projected.left)
    yield from followed(session, transition, done.moved)
    yield from announced(session, transition, [one.open for one in done.ended(FINISHED)], effects)
    desk = Desk(effects=effects)
    models = session.ledger.models()
    try:
        yield from desk.clear(session, transition, models)
    except ModelctlError as error:
        yield f"incidents: {error}"


def announced(
    session: Session, transition: Transition, finished: Sequence[Open], effects: Effects
) -> Iterator[str]:
    """Tells GitHub, and whoever listens, of what serves now."""
    models = [one.model for one in finished]
    yield from tell_served(session, transition, models, effects)
    if effects.github is None or not finished:
        return
    from modelctl.services.announcing import announce
    from modelctl.services.deciding import Decision
    from modelctl.services.deployed import Deployed
    from modelctl.services.merged_pulls import MergedPulls

    decisions = (
        Decision(
            model=one.model,
            wanted=one.request.version,
            running=one.stable,
            request=replace(one.request, backends=()),
        )
        for one in finished
    )
    deployed = Deployed(
        environment=transition.environment,
        decisions=tuple(decisions),
        state=session.repository.remote_first(
            session.policy.lifecycle.state_of(transition.environment)
        ),
        recorded=0,
    )
    github = effects.github
    yield from announce(session, github, MergedPulls(session, github), transition, deployed)

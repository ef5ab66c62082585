"""One move of one model's traffic: the state, then what puts it into force, then the record.

Each part looks at what is there. A job that was killed between two of them left the state ahead of
the ledger, and the next one that decides the same finds it done. Of two at once the second finds on
the ledger that the first one moved on: it records nothing, and looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from modelctl.adapters.git import PATIENCE, Draft
from modelctl.adapters.ledger import Expected
from modelctl.adapters.signing import sign
from modelctl.domain.evidence import Statement
from modelctl.domain.history import DEPLOYMENT, MOVES, ROLLBACK, ROLLOUT, position
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import steps_of
from modelctl.domain.tree import Entry, Tree
from modelctl.errors import ModelctlError
from modelctl.services.accounted import accounted, same
from modelctl.services.acting import WHOLE_TARGET, Effects
from modelctl.services.alone import back_alone
from modelctl.services.lying import holds, lying
from modelctl.services.recording import require_key, writing_commit, written_at
from modelctl.services.rendering import render
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import models_of
from modelctl.services.tagging import Tags, tag_deployments
from modelctl.services.unrecorded import unrecorded
from modelctl.services.verifying import Ours, altered, doubtful
from modelctl.services.writing import (
    edits_for,
    is_anothers,
    is_settling,
    recorded,
    strange_there,
)

Statements = Callable[[str, datetime, Mapping[str, str]], Sequence[Statement]]
"""What is to be recorded of a move: given the commit of the environment's branch that wrote it, and
its time (UTC), so that two jobs which move the same way write the same bytes; and what isn't in
force of it."""

_HURRY = 10.0
"""So many seconds a way back tries to write a branch that others write all the time."""

_TRIES = 5
"""So often a state is put into force anew where others write another one meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move did.

    `passed` says that another job has moved the model on: nothing was recorded, and whoever wanted
    this has to look again. `recorded` counts the new entries, `problems` says what isn't in force
    (see `acting.Apply`), `unaccounted` what lay in the state that nobody decided.
    """

    state: str | None
    recorded: int = 0
    passed: bool = False
    problems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unaccounted: tuple[str, ...] = ()
    tags: Tags = field(default_factory=Tags)


def move(
    session: Session,
    transition: Transition,
    request: RenderRequest,
    effects: Effects,
    statements: Statements,
    *,
    seen: int,
    urgent: bool = False,
) -> Moved:
    """Has an environment run what is asked for, and records it; run again, it changes nothing.

    `seen` is the last move that this was decided by (`history.position`): where a later one stands
    on the ledger, nothing is done. `urgent` is for ways back: what another job has just written and
    not signed yet is no reason to wait.

    Raises:
        ModelctlError: the key may not sign what a rollout comes to, so nothing goes on. A way back
            goes all the same, and fails when it is to be recorded.
        ModelctlError: it went back and nobody recorded it (see `unrecorded`): no job goes on.
        ConflictError: the environment was moved by a newer commit of its branch than is known here.
        DependencyError: the remote can't be reached; what was done stays, and is found done. A way
            back is in force all the same (see `alone`).
    """
    if not urgent:
        require_key(session, transition, effects.signer, (ROLLOUT, DEPLOYMENT))
    model = request.model
    files = render(session, [request])[model]
    try:
        written = _write(session, transition, request, files, seen=seen, urgent=urgent)
    except ModelctlError as error:
        if not urgent:
            raise
        raise back_alone(
            session, transition, request, files, effects, seen=seen, error=error
        ) from error
    if written.passed:
        return Moved(state=written.commit, passed=True)
    ours = Ours(files={model: files}, seen={model: seen})
    problems = put_into_force(session, transition, effects, written.commit, (model,), ours)
    moved = Moved(state=written.commit, problems=problems, unaccounted=written.unaccounted)
    for told in strays_told(moved):
        effects.progress(f"{model}: {told}")
    if written.commit is None:
        return moved
    commit = writing_commit(session, written.commit, model)
    listed = statements(commit.sha, written_at(session, commit), problems)
    done = _recorded(session, transition, moved, effects, (model, listed), seen=seen)
    return _kept(session, transition, request, files, effects, done) if urgent else done


def nothing_told(
    state_commit: str, at: datetime, problems: Mapping[str, str]
) -> Sequence[Statement]:
    """The statements of a move that only puts back what was told before."""
    return ()


def strays_told(moved: Moved | None) -> tuple[str, ...]:
    """What people are told of what lay in the state that nobody decided."""
    found = moved.unaccounted if moved is not None else ()
    return tuple(f"no job decided {one}, which lay in the state: it was taken out" for one in found)


def _kept(
    session: Session,
    transition: Transition,
    request: RenderRequest,
    files: Mapping[str, str],
    effects: Effects,
    done: Moved,
) -> Moved:
    """The same, once the environment runs what was recorded. A way back that took long to put into
    force may have been taken for one that its job didn't live to sign, and undone."""
    branch = session.policy.lifecycle.state_of(transition.environment)
    here = session.repository.tree(session.repository.latest(branch))
    if not done.recorded or holds(here, request.model, files):
        return done
    seen = position(session.signed(request.model), transition.environment)
    written = _write(session, transition, request, files, seen=seen, urgent=True)
    if written.passed:
        return done
    models, ours = (request.model,), Ours(files={request.model: files}, seen={request.model: seen})
    problems = put_into_force(session, transition, effects, written.commit, models, ours)
    return replace(
        done,
        state=written.commit,
        problems=problems,
        unaccounted=(*done.unaccounted, *written.unaccounted),
    )


def put_into_force(
    session: Session,
    transition: Transition,
    effects: Effects,
    state: str | None,
    models: Collection[str] | None,
    ours: Ours,
) -> Mapping[str, str]:
    """Applies a state, and once more where another job wrote a newer one meanwhile: whichever of
    the two applies last must not leave the older one in force. Of each model only what this run
    rendered is applied, or what was signed since: the branch alone is anybody's word."""
    branch = session.policy.lifecycle.state_of(transition.environment)
    problems: Mapping[str, str] = {}
    applied: Mapping[str, str | None] = {}
    for attempt in range(_TRIES):
        here = session.repository.tree(state)
        doubts = doubtful(session, transition, here, models, ours)
        sound = _sound(here, models, doubts)
        if attempt == 0 or sound != applied:
            moved = [name for name in sound if attempt == 0 or sound[name] != applied.get(name)]
            whole = models is None and not doubts
            if whole or moved:
                kept = {n: why for n, why in problems.items() if not (whole or n in moved)}
                found = effects.apply(session, transition, here, None if whole else moved)
                problems = {**kept, **found}
            applied = sound
        newest = session.repository.latest(branch)
        if newest == state:
            return {**problems, **doubts}
        state = newest
    return {**problems, WHOLE_TARGET: f"{branch} is changed all the time; run it again"}


def _sound(
    here: Tree, models: Collection[str] | None, doubts: Collection[str]
) -> Mapping[str, str | None]:
    """The models that may be put into force, each with what it is."""
    listed = models if models is not None else models_of(here)
    return {name: here.subtree(name) for name in listed if name not in doubts}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    commit: str | None
    passed: bool = False
    unaccounted: tuple[str, ...] = ()


def _write(
    session: Session,
    transition: Transition,
    request: RenderRequest,
    files: Mapping[str, str],
    *,
    seen: int,
    urgent: bool,
) -> _Written:
    """Makes the model's folder on the environment's branch what is wanted, by compare-and-swap."""
    branch = session.policy.lifecycle.state_of(transition.environment)
    model, done = request.model, _Written(commit=None)

    def build(tip: str | None) -> Draft | None:
        nonlocal done
        here = session.repository.tree(tip)
        now = recorded(here, model)
        session.ledger.fetch()
        signed = session.signed(model)
        if position(signed, transition.environment) > seen:
            done = _Written(commit=tip, passed=True)
            return None
        runs = accounted(session, model, signed, transition.environment)
        known = same(now, runs) or same(now, request)
        strange = None if known else now
        if strange is not None and _is_later(
            session, transition, tip, strange, runs, urgent=urgent
        ):
            done = _Written(commit=tip, passed=True)
            return None
        back = unrecorded(session, transition, strange, runs, tip) if not urgent else None
        if back is not None:
            raise ModelctlError(back.told, mend=back.mend)
        there = lying(here, model)
        wanted = {f"{model}/{name}": text.encode() for name, text in files.items()}
        strays = _strange(model, there, wanted, now, runs, known)
        told = (*strays, *altered(session, here, runs, signed))
        done = _Written(commit=tip, unaccounted=told)
        edits = dict(edits_for(here, there, wanted))
        message = _message(request, transition)
        at = int(session.now.timestamp())
        return Draft(edits=edits, message=message, author=MACHINE, at=at) if edits else None

    patience = _HURRY if urgent else PATIENCE
    commit = session.repository.update_branch(branch, build, patience=patience)
    return replace(done, commit=commit)


def _is_later(
    session: Session,
    transition: Transition,
    tip: str | None,
    now: RenderRequest,
    runs: RenderRequest | None,
    *,
    urgent: bool,
) -> bool:
    """Whether a record that isn't signed is that of a job which is about to."""
    if is_anothers(session, transition, now.model, now):
        return True
    return not urgent and is_settling(session, tip, now, runs)


def _strange(
    model: str,
    lying: Sequence[Entry],
    wanted: Mapping[str, bytes],
    now: RenderRequest | None,
    runs: RenderRequest | None,
    known: bool,
) -> tuple[str, ...]:
    """What lay there that nobody decided; a step that its job didn't live to sign isn't strange."""
    if known or (now is not None and runs is not None and steps_of(runs, now)):
        return ()
    return tuple(strange_there(model, lying, wanted, now))


def _recorded(
    session: Session,
    transition: Transition,
    moved: Moved,
    effects: Effects,
    told: tuple[str, Sequence[Statement]],
    *,
    seen: int,
) -> Moved:
    """The move with what is told of a model recorded, and the tags of what serves."""
    model, listed = told
    if not listed:
        return moved
    appended = append(session, effects, model, listed, transition=transition, seen=seen)
    if appended is None:
        return replace(moved, passed=True)
    serves = any(one.kind in (DEPLOYMENT, ROLLBACK) for one in listed)
    tags = tag_deployments(session, transition.environment, [model]) if serves else Tags()
    return replace(moved, recorded=appended, tags=tags)


def append(
    session: Session,
    effects: Effects,
    model: str,
    listed: Sequence[Statement],
    *,
    transition: Transition,
    seen: int,
) -> int | None:
    """Appends statements about a model in one commit, unless the environment was moved on since
    `seen`; how many are new, None where it was."""
    expected = Expected(seq=seen, environment=transition.environment, kinds=MOVES)
    done = session.ledger.append_all(
        {model: [sign(one, effects.signer) for one in listed]},
        author=MACHINE,
        at=session.now,
        expected={model: expected},
    )
    return len(listed) if done[model] else None


def _message(request: RenderRequest, transition: Transition) -> str:
    """What a person reads in the log of the environment's branch."""
    split = request.split
    shares = ", ".join(f"{b.name} {b.version} {b.weight} %" for b in split)
    told = request.version if len(split) == 1 else shares
    return f"Move {request.model} in {transition.environment}: {told}\n"

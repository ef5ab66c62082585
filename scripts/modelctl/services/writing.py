"""Writes the state of an environment: what was decided, and nothing else.

Whoever may push the branch can put anything there. So each commit of a deploy makes the whole tree
what this run decided: the manifests and the record of each model, rendered anew. The rest is taken
out and told, for a tree that is put into force must hold nothing that nobody judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from modelctl.adapters.git import Draft
from modelctl.domain.alert_rules import FOLDER as ALERTS
from modelctl.domain.names import is_model_name
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import steps_of
from modelctl.domain.tree import REGULAR, Entry, Tree
from modelctl.errors import ConflictError, ModelctlError
from modelctl.services.accounted import accounted, same
from modelctl.services.deciding import Decision, as_it_is
from modelctl.services.lying import FOLDER, lying
from modelctl.services.recording import writing_commit
from modelctl.services.rendering import Rendered, rendered as trusted_files
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import models_of, readable_record, state_tree
from modelctl.services.unrecorded import Unrecorded, unrecorded
from modelctl.services.verifying import altered

SETTLING = timedelta(minutes=2)
"""For so long another step of the same rollout that nobody has signed yet is left to the job that
wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The state as a deploy left it: `commit` is None before the first one.

    `unaccounted` says what lay there that no deploy decided; `left` are the models that are lost,
    or that another deploy has moved on, and signed, since this one decided. `held` says of those
    that went back without a record what is to be done (see `unrecorded`); they are among those that
    are `left`.
    """

    commit: str | None
    unaccounted: tuple[str, ...] = ()
    left: frozenset[str] = frozenset()
    held: Mapping[str, Unrecorded] = field(default_factory=dict)


def keep_unreleased(
    session: Session, transition: Transition, decisions: Sequence[Decision]
) -> tuple[Decision, ...]:
    """Models that the branch has no more: they go on running what the signed history says."""
    decided = {decision.model for decision in decisions}
    names = models_of(state_tree(session, transition.environment))
    found = (
        as_it_is(session, transition.environment, name) for name in names if name not in decided
    )
    return tuple(
        replace(one, wanted=one.running.version if one.running else one.wanted)
        for one in found
        if one.running is not None or one.lost
    )


def write_state(
    session: Session,
    transition: Transition,
    decisions: Sequence[Decision],
    rendered: Rendered,
    *,
    forward: Collection[str] = (),
) -> Written:
    """Makes the environment's branch hold what was decided and rendered, and nothing else.

    A model that another deploy has moved on, and signed, in the meantime is left, and one of which
    nobody can tell how it runs. One that went
    back without a record is held there, unless a person says `forward` of it.

    Raises:
        ConflictError: it was moved to a commit that is newer than what this run has seen.
    """
    branch = session.policy.lifecycle.state_of(transition.environment)
    plan = _Plan()

    def build(tip: str | None) -> Draft | None:
        nonlocal plan
        plan = _plan(session, transition, decisions, rendered, tip, frozenset(forward))
        if not plan.edits:
            return None
        touched = {path.split("/")[0] for path in plan.edits}
        message = _message(transition, [d for d in decisions if d.model in touched], plan.strange)
        at = int(session.now.timestamp())
        return Draft(edits=plan.edits, message=message, author=MACHINE, at=at)

    commit = session.repository.update_branch(branch, build)
    return Written(
        commit=commit,
        unaccounted=tuple(plan.strange),
        left=frozenset(plan.left),
        held=plan.held,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is to be written on a tree, what is strange there, and which models are left alone."""

    edits: dict[str, bytes | None] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    held: dict[str, Unrecorded] = field(default_factory=dict)


def _plan(
    session: Session,
    transition: Transition,
    decisions: Sequence[Decision],
    rendered: Rendered,
    tip: str | None,
    forward: frozenset[str] = frozenset(),
) -> _Plan:
    plan, here = _Plan(), session.repository.tree(tip)
    # What watches the models is written once they have moved.
    names = (name for name in here.names("") if name != ALERTS)
    ours = {decision.model: decision for decision in decisions}
    for name in sorted({*names, *ours}):
        decision, now = ours.get(name), recorded(here, name)
        if decision is not None and decision.lost:
            plan.left.add(name)
            continue
        known = decision is not None and _is_known(decision, now)
        if now is not None and not known and _is_later(session, transition, tip, decision, now):
            plan.left.add(name)
            continue
        entries = lying(here, name)
        if decision is not None and not known and name not in forward:
            back = unrecorded(session, transition, now, decision.running, tip)
            if back is not None:
                plan.left.add(name)
                plan.held[name] = back
                plan.edits.update(edits_for(here, entries, held_files(session, back)))
                continue
        files = rendered[name] if decision is not None and decision.request is not None else {}
        wanted = {f"{name}/{file}": text.encode() for file, text in files.items()}
        stranger = None if known or _was_a_step(decision, now) else now
        plan.strange.extend(strange_there(name, entries, wanted, stranger))
        if decision is not None and known:
            signed = session.signed(name)
            plan.strange.extend(altered(session, here, decision.running, signed))
        plan.edits.update(edits_for(here, entries, wanted))
    return plan


def held_files(session: Session, back: Unrecorded) -> Mapping[str, bytes]:
    """What an environment is held to that went back without a record: rendered by trusted code,
    for whoever may push the branch may have written anything beside the record."""
    files = trusted_files(session, back.request)
    return {f"{back.request.model}/{file}": text.encode() for file, text in files.items()}


def _is_known(decision: Decision, now: RenderRequest | None) -> bool:
    """Whether a record is what this run decided, decided on, or brings up first."""
    ours = (decision.request, decision.running, decision.warming)
    return any(same(now, one) for one in ours[:2]) or (now is not None and same(now, ours[2]))


def _was_a_step(decision: Decision | None, now: RenderRequest | None) -> bool:
    """Whether a record is another step of the rollout under way, which its job didn't live to sign:
    it is put back to what was signed, and nobody is accused."""
    running = decision.running if decision is not None else None
    return running is not None and now is not None and steps_of(running, now)


def _is_later(
    session: Session,
    transition: Transition,
    tip: str | None,
    decision: Decision | None,
    now: RenderRequest,
) -> bool:
    """Whether a record is that of a job which decided later, or of one that is about to sign."""
    if is_anothers(session, transition, now.model, now):
        return True
    runs = decision.running if decision is not None else None
    return is_settling(session, tip, now, runs)


def is_settling(
    session: Session, tip: str | None, now: RenderRequest, runs: RenderRequest | None
) -> bool:
    """Whether a record is another step of what runs, written so lately that its job may still sign
    it. Who may push the branch can make it look so for a while, and no longer."""
    if tip is None or runs is None or not steps_of(runs, now):
        return False
    at = datetime.fromtimestamp(writing_commit(session, tip, now.model).at, UTC)
    return abs(session.now - at) <= SETTLING


def recorded(here: Tree, name: str) -> RenderRequest | None:
    """What the tree says it runs of a model; a record of another model says nothing."""
    now = readable_record(here, name) if is_model_name(name) else None
    return now if now is not None and now.model == name else None


def is_anothers(session: Session, transition: Transition, model: str, now: RenderRequest) -> bool:
    """Whether a record that this run didn't decide is the word of a deploy that decided later.

    Only the signed history can say so. What names a commit of the branch that this run hasn't seen
    yet may be written by a deploy that hasn't signed yet: then this run is too old to tell.
    """
    repository, branch = session.repository, transition.to_branch
    session.ledger.fetch()
    signed = accounted(session, model, session.signed(model), transition.environment)
    if same(now, signed):
        return True
    if _follows(session, now.commit, session.branch_tip(branch)):
        return False
    if repository.remote is not None:
        tracking = f"refs/remotes/{repository.remote}/{branch}"
        repository.fetch(repository.remote, [f"+refs/heads/{branch}:{tracking}"])
    if not _follows(session, now.commit, session.branch_tip(branch)):
        return False
    raise ConflictError(
        f"{model} was moved to commit {now.commit[:12]} of {branch}, which is newer than what this "
        "run has judged",
        mend="run it again",
    )


def _follows(session: Session, commit: str, tip: str) -> bool:
    """Whether the branch holds the commit; one that isn't here it doesn't hold."""
    try:
        return session.repository.is_ancestor(commit, tip)
    except ModelctlError:
        return False


def strange_there(
    name: str, entries: Sequence[Entry], wanted: Mapping[str, bytes], stranger: RenderRequest | None
) -> Iterator[str]:
    """What lies there that no deploy decided, in a few words each."""
    if stranger is not None:
        by = f", approved by {', '.join(stranger.approvers)}" if stranger.approvers else ""
        yield f"{name}@{stranger.version} of commit {stranger.commit[:12]}{by}"
    if stranger is None or wanted:
        paths = [
            f"{entry.path}/" if entry.mode == FOLDER else entry.path
            for entry in entries
            if entry.path not in wanted
        ]
        if paths and not wanted and paths != [name]:
            paths = [f"{name}/"]
        yield from (path if path.isprintable() else ascii(path) for path in paths)


def edits_for(
    here: Tree, entries: Sequence[Entry], wanted: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes | None]]:
    """What makes the files that lie there those that are wanted."""
    there = {entry.path: entry for entry in entries}
    yield from ((path, None) for path in there if path not in wanted)
    for path, data in wanted.items():
        if path not in there or there[path].mode != REGULAR or here.read(path) != data:
            yield path, data


def _message(transition: Transition, decisions: Sequence[Decision], strange: Sequence[str]) -> str:
    """What a person reads in the log of the environment's branch."""
    environment = transition.environment
    lines = [_line(d.model, d.request, d.running) for d in decisions if d.moves and d.request]
    if len(lines) == 1:
        text = f"Deploy {lines[0]} to {environment}\n"
    elif lines:
        text = f"Deploy {len(lines)} models to {environment}\n\n" + _listed(lines)
    elif strange:
        text = f"Put {environment} back to what was decided\n"
    else:
        names = ", ".join(d.model for d in decisions)
        return f"Render {environment} again\n\nBy changed overlays: {names}\n"
    return f"{text}\nNo deploy decided what was here:\n\n{_listed(strange)}" if strange else text


def _listed(lines: Sequence[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def _line(model: str, request: RenderRequest, before: RenderRequest | None) -> str:
    origin = f" (was {before.version})" if before else ""
    by = f", approved by {', '.join(request.approvers)}" if request.approvers else ""
    return f"{model}@{request.version}{origin}{by}"

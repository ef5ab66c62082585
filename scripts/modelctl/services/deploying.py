"""Deploys an environment: judge, render, write the state, put it into force, write the history.

Each step looks at what is there and does what is missing, so a deploy that was killed is simply
run again. The order is traffic first, then the record, then the registry. Two at once lose nothing:
branches are written by compare-and-swap, and nothing goes back to an older commit of the branch.
What is put into force and signed is what this run decided; the rest of the state is taken out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from modelctl.domain.history import ROLLOUT
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.accounted import unshown
from modelctl.services.acting import WHOLE_TARGET, Effects, nothing_applied
from modelctl.services.deciding import Decision, decide
from modelctl.services.deployed import Deployed
from modelctl.services.merges import Merged
from modelctl.services.monitoring import write_monitoring
from modelctl.services.recording import record_deployments, require_key
from modelctl.services.rendering import render
from modelctl.services.rollout_moves import put_into_force
from modelctl.services.rollout_ticks import told_by_controllers
from modelctl.services.session import Session
from modelctl.services.state import state_tree
from modelctl.services.tagging import Tags, tag_deployments
from modelctl.services.verifying import Ours
from modelctl.services.writing import Written, keep_unreleased, write_state


def deploy(
    session: Session,
    transition: Transition,
    merged: Merged,
    effects: Effects,
    *,
    forward: Collection[str] = (),
) -> Deployed:
    """Brings an environment to what its branch says, as far as the rules allow.

    The state's tree is put into force every time, for what serves may have died. What went back
    without a record is held, unless a person says `forward` of the model.

    Raises:
        ModelctlError: nothing that is deployed could be recorded with this key, so nothing is.
        DependencyError: the remote can't be reached, or the history of what runs is gone.
    """
    progress = effects.progress
    require_key(session, transition, effects.signer)
    _require_history(session, transition)
    untold = told_by_controllers(session, transition, effects)
    progress(f"judging {transition.to_branch} by the rules of {session.policy.commit[:12]}")
    decisions = decide(session, transition, merged)
    if any(d.begins is not None or d.ended is not None for d in decisions):
        require_key(session, transition, effects.signer, (ROLLOUT,))
    kept = keep_unreleased(session, transition, decisions)
    planned = (*decisions, *kept)
    job = _Job(session=session, transition=transition, effects=effects, forward=forward)
    planned, cold = _warmed_up(job, planned)
    written, ours = _written(job, planned)
    reached = _reached(planned)
    problems = put_into_force(session, transition, effects, written.commit, reached, ours)
    problems = {**problems, **_held(job, written, kept)}
    new = [d for d in planned if _is_new(d) and d.model not in written.left]
    recorded = record_deployments(session, transition, written.commit, new, effects.signer)
    entries = recorded.entries
    progress("ledger: 1 new entry" if entries == 1 else f"ledger: {entries} new entries")
    tags = _tagged(job, planned)
    passed = (f"{model}: another job has moved it on meanwhile" for model in recorded.passed)
    return Deployed(
        environment=transition.environment,
        decisions=tuple(_stays(d, written) for d in planned[: len(decisions)]),
        state=written.commit,
        recorded=entries,
        tags=tags.written,
        left=(*untold, *cold, *sorted(passed), *tags.left),
        warnings=(*tags.taken, *_watched(job)),
        unaccounted=written.unaccounted,
        problems=problems,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Where it is deployed, and through what."""

    session: Session
    transition: Transition
    effects: Effects
    forward: Collection[str] = ()


def _tagged(job: _Job, planned: Sequence[Decision]) -> Tags:
    """The tags of what serves."""
    serving = [one.model for one in planned if one.request is not None]
    tags = tag_deployments(job.session, job.transition.environment, serving)
    never = f", git allows no {' or '.join(tags.never)}" if tags.never else ""
    job.effects.progress(f"tags: {len(tags.written)} new{never}")
    return tags


def _is_new(decision: Decision) -> bool:
    return decision.request is not None and decision.request is not decision.running


def _held(job: _Job, written: Written, unreleased: Sequence[Decision]) -> Mapping[str, str]:
    """What keeps models from moving that no report tells of, a sentence each."""
    environment = job.transition.environment
    lost = [one.model for one in unreleased if one.lost]
    return {
        **{model: str(unshown(job.session, model, environment)) for model in lost},
        **{model: f"{one.told}; {one.mend}" for model, one in written.held.items()},
    }


def _reached(planned: Sequence[Decision]) -> Collection[str] | None:
    """The models that are put into force: None for all, and nothing else is to run. Where one is
    lost, only by name: what isn't in the state may serve all the same."""
    if not any(one.lost for one in planned):
        return None
    return [one.model for one in planned if one.request is not None]


def _stays(decision: Decision, written: Written) -> Decision:
    """What is held doesn't move, whatever was decided."""
    if decision.model not in written.held:
        return decision
    return replace(decision, request=decision.running, ended=None)


def _sees(job: _Job, request: RenderRequest) -> bool:
    """Whether it would be seen that a version isn't healthy."""
    return job.effects.apply is not nothing_applied and job.effects.verifies(request)


def _written(job: _Job, planned: Sequence[Decision]) -> tuple[Written, Ours]:
    """The state, rendered and written as planned."""
    requests = [d.request for d in planned if d.request is not None]
    models = "1 model" if len(requests) == 1 else f"{len(requests):,} models"
    job.effects.progress(f"rendering {models} for {job.transition.environment}")
    rendered = render(job.session, requests)
    written = write_state(job.session, job.transition, planned, rendered, forward=job.forward)
    for strange in written.unaccounted:
        job.effects.progress(f"state: no deploy decided {strange}: taken out")
    state = written.commit
    job.effects.progress(f"state: {state[:12] if state else 'nothing to run yet'}")
    return written, Ours(files=rendered, seen={d.model: d.seen for d in planned})


def _watched(job: _Job) -> tuple[str, ...]:
    """Keeps what watches the models on the environment's branch. It is paperwork: whatever is wrong
    with it is told, and what was deployed stays deployed."""
    try:
        kept = write_monitoring(job.session, job.transition)
    except ModelctlError as error:
        return (f"alerts: {error}",)
    return tuple(f"alerts: {problem}" for problem in kept.problems)


def _warmed_up(
    job: _Job, planned: tuple[Decision, ...]
) -> tuple[tuple[Decision, ...], tuple[str, ...]]:
    """Loads what is to take over at once beside what serves, without traffic. What doesn't become
    healthy doesn't take over: it is told, and tried again by the next run."""
    coming = [d.model for d in planned if d.warming is not None and _sees(job, d.warming)]
    if not coming:
        return planned, ()
    first = tuple(replace(d, request=d.warming) if d.model in coming else d for d in planned)
    job.effects.progress(f"bringing up {', '.join(coming)} beside what serves")
    written, ours = _written(job, first)
    reached, state = _reached(first), written.commit
    problems = put_into_force(job.session, job.transition, job.effects, state, reached, ours)
    whole = problems.get(WHOLE_TARGET)
    cold = {model: problems.get(model, whole) for model in coming}
    kept = tuple(
        replace(d, request=d.running) if cold.get(d.model) is not None else d for d in planned
    )
    told = (f"{model} isn't healthy: {why}" for model, why in cold.items() if why is not None)
    return kept, tuple(told)


def _require_history(session: Session, transition: Transition) -> None:
    """Stops where models run and the ledger is gone: then nothing would show what may go on
    running, and all of it would be taken out of service."""
    names = state_tree(session, transition.environment).names("")
    lifecycle = session.policy.lifecycle
    if not names or session.repository.remote_first(lifecycle.ledger_branch) is not None:
        return
    raise DependencyError(
        f"{lifecycle.state_of(transition.environment)} runs {', '.join(names[:3])}, but there is "
        f"no branch {lifecycle.ledger_branch}: nothing shows what may go on running",
        mend=f"restore {lifecycle.ledger_branch} from another clone; what runs is left as it is. "
        "If nothing was ever deployed, somebody else wrote that: delete its branch",
    )

"""Takes a version back at once, without waiting for anybody: traffic, then the record.

The target ran in that very environment, by an approved deployment that the ledger proves; nothing
speaks against it there; and its artifacts are there, byte for byte. Where there is none, traffic is
left as it is and people are called: nothing unproved is ever deployed because of an emergency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from secrets import token_hex
from types import MappingProxyType

from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.history import (
    MOVES,
    QUARANTINE,
    ROLLBACK,
    Deployment,
    deployments,
    position,
    served,
)
from modelctl.domain.incidents import FAILED, Incident, Which, incidents
from modelctl.domain.names import version_path
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollback import Target
from modelctl.domain.rollback_plan import Choice, choose
from modelctl.domain.rollout import ROLL_BACK, ROLLED_BACK, Decision, Reason
from modelctl.domain.rollout_state import figures_told, named
from modelctl.errors import ModelctlError
from modelctl.services.accounted import accounted, told
from modelctl.services.acting import Effects, nothing_applied
from modelctl.services.going_forth import against_forth
from modelctl.services.meaning import has_traffic, is_gone, means_newcomer
from modelctl.services.recording import require_key
from modelctl.services.rollout_moves import move
from modelctl.services.rollouts import Judged, Open, carry_out, open_rollout
from modelctl.services.session import Session
from modelctl.services.statements import quarantine_statement, superseded
from modelctl.services.ways_back import (
    Intact,
    artifacts_problem,
    deployed_request,
    past_of,
    told_by,
)

WENT_BACK, ALREADY, NOWHERE, REFUSED = "went back", "already there", "nowhere to go", "refused"

_TRIES = 5
"""So often the way back within a rollout is begun anew where other jobs move it on meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a version is taken back: the trigger's name, what is wrong in a sentence, the figures
    that decided, and the login of who says so; None where a trigger did."""

    trigger: str
    reason: str
    by: str | None = None
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What may be asked for beside that: by its number a version to go back to, and which one is to
    go, where one takes over from another; and to go back although the environment just did."""

    to: str | None = None
    of: str | None = None
    again: bool = False


_NOTHING = Wish()


@dataclass(frozen=True, slots=True, kw_only=True)
class WentBack:
    """What became of it. `outcome` is one of `WENT_BACK`, `ALREADY` (another job was faster),
    `NOWHERE` and `REFUSED`: in the last two traffic was left as it is, and `problem` says why.

    `failed` is what was taken back, `back_to` what serves since. `problems` say what isn't in force
    yet. `incident` is what the paperwork is about, None where another job does it.
    """

    outcome: str
    model: str
    environment: str
    failed: Which | None = None
    back_to: Which | None = None
    problem: str | None = None
    mend: str | None = None
    problems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    incident: Incident | None = None

    @property
    def held(self) -> bool:
        """Whether traffic was left where it is, although it should go."""
        return self.outcome in (NOWHERE, REFUSED)


def go_back(
    session: Session,
    transition: Transition,
    model: str,
    *,
    cause: Cause,
    effects: Effects,
    wish: Wish = _NOTHING,
    intact: Intact | None = None,
) -> WentBack:
    """Has the environment serve the last good version again, records it and quarantines the other.

    Run again, or by two at once, it does it once. Within a rollout it is the way back of that, if
    the newcomer has traffic and nobody says that what serves is meant. Where that is, its rollout
    ends with it: a newcomer of which nobody complains may come again.

    Raises:
        ModelctlError: nothing of the model runs there, or not the version that is meant.
        DependencyError: the remote can't be reached: it isn't recorded, and traffic is back only
            where this job applies it (see `alone`); run it again.
    """
    require_key(session, transition, effects.signer, (*sorted(MOVES), QUARANTINE))
    with suppress(ModelctlError):  # `move` asks again, and tells; what is known must do until then
        session.ledger.fetch()
    signed = session.signed(model)
    history = deployments(signed)
    last = served(history, transition.environment)
    if last is None:
        raise ModelctlError(
            f"{transition.environment} runs no {model}", mend="see `modelctl status` for what runs"
        )
    job = _Job(session=session, transition=transition, effects=effects, signed=signed, failed=last)
    rollout = open_rollout(session, transition, model)
    if wish.of is not None and is_gone(signed, last, rollout, wish.of):
        return WentBack(outcome=ALREADY, model=model, environment=transition.environment)
    if rollout is not None and means_newcomer(rollout, last, of=wish.of, to=wish.to):
        return _ended(job, rollout, cause)
    spared = wish.of is not None or (rollout is not None and not has_traffic(rollout))
    job = replace(job, coming=rollout, spared=spared)
    past = past_of(session, transition, model, signed, last)
    rest = session.policy.rollback.again_after
    choice = choose(past, now=session.now, rest=rest, to=wish.to, again=wish.again)
    if choice.is_forth:
        choice = _forth(job, choice, cause)
    if choice.problem is not None:
        return _held(job, cause, choice, wish)
    found = _first_intact(job, choice.found, intact or artifacts_problem)
    if isinstance(found, str):
        return _held(job, cause, Choice(problem=found), wish)
    return _moved(job, found, cause, partial(_statements, job, found, cause))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What is taken back, by which history. `coming` was to take over from it, and ends with it; it
    is quarantined unless it is `spared`."""

    session: Session
    transition: Transition
    effects: Effects
    signed: tuple[Signed, ...]
    failed: Deployment
    coming: Open | None = None
    spared: bool = False

    @property
    def model(self) -> str:
        return self.failed.model

    @property
    def environment(self) -> str:
        return self.transition.environment

    @property
    def which(self) -> Which:
        return Which(version=self.failed.version, digest=self.failed.digest)


def _forth(job: _Job, choice: Choice, cause: Cause) -> Choice:
    """The same, or what speaks against going forward again."""
    (target,) = choice.found
    why = against_forth(job.session, job.transition, job.signed, target, cause.by)
    if why is None:
        return choice
    told = f"{job.environment} can't go forth again to {target.version}: {why}"
    return Choice(problem=told, mend="promote it instead: modelctl promote")


def _first_intact(job: _Job, found: Sequence[Target], intact: Intact) -> RenderRequest | str:
    """The record of the best target that can serve, or what is wrong with each."""
    problems = []
    runs = accounted(job.session, job.model, job.signed, job.environment)
    warm = {backend.digest for backend in runs.split} if runs else set()
    for target in found:
        one = deployed_request(job.session, job.signed, target.deployment)
        if one is None:
            problems.append(f"{target.version}: nothing shows how it was deployed")
            continue
        problem = None
        if one.digest not in warm:  # what runs beside it was verified when it was brought up
            problem = intact(job.session, one, job.effects.tracking_uri)
        if problem is None:
            return one
        problems.append(f"{target.version}: {problem}")
    return f"no version that {job.environment} could go back to can serve: " + "; ".join(problems)


def _ended(job: _Job, rollout: Open, cause: Cause) -> WentBack:
    """Within a rollout all traffic goes back to what the version was to take over from."""
    reason = Reason(name=cause.trigger, message=cause.reason, values=cause.values)
    taken = Which(version=rollout.request.version, digest=rollout.request.digest)
    back = Which(version=rollout.stable.version, digest=rollout.stable.digest)
    went = WentBack(
        outcome=WENT_BACK,
        model=job.model,
        environment=job.environment,
        failed=taken,
        back_to=back,
        mend=f"{taken.version} was on its way, and is out; if {back.version} is what fails, say "
        f"so: --emergency --of {back.version}",
    )
    one: Open | None = rollout
    for _ in range(_TRIES):
        if one is None or one.rollout.id != rollout.rollout.id:
            break
        after = replace(one.state, phase=ROLLED_BACK, weight=0)
        decision = Decision(action=ROLL_BACK, reasons=(reason,), after=after, emergency=True)
        done = carry_out(
            job.session,
            job.transition,
            one,
            Judged(state=one.state, at=job.session.now, decision=decision, by_hand=True),
            job.effects,
            by=cause.by,
            reason=cause.reason,
        )
        if not done.passed:
            return replace(went, problems=done.problems, incident=_filed(job, taken))
        job.session.ledger.fetch()
        one = open_rollout(job.session, job.transition, job.model)
    return replace(went, outcome=ALREADY)


_Recorded = Callable[[str, datetime, bool], Iterator[Statement]]
"""What is recorded: given the state's commit, its time, and whether traffic was seen to be back."""


def _moved(job: _Job, request: RenderRequest, cause: Cause, recorded: _Recorded) -> WentBack:
    """Traffic first; then what is recorded of it, in one append."""
    session, transition, effects = job.session, job.transition, job.effects
    verifies = effects.apply is not nothing_applied and effects.verifies(request)

    def statements(
        state_commit: str, at: datetime, problems: Mapping[str, str]
    ) -> Sequence[Statement]:
        in_force = verifies and not problems
        return list(recorded(state_commit, at, in_force))

    done = move(
        session,
        transition,
        request,
        effects,
        statements,
        seen=position(job.signed, job.environment),
        urgent=True,
    )
    back = Which(version=request.version, digest=request.digest)
    went = WentBack(
        outcome=ALREADY if done.passed else WENT_BACK,
        model=job.model,
        environment=job.environment,
        failed=job.which,
        back_to=back,
        problems=done.problems,
    )
    if done.passed:
        return went
    return replace(went, incident=_filed(job, job.which))


def _statements(
    job: _Job,
    request: RenderRequest,
    cause: Cause,
    state_commit: str,
    at: datetime,
    in_force: bool,
) -> Iterator[Statement]:
    failed, coming = job.failed, job.coming
    if coming is not None:
        yield superseded(job.session, coming, state_commit, at, by=cause.by, reason=_why(cause))
    before = next(d for d in reversed(deployments(job.signed)) if d.digest == request.digest)
    back = Statement(
        kind=ROLLBACK,
        subject=version_path(job.model, request.version),
        digest=request.digest,
        made_at=at,
        environment=job.environment,
        predicate={
            **told_by(job.signed, before),  # its files, its evidence, its figures
            **told(request),
            "branch": job.transition.to_branch,
            "stage": job.transition.stage,
            "state_commit": state_commit,
            FAILED: {"version": failed.version, "digest": failed.digest},
            "trigger": cause.trigger,
            "reason": cause.reason,
            "values": dict(cause.values),
            "by": cause.by,
            "in_force": in_force,
            "policy": job.session.policy.commit,
            # Of two jobs at once the ledger takes one, which then does the paperwork.
            "job": token_hex(8),
        },
    )
    yield back
    yield _quarantine(back, failed, cause)
    if coming is not None and not job.spared:
        # The branch still asks for it: a deploy would begin it anew.
        yield quarantine_statement(coming.request, at, _why(cause))


def _quarantine(beside: Statement, failed: Deployment, cause: Cause) -> Statement:
    return replace(
        beside,
        kind=QUARANTINE,
        subject=version_path(failed.model, failed.version),
        digest=failed.digest,
        predicate={
            "reason": _why(cause),
            "version": failed.version,
            "commit": failed.commit,
        },
    )


def _why(cause: Cause) -> str:
    """The reason of a quarantine."""
    return named(cause.trigger, cause.reason, figures_told(cause.values))


def _filed(job: _Job, failed: Which) -> Incident | None:
    """The incident as the ledger has it now."""
    entries = job.session.signed(job.model)
    since = job.session.now - job.session.policy.rollback.incident.root_cause_within
    found = incidents(entries, job.environment, since=since)
    return next((one for one in reversed(found) if one.failed == failed), None)


def _held(job: _Job, cause: Cause, choice: Choice, wish: Wish) -> WentBack:
    """Nothing to go back to: traffic stays, and somebody is called. Whoever asks for what can't be
    is told so, and nobody else is called for it."""
    problem = choice.problem or ""
    asked = cause.by is not None and (wish.to is not None or choice.is_again)
    held = WentBack(
        outcome=REFUSED if choice.is_again else NOWHERE,
        model=job.model,
        environment=job.environment,
        failed=job.which,
        problem=problem,
        mend=choice.mend,
        incident=Incident(
            model=job.model,
            environment=job.environment,
            failed=job.which,
            back_to=None,
            at=job.session.now,
            trigger=cause.trigger,
            reason=f"{cause.reason}; {problem}",
            id=f"held-{job.failed.seq}",
            by=cause.by,
            values=cause.values,
        ),
    )
    return replace(held, incident=None) if asked else held

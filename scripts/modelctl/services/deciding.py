"""What an environment should run of each model, judged again for the commit that says so.

What ran before, and so what needs no judgement, is read from the signed history alone: a record on
the state branch may be anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelctl.domain.candidate import Facts, Served
from modelctl.domain.history import Deployment, WayBack, goes_back, position, served, taken_out
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_events import ROLLED_BACK, SUPERSEDED, Rollout, open_rollout
from modelctl.domain.rollout_split import first_of, is_split, is_warmed_up, warming
from modelctl.domain.rollout_state import GOING_BACK
from modelctl.domain.strategies import Strategy
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.domain.waivers import WaiverRecord, records
from modelctl.domain.waiving import in_force
from modelctl.errors import DependencyError, ModelctlError
from modelctl.gates import judge
from modelctl.gates.waivers import case_of
from modelctl.services.accounted import accounted, same, settled, unshown
from modelctl.services.candidates import read_candidate
from modelctl.services.intent import Intent, fresh_request, read_intent, released
from modelctl.services.merges import Merged, judge_arrival
from modelctl.services.moves import facts_for
from modelctl.services.plans import planned
from modelctl.services.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A rollout that ends because the branch wants something else. `event` says how, `running` is
    what runs of it by the signed history."""

    event: str
    rollout: Rollout
    running: RenderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a deploy does with one model: `request` is None where nothing may run.

    `running` is what runs by the signed history; `reports` say what blocks the version that the
    branch wants. `commit` and `pull_request` brought that version onto the branch, where that could
    be told. `taken_out` is what merged rollbacks took out of the environment, each with its first.
    `seen` is the last move on the ledger that this was decided by. `ended` is the rollout under way
    that ends by this. `stable` is what serves, whatever takes over from it, and `plan` how
    `request` is to, where it is another version. `brought_by` are those whose pull requests these
    were. `lost` says that something runs by the signed history, and that nobody can tell here how:
    it is left as it is.
    """

    model: str
    wanted: str
    running: RenderRequest | None
    request: RenderRequest | None
    reports: tuple[Report, ...] = ()
    commit: str | None = None
    pull_request: int | None = None
    taken_out: tuple[tuple[Deployment, WayBack], ...] = ()
    seen: int = 0
    ended: Ended | None = None
    stable: RenderRequest | None = None
    plan: Strategy | None = None
    brought_by: tuple[str, ...] = ()
    lost: bool = False

    @property
    def begins(self) -> tuple[Strategy, RenderRequest] | None:
        """The plan of the rollout that is to begin, and what serves; None where none is to."""
        if self.plan is None or self.stable is None or self.request is None or not self.moves:
            return None
        return (self.plan, self.stable) if is_split(self.request) else None

    @property
    def arrives(self) -> bool:
        """Whether another version serves from now on, with all traffic."""
        return self.moves and self.begins is None and not same(self.request, self.stable)

    @property
    def warming(self) -> RenderRequest | None:
        """What is to run first, so that the version is loaded before traffic moves; else None."""
        request, stable, plan = self.request, self.stable, self.plan
        if not self.moves or request is None or stable is None or plan is None:
            return None
        coming = replace(request, backends=())
        return warming(stable, coming) if is_warmed_up(plan, stable, coming) else None

    @property
    def blocked(self) -> bool:
        """Whether the branch wants something that may not run."""
        return bool(self.reports)

    @property
    def moves(self) -> bool:
        """Whether another version, or the same in another way, is to run."""
        if self.request is None or self.blocked:
            return False
        return self.running is None or self.running.commit != self.request.commit


def decide(session: Session, transition: Transition, merged: Merged) -> tuple[Decision, ...]:
    """What the environment's branch wants of each model, judged again for its present commit.

    Raises:
        DependencyError: the pull requests behind it can't be told now.
    """
    tip = session.branch_tip(transition.to_branch)
    tree = session.repository.tree(tip)
    models = released(tree)
    branch = _Branch(session=session, transition=transition, tip=tip, tree=tree)
    return tuple(_decide(branch, model, merged) for model in models)


def judge_running(session: Session, transition: Transition, running: RenderRequest) -> Report:
    """The gates once more for a version that is on its way into an environment.

    Raises:
        ModelctlError: the environment's branch wants something else by now.
    """
    tree = session.repository.tree(session.branch_tip(transition.to_branch))
    if not read_intent(tree, running.model, transition, session.policy).matches(running):
        raise ModelctlError(
            f"{transition.to_branch} wants something else than {running.version} by now",
            mend=f"modelctl deploy {transition.environment}",
        )
    return judge_again(session, transition, running)


def judge_again(session: Session, transition: Transition, once: RenderRequest) -> Report:
    """The gates once more for what was approved once, with the files that it was approved with:
    what came onto the branch since, by whomever, says nothing of it.

    Raises:
        ModelctlError: the policy lacks what those files name by now.
    """
    tree = session.repository.tree(once.commit)
    then = _Branch(session=session, transition=transition, tip=once.commit, tree=tree)
    intent = read_intent(tree, once.model, transition, session.policy)
    known = _known(then, once.model)
    return _judge_now(then, intent, known, is_rollback=False, brought_by=())[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """The branch that says what an environment should run."""

    session: Session
    transition: Transition
    tip: str
    tree: Tree


def as_it_is(session: Session, environment: str, model: str) -> Decision:
    """What an environment runs of a model by the signed history, and goes on running."""
    signed = session.signed(model)
    running = accounted(session, model, signed, environment)
    stable, seen = settled(session, model, signed, environment), position(signed, environment)
    return Decision(
        model=model,
        wanted="?",
        running=running,
        request=running,
        seen=seen,
        stable=stable,
        lost=seen > 0 and (running is None or stable is None),
    )


def _decide(branch: _Branch, model: str, merged: Merged) -> Decision:
    now = as_it_is(branch.session, branch.transition.environment, model)
    try:
        intent = read_intent(branch.tree, model, branch.transition, branch.session.policy)
        return _decide_intent(branch, intent, now, merged)
    except DependencyError:  # what can't be decided isn't blocked: it is tried again
        raise
    except ModelctlError as error:  # one model that can't be deployed doesn't hold up the others
        return replace(now, reports=(_unreadable(branch, model, error),))


def _decide_intent(branch: _Branch, intent: Intent, now: Decision, merged: Merged) -> Decision:
    session, transition, model = branch.session, branch.transition, intent.model.name
    now = replace(now, wanted=str(intent.version.version))
    if now.lost:  # it isn't judged as what comes to an environment where nothing serves
        error = unshown(session, model, transition.environment)
        return replace(now, request=None, reports=(_unreadable(branch, model, error),))
    if intent.matches(now.running):
        return now
    rollout = open_rollout(session.signed(model), transition.environment)
    if rollout is not None and intent.matches(now.stable):
        # The branch has gone back to what serves: nothing new is to be judged.
        return replace(now, request=now.stable, ended=_ended(now, rollout, now.stable))
    known = _known(branch, model)
    last = served(known.history, transition.environment)
    arrival = judge_arrival(session, transition, model, tip=branch.tip, last=last, merged=merged)
    # What was approved and deployed before, and only has to be put back, proves itself. What came
    # since goes back where its check said so: by its pointer, and model.yaml as it was then.
    returns = goes_back(known.history, transition.environment, intent.digest) and (
        arrival.is_rollback or not arrival.is_new
    )
    report, waivers = _judge_now(
        branch, intent, known, is_rollback=returns, brought_by=arrival.brought_by
    )
    reports = (*arrival.reports, *((report,) if report.outcome.blocks else ()))
    fresh = fresh_request(
        intent,
        transition.environment,
        commit=arrival.commit,
        approvers=arrival.approvers,
        pull_request=arrival.pull_request,
        waivers=waivers,
    )
    now = replace(
        now,
        reports=reports,
        commit=arrival.commit,
        pull_request=arrival.pull_request,
        brought_by=arrival.brought_by,
        taken_out=_taken_out(known.history, transition.environment, intent, arrival.ways_back),
    )
    if reports:
        return now
    # What people go back to isn't tried out again first.
    plan = None if returns else session.policy.strategies.get(fresh.strategy)
    request = planned(session, intent.model, first_of(plan, now.stable, fresh), now.stable)
    return replace(now, request=request, plan=plan, ended=_ended(now, rollout, fresh))


def _known(branch: _Branch, model: str) -> Facts:
    """What gates may know of a model; what serves is never told by the state, which may be
    anybody's."""
    environment = branch.transition.environment
    known = facts_for(branch.session, model, environment, whole_history=True)
    last = served(known.history, environment)
    before = Served(version=last.version, digest=last.digest) if last else None
    return replace(known, served=before)


def _ended(now: Decision, rollout: Rollout | None, request: RenderRequest | None) -> Ended | None:
    """How the rollout that is under way ends when something else is to run."""
    if rollout is None or now.running is None or request is None:
        return None
    # What broke a condition has gone back, whatever comes next.
    gone_back = request.digest == rollout.stable.digest or rollout.last.state.phase == GOING_BACK
    event = ROLLED_BACK if gone_back else SUPERSEDED
    return Ended(event=event, rollout=rollout, running=now.running)


def _taken_out(
    history: Sequence[Deployment], environment: str, intent: Intent, ways_back: Sequence[WayBack]
) -> tuple[tuple[Deployment, WayBack], ...]:
    """What merged rollbacks took out, also where another merge came before the deploy did. Not what
    was brought back since: it runs, judged by every gate."""
    found: dict[str, tuple[Deployment, WayBack]] = {}
    for way in ways_back:
        for one in taken_out(history, environment, way):
            if one.digest != intent.digest:
                found.setdefault(one.digest, (one, way))
    return tuple(found.values())


def _judge_now(
    branch: _Branch,
    intent: Intent,
    known: Facts,
    *,
    is_rollback: bool,
    brought_by: tuple[str, ...],
) -> tuple[Report, tuple[WaiverRecord, ...]]:
    """The gates once more, for what the branch holds now, and the waivers that are in force."""
    session, transition = branch.session, branch.transition
    last = served(known.history, transition.environment)
    before = session.repository.tree(last.commit if last else None)
    candidate, findings = read_candidate(
        branch.tree,
        before,
        intent.model.name,
        intent.version.version,
        transition,
        served=known.served.version if known.served else None,
        is_rollback=is_rollback,
    )
    subject = Subject(
        model=intent.model.name,
        version=str(intent.version.version),
        environment=transition.environment,
        digest=intent.digest,
        blob=intent.blob,
    )
    if candidate is None:
        return _report(branch, Verdict(subject=subject, findings=findings)), ()
    candidate = replace(candidate, brought_by=brought_by)
    judged = judge(candidate, session.policy, known).findings
    counting = in_force(session.policy, case_of(candidate), session.now)
    return (
        _report(branch, Verdict(subject=subject, findings=(*findings, *judged))),
        records(counting),
    )


def _unreadable(branch: _Branch, model: str, error: ModelctlError) -> Report:
    finding = Finding(
        gate="documents", outcome=Outcome.FAIL, message=error.message, mend=error.mend
    )
    subject = Subject(model=model, environment=branch.transition.environment)
    return _report(branch, Verdict(subject=subject, findings=(finding,)))


def _report(branch: _Branch, verdict: Verdict) -> Report:
    return Report(
        title=str(verdict.subject),
        verdicts=(verdict,),
        trusted=branch.session.policy.commit,
        head=branch.tip,
        at=branch.session.now,
    )

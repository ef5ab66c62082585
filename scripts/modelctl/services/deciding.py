"""What an environment should run of each model, judged again for the commit that says so.

What ran before, and so what needs no judgement, is read from the signed history alone: a record on
the state branch may be anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelctl.domain.candidate import Facts, Served
from modelctl.domain.history import Deployment, WayBack, goes_back, served, taken_out
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.tree import Tree
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.domain.waivers import WaiverRecord, records
from modelctl.domain.waiving import in_force
from modelctl.errors import DependencyError, ModelctlError
from modelctl.gates import judge
from modelctl.gates.waivers import case_of
from modelctl.services.accounted import accounted
from modelctl.services.candidates import read_candidate
from modelctl.services.intent import Intent, fresh_request, read_intent, released
from modelctl.services.merges import Merged, judge_arrival
from modelctl.services.moves import facts_for
from modelctl.services.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a deploy does with one model: `request` is None where nothing may run.

    `running` is what runs by the signed history; `reports` say what blocks the version that the
    branch wants. `commit` and `pull_request` brought that version onto the branch, where that could
    be told. `taken_out` is what merged rollbacks took out of the environment, each with its first.
    """

    model: str
    wanted: str
    running: RenderRequest | None
    request: RenderRequest | None
    reports: tuple[Report, ...] = ()
    commit: str | None = None
    pull_request: int | None = None
    taken_out: tuple[tuple[Deployment, WayBack], ...] = ()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """The branch that says what an environment should run."""

    session: Session
    transition: Transition
    tip: str
    tree: Tree


def _decide(branch: _Branch, model: str, merged: Merged) -> Decision:
    session = branch.session
    running = accounted(session, model, session.signed(model), branch.transition.environment)
    try:
        intent = read_intent(branch.tree, model, branch.transition, branch.session.policy)
        return _decide_intent(branch, intent, running, merged)
    except DependencyError:  # what can't be decided isn't blocked: it is tried again
        raise
    except ModelctlError as error:  # one model that can't be deployed doesn't hold up the others
        report = _unreadable(branch, model, error)
        return Decision(
            model=model, wanted="?", running=running, request=running, reports=(report,)
        )


def _decide_intent(
    branch: _Branch,
    intent: Intent,
    running: RenderRequest | None,
    merged: Merged,
) -> Decision:
    session, transition, model = branch.session, branch.transition, intent.model.name
    wanted = str(intent.version.version)
    if intent.matches(running):
        return Decision(model=model, wanted=wanted, running=running, request=running)
    known = facts_for(session, model, transition.environment, whole_history=True)
    last = served(known.history, transition.environment)
    now = Served(version=last.version, digest=last.digest) if last else None
    known = replace(known, served=now)  # never by the state, which may be anybody's
    arrival = judge_arrival(session, transition, model, tip=branch.tip, last=last, merged=merged)
    # What was approved and deployed before, and only has to be put back, proves itself. What came
    # since goes back where its check said so: by its pointer alone.
    moved = last is None or last.digest != intent.digest
    returns = goes_back(known.history, transition.environment, intent.digest) and (
        (moved and arrival.is_rollback) or not arrival.is_new
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
    request = running if reports else fresh
    return Decision(
        model=model,
        wanted=wanted,
        running=running,
        request=request,
        reports=reports,
        commit=arrival.commit,
        pull_request=arrival.pull_request,
        taken_out=_taken_out(known.history, transition.environment, intent, arrival.ways_back),
    )


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

"""Judges changes and versions: trees in, one report out. Nothing is checked out or executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from modelctl.adapters.git import MergeConflict
from modelctl.adapters.git_rows import OddTree
from modelctl.adapters.ledger_verify import broken
from modelctl.domain.approvals import ApprovalState
from modelctl.domain.authorship import names_of
from modelctl.domain.candidate import Candidate
from modelctl.domain.endings import endings
from modelctl.domain.flow import Flow, FlowInput, FlowKind, Move, judge_flow
from modelctl.domain.history import deployments, quarantines
from modelctl.domain.manifest import Release
from modelctl.domain.names import MODELS, classify, model_path, release_path, version_path
from modelctl.domain.policy import Transition
from modelctl.domain.provenance import PROVENANCE
from modelctl.domain.reviews import PullRequest
from modelctl.domain.structure import PLACEMENT, failure
from modelctl.domain.tree import Change, Tree
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.errors import ModelctlError
from modelctl.gates import damaged_ledger
from modelctl.services.asking import (
    announce,
    asked_of_candidates,
    asked_of_change,
    judge_approvals,
)
from modelctl.services.bounds import too_much
from modelctl.services.candidates import parse_file, read_model, read_release
from modelctl.services.generated import judge_generated
from modelctl.services.moves import Moved, judge_moves
from modelctl.services.pointers import Located
from modelctl.services.session import Session
from modelctl.services.waiver_changes import judge_waivers
from modelctl.services.waivers import unlifted
from modelctl.services.whereabouts import guards, retired_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The two ends of a change: the tip of the branch that it goes into, and its own head.

    `target` is the name of that branch. `after` is the tree that the merge would hold.
    """

    target: str
    base: str
    head: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A report, with what a deploy or a pull request needs of it.

    `after` is the tree that the merge would hold, None where it can't be told; `flow` and
    `approvals` are None where the change was not looked at that far. `moved` are the versions that
    it moves, each with what it was judged by.
    """

    report: Report
    after: str | None = None
    flow: Flow | None = None
    approvals: ApprovalState | None = None
    moved: tuple[Moved, ...] = ()


def check_change(
    session: Session,
    base: str,
    head: str,
    *,
    target: str | None = None,
    pull_request: PullRequest | None = None,
    ask_reviews: bool = True,
) -> Report:
    """The report of `judge_change`."""
    judged = judge_change(
        session, base, head, target=target, pull_request=pull_request, ask_reviews=ask_reviews
    )
    return judged.report


def judge_change(
    session: Session,
    base: str,
    head: str,
    *,
    target: str | None = None,
    pull_request: PullRequest | None = None,
    ask_reviews: bool = True,
) -> Judged:
    """Judges what a merge of `head` into `base` would bring.

    `target` is the branch's name where `base` is given by commit. Without `pull_request` the
    approvals are missing, unless `ask_reviews` is False: then they are only announced.
    """
    repository = session.repository
    branch = target or _branch_name(session, base)
    # A branch of the lifecycle is the shared one: a local copy of it may be old.
    shared = base == branch and session.policy.lifecycle.to_branch(base) is not None
    start = session.branch_tip(base) if shared else repository.resolve(base)
    ends = (start, repository.resolve(head))
    try:
        after = repository.merged(*ends)
    except MergeConflict as conflict:
        return Judged(report=_conflict(session, branch, ends, conflict))
    except OddTree as error:
        return Judged(report=_unjudged(session, branch, ends, _odd(error)))
    full = Ends(target=branch, base=ends[0], head=ends[1], after=after)
    return judge_ends(session, full, pull_request, ask_reviews=ask_reviews)


def judge_ends(
    session: Session,
    ends: Ends,
    pull_request: PullRequest | None,
    *,
    ask_reviews: bool = True,
    ask_gates: bool = True,
) -> Judged:
    """Judges a change whose result is known: flow, documents, gates, approvals."""
    repository = session.repository
    before, after = repository.tree(ends.base), repository.tree(ends.after)
    try:
        changes = repository.changes(before, after)
        refusal = too_much(after, changes)
    except OddTree as error:
        refusal = _odd(error)
    if refusal:
        refused = _unjudged(session, ends.target, (ends.base, ends.head), refusal)
        return Judged(report=refused, after=ends.after)
    transition = session.policy.lifecycle.to_branch(ends.target)
    brought_by = names_of(pull_request) if pull_request is not None else ()
    proposal = _proposal(
        session, ends, transition, (before, after), changes, brought_by, past=not ask_gates
    )
    flow = judge_flow(proposal)
    ask = partial(judge_moves, ask_gates=ask_gates, brought_by=brought_by)
    moved = ask(session, flow.moves, transition, before, after)
    candidates = [one.candidate for one in moved if one.candidate is not None]
    whole = [
        *flow.findings,
        *_documents(after, changes, flow.moves),
        *(_damages(session, proposal, flow) if ask_gates else ()),
        *(judge_generated(session, proposal) if ask_gates else ()),
    ]
    touched = [(read_model(before, m), read_model(after, m)) for m in proposal.models]
    asked = asked_of_change(session.policy, proposal, candidates, touched)
    state: ApprovalState | None = None
    if ask_reviews and (asked.rules or asked.unasked or pull_request is not None):
        state, found = judge_approvals(
            session.policy, pull_request, asked, head=ends.head, target=ends.target
        )
        whole.extend(found)
    notes = announce(session.policy, asked) if state is None else ()
    reviewed = pull_request if state is not None else None
    waivers = judge_waivers(session, proposal, reviewed, ask_reviews=ask_reviews)
    verdict = Verdict(subject=Subject(), findings=(*whole, *waivers.findings))
    verdicts = (verdict, *(one.verdict for one in moved))
    report = _report(session, ends, flow, verdicts, (*notes, *waivers.notes))
    return Judged(report=report, after=ends.after, flow=flow, approvals=state, moved=moved)


def _report(
    session: Session,
    ends: Ends,
    flow: Flow,
    verdicts: tuple[Verdict, ...],
    notes: tuple[str, ...],
) -> Report:
    return Report(
        title=f"{flow.kind.value} into {ends.target}",
        verdicts=verdicts,
        trusted=session.policy.commit,
        base=ends.base,
        head=ends.head,
        at=session.now,
        notes=notes,
    )


def check_version(session: Session, located: Located, transition: Transition) -> Report:
    """Whether a version could go to an environment now: every gate, without a pull request."""
    return judge_version(session, located, transition)[1]


def judge_version(
    session: Session, located: Located, transition: Transition
) -> tuple[Candidate | None, Report]:
    """The report of `check_version`, with what was judged; None where it can't be read."""
    repository = session.repository
    before = repository.tree(session.branch_tip(transition.to_branch))
    move = Move(
        model=located.model,
        version=str(located.version.version),
        from_version=None,
        kind=FlowKind.PROMOTION if transition.source else FlowKind.SUBMISSION,
    )
    [moved] = judge_moves(session, (move,), transition, before, located.tree)
    came, verdict = _came_through(session, located, transition), moved.verdict
    asked = asked_of_candidates(session.policy, [moved.candidate] if moved.candidate else [])
    report = Report(
        title=f"{located.name} → {transition.environment}",
        verdicts=(replace(verdict, findings=(*came, *verdict.findings)),),
        trusted=session.policy.commit,
        head=located.commit,
        at=session.now,
        notes=announce(session.policy, asked),
    )
    return moved.candidate, report


def _proposal(
    session: Session,
    ends: Ends,
    transition: Transition | None,
    trees: tuple[Tree, Tree],
    changes: tuple[Change, ...],
    brought_by: tuple[str, ...],
    *,
    past: bool,
) -> FlowInput:
    repository, (before, after) = session.repository, trees
    touched = sorted({kind.model for change in changes if (kind := classify(change.path))})
    signed = {model: session.signed(model) for model in touched}
    held = [q for entries in signed.values() for q in quarantines(entries)]
    told = retired_only if past else endings
    return FlowInput(
        branch=ends.target,
        default_branch=session.policy.lifecycle.default_branch,
        transition=transition,
        before=before,
        after=after,
        changes=changes,
        trusted=repository.tree(session.policy.commit),
        releases_before=_releases(before, touched),
        releases_after=_releases(after, touched),
        source_files=_file_at(session),
        on_source_branch=_on_source(session, transition),
        history={model: deployments(entries) for model, entries in signed.items()},
        quarantines=unlifted(session, held, transition, before, after, brought_by),
        endings=tuple(
            e for entries in signed.values() for e in told(entries, session.policy.lifecycle.last)
        ),
        guards=partial(guards, session),
    )


def _releases(tree: Tree, models: Iterable[str]) -> dict[str, Release]:
    found = {model: read_release(tree, model) for model in models}
    return {model: release for model, release in found.items() if release is not None}


def _file_at(session: Session) -> Callable[[str, str], str | None]:
    """The object id of a file at a commit, None where there is none or the commit isn't here."""
    repository = session.repository

    def oid(commit: str, path: str) -> str | None:
        try:
            entry = repository.tree(commit).entry(path)
        except ModelctlError:
            return None
        return entry.oid if entry else None

    return oid


def _on_source(session: Session, transition: Transition | None) -> Callable[[str], bool]:
    """Whether a commit is on the branch that the transition comes from."""
    repository = session.repository
    tip = repository.remote_first(transition.from_branch) if transition else None

    def is_on(commit: str) -> bool:
        try:
            return tip is not None and repository.is_ancestor(commit, tip)
        except ModelctlError:
            return False  # a commit that isn't here proves nothing

    return is_on


def _came_through(
    session: Session, located: Located, transition: Transition
) -> tuple[Finding, ...]:
    """Whether the version was deployed to the environment before, as provenance will ask."""
    source = transition.source
    if source is None:
        return ()
    there = [
        d
        for d in deployments(session.signed(located.model))
        if d.environment == source and d.digest == located.digest
    ]
    if there:
        message = f"deployed to {source} on {there[-1].at:%Y-%m-%d %H:%M UTC}"
        return (Finding(gate=PROVENANCE, outcome=Outcome.PASS, message=message),)
    missing = Finding(
        gate=PROVENANCE,
        outcome=Outcome.FAIL,
        message=f"{located.name} was never deployed to {source}",
        mend=f"promote it to {source} first",
        policy=transition.location,
    )
    return (missing,)


def _damages(session: Session, proposal: FlowInput, flow: Flow) -> list[Finding]:
    """What is wrong with the ledger of models of which no version is judged by gates."""
    others = sorted(set(proposal.models) - {move.model for move in flow.moves})
    told = {model: broken(session.ledger.entries(model)) for model in others}
    return [finding for model, why in told.items() for finding in damaged_ledger(model, why)]


def _documents(after: Tree, changes: Iterable[Change], moves: Iterable[Move]) -> list[Finding]:
    """The documents that change without being part of a version that moves."""
    judged = {
        path
        for m in moves
        for path in (model_path(m.model), release_path(m.model), version_path(m.model, m.version))
    }
    paths = [c.path for c in changes if c.after and classify(c.path) and c.path not in judged]
    findings = [finding for path in paths for finding in parse_file(after, path).findings]
    if paths and not findings:
        message = f"{len(paths)} more documents are valid and agree with their paths"
        findings.append(Finding(gate="documents", outcome=Outcome.PASS, message=message))
    return findings


def _branch_name(session: Session, base: str) -> str:
    """The branch that `base` names, without a remote's name before it.

    Raises:
        ModelctlError: it names no branch, so that its rules can't be told.
    """
    remote = session.repository.remote
    name = base.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    branch = name.removeprefix(f"{remote}/") if remote else name
    if session.repository.remote_first(branch) is None:
        session.repository.resolve(base)  # what isn't there at all is told first
        raise ModelctlError(
            f"{base} is no branch, so nothing says which rules apply",
            mend="name the branch that the change goes into: --target BRANCH",
        )
    return branch


def _conflict(
    session: Session, branch: str, ends: tuple[str, str], conflict: MergeConflict
) -> Report:
    finding = Finding(
        gate="merge",
        outcome=Outcome.FAIL,
        message=conflict.message,
        mend=f"merge {branch} into the pull request's branch and settle the conflict",
    )
    return _unjudged(session, branch, ends, finding)


def _odd(error: OddTree) -> Finding:
    return failure(PLACEMENT, error.message, error.path or MODELS, mend=error.mend or "")


def _unjudged(session: Session, branch: str, ends: tuple[str, str], finding: Finding) -> Report:
    """The report on a change that can't be looked at any closer."""
    return Report(
        title=f"into {branch}",
        verdicts=(Verdict(subject=Subject(), findings=(finding,)),),
        trusted=session.policy.commit,
        base=ends[0],
        head=ends[1],
        at=session.now,
    )

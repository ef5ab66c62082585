"""Judges changes and versions: trees in, one report out. Nothing is checked out or executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
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
from modelctl.services.moves import judge_moves
from modelctl.services.pointers import Located, unknown_environment
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree
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
    """A report, with what a deploy needs of it."""

    report: Report
    flow: Flow | None
    approvals: ApprovalState | None


def check_change(
    session: Session,
    base: str,
    head: str,
    *,
    target: str | None = None,
    pull_request: PullRequest | None = None,
    ask_reviews: bool = True,
) -> Report:
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
        return _conflict(session, branch, ends, conflict)
    except OddTree as error:
        return _unjudged(session, branch, ends, _odd(error))
    full = Ends(target=branch, base=ends[0], head=ends[1], after=after)
    return judge_ends(session, full, pull_request, ask_reviews=ask_reviews).report


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
        return Judged(report=refused, flow=None, approvals=None)
    transition = session.policy.lifecycle.to_branch(ends.target)
    brought_by = names_of(pull_request) if pull_request is not None else ()
    proposal = _proposal(
        session, ends, transition, (before, after), changes, brought_by, past=not ask_gates
    )
    flow = judge_flow(proposal)
    ask = partial(judge_moves, ask_gates=ask_gates, brought_by=brought_by)
    candidates, verdicts = ask(session, flow.moves, transition, before, after)
    whole = [*flow.findings, *_documents(after, changes, flow.moves)]
    whole.extend(_damages(session, proposal, flow) if ask_gates else ())
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
    report = Report(
        title=f"{flow.kind.value} into {ends.target}",
        verdicts=(Verdict(subject=Subject(), findings=(*whole, *waivers.findings)), *verdicts),
        trusted=session.policy.commit,
        base=ends.base,
        head=ends.head,
        at=session.now,
        notes=(*notes, *waivers.notes),
    )
    return Judged(report=report, flow=flow, approvals=state)


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
    candidates, verdicts = judge_moves(session, (move,), transition, before, located.tree)
    came = _came_through(session, located, transition)
    asked = asked_of_candidates(session.policy, candidates)
    report = Report(
        title=f"{located.name} → {transition.environment}",
        verdicts=tuple(replace(v, findings=(*came, *v.findings)) for v in verdicts),
        trusted=session.policy.commit,
        head=located.commit,
        at=session.now,
        notes=announce(session.policy, asked),
    )
    return candidates[0] if candidates else None, report


def transition_for(session: Session, located: Located, environment: str | None) -> Transition:
    """The transition into `environment`; without one, the next one on the version's way.

    Raises:
        ModelctlError: there is no such environment, or nothing follows.
    """
    lifecycle = session.policy.lifecycle
    if environment is not None:
        found = lifecycle.to_environment(environment)
        if found is None:
            raise unknown_environment(environment, lifecycle.environments)
        return found
    last: str | None = None
    for name in lifecycle.environments:
        served = record(state_tree(session, name), located.model)
        if served is not None and served.digest == located.digest:
            last = name
    following = lifecycle.after(last)
    if following is None:
        raise ModelctlError(
            f"{located.name} is in {last}, and nothing follows", mend="name one: --to ENV"
        )
    return following


def target_of(session: Session, branch: str) -> str | None:
    """The branch that a pull request from `branch` goes into by the lifecycle, or None.

    `promote/<model>/<version>/<environment>` goes into the branch of its environment.
    """
    lifecycle = session.policy.lifecycle
    match branch.split("/"):
        case ["promote", _, _, environment]:
            transition = lifecycle.to_environment(environment)
            return transition.to_branch if transition else None
    for transition in lifecycle.transitions:
        if fnmatchcase(branch, transition.from_branch):
            return transition.to_branch
    return None


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

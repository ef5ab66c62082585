"""How a model came to stand on a branch: each merge since its last deploy, judged again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelctl.adapters.reviews import find_merged
from modelctl.domain.authorship import names_of
from modelctl.domain.history import Deployment
from modelctl.domain.names import MODELS
from modelctl.domain.policy import Transition
from modelctl.domain.reviews import PullRequest
from modelctl.domain.tree import Commit
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.errors import ModelctlError
from modelctl.services.checking import Ends, Judged, judge_ends
from modelctl.services.session import Session

GATE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a model's present state came onto the branch.

    `commit` is the commit that last changed it, `approvers` those who approved what came since the
    last deploy; `is_new` says whether anything did. `reports` hold what blocks, one for each merge
    that must not count. `brought_by` are those whose pull requests these were.
    """

    commit: str
    approvers: tuple[str, ...]
    pull_request: int | None
    is_new: bool
    reports: tuple[Report, ...] = ()
    brought_by: tuple[str, ...] = ()


def judge_arrival(
    session: Session,
    transition: Transition,
    model: str,
    *,
    tip: str,
    last: Deployment | None,
    pull_requests: Sequence[PullRequest],
) -> Arrival:
    """Judges flow and approvals of every merge that touched `model` since its `last` deploy.

    A pull request can be marked merged with its rules unmet, and a state branch can be forged, so
    only the signed history says up to where the branch was judged before.
    """
    merges = list(_touching(session, model, tip, last.commit if last else None))
    if not merges and last is not None:
        return Arrival(
            commit=last.commit,
            approvers=last.approvers,
            pull_request=last.pull_request,
            is_new=False,
        )
    judged = [_judge_merge(session, transition, merge, pull_requests) for merge in merges]
    approvers = {p for _, one, _ in judged if one.approvals for p in one.approvals.approvers}
    numbers = (found.number for _, _, found in judged if found is not None)
    return Arrival(
        commit=merges[0].sha if merges else tip,
        approvers=tuple(sorted(approvers)),
        pull_request=next(numbers, None),
        is_new=True,
        reports=tuple(one.report for _, one, _ in judged if one.report.outcome.blocks),
        brought_by=tuple(name for _, _, found in judged if found for name in names_of(found)),
    )


def _touching(session: Session, model: str, tip: str, deployed: str | None) -> Iterator[Commit]:
    """The commits of the branch that changed the model's folder, newest first, until `deployed`."""
    repository, folder = session.repository, f"{MODELS}/{model}"
    for commit in repository.first_parents(tip):
        if commit.sha == deployed:
            return
        here = repository.tree(commit.tree).subtree(folder)
        parent = commit.parents[0] if commit.parents else None
        before = repository.tree(parent).subtree(folder) if parent else None
        if here != before:
            yield commit
        if here is None:
            return


def _judge_merge(
    session: Session, transition: Transition, merge: Commit, pull_requests: Sequence[PullRequest]
) -> tuple[Commit, Judged, PullRequest | None]:
    """The judgement of one commit of the branch, by the reviews of the pull request behind it."""
    try:
        found = find_merged(_behind(merge, transition, pull_requests), merge.sha)
        problem = _unproved(session, merge, found)
    except ModelctlError as error:  # one odd merge must not keep the other models from being judged
        found, problem = None, error.message
    if found is None or problem is not None:
        report = _blocked(session, transition, merge, problem or "no pull request")
        return merge, Judged(report=report, flow=None, approvals=None), found
    ends = Ends(
        target=transition.to_branch, base=merge.parents[0], head=found.head, after=merge.tree
    )
    # Gates judge what would run now, once; an older merge can't be measured or soak any more.
    return merge, judge_ends(session, ends, found, ask_gates=False), found


def _behind(
    merge: Commit, transition: Transition, pull_requests: Sequence[PullRequest]
) -> list[PullRequest]:
    """The pull requests that may be behind a commit: into this branch, and of its own head."""
    head = merge.parents[1] if len(merge.parents) > 1 else None
    claims = [p for p in pull_requests if p.merge_commit == merge.sha]
    own = [p for p in claims if p.base == transition.to_branch and head in (None, p.head)]
    return own or claims


def _unproved(session: Session, merge: Commit, found: PullRequest | None) -> str | None:
    """Why the commit can't be taken for the merge of a reviewed pull request, or None."""
    if not merge.parents:
        return "it is the first commit of the branch"
    if found is None:
        return "no pull request is known that was merged as this commit"
    if len(merge.parents) > 1 and merge.parents[1] != found.head:
        return f"it merges {merge.parents[1][:12]}, not the reviewed head {found.head[:12]}"
    # What was merged must be what a merge of the reviewed head gives, whatever the button was.
    if session.repository.merged(merge.parents[0], found.head) != merge.tree:
        return "it holds something that is not in the reviewed pull request"
    return None


def _blocked(session: Session, transition: Transition, merge: Commit, why: str) -> Report:
    subject = merge.message.splitlines()[0][:72] if merge.message else ""
    finding = Finding(
        gate=GATE,
        outcome=Outcome.FAIL,
        message=f"commit {merge.sha[:12]} ({subject}) was not merged by the rules: {why}",
        mend="bring the change in by a pull request; give its reviews with --reviews",
    )
    return Report(
        title=f"commit {merge.sha[:12]} on {transition.to_branch}",
        verdicts=(Verdict(subject=Subject(), findings=(finding,)),),
        trusted=session.policy.commit,
        head=merge.sha,
        at=session.now,
    )

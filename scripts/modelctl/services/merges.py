"""How a model came to stand on a branch: each merge since its last deploy, judged again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile

from modelctl.adapters.reviews import find_merged
from modelctl.domain.authorship import names_of
from modelctl.domain.flow import FlowKind, Move
from modelctl.domain.history import Deployment, WayBack, commits_moved_to
from modelctl.domain.names import MODELS
from modelctl.domain.policy import Transition
from modelctl.domain.reviews import PullRequest
from modelctl.domain.tree import Commit
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.errors import ModelctlError
from modelctl.services.checking import Ends, Judged, judge_ends
from modelctl.services.session import Session

GATE = "merge"

MOST = 10
"""So many pull requests of one merge are read. Anybody can open one more, which costs requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A pull request that says it was merged as the commit `merge_commit`. `read` gives it with its
    reviews, and raises DependencyError where nobody can tell them now."""

    number: int
    base: str
    head: str
    merge_commit: str
    read: Callable[[], PullRequest]


Merged = Callable[[Commit], Iterable[Claim]]
"""Those who say that they were merged as a commit, the likeliest first. Asked for a commit only
when it has to be judged, and for as many as it takes.

Raises:
    DependencyError: nobody can tell now, so nothing can be decided.
"""


def given(pull_requests: Sequence[PullRequest]) -> Merged:
    """Those of a list that was read before."""
    return lambda commit: [
        Claim(
            number=one.number,
            base=one.base,
            head=one.head,
            merge_commit=commit.sha,
            read=partial(_itself, one),
        )
        for one in pull_requests
        if one.merge_commit == commit.sha
    ]


def _itself(one: PullRequest) -> PullRequest:
    return one


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a model's present state came onto the branch.

    `commit` is the commit that last changed it, `approvers` those who approved what came since the
    last deploy; `is_new` says whether anything did. `reports` hold what blocks, one for each merge
    that must not count. `brought_by` are those whose pull requests these were. `ways_back` are the
    rollbacks among the merges, the oldest first; `is_rollback` says that nothing else moved it
    since traffic last followed the branch: what came before that was judged then, also where it was
    taken back in an emergency.
    """

    commit: str
    approvers: tuple[str, ...]
    pull_request: int | None
    is_new: bool
    reports: tuple[Report, ...] = ()
    brought_by: tuple[str, ...] = ()
    ways_back: tuple[WayBack, ...] = ()
    is_rollback: bool = False


def judge_arrival(
    session: Session,
    transition: Transition,
    model: str,
    *,
    tip: str,
    last: Deployment | None,
    merged: Merged,
) -> Arrival:
    """Judges flow and approvals of every merge that touched `model` since its `last` deploy.

    A pull request can be marked merged with its rules unmet, and a state branch can be forged, so
    only the signed history says up to where the branch was judged before.

    Raises:
        DependencyError: `merged` can't tell now.
    """
    merges = list(_touching(session, model, tip, last.commit if last else None))
    if not merges and last is not None:
        return Arrival(
            commit=last.commit,
            approvers=last.approvers,
            pull_request=last.pull_request,
            is_new=False,
        )
    judged = [_judge_merge(session, transition, merge, merged) for merge in merges]
    approvers = {p for _, one, _ in judged if one.approvals for p in one.approvals.approvers}
    numbers = (found.number for _, _, found in judged if found is not None)
    moves = [(one, move) for one in judged for move in _moves(one, model)]
    ways_back = tuple(w for one, move in reversed(moves) if (w := _way_back(one, move)))
    followed = commits_moved_to(session.signed(model), transition.environment)
    fresh = [_way_back(*one) for one in takewhile(lambda m: m[0][0].sha not in followed, moves)]
    return Arrival(
        commit=merges[0].sha if merges else tip,
        approvers=tuple(sorted(approvers)),
        pull_request=next(numbers, None),
        is_new=True,
        reports=tuple(one.report for _, one, _ in judged if one.report.outcome.blocks),
        brought_by=tuple(name for _, _, found in judged if found for name in names_of(found)),
        ways_back=ways_back,
        is_rollback=bool(fresh) and None not in fresh,
    )


def _touching(session: Session, model: str, tip: str, deployed: str | None) -> Iterator[Commit]:
    """The commits of the branch that changed the model's folder, newest first, until `deployed`.

    Where the folder was as it is there, what came between was taken back again, by whomever: the
    state is the one that was judged. No other state is a place to stop at: one that was approved
    and then replaced would come back by a push. Nor is one without the model, but for a model that
    was never deployed: it might have been deleted by a push.
    """
    repository, folder = session.repository, f"{MODELS}/{model}"
    judged = repository.tree(deployed).subtree(folder) if deployed else None
    for commit in repository.first_parents(tip):
        here = repository.tree(commit.tree).subtree(folder)
        if commit.sha == deployed or (judged is not None and here == judged):
            return
        parent = commit.parents[0] if commit.parents else None
        before = repository.tree(parent).subtree(folder) if parent else None
        if here != before:
            yield commit
        if here is None and judged is None:
            return


_Judgement = tuple[Commit, Judged, PullRequest | None]


def _moves(judgement: _Judgement, model: str) -> Iterator[Move]:
    """The moves of the model that a merge made."""
    flow = judgement[1].flow
    yield from (move for move in (flow.moves if flow else ()) if move.model == model)


def _way_back(judgement: _Judgement, move: Move) -> WayBack | None:
    """The move, where the flow calls it a rollback."""
    if move.kind is not FlowKind.ROLLBACK or move.from_version is None:
        return None
    merge, _, found = judgement
    return WayBack(
        version=move.version,
        left=move.from_version,
        commit=merge.sha,
        pull_request=found.number if found else None,
    )


def _judge_merge(
    session: Session, transition: Transition, merge: Commit, merged: Merged
) -> _Judgement:
    """The judgement of one commit of the branch, by the reviews of the pull request behind it.

    Anybody can open a second one with the same head into the same branch, and the forge marks both
    as merged. What they bring is the same, so whichever was approved shows that it may be.
    """
    others: list[Claim] = []
    first: _Judgement | None = None
    for claim in islice(_own(merge, transition, merged(merge), others), MOST):
        one = _judge_claim(session, transition, merge, claim)
        if not one[1].report.outcome.blocks:
            return one
        first = first or one
    return first or _judge_others(session, transition, merge, others)


def _own(
    merge: Commit, transition: Transition, claims: Iterable[Claim], others: list[Claim]
) -> Iterator[Claim]:
    """Those that may be behind a commit: into this branch, and of its own head. The rest comes into
    `others`: the forge marks with a merge whatever it brings along."""
    head = merge.parents[1] if len(merge.parents) > 1 else None
    for claim in claims:
        if claim.base == transition.to_branch and head in (None, claim.head):
            yield claim
        else:
            others.append(claim)


def _judge_others(
    session: Session, transition: Transition, merge: Commit, others: Sequence[Claim]
) -> _Judgement:
    """The judgement of a commit that no pull request is rightly behind."""
    try:
        claim = find_merged(others, merge.sha)
    except ModelctlError as error:
        return merge, Judged(report=_blocked(session, transition, merge, error.message)), None
    if claim is not None:
        return _judge_claim(session, transition, merge, claim)
    problem = _unproved(session, merge, None) or "no pull request"
    return merge, Judged(report=_blocked(session, transition, merge, problem)), None


def _judge_claim(
    session: Session, transition: Transition, merge: Commit, claim: Claim
) -> _Judgement:
    found = claim.read()  # where this fails, nothing is decided
    try:
        problem = _unproved(session, merge, found)
    except ModelctlError as error:  # one odd merge must not keep the other models from being judged
        return merge, Judged(report=_blocked(session, transition, merge, error.message)), None
    if problem is not None:
        return merge, Judged(report=_blocked(session, transition, merge, problem)), found
    ends = Ends(
        target=transition.to_branch, base=merge.parents[0], head=found.head, after=merge.tree
    )
    # Gates judge what would run now, once; an older merge can't be measured or soak any more.
    return merge, judge_ends(session, ends, found, ask_gates=False), found


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

"""What promotions and rollbacks share: the branch that they need, and how it would be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelctl.domain.checklists import ROLLBACK, State, Tick, Ticked, applying
from modelctl.domain.flow import FlowKind
from modelctl.domain.motions import Motion, Weighed
from modelctl.domain.policy import Transition
from modelctl.domain.pulls import PullSummary
from modelctl.domain.reviews import User
from modelctl.domain.strategies import Strategy
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model, read_release, read_version
from modelctl.services.checking import judge_change
from modelctl.services.moves import Moved
from modelctl.services.pages import Building, page_of
from modelctl.services.proposing import Cut, Wanted, cut, push
from modelctl.services.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A motion and how its branch is made: of files on top of the target, or it is there already.

    `head` is the commit of a branch that is there.
    """

    motion: Motion
    wanted: Wanted | None = None
    head: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the target has all of it, so that there is nothing to open."""
        return self.wanted is not None and not self.wanted.files


def bring(session: Session, planned: Plan, *, dry_run: bool = False) -> Cut:
    """The branch on the remote; with `dry_run` in this clone alone.

    Raises:
        ModelctlError: git doesn't know who the author is.
        DependencyError: the remote can't be reached, or refuses.
    """
    if planned.wanted is not None:
        return (cut if dry_run else push)(session, planned.wanted)
    motion, head = planned.motion, planned.head or ""
    target = motion.transition.to_branch
    base = session.branch_tip(target)
    return Cut(branch=motion.branch, target=target, base=base, head=head, tip=head)


def weigh(session: Session, motion: Motion, made: Cut) -> Weighed:
    """How the branch would be judged now, but for the approvals, which nobody could give yet."""
    judged = judge_change(session, made.base, made.head, target=made.target, ask_reviews=False)
    repository = session.repository
    # Where the two can't be merged it is compared with where they parted: what the target went
    # through since is none of its doing.
    start = made.base if judged.after else repository.merge_base(made.base, made.head)
    before, after = repository.tree(start), repository.tree(judged.after or made.head)
    return Weighed(
        motion=motion,
        page=page_of(session, _unopened(session, motion, made), judged, None, Building()),
        changes=repository.changes(before, after),
        manifest=read_version(after, motion.model, motion.version),
        strategy=_strategy(session, after, motion.model, motion.transition),
        todo=_afterwards(session, motion, judged.moved),
    )


def _afterwards(session: Session, motion: Motion, moved: Sequence[Moved]) -> tuple[Ticked, ...]:
    """What people go through after a rollback, each to be ticked by hand."""
    if motion.kind is not FlowKind.ROLLBACK:
        return ()
    scopes = [s for one in moved if one.candidate is not None for s in one.candidate.scopes]
    items = applying(session.policy.checklists.of(ROLLBACK), scopes)
    return tuple(Ticked(item=one, tick=Tick(state=State.BY_HAND, why="")) for one in items)


def is_on(session: Session, commit: str, tip: str) -> bool:
    """Whether a branch holds a commit; one that isn't here it doesn't hold."""
    try:
        return session.repository.is_ancestor(commit, tip)
    except ModelctlError:
        return False


def _unopened(session: Session, motion: Motion, made: Cut) -> PullSummary:
    """The pull request as it would be."""
    return PullSummary(
        number=0,
        title=motion.title,
        body="",
        author=User(id=0, login=""),
        base=made.target,
        branch=made.branch,
        head=made.head,
        url="",
        is_open=True,
        is_merged=False,
        is_draft=False,
        is_fork=False,
        labels=(),
        requested=(),
        requested_teams=(),
        created_at=session.now,
        updated_at=session.now,
    )


def _strategy(session: Session, after: Tree, model: str, transition: Transition) -> Strategy | None:
    release, one = read_release(after, model), read_model(after, model)
    if release is None or one is None:
        return None
    return session.policy.strategy(release.strategies.get(transition.environment), one.tier)

"""Opens the pull request of a motion: the branch first, then what it says, then the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelctl.domain.motions import Weighed
from modelctl.errors import DependencyError, ModelctlError
from modelctl.report.motion import description
from modelctl.services.moving import Plan, bring, weigh
from modelctl.services.proposing import Cut, Opened, open_pull
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What came of a plan: the branch, how it would be judged, and the pull request.

    `opened` is None where there is none: in a dry run, and where the target has it all already.
    """

    plan: Plan
    made: Cut | None = None
    weighed: Weighed | None = None
    body: str = ""
    opened: Opened | None = None


def propose(session: Session, github: GitHub | None, planned: Plan) -> Proposed:
    """Brings the branch to the remote and opens its pull request; without `github` it only says
    what would be done.

    It is judged before, and what blocks is told, but opened all the same: evidence and approvals
    come while it is open.

    Raises:
        ModelctlError: git doesn't know who the author is.
        DependencyError: the remote or GitHub can't be reached; run it again.
    """
    if planned.is_done:
        return Proposed(plan=planned)
    made = bring(session, planned, dry_run=github is None)
    weighed = weigh(session, planned.motion, made)
    if not weighed.changes:
        return Proposed(plan=planned, made=made)
    body = description(weighed, repository=github.web_url if github else None)
    opened = _opened(github, made, planned, body) if github is not None else None
    return Proposed(plan=planned, made=made, weighed=weighed, body=body, opened=opened)


def _opened(github: GitHub, made: Cut, planned: Plan, body: str) -> Opened:
    """The pull request; an error says that the branch is there all the same."""
    try:
        return open_pull(github, made, planned.motion.title, body)
    except ModelctlError as error:
        kind = DependencyError if isinstance(error, DependencyError) else ModelctlError
        raise kind(
            f"{made.branch} is pushed, but its pull request is not opened: {error.message}",
            mend=f"{error.mend or 'run it again'}; the branch is taken up as it is",
        ) from error

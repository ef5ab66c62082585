"""Where a branch or a version goes next by the lifecycle."""

from __future__ import annotations

from fnmatch import fnmatchcase

from modelctl.domain.policy import Transition
from modelctl.errors import ModelctlError
from modelctl.services.pointers import Located, unknown_environment
from modelctl.services.session import Session
from modelctl.services.state import record, state_tree


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

    `promote/<model>/<version>/<environment>` and `rollback/…` go into the branch of their
    environment.
    """
    lifecycle = session.policy.lifecycle
    match branch.split("/"):
        case ["promote" | "rollback", _, _, environment]:
            transition = lifecycle.to_environment(environment)
            return transition.to_branch if transition else None
    for transition in lifecycle.transitions:
        if fnmatchcase(branch, transition.from_branch):
            return transition.to_branch
    return None

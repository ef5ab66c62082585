"""The checklist of a version on its way, ticked by the verdict that `check` would give."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from modelctl.domain.approvals import approvals
from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.checklists import LISTS, ROLE, Checklist
from modelctl.domain.policy import ApprovalRule, Policy, Transition
from modelctl.domain.reviews import PullRequest
from modelctl.domain.ticking import Known, tick_lists
from modelctl.domain.verdict import Verdict
from modelctl.errors import ModelctlError
from modelctl.services.asking import asked_of_candidates
from modelctl.services.checking import judge_version
from modelctl.services.moves import facts_for
from modelctl.services.pointers import Located
from modelctl.services.session import Session


def checklist(
    session: Session,
    located: Located,
    transition: Transition,
    pull_request: PullRequest | None = None,
) -> Checklist:
    """What is done and what is to do for a version on its way to an environment.

    `pull_request` is the one that brings it there, where there is one.

    Raises:
        ModelctlError: the version's documents can't be read.
    """
    candidate, report = judge_version(session, located, transition)
    if candidate is None:
        raise ModelctlError(
            f"{located.name} can't be judged", mend=f"run `modelctl check {located.name}`"
        )
    facts = facts_for(session, located.model, transition.environment)
    return ticked(session.policy, candidate, facts, report.verdicts[0], pull_request)


def ticked(
    policy: Policy,
    candidate: Candidate,
    facts: Facts,
    verdict: Verdict,
    pull_request: PullRequest | None,
) -> Checklist:
    """The checklist of a candidate that was judged already."""
    known = Known(
        candidate=candidate,
        facts=facts,
        verdict=verdict,
        roles=policy.roles,
        approved=_approved(policy, candidate, pull_request),
    )
    return tick_lists(policy.checklists, known)


def _approved(
    policy: Policy, candidate: Candidate, pull: PullRequest | None
) -> Mapping[str, Collection[str]] | None:
    """Who approved as what; None without a pull request.

    The roles that only a list names are asked about too, each for itself, so that nobody is lost
    to one of them by filling a place of another.
    """
    if pull is None:
        return None
    owners = asked_of_candidates(policy, [candidate]).owners
    lists = (item for name in LISTS for item in policy.checklists.of(name))
    named = {item.name for item in lists if item.fact == ROLE}
    found = {}
    for name in sorted(named):
        state = approvals(pull, (ApprovalRule(role=name),), policy.roles, owners)
        found[name] = () if state.missing else state.chosen.get(name, ())
    return found

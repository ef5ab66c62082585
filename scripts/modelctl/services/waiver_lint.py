"""What `policy lint` says of a policy that isn't trusted yet, beyond what its files say: waivers
that would not count, and names that nothing has."""

from __future__ import annotations

from datetime import UTC, datetime

from modelctl.adapters.git import Repository
from modelctl.adapters.ledger import Ledger
from modelctl.adapters.policy_problems import PolicyProblem
from modelctl.domain.policy import Policy
from modelctl.services.candidates import models
from modelctl.services.pointers import known_models
from modelctl.services.policy_notes import policy_notes
from modelctl.services.session import Session
from modelctl.services.waivers import State, standings


def waiver_lines(
    repository: Repository, policy: Policy, tree: str
) -> tuple[tuple[PolicyProblem, ...], tuple[str, ...]]:
    """What is wrong with the waivers of a policy now, and notes about those that are over.

    `tree` is the commit or tree that the policy was read from: versions may be there and nowhere
    else. One that has expired is no problem: it only doesn't count any more.
    """
    if not policy.waivers:
        return (), ()
    found = standings(_session(repository, policy), extra=(repository.tree(tree),))
    problems = tuple(
        PolicyProblem(
            location=one.waiver.at(problem.key),
            message=f"the waiver doesn't count: {problem.message}",
            mend=problem.mend,
        )
        for one in found
        for problem in one.objections
        if one.state is State.IDLE
    )
    over = (one for one in found if one.state is State.EXPIRED)
    notes = tuple(f"{one.waiver.file}: {one.objections[0].message}" for one in over)
    return problems, notes


def other_notes(repository: Repository, policy: Policy, tree: str) -> tuple[str, ...]:
    """Notes about names in the policy that protect or freeze nothing."""
    session, here = _session(repository, policy), repository.tree(tree)
    places = (here, *map(repository.tree, session.places()))
    known = {name for place in places for name in models(place)} | set(known_models(session))
    return policy_notes(policy, here, known, places, session.now)


def _session(repository: Repository, policy: Policy) -> Session:
    ledger = Ledger(repository, policy.keys, branch=policy.lifecycle.ledger_branch)
    return Session(repository=repository, policy=policy, ledger=ledger, now=datetime.now(UTC))

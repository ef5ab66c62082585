"""Judges a pull request as GitHub has it now, by the rules of the trusted ref; writes nothing.

Titles, names of branches, bodies and labels decide nothing: the head is taken by its commit, the
target by the branch that GitHub says the merge would go into, and the reviews from the API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from modelctl.domain.check_marks import digest_of
from modelctl.domain.electorate import among
from modelctl.domain.pages import Page
from modelctl.domain.policy import Policy, Role
from modelctl.domain.pulls import CheckOutput, CheckState, PullSummary
from modelctl.domain.reviews import PullRequest, Review
from modelctl.domain.voices import APPROVED, CHANGES_REQUESTED
from modelctl.report import gfm
from modelctl.report.check_run import check_output
from modelctl.report.pull_request import comment
from modelctl.services.checking import judge_change
from modelctl.services.pages import begin, page_of
from modelctl.services.pull_heads import bring
from modelctl.services.pull_scope import scope_of_pull
from modelctl.services.session import Session

if TYPE_CHECKING:
    from modelctl.adapters.github import GitHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a pull request: what its check run and its comment say.

    `page` is None where nothing was judged: the pull request goes into no branch of the lifecycle,
    could not be decided, or was closed meanwhile or passed over (then `output` is None too). `at`
    is when its reviews were read.
    `beside` are the open pull requests with the same head, it among them, as far as asked for.
    """

    pull: PullSummary
    at: datetime
    facts: str = ""
    output: CheckOutput | None = None
    page: Page | None = None
    body: str | None = None
    reviewed: PullRequest | None = None
    beside: tuple[PullSummary, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where pull requests are judged: the session, GitHub, and the active members of teams as far
    as they were asked for."""

    session: Session
    github: GitHub
    teams: dict[str, frozenset[str] | None] = field(default_factory=dict)


def look_at(bench: Bench, pull: PullSummary, *, around: bool = False) -> Look:
    """Judges a pull request that was just read; `around` asks for those beside it, too.

    Raises:
        ModelctlError, DependencyError: it could not be decided.
    """
    session, github = bench.session, bench.github
    if pull.is_open and is_governed(session.policy, pull.base):
        pull = bring(session, github, pull)
    at = datetime.now(UTC)
    if not pull.is_open:
        return Look(pull=pull, at=at)
    facts = facts_of(session, pull)
    if not is_governed(session.policy, pull.base):
        return Look(pull=pull, at=at, facts=facts, output=_ungoverned(pull))
    building = begin(session, pull)
    rules = not scope_of_pull(session, pull).models
    reviewed = with_teams(bench, github.pulls.reviewed(pull), rules=rules)
    judged = judge_change(
        session,
        session.branch_tip(pull.base),
        pull.head,
        target=pull.base,
        pull_request=reviewed,
    )
    # Asked here, while the manifests of the page are being built.
    beside = github.pulls.with_head(pull.head) if around else None
    page = page_of(session, pull, judged, reviewed, building)
    # When it was judged, GitHub tells itself; in the text it would make every look a change.
    page = replace(page, report=replace(page.report, at=None))
    return Look(
        pull=pull,
        at=at,
        facts=facts,
        output=check_output(page, repository=github.web_url),
        page=page,
        body=comment(page, repository=github.web_url),
        reviewed=reviewed,
        beside=beside,
    )


def facts_of(session: Session, pull: PullSummary) -> str:
    """A digest of everything that a verdict depends on and that is seen without asking GitHub more
    than for its list of pull requests: the commits in question, and when the pull request was last
    touched, be it by a push, a review, a request or a label."""
    repository, lifecycle = session.repository, session.policy.lifecycle
    machines = (lifecycle.ledger_branch, *map(lifecycle.state_of, lifecycle.environments))
    tips = (repository.remote_first(branch) for branch in (pull.base, *machines))
    touched = pull.updated_at.isoformat()
    return digest_of((session.policy.commit, pull.base, pull.head, touched, *tips))


def is_governed(policy: Policy, branch: str) -> bool:
    """Whether what goes into a branch is judged: it deploys, or it holds the rules."""
    lifecycle = policy.lifecycle
    return branch == lifecycle.default_branch or lifecycle.to_branch(branch) is not None


def _ungoverned(pull: PullSummary) -> CheckOutput:
    """It is never a success, since a check run belongs to a commit: it would count for another pull
    request that takes the same commit into a branch of the lifecycle."""
    branch = gfm.code(pull.base)
    return CheckOutput(
        state=CheckState.FAILURE,
        title="Not judged: it goes into no branch of the lifecycle",
        summary=f"No environment deploys from {branch}, so nothing says which gates apply.\n\n"
        "This only blocks branches that ask for the check; for a model or a rule, open the pull "
        "request into a branch of `policies/lifecycle.yaml`.",
    )


def with_teams(bench: Bench, reviewed: PullRequest, *, rules: bool = True) -> PullRequest:
    """The same with the active members of the teams whose membership matters to these reviews.

    For an approval those are the teams of the roles that may be asked for, where no `rules` are
    touched fewer; for requested changes those of any role.
    """
    policy = bench.session.policy
    approving = [r for r in reviewed.reviews if r.state == APPROVED and r.commit == reviewed.head]
    objecting = [r for r in reviewed.reviews if r.state == CHANGES_REQUESTED]
    seen = {
        **active_teams(bench, _logins(approving), _asked(policy, reviewed.base, rules)),
        **active_teams(bench, _logins(objecting), policy.roles),
    }
    return replace(reviewed, active_teams=MappingProxyType({**reviewed.active_teams, **seen}))


def _logins(reviews: Iterable[Review]) -> tuple[str, ...]:
    return tuple(review.user.login for review in reviews if review.user is not None)


def _asked(policy: Policy, base: str, rules: bool) -> frozenset[str]:
    """The roles that a change into a branch may be asked the approval of."""
    lifecycle = policy.lifecycle
    if rules and base == lifecycle.default_branch:
        return frozenset(policy.roles)  # waivers may name anybody
    transition = lifecycle.to_branch(base)
    step = transition.approvals if transition is not None else ()
    rows = (row for gate in policy.gates for row in gate.options.get("approvals", ()))
    always = (*step, *policy.contract_approvals)
    roles = [rule.role for rule in (*always, *(policy.rule_approvals if rules else ()))]
    return frozenset((*roles, *(row["role"] for row in rows)))


def active_teams(
    bench: Bench, logins: Sequence[str], roles: Iterable[str]
) -> Mapping[str, frozenset[str]]:
    """The active members of each team behind one of these roles that one of these people holds by
    the policy, as far as they can be seen. Nobody else's membership is asked for."""
    known = bench.session.policy.roles
    behind = ((known[name].team, _holders(known[name])) for name in roles if name in known)
    asked = {slug for slug, held in behind if slug and any(among(one, held) for one in logins)}
    for slug in sorted(asked - bench.teams.keys()):
        bench.teams[slug] = bench.github.people.team(slug)
    found = {slug: bench.teams[slug] for slug in sorted(asked)}
    return {slug: members for slug, members in found.items() if members is not None}


def _holders(role: Role) -> frozenset[str]:
    return role.members.union(*role.members_by_owner.values())

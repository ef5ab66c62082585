"""Whom to ask for a review: people or teams of the roles of which an approval is missing.

A team is asked where everybody in it could give the approval; where a role is narrowed to the
models of one team, its people are asked by name, since asking all would call those who can't help.
Whoever was asked stays asked and is never asked twice for the same head: GitHub strikes who answers
off the list, and a comment is an answer too. Where people asked somebody who can help, their choice
stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelctl.domain.approvals import ApprovalState, Missing
from modelctl.domain.electorate import among
from modelctl.domain.policy import Role
from modelctl.domain.pulls import PullSummary
from modelctl.domain.reviews import PullRequest

MOST_PEOPLE = 5
"""So many are asked for one role, unless it needs more: the others can approve unasked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Who is to be asked: logins and slugs of teams."""

    people: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.people or self.teams)

    def __str__(self) -> str:
        return f"reviews asked of {', '.join((*self.people, *(f'team {t}' for t in self.teams)))}"


def requests(
    pull: PullSummary, reviewed: PullRequest, state: ApprovalState, roles: Mapping[str, Role]
) -> Requests:
    """Who is still to be asked for the approvals that are missing."""
    answered = tuple(
        review.user.login
        for review in reviewed.reviews
        if review.user is not None and review.commit == reviewed.head
    )
    people: dict[str, None] = {}
    teams: dict[str, None] = {}
    for missing in state.missing:
        role = roles.get(missing.role)
        if role is None or _is_asked(pull, role, missing):
            continue
        if role.team is None or role.members_by_owner:
            people |= dict.fromkeys(_pick(pull.number, missing, answered))
        elif not any(among(login, role.members) for login in answered):
            teams[role.team] = None
    return Requests(people=tuple(people), teams=tuple(teams))


def _is_asked(pull: PullSummary, role: Role, missing: Missing) -> bool:
    """Whether enough of those who can help have been asked already."""
    if role.team in pull.requested_teams:
        return True
    asked = [user.login for user in pull.requested if among(user.login, missing.candidates)]
    return len(asked) >= missing.count


def _pick(number: int, missing: Missing, answered: tuple[str, ...]) -> list[str]:
    """A few who can help, beginning with another one in each pull request, so that the same person
    isn't always the first."""
    fresh = [login for login in missing.candidates if not among(login, answered)]
    first = number % len(fresh) if fresh else 0
    return (fresh[first:] + fresh[:first])[: max(MOST_PEOPLE, missing.count)]

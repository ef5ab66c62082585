"""Who may approve what on one pull request: roles, owners, active teams, and who took part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelctl.domain.policy import ApprovalRule, Role
from modelctl.domain.reviews import PullRequest, User


def among(login: str, logins: Iterable[str]) -> bool:
    """Whether `login` is one of `logins`; GitHub's logins are the same in any case."""
    return login.lower() in {other.lower() for other in logins}


@dataclass(frozen=True, slots=True, kw_only=True)
class Electorate:
    """Who may approve `pull_request`, which `rules` ask it for, for the models of `owners`.

    An owner of None stands for the rules of the repository.
    """

    pull_request: PullRequest
    rules: Sequence[ApprovalRule]
    roles: Mapping[str, Role]
    owners: Sequence[str | None]

    @property
    def asked(self) -> tuple[str, ...]:
        """The roles that are asked for, in the order of the rules."""
        return tuple(dict.fromkeys(rule.role for rule in self.rules))

    def members(self, name: str, owner: str | None) -> frozenset[str]:
        """The logins that hold the role now; none for a role that the policy doesn't have."""
        role = self.roles.get(name)
        if role is None:
            return frozenset()
        members = role.members_for(owner)
        active = self.pull_request.active_teams.get(role.team or "")
        return members if active is None else frozenset(m for m in members if among(m, active))

    def holds(self, login: str, name: str) -> bool:
        """Whether `login` holds the role for one of the owners."""
        return any(among(login, self.members(name, owner)) for owner in self.owners)

    def has_voice(self, login: str) -> bool:
        """Whether `login` holds any role at all for one of the owners."""
        return any(self.holds(login, name) for name in self.roles)

    def asked_roles(self, login: str) -> tuple[str, ...]:
        """The roles that are asked for and that `login` holds for one of the owners."""
        return tuple(name for name in self.asked if self.holds(login, name))

    def part_of(self, user: User) -> str | None:
        """What `user` did for the pull request, told by account or by login; None for nothing."""
        if _same(user, self.pull_request.author):
            return "opened the pull request"
        if any(_same(user, other) for other in self.pull_request.authors):
            return "wrote a commit of it"
        return None

    def is_involved(self, login: str) -> bool:
        """Whether the account that is called `login` now opened it or wrote a commit of it."""
        involved = (self.pull_request.author, *self.pull_request.authors)
        return among(login, (user.login for user in involved))

    def why_no_role(self, login: str) -> str:
        """Why someone holds no asked role, as exactly as the policy tells."""
        for role in (self.roles[name] for name in self.asked if name in self.roles):
            if any(among(login, role.members_for(owner)) for owner in self.owners):
                return f"is {role.name} in the policy, but {self._of_team(role.team or '')}"
            teams = sorted(o for o, logins in role.members_by_owner.items() if among(login, logins))
            if teams:
                return f"is {role.name} only for the models of {', '.join(teams)}"
        if any(among(login, _everyone(role)) for role in self.roles.values()):
            return "holds no role that is asked for here"
        return "is in no role of the policy"

    def _of_team(self, slug: str) -> str:
        """Why an approval by the policy alone isn't enough; one of a missing team is told."""
        if self.pull_request.active_teams.get(slug):
            return f"no active member of team {slug}"
        return f"team {slug} is empty, or there is none of that name"


def _same(user: User, other: User) -> bool:
    return user.id == other.id or user.login.lower() == other.login.lower()


def _everyone(role: Role) -> frozenset[str]:
    return role.members.union(*role.members_by_owner.values())

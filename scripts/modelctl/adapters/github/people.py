"""Accounts and teams."""

from __future__ import annotations

from functools import cached_property

from modelctl.adapters.github.failures import RefusedError
from modelctl.adapters.github.repository import RepositoryApi
from modelctl.adapters.github.transport import path
from modelctl.adapters.reviews import read_user
from modelctl.domain.reviews import User


class People:
    """Who we are, and who is in a team of the organisation that owns the repository."""

    def __init__(self, api: RepositoryApi):
        self._api = api

    def me(self) -> User:
        """The account that we act as.

        Raises:
            ModelctlError: GitHub doesn't accept the credentials.
            DependencyError: there is no usable answer.
        """
        return self._api.me()

    def team(self, slug: str) -> frozenset[str] | None:
        """The logins of a team's active members, those of its child teams included.

        Nobody where the organisation, whose teams we may see, shows us no such team: it was renamed
        or deleted. None where we may see no teams at all: `GITHUB_TOKEN` may not, nor an App that
        may not read members, and the owner of the repository may be a person, who has none.

        Raises:
            ModelctlError: we may see the teams, but not who is in this one.
            DependencyError: there is no usable answer.
        """
        at = path("orgs", self._api.access.owner, "teams", slug, "members")
        try:
            members = list(self._api.transport.pages(at))
        except RefusedError as error:
            if error.status not in (403, 404):
                raise
            if not self._sees_teams:
                return None
            if error.status == 403:
                raise
            members = []
        return frozenset(self._api.read(one, f"GET {at}", read_user).login for one in members)

    @cached_property
    def _sees_teams(self) -> bool:
        at = path("orgs", self._api.access.owner, "teams")
        return self._api.transport.get(at, {"per_page": 1}, absent=(403, 404)) is not None

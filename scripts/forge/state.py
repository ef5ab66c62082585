"""All that the forge knows, behind one lock."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from forge.bare import create_bare
from forge.errors import ApiError, not_found
from forge.faults import Faults
from forge.keys import key_pair
from forge.values import (
    ROLES,
    App,
    Event,
    Logged,
    Repository,
    Team,
    Token,
    User,
)

ACTIONS_APP = 15368
"""The id of the app by which GitHub's workflows act."""


class State:
    """Users, teams, apps, tokens and repositories.

    `lock` is held for as long as values are read together or changed, never while git runs.
    `listeners` are called with each event, in order, while the lock is held.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.web_url = ""
        self.api_url = ""
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.roles: dict[str, str] = {}  # given in repositories that are still to come
        self.teams: dict[tuple[str, str], Team] = {}
        self.apps: dict[int, App] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[str, Repository] = {}
        self.events: list[Event] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.faults = Faults()
        self.requests: deque[Logged] = deque(maxlen=200_000)
        self._ids = count(1001)
        self._used: dict[tuple[str | None, int], int] = {}
        self._branches: dict[tuple[str, str], threading.Lock] = {}
        self.add_app("github-actions", owner="github", permissions={}, events=[], id=ACTIONS_APP)

    def new_id(self) -> int:
        """A number that nothing else here has."""
        return next(self._ids)

    def use(self, login: str | None, count: int = 1) -> tuple[int, int]:
        """How many requests that one has sent in this minute, those `count` included; and when the
        next minute begins, in seconds since 1970. Nobody is held to it."""
        minute = int(time.time()) // 60
        with self.lock:
            used = self._used[login, minute] = self._used.get((login, minute), 0) + count
        return used, (minute + 1) * 60

    def branch_lock(self, repository: Repository, branch: str) -> threading.Lock:
        """Held while the forge itself moves that branch."""
        with self.lock:
            return self._branches.setdefault((repository.full_name, branch), threading.Lock())

    def emit(self, name: str, payload: dict[str, Any]) -> None:
        """Record an event and tell whoever listens."""
        with self.lock:
            event = Event(name=name, payload=payload)
            self.events.append(event)
            for listener in self.listeners:
                listener(event)

    # Who there is.

    def add_user(
        self,
        login: str,
        *,
        id: int | None = None,  # noqa: A002 GitHub's name for it
        email: str | None = None,
        kind: str = "User",
        name: str | None = None,
    ) -> User:
        """A new account; the one that is there already, if so."""
        with self.lock:
            found = self.users.get(login.lower())
            if found is not None:
                return found
            user = User(id=id or self.new_id(), login=login, kind=kind, name=name, email=email)
            self.users[login.lower()] = user
            return user

    def user(self, login: str) -> User:
        """By login, in whatever case; ApiError 404 if there is none."""
        found = self.users.get(login.lower())
        if found is None:
            raise not_found()
        return found

    def give_role(self, login: str, role: str | None) -> None:
        """In every repository there is, and in those still to come; None takes nothing away."""
        if role is None:
            return
        with self.lock:
            self.roles[login] = role
            for repository in self.repositories.values():
                repository.collaborators[login] = role

    def add_token(self, login: str) -> Token:
        """A person's token: it may do whatever the person may."""
        token = Token(value=f"fg_{secrets.token_hex(20)}", login=self.user(login).login)
        with self.lock:
            self.tokens[token.value] = token
        return token

    def add_team(
        self, org: str, slug: str, members: Iterable[str] = (), *, parent: str | None = None
    ) -> Team:
        """A new team, or more members of the one that is there."""
        with self.lock:
            self.add_user(org, kind="Organization")
            team = self.teams.get((org.lower(), slug))
            if team is None:
                name = slug.replace("-", " ").title()
                team = Team(id=self.new_id(), org=org, slug=slug, name=name, parent=parent)
                self.teams[org.lower(), slug] = team
            for login in members:
                team.members[self.add_user(login).login] = "member"
            return team

    def team(self, org: str, slug: str) -> Team:
        """ApiError 404 if there is none."""
        found = self.teams.get((org.lower(), slug))
        if found is None:
            raise not_found()
        return found

    def members(self, team: Team) -> dict[str, str]:
        """Active members with their role there, those of child teams among them."""
        found = dict(team.members)
        for child in self.teams.values():
            if child.org == team.org and child.parent == team.slug:
                found = {**self.members(child), **found}
        return found

    def add_app(
        self,
        slug: str,
        *,
        owner: str,
        permissions: dict[str, str],
        events: list[str],
        repositories: list[str] | None = None,
        id: int | None = None,  # noqa: A002 GitHub's name for it
    ) -> App:
        """An app that is installed in `owner`'s account."""
        # Nobody signs as GitHub's own app, and making a key takes a tenth of a second.
        private, public = ("", "") if id == ACTIONS_APP else key_pair()
        with self.lock:
            self.add_user(owner, kind="Organization")
            app = App(
                id=id or self.new_id(),
                slug=slug,
                owner=owner,
                key=private,
                public_key=public,
                permissions={"metadata": "read", **permissions},
                events=events,
                installation=self.new_id(),
                account=owner,
                repositories=repositories,
            )
            self.apps[app.id] = app
            self.add_user(app.bot, kind="Bot")
            return app

    # Repositories.

    def add_repository(
        self,
        owner: str,
        name: str,
        *,
        from_bare: Path | None = None,
        default_branch: str = "main",
        private: bool = False,
    ) -> Repository:
        """A new repository, with the objects and refs of `from_bare` if that is given."""
        with self.lock:
            self.add_user(owner, kind="Organization")
            if f"{owner}/{name}".lower() in self.repositories:
                raise ApiError(422, "Repository creation failed.")
            identity = self.new_id()
        path = self.root / owner / f"{name}.git"
        create_bare(path, default_branch, from_bare)
        repository = Repository(
            id=identity,
            owner=owner,
            name=name,
            path=path,
            default_branch=default_branch,
            private=private,
        )
        with self.lock:
            self.repositories[repository.full_name.lower()] = repository
        return repository

    def repository(self, full_name: str) -> Repository:
        """By `owner/name`; ApiError 404 if there is none."""
        found = self.repositories.get(full_name.lower())
        if found is None:
            raise not_found()
        return found

    def role(self, repository: Repository, login: str | None) -> str | None:
        """What a person may do there: one of ROLES, or None."""
        given = ["read"] if not repository.private else []
        if login is not None:
            if login.lower() == repository.owner.lower():
                given.append("admin")
            if login in repository.collaborators:
                given.append(repository.collaborators[login])
            given += self._roles_by_team(repository, login)
        return max(given, key=ROLES.index, default=None)

    def _roles_by_team(self, repository: Repository, login: str) -> list[str]:
        with self.lock:
            return [
                role
                for slug, role in repository.team_roles.items()
                if (team := self.teams.get((repository.owner.lower(), slug))) is not None
                and login in self.members(team)
            ]

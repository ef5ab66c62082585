"""People at work on a forge, who leave their connections closed behind them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from forge.people import Person

if TYPE_CHECKING:
    from forge.server import Forge


class Cast:
    """Gives the same person for the same login."""

    def __init__(self, forge: Forge, repository: str) -> None:
        self.forge = forge
        self.repository = repository
        self._people: dict[str, Person] = {}
        self._stack = ExitStack()

    def person(self, login: str, role: str | None = "write") -> Person:
        """Somebody with that role, and an address of theirs in commits."""
        if login not in self._people:
            token = self.forge.add_user(login, email=f"{login}@example.com", role=role)
            self._people[login] = self.with_token(token)
        return self._people[login]

    def with_token(self, token: str) -> Person:
        """Whoever has that token."""
        return self._stack.enter_context(Person(self.forge.url, token, self.repository))

    def close(self) -> None:
        """Everybody goes home."""
        self._stack.close()

"""What the parts of the API share: the transport, the repository's paths, and who we are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from modelctl.adapters.github import reading
from modelctl.adapters.github.access import Access
from modelctl.adapters.github.transport import Transport, path
from modelctl.adapters.json_node import Node
from modelctl.adapters.reviews import read_user
from modelctl.domain.reviews import User

_T = TypeVar("_T")
_VIEWER = "query { viewer { databaseId login } }"


class RepositoryApi:
    """One repository, as one identity."""

    def __init__(self, access: Access, transport: Transport):
        self.access = access
        self.transport = transport
        self._me: User | None = None

    def at(self, *parts: str | int) -> str:
        """A path below the repository."""
        return path("repos", self.access.owner, self.access.name, *parts)

    def read(self, value: Any, where: str, reader: Callable[[Node], _T]) -> _T:
        """What `reader` makes of an answer; see `reading.read`."""
        return reading.read(value, where, reader)

    def me(self) -> User:
        """The account that we act as; asked once."""
        if self._me is None:
            self._me = self._bot() if self.access.app_id is not None else self._user()
        return self._me

    def is_ours(self, value: Any, where: str) -> bool:
        """Whether a comment or an issue was made by us; with an App, that takes no request."""
        app_id = self.access.app_id
        if app_id is not None:
            return bool(self.read(value, where, lambda node: reading.is_of(node, app_id)))
        return self.read(value, where, reading.author_id) == self.me().id

    def is_created_by_us(self, value: Any, where: str) -> bool:
        """The same of a deployment or its status; who we are is asked where no App is named."""
        app_id = self.access.app_id
        if app_id is not None:
            known = self.read(value, where, lambda node: reading.is_of(node, app_id, "creator"))
            if known is not None:
                return known
        creator = self.read(value, where, lambda node: reading.author_id(node, "creator"))
        return creator == self.me().id

    def _bot(self) -> User:
        app = self.transport.get("/app", as_app=True)
        slug = self.read(app, "GET /app", lambda node: node.field("slug").text())
        at = path("users", f"{slug}[bot]")
        return self.read(self.transport.get(at), f"GET {at}", read_user)

    def _user(self) -> User:
        found = self.transport.get("/user", absent=(403,))
        if found is not None:
            return self.read(found, "GET /user", read_user)
        # The token of a workflow may not ask there, but GraphQL tells it its name.
        data = self.transport.graphql(_VIEWER)
        return self.read(data, "a GraphQL query", _viewer)


def _viewer(node: Node) -> User:
    viewer = node.field("viewer")
    login = viewer.field("login").text()
    kind = "Bot" if login.endswith("[bot]") else "User"
    return User(id=viewer.field("databaseId").number(), login=login, kind=kind)

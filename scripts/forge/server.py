"""A running forge, in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from forge import auth
from forge.app import API, build
from forge.state import ACTIONS_APP, State
from forge.values import App, Event, Logged, Team

WORKERS = 64
"""Requests that are answered at the same time; a push keeps a thread for as long as git runs."""


class Forge:
    """Listens on 127.0.0.1: the API at `url + "/api/v3"`, git at `url + "/OWNER/NAME.git"`, pages
    at `url + "/OWNER/NAME/pull/N"`. `state` may be read and changed directly."""

    def __init__(self, root: Path, port: int = 0, wrap: Callable[[Any], Any] | None = None) -> None:
        import uvicorn

        root.mkdir(parents=True, exist_ok=True)
        # Without the protocol's name asyncio leaves Nagle's algorithm on: 40 ms for each answer.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        # From here on callers queue up, until the server takes them.
        self._socket.listen(512)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.state = State(root)
        self.state.web_url = self.url
        self.state.api_url = self.url + API
        app = build(self.state)
        config = uvicorn.Config(
            app if wrap is None else wrap(app),
            log_level="warning",
            lifespan="off",
            ws="none",
            access_log=False,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    @classmethod
    def start(cls, root: Path, port: int = 0, wrap: Callable[[Any], Any] | None = None) -> Forge:
        """A forge that answers. Port 0 takes any free one; `wrap` puts an ASGI application in front
        of its own."""
        forge = cls(root, port, wrap)
        forge._thread = threading.Thread(target=forge.serve, name="forge", daemon=True)
        forge._thread.start()
        return forge

    def serve(self) -> None:
        """Answer in this thread, until `stop` or a signal."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        import anyio.to_thread

        anyio.to_thread.current_default_thread_limiter().total_tokens = WORKERS
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Close the port; what is under way is given a second."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=1)
        self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._socket.close()

    @property
    def events(self) -> list[Event]:
        """Every webhook event so far, in order."""
        return self.state.events

    def faults(
        self,
        share: float = 0.0,
        kinds: Iterable[str] = ("500", "502"),
        *,
        seed: int = 0,
        match: str | None = None,
        count: int | None = None,
    ) -> None:
        """From now on a share of the API's requests fails (see `faults.py`); 0 stops all faults."""
        if share == 0.0:
            self.state.faults.clear()
        else:
            self.state.faults.add(kinds, share=share, seed=seed, match=match, count=count)

    @property
    def requests(self) -> list[Logged]:
        """Every request to the API so far, in order."""
        return list(self.state.requests)

    def add_user(
        self,
        login: str,
        *,
        id: int | None = None,  # noqa: A002 GitHub's name for it
        email: str | None = None,
        kind: str = "User",
        role: str | None = "write",
    ) -> str:
        """A user with that role in every repository that there is, and a token of theirs.

        With role None they are an outsider.
        """
        user = self.state.add_user(login, id=id, email=email, kind=kind)
        self.state.give_role(user.login, role)
        return self.state.add_token(login).value

    def add_team(
        self, org: str, slug: str, members: Iterable[str] = (), *, parent: str | None = None
    ) -> Team:
        """A team; the members become users if they are none yet."""
        return self.state.add_team(org, slug, members, parent=parent)

    def add_app(
        self,
        slug: str,
        *,
        permissions: dict[str, str],
        events: Iterable[str] = (),
        owner: str | None = None,
    ) -> App:
        """An app, installed for all repositories of `owner` (default: the first one's)."""
        if owner is None:
            owner = next(iter(self.state.repositories.values())).owner
        return self.state.add_app(slug, owner=owner, permissions=permissions, events=list(events))

    def add_repository(
        self,
        owner: str,
        name: str,
        *,
        from_bare: Path | None = None,
        default_branch: str = "main",
        private: bool = False,
    ) -> Path:
        """A repository; returns where its bare git repository is."""
        repository = self.state.add_repository(
            owner, name, from_bare=from_bare, default_branch=default_branch, private=private
        )
        repository.collaborators.update(self.state.roles)
        return repository.path

    def actions_token(self, repository: str, permissions: dict[str, str]) -> str:
        """What `GITHUB_TOKEN` is in a workflow of that repository."""
        app = self.state.apps[ACTIONS_APP]
        return auth.for_workflow(self.state, app, repository, permissions).value

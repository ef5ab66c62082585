"""A forge with a repository of any size behind it, and what its answers took."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.process import environment
from bench.repos import promotable
from bench.repos.people import person
from bench.repos.registry import PULL_REQUEST
from bench.repos.stream import git
from forge.server import Forge
from forge.values import Pull, now
from support.hub import REPOSITORY, HubWorld
from support.repos import RepoBuilder, clone
from support.world import PEOPLE, World

BENCH = "bench"
"""Whose commits those of the generated branches are."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class Watch:
    """Stands in front of a forge: each answer takes `delay` seconds longer, and `answers` has when
    each was asked for and when it was there, by `time.perf_counter`."""

    delay: float = 0.0
    answers: list[tuple[float, float]] = field(default_factory=list)
    _app: App | None = None

    def wrap(self, app: App) -> Watch:
        """In front of this application."""
        self._app = app
        return self

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        assert self._app is not None
        began = time.perf_counter()
        if self.delay:
            await asyncio.sleep(self.delay)
        try:
            await self._app(scope, receive, send)
        finally:
            self.answers.append((began, time.perf_counter()))

    def awaited(self, begin: float, end: float) -> float:
        """For how many seconds between these moments at least one answer was awaited."""
        total, until = 0.0, begin
        for began, ended in sorted(self.answers):
            total += max(0.0, min(ended, end) - max(began, until))
            until = max(until, min(ended, end))
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A repository behind a forge. `number` is the pull request that brings one version."""

    hub: HubWorld
    watch: Watch
    number: int

    @property
    def env(self) -> Mapping[str, str]:
        """The variables by which a command finds the forge, as the App."""
        return environment(self.hub.environment())

    def as_person(self, login: str) -> Mapping[str, str]:
        """The same, as somebody with a token of their own who commits by their own name."""
        who = {
            f"GIT_{part}_{what}": value
            for part in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", login), ("EMAIL", f"{login}@example.com"))
        }
        return environment({**self.hub.environment(login), **who})

    @property
    def calls(self) -> int:
        """The requests to the API so far."""
        return len(self.hub.forge.requests)

    def forget(self) -> None:
        """Make the pull request one that nobody has judged, reviewed or asked for yet."""
        repository = self.hub.forge.state.repositories[REPOSITORY]
        pull = self.hub.pull(self.number)
        repository.checks.clear()
        for key in [k for k, one in repository.comments.items() if one.number == pull.number]:
            del repository.comments[key]
        for told in (pull.labels, pull.requested, pull.requested_teams, pull.reviews):
            told.clear()


@contextmanager
def behind(models: int, past: int = 0, *, deployed: bool = True) -> Iterator[Behind]:
    """So many models, after so many pull requests that brought them, behind a forge of this
    process; the clone of `hub.world` is where commands run."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, watch = Path(name), Watch()
        source = folder / "source"
        source.mkdir()
        promotable.create(source, models, datetime.now(UTC), deployed=deployed)
        work = clone(source, folder / "work")
        world = World(
            builder=work, shared=source / ".git", ci=person("ci"), deployer=person("deployer")
        )
        forge = Forge.start(folder / "forge", wrap=watch.wrap)
        # An answer that is to be lost is an error to the server.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        try:
            hub = HubWorld.create(world, forge, people={**PEOPLE, BENCH: 20})
            _remember(hub, past)
            number = _open(hub)
            work.git("fetch", "--quiet", "origin")
            yield Behind(hub=hub, watch=watch, number=number)
        finally:
            forge.stop()


def _open(hub: HubWorld) -> int:
    body = {"title": "One more", "head": PULL_REQUEST, "base": promotable.FIRST, "body": ""}
    return int(hub.api(BENCH, "POST", "/pulls", body)["number"])


def _remember(hub: HubWorld, past: int) -> None:
    """Pull requests that were merged long ago, each with a head of its own."""
    state, repository = hub.forge.state, hub.forge.state.repositories[REPOSITORY]
    heads = git(hub.path, "rev-list", "--reverse", f"main..{promotable.FIRST}").split()[:past]
    refs = []
    for number, head in enumerate(heads, start=1):
        refs.append(f"create refs/pull/{number}/head {head}\n")
        repository.issues[number] = Pull(
            id=state.new_id(),
            issue_id=state.new_id(),
            number=number,
            title=f"Change {number}",
            body="",
            user=BENCH,
            state="closed",
            base=promotable.FIRST,
            base_sha=head,
            repository=REPOSITORY,
            branch=f"feature/{number}",
            head=head,
            pusher=BENCH,
            merged_by=BENCH,
            merged_at=now(),
            closed_at=now(),
            merge_commit=head,
        )
    repository.last_number = len(heads)
    RepoBuilder(hub.path).git("update-ref", "--stdin", stdin="".join(refs).encode())

"""The stand-in for GitHub in this process, held to GitHub's description of its API or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from forge.app import API, ENDPOINTS
from forge.server import Forge
from support.prism import JudgedApp, Prism, prism_for

ROUTES = tuple(dict.fromkeys(API + one.path for group in ENDPOINTS for one in group))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A forge and what was found wrong with the talk to it."""

    forge: Forge
    judge: JudgedApp


@contextmanager
def judged_forge(root: Path) -> Iterator[Judged]:
    """A forge whose every request and answer prism judges."""
    prism: Prism = prism_for(ROUTES)
    judges: list[JudgedApp] = []

    def wrap(app: object) -> JudgedApp:
        judges.append(prism.judge(app, ROUTES))
        return judges[0]

    running = Forge.start(root, wrap=wrap)
    try:
        yield Judged(forge=running, judge=judges[0])
    finally:
        running.stop()
        prism.forget(judges[0])


@contextmanager
def plain_forge(root: Path) -> Iterator[Forge]:
    """A forge that nobody judges, where it has to be fast."""
    running = Forge.start(root)
    try:
        yield running
    finally:
        running.stop()


def client(forge: Forge, token: str | None = None) -> httpx.Client:
    """Asks the forge's API; paths begin with a slash below its root."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.Client(
        base_url=forge.url + API, headers=headers, timeout=60, trust_env=False, verify=False
    )

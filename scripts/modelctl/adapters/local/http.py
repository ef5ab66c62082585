"""Asking servers of this machine over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx  # noqa: TID253 - this package is imported only where something is served

VERSION_HEADER: Final = "X-Model-Version"
"""The response header that says which version answered."""

_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with status 200; `version` is the model version that gave it, where one did."""

    version: str | None


class Client:
    """Asks as a new caller would: each time over a connection of its own, and past the proxies of
    the environment, which must not get between this machine and itself."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(trust_env=False, limits=limits, timeout=_SECONDS)

    def get(self, url: str) -> Answer | None:
        """The answer, or None unless there is one with status 200."""
        try:
            response = self._client.get(url)
        except httpx.HTTPError:
            return None
        if response.status_code != httpx.codes.OK:
            return None
        return Answer(version=response.headers.get(VERSION_HEADER))

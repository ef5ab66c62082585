"""Asking servers of this machine over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

# Loading it takes longer than a look at what serves nothing yet; whether it is there is said first.
if find_spec("httpx") is None:
    raise ModuleNotFoundError("there is no httpx", name="httpx")

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

    @cached_property
    def _client(self) -> httpx.Client:
        import ssl

        import httpx

        return httpx.Client(
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=_SECONDS,
            # These servers speak no TLS. One that did would be trusted by no authority: reading
            # all those of the machine would take longer than the question.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    def text(self, url: str) -> str | None:
        """What stands there, or None unless it is answered with status 200."""
        response = self._ask(url)
        return None if response is None else response.text

    def get(self, url: str) -> Answer | None:
        """The answer, or None unless there is one with status 200."""
        response = self._ask(url)
        return None if response is None else Answer(version=response.headers.get(VERSION_HEADER))

    def _ask(self, url: str) -> httpx.Response | None:
        import httpx

        try:
            response = self._client.get(url)
        except httpx.HTTPError:
            return None
        return response if response.status_code == httpx.codes.OK else None

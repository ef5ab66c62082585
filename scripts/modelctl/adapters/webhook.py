"""Tells an address of what happened: one POST, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

The address may hold a token, so no error shows more of it than its host.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from modelctl.domain.events import CONTENT_TYPE, Event
from modelctl.errors import DependencyError, ModelctlError

_PREFIX = "whsec_"
_ATTEMPTS = 3
_SECONDS = 3.0
_PAUSES = (0.2, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Webhook:
    """An address, and the secret that its messages are signed with where there is one.

    `secret` is plain text, or base64 after `whsec_`. `clock` gives the seconds since 1970.

    Raises:
        ModelctlError: the address is none of http or https, or the secret can't be read.
    """

    url: str
    secret: str | None = None
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            mend = "give an address that begins with https://"
            raise ModelctlError("the address to notify is none of http or https", mend=mend)
        _key(self.secret)

    def __repr__(self) -> str:
        return f"Webhook({self.host})"

    @property
    def host(self) -> str:
        """All of the address that may be shown."""
        return urlsplit(self.url).hostname or ""

    def send(self, event: Event) -> None:
        """Delivers an event, or says why it couldn't; some failures are tried again a few times.

        Raises:
            DependencyError: the address can't be reached, or doesn't take it.
        """
        import httpx

        body = json.dumps(event.as_data(), sort_keys=True, ensure_ascii=False).encode()
        problem = ""
        with httpx.Client(timeout=_SECONDS, trust_env=False, follow_redirects=False) as client:
            for attempt in range(_ATTEMPTS):
                if attempt:
                    self.pause(_PAUSES[attempt - 1])
                try:
                    answer = client.post(self.url, content=body, headers=self._headers(event, body))
                except httpx.HTTPError as error:
                    problem = type(error).__name__
                    continue
                if answer.is_success:
                    return
                problem = f"HTTP {answer.status_code}"
                if answer.status_code < 500 and answer.status_code not in (408, 429):
                    break
        raise DependencyError(
            f"{self.host} doesn't take the notification: {problem}",
            mend="see that it listens; it is told again by the next run",
        )

    def _headers(self, event: Event, body: bytes) -> dict[str, str]:
        at = str(int(self.clock()))
        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": "modelctl",
            "webhook-id": event.id,
            "webhook-timestamp": at,
        }
        if self.secret:
            signature = sign(self.secret, event.id, at, body)
            headers["webhook-signature"] = signature
        return headers


def sign(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """The signature of a message: `v1,` and base64 of HMAC-SHA256 over id, time and body."""
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{b64encode(digest).decode()}"


def _key(secret: str | None) -> bytes:
    if secret is None or not secret.startswith(_PREFIX):
        return (secret or "").encode()
    try:
        return b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (NotBase64, ValueError):
        mend = f"after {_PREFIX} comes base64; without it any text is taken"
        raise ModelctlError("the secret of notifications can't be read", mend=mend) from None

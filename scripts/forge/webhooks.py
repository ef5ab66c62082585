"""Delivery of events to whoever listens on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from forge.state import State
from forge.values import Event

DELIVERY_TIMEOUT = 10.0  # seconds, as GitHub's


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Sends the named events (all, if none are named) to an address on 127.0.0.1, one after the
    other, signed as GitHub does. `failed` keeps what nobody took."""

    url: str
    secret: str = field(repr=False)
    names: frozenset[str] = frozenset()
    failed: list[tuple[Event, str]] = field(default_factory=list)
    _waiting: queue.SimpleQueue[Event | None] = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread | None = None

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme != "http" or urlsplit(self.url).hostname != "127.0.0.1":
            raise ValueError(f"webhooks go to http://127.0.0.1 only, not to {self.url}")

    def connect(self, state: State) -> None:
        """Send each event from now on."""
        self._thread = threading.Thread(target=self._send_all, name="webhook", daemon=True)
        self._thread.start()
        with state.lock:
            state.listeners.append(self._take)

    def disconnect(self, state: State) -> None:
        """Send what waits, then no more."""
        with state.lock:
            state.listeners.remove(self._take)
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _take(self, event: Event) -> None:
        if not self.names or event.name in self.names:
            self._waiting.put(event)

    def _send_all(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                with urllib.request.urlopen(self._request(event), timeout=DELIVERY_TIMEOUT):  # noqa: S310 __post_init__ lets http://127.0.0.1 through alone
                    pass
            except (urllib.error.URLError, OSError) as error:
                self.failed.append((event, str(error)))

    def _request(self, event: Event) -> urllib.request.Request:
        body = json.dumps(event.payload).encode()
        signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return urllib.request.Request(  # noqa: S310 as above
            self.url,
            data=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "GitHub-Hookshot/forge",
                "X-GitHub-Delivery": str(uuid.uuid4()),
                "X-GitHub-Event": event.name,
                "X-Hub-Signature-256": f"sha256={signature}",
            },
        )

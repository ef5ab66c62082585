"""Load on a server of this machine: at a steady rate, bounded in number and time."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

VERSION = "X-Model-Version"
_PATIENCE = 10.0
_MOST_SECONDS = 600.0


@dataclass(kw_only=True)
class Load:
    """Requests to `url`, `rate` a second, by `workers` callers who keep their connections.

    A request is due at its time, whether or not those before it were answered: a server that
    stalls isn't spared. It ends after `most` requests, `seconds`, or when it is stopped.
    """

    url: str
    rate: float
    most: int = 100_000
    seconds: float = 120.0
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    workers: int = 16
    answered: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    times: list[tuple[float, str]] = field(default_factory=list)
    """When each answer came (monotonic seconds), and which version gave it."""
    wrong: list[float] = field(default_factory=list)
    """When each answer with another status than 200 came."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.hostname != "127.0.0.1" or parts.port is None:
            raise ValueError(f"{self.url} is not on this machine")
        self._port, self._path = parts.port, parts.path
        self._lock, self._done = threading.Lock(), threading.Event()
        self._next = 0

    @property
    def made(self) -> int:
        """How many requests were made."""
        return sum(self.statuses.values()) + len(self.failures)

    @property
    def failed(self) -> int:
        """How many got no answer, or one with another status than 200."""
        return self.made - self.statuses[200]

    def run(self) -> Load:
        """Make all of them."""
        with self.running() as threads:
            for thread in threads:
                thread.join()
        return self

    @contextmanager
    def running(self) -> Iterator[list[threading.Thread]]:
        """Make them for as long as this lasts."""
        self._began = time.monotonic()
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self.workers)]
        for thread in threads:
            thread.start()
        try:
            yield threads
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def _work(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        while (due := self._take()) is not None:
            if self._done.wait(max(0.0, due - time.monotonic())):
                break
            self._ask(connection)
        connection.close()

    def _take(self) -> float | None:
        """When the next request is due; None when there is none."""
        with self._lock:
            number, self._next = self._next, self._next + 1
        due = self._began + number / self.rate
        over = number >= self.most or due > self._began + min(self.seconds, _MOST_SECONDS)
        return None if over else due

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        headers = {"Content-Type": "application/json", **self.headers}
        try:
            connection.request("POST", self._path, self.body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            with self._lock:
                self.failures.append(f"{type(error).__name__}: {error}")
            return
        version = answer.headers.get(VERSION, "")
        with self._lock:
            self.statuses[answer.status] += 1
            self.answered[version] += 1
            self.times.append((now := time.monotonic(), version))
            if answer.status != http.client.OK:
                self.wrong.append(now)

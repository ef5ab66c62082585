"""A caller that never stops asking, so that a dropped request would show."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PAUSE = 0.02


class Caller:
    """Asks one address over and over in a thread, and counts who answered."""

    def __init__(self, address: str, sample: Path):
        self._address, self._body = address, json.loads(sample.read_text())
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []

    @property
    def asked(self) -> int:
        """How many requests were made."""
        return self.answered.total() + len(self.failures)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask for as long as this lasts."""
        self._thread.start()
        try:
            yield
        finally:
            self._done.set()
            self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not self._done.wait(PAUSE):
                try:
                    answer = client.post(self._address, json=self._body)
                    answer.raise_for_status()
                except httpx.HTTPError as error:
                    self.failures.append(str(error) or type(error).__name__)
                else:
                    self.answered[answer.headers["X-Model-Version"]] += 1

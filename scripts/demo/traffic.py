"""A caller that never stops asking, so that a dropped request would show."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

PAUSE = 0.02
VERSION_HEADER = "X-Model-Version"
_MISSING = (2, 5)
"""Columns whose values somebody forgets."""


class Caller:
    """Asks one address over and over in a thread, and counts who answered. It asks for all rows of
    `sample` at once, or for each in turn. With `gaps` one request in so many lacks some values."""

    def __init__(self, address: str, sample: Path, *, gaps: int = 0, in_turn: bool = False):
        body = json.loads(sample.read_text())
        self._address, self._bodies = address, cycle(_rows(body) if in_turn else [body])
        self._gaps = gaps
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

    def wait(self, answers: int, patience: float = 30.0) -> None:
        """Until so many were given, or for so many seconds."""
        deadline = time.monotonic() + patience
        while self.answered.total() < answers and time.monotonic() < deadline:
            self._done.wait(0.05)

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not self._done.wait(PAUSE):
                body = next(self._bodies)
                lacks = self._gaps and self.asked % self._gaps == 0
                try:
                    answer = client.post(self._address, json=_gappy(body) if lacks else body)
                    answer.raise_for_status()
                except httpx.HTTPStatusError as error:
                    who = error.response.headers.get(VERSION_HEADER)
                    self.failures.append(f"{who} answered with {error.response.status_code}")
                except httpx.HTTPError as error:
                    self.failures.append(str(error) or type(error).__name__)
                else:
                    self.answered[answer.headers[VERSION_HEADER]] += 1


def _rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A request for each row."""
    split = body["dataframe_split"]
    return [{"dataframe_split": {**split, "data": [row]}} for row in split["data"]]


def _gappy(body: dict[str, Any]) -> dict[str, Any]:
    """The same rows, every other one of them without some of its values."""
    split = body["dataframe_split"]
    rows = [
        [None if column in _MISSING else value for column, value in enumerate(row)]
        if number % 2
        else row
        for number, row in enumerate(split["data"])
    ]
    return {**body, "dataframe_split": {**split, "data": rows}}

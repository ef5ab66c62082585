"""Predictions as lines of JSON, so that the answers of two versions can be compared.

    {"time": "2026-11-20T10:00:00.123Z", "request": "7f3a…", "version": "2.0.0",
     "inputs": {"age_band": ["30-39"]}, "outputs": [1]}

A line for each request. `request` is the sha256 of what was sent, after the caller's
`X-Request-Id` if there is one: so copies of a request have one id, and different questions never
do, whatever a caller says. Of the inputs only the columns to slice by are kept.
"""

from __future__ import annotations

import json
import logging
import math
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from modelctl.adapters.lines import cut_half_line
from modelctl.domain.agreement import Comparing, Prediction
from modelctl.errors import ModelctlError

FOLDER: Final = "predictions"
MAX_BYTES: Final = 16 << 20
"""Of one file; the one before it is kept as well."""

MAX_BODY: Final = 1 << 20
"""Requests and answers that are larger aren't kept."""

_LOG = logging.getLogger(__name__)
_WAITING = 1000
_LOGGED_EVERY = 1000
_LOOK_EVERY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request that was answered, `at` seconds since the epoch. `id` is the caller's, if any."""

    at: float
    id: str | None
    body: bytes
    answer: bytes


def wanted_file(folder: Path) -> Path:
    """What says which models' predictions are kept now, below an environment's folder."""
    return folder / FOLDER / "wanted.json"


def wanted(folder: Path) -> Mapping[str, Comparing]:
    """The models whose predictions are kept now, and how they are compared. What can't be read
    wants nothing: a server must go on whatever stands there."""
    try:
        rows = json.loads(wanted_file(folder).read_text())
        return {
            model: Comparing(slices=tuple(row["slices"]), tolerance=row["tolerance"])
            for model, row in rows.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def log_file(folder: Path, service: str) -> Path:
    """Where the predictions of one backend stand, below an environment's folder."""
    return folder / FOLDER / f"{service.replace(':', '~')}.jsonl"


def read(file: Path, *, since: datetime | None = None, at_most: int = 50_000) -> list[Prediction]:
    """The newest predictions of a log, `at_most` of them, the oldest first; what stands in the file
    before it counts too. A log that doesn't exist is empty.

    Raises:
        ModelctlError: a line that is no prediction.
    """
    lines: list[bytes] = []
    for path in (_before(file), file):
        with suppress(FileNotFoundError):
            # What follows the last newline is still being written.
            lines += path.read_bytes().split(b"\n")[:-1]
    found = [_prediction(line, file) for line in lines[-at_most:] if line]
    return [one for one in found if since is None or one.at >= since]


class Recorder:
    """Keeps the predictions of one backend while somebody wants them; nobody ever waits for it.

    `always` overrides what is wanted. What comes faster than it can be written is dropped. `failed`
    counts what couldn't be written.
    """

    def __init__(
        self, folder: Path, *, model: str, version: str, service: str, always: bool | None = None
    ):
        self._folder = folder
        self._file = log_file(folder, service)
        self._model, self._version, self._always = model, version, always
        self._queue: queue.Queue[Exchange] = queue.Queue(_WAITING)
        self._looked = -math.inf
        self._how: Comparing | None = None
        self.failed = 0
        threading.Thread(target=self._write_all, daemon=True).start()

    def on(self) -> bool:
        """Whether predictions are wanted now."""
        if self._always is False:
            return False
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked, self._how = now, wanted(self._folder).get(self._model)
        return self._always is True or self._how is not None

    def offer(self, exchange: Exchange) -> None:
        """Hand over what was answered, without waiting."""
        with suppress(queue.Full):
            self._queue.put_nowait(exchange)

    def _write_all(self) -> None:
        while True:
            exchange = self._queue.get()
            try:
                self._write(exchange)
            except Exception as error:  # noqa: BLE001 - callers choose what stands in a request
                self._lost(error)

    def _lost(self, error: Exception) -> None:
        """A request that can't be read, or a full disk: what comes next is written all the same.
        What was sent isn't logged, and not each time."""
        if self.failed % _LOGGED_EVERY == 0:
            kind = type(error).__name__
            _LOG.warning("a prediction of %s is not kept (%s)", self._model, kind)
        self.failed += 1

    def _write(self, exchange: Exchange) -> None:
        line = to_line(exchange, self._version, self._how.slices if self._how else ())
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if self._file.stat().st_size + len(line) > MAX_BYTES:
                self._file.replace(_before(self._file))
        with self._file.open("ab+") as file:
            cut_half_line(file)
            file.write(line)


def to_line(exchange: Exchange, version: str, columns: Sequence[str]) -> bytes:
    """The line that stands for an exchange.

    Raises:
        ValueError: the answer is no JSON.
    """
    answer = json.loads(exchange.answer)
    outputs = answer.get("predictions", answer) if isinstance(answer, dict) else answer
    at = datetime.fromtimestamp(exchange.at, UTC)
    data = {
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request": ".".join(filter(None, (exchange.id, sha256(exchange.body).hexdigest()))),
        "version": version,
        "inputs": inputs_of(exchange.body, columns) if columns else {},
        "outputs": outputs if isinstance(outputs, list) else [outputs],
    }
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def inputs_of(body: bytes, columns: Iterable[str]) -> Mapping[str, list[Any]]:
    """The values of these columns in a request as MLflow's scoring server takes it; none of what
    isn't JSON with named columns."""
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    table = dict(_columns(data)) if isinstance(data, dict) else {}
    return {column: table[column] for column in columns if column in table}


def _columns(data: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    match data:
        case {"dataframe_split": {"columns": [*names], "data": [*rows]}}:
            yield from ((str(name), [row[n] for row in rows]) for n, name in enumerate(names))
        case {"dataframe_records": [*rows]} | {"instances": [{}, *_] as rows}:
            seen = dict.fromkeys(name for row in rows for name in row)
            yield from ((name, [row.get(name) for row in rows]) for name in seen)
        case {"inputs": {**table}}:
            for name, values in table.items():
                yield str(name), values if isinstance(values, list) else [values]


def _before(file: Path) -> Path:
    return file.with_suffix(".1.jsonl")


def _prediction(line: bytes, file: Path) -> Prediction:
    try:
        data = json.loads(line)
        return Prediction(
            at=datetime.fromisoformat(data["time"]),
            request=data["request"],
            version=data["version"],
            outputs=tuple(data["outputs"]),
            inputs={name: tuple(values) for name, values in data.get("inputs", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelctlError(
            f"a line is no prediction: {error}",
            location=str(file),
            mend='write one object a line: {"time", "request", "version", "inputs", "outputs"}',
        ) from error

"""What the router had counted, look by look, so that a job which starts anew knows what was before.

One line of JSON for each look, in files of an hour or some megabytes. A line is added whole under a
lock, so that two jobs may write; one that was killed leaves half a line at most, which nobody reads
and the next writer cuts off. Counters only grow, so a file that is closed is thinned out: fewer
looks tell the same, less finely. Beyond a size and an age the oldest are dropped.
"""

from __future__ import annotations

import fcntl
import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from modelctl.adapters.lines import cut_half_line
from modelctl.domain.counters import Counters
from modelctl.domain.metric_sources import ERRORS

_SUFFIX: Final = ".jsonl"
_EDGES: Final = 2
_TAIL: Final = 1 << 20
"""Bytes at the end of a file that have its last line, but for thousands of backends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """One look, `at` a time (UTC). `router` tells one process of the router from the next, whose
    counters begin anew. `services` are by the router's names; `failing` says how many health checks
    of a backend have failed one after the other until now; `failures` are the codes (RE2) that were
    counted as errors."""

    at: datetime
    router: str
    services: Mapping[str, Counters]
    failing: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    failures: str = ERRORS


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How much is kept: a file is closed at `file_bytes` or after `file_age`, and thinned out to a
    look every `spacing`; all of them hold `total_bytes` at most and go back to `age`."""

    file_bytes: int = 4 << 20
    file_age: timedelta = timedelta(hours=1)
    spacing: timedelta = timedelta(minutes=1)
    total_bytes: int = 64 << 20
    age: timedelta = timedelta(days=31)


class Scrapes:
    """The looks at the router of one environment, in `folder`."""

    def __init__(self, folder: Path, keep: Keep | None = None):
        self._folder = folder
        self._keep = keep or Keep()

    def append(self, scrape: Scrape) -> None:
        """Add a look."""
        with self._lock():
            path = self._current(scrape.at)
            with path.open("ab+") as file:
                cut_half_line(file)
                file.write(_line(scrape))

    def last(self) -> Scrape | None:
        """The newest look."""
        for path in reversed(self._files()):
            found = _read(path, at_most=_TAIL) or _read(path)
            if found:
                return found[-1]
        return None

    def since(self, at: datetime) -> tuple[Scrape, ...]:
        """The looks from `at` on, and the last one before, the oldest first."""
        files = self._files()
        begins = [_begun(path) for path in files]
        first = max((n for n, begun in enumerate(begins) if begun < at), default=0)
        # The file that was current then may hold nothing yet of the time before.
        found = [scrape for path in files[max(first - 1, 0) :] for scrape in _read(path)]
        found.sort(key=lambda scrape: scrape.at)
        before = sum(scrape.at < at for scrape in found)
        return tuple(found[max(before - 1, 0) :])

    def outline(self, since: datetime) -> tuple[Scrape, ...]:
        """As few looks as tell what was counted since: counters only grow, so of each file the
        first and the last, and those round a router's restart or other codes that are failures."""
        found: list[Scrape] = []
        files = self._files()
        for path, after in zip_longest(files, files[1:]):
            if after is None or _begun(after) > since:
                with suppress(FileNotFoundError):
                    found += _outlined(path.read_bytes(), since)
        return tuple(sorted(found, key=lambda scrape: scrape.at))

    def _current(self, now: datetime) -> Path:
        """The file to write to; closes the one before if it is full, and drops what is too much."""
        files = self._files()
        if files:
            full = files[-1].stat().st_size >= self._keep.file_bytes
            if not full and now - _begun(files[-1]) < self._keep.file_age:
                return files[-1]
            self._thin(files[-1])
            self._drop(files, now)
        name = f"{int(now.timestamp() * 1e6):020d}{_SUFFIX}"
        return max([self._folder / name, *files], key=lambda path: path.name)

    def _thin(self, path: Path) -> None:
        kept = _spaced(_read(path), self._keep.spacing)
        draft = path.with_suffix(".new")
        draft.write_bytes(b"".join(map(_line, kept)))
        draft.replace(path)

    def _drop(self, files: Sequence[Path], now: datetime) -> None:
        total = 0
        for path in reversed(files):
            total += path.stat().st_size
            if total > self._keep.total_bytes or now - _begun(path) > self._keep.age:
                path.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        # It is held for as long as a line takes, or a file that is thinned out.
        with (self._folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _outlined(text: bytes, since: datetime) -> Iterator[Scrape]:
    """See `outline`, of one file. Only the lines that are told are read."""
    lines = text.split(b"\n")[:-1]
    first = bisect_left(lines, since, key=_at)
    marks = [(_text(line, "router"), _text(line, "failures")) for line in lines[first:]]
    return _scrapes(
        lines[first + n]
        for n, mark in enumerate(marks)
        if n in (0, len(marks) - 1) or {*marks[n - 1 : n + 2]} != {mark}
    )


def _at(line: bytes) -> datetime:
    """When a look was; a line that says nothing counts as older than all."""
    with suppress(ValueError):
        found = datetime.fromisoformat(_text(line, "at").decode())
        if found.tzinfo is not None:
            return found
    return datetime.min.replace(tzinfo=UTC)


def _text(line: bytes, name: str) -> bytes:
    """A text of a line as it stands there, unread."""
    return line.partition(f'"{name}":"'.encode())[2].partition(b'"')[0]


def _spaced(scrapes: Sequence[Scrape], spacing: timedelta) -> Iterator[Scrape]:
    """A look every `spacing`, the first and the last, and those round a router's restart or other
    codes that are failures."""
    kept: datetime | None = None
    for n, scrape in enumerate(scrapes):
        nearby = scrapes[max(n - 1, 0) : n + _EDGES]
        edge = n in (0, len(scrapes) - 1) or len({(one.router, one.failures) for one in nearby}) > 1
        if edge or kept is None or scrape.at - kept >= spacing:
            kept = scrape.at
            yield scrape


def _begun(path: Path) -> datetime:
    return datetime.fromtimestamp(int(path.stem) / 1e6, UTC)


def _read(path: Path, *, at_most: int | None = None) -> list[Scrape]:
    """The looks of a file (of its last bytes); none if it has just been dropped."""
    text = b""
    with suppress(FileNotFoundError), path.open("rb") as file:
        if at_most is not None:
            file.seek(max(0, file.seek(0, 2) - at_most))
        text = file.read()
    return list(_scrapes(text.split(b"\n")[:-1]))  # What follows the last newline is half a line.


def _scrapes(lines: Iterable[bytes]) -> Iterator[Scrape]:
    for line in lines:
        # A line that a full disk or a hand has spoilt says nothing: it is as if nobody had looked.
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            yield _scrape(json.loads(line))


def _line(scrape: Scrape) -> bytes:
    data = {
        "at": scrape.at.isoformat(),
        "router": scrape.router,
        "services": {name: _row(counters) for name, counters in scrape.services.items()},
        "failing": dict(scrape.failing),
        "failures": scrape.failures,
    }
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def _row(counters: Counters) -> list[Any]:
    buckets = counters.buckets
    # JSON has no infinity: the last bound is null.
    rows = buckets and [[None if math.isinf(b) else b, n] for b, n in sorted(buckets.items())]
    return [counters.requests, counters.errors, rows]


def _scrape(data: Mapping[str, Any]) -> Scrape:
    return Scrape(
        at=datetime.fromisoformat(data["at"]),
        router=data["router"],
        services={name: _counters(*row) for name, row in data["services"].items()},
        failing=data["failing"],
        failures=data.get("failures", ERRORS),
    )


def _counters(requests: float, errors: float, rows: list[list[Any]] | None) -> Counters:
    buckets = rows and {math.inf if bound is None else bound: count for bound, count in rows}
    return Counters(requests=requests, errors=errors, buckets=buckets or None)

"""The ledger: what a hundred times as many entries cost."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.process import seconds
from bench.repos import ledger
from bench.repos.documents import model_name, version_name
from bench.repos.people import private_key
from bench.repos.stream import git
from support.world import ENVIRONMENTS, evaluation

MODELS = 10
LARGE, SMALL = 10_000, 100
"""Entries of each model."""

_TURNS = 11
_AT = "2025-06-01T12:00:00Z"


def large(lab: Lab) -> Path:
    """100,000 entries."""
    return _repository(lab, LARGE)


def small(lab: Lab) -> Path:
    """1,000 entries."""
    return _repository(lab, SMALL)


def _repository(lab: Lab, entries: int) -> Path:
    make = partial(ledger.create, models=MODELS, entries=entries)
    return lab.store.get(f"ledger-{MODELS * entries}", make)


def _compare(*args: str) -> Callable[[Lab], Iterator[Pair]]:
    """The same command in both repositories."""

    def take(lab: Lab) -> Iterator[Pair]:
        command = [lab.modelctl, *args]
        return lab.turns(
            _TURNS, partial(seconds, command, large(lab)), partial(seconds, command, small(lab))
        )

    return take


def _append(lab: Lab) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        key, result = Path(name, "key.pem"), Path(name, "evaluation.json")
        key.write_bytes(private_key("ci"))
        key.chmod(0o600)
        result.write_text(json.dumps(evaluation()))
        pointer = f"{model_name(0)}@{version_name(ledger.VERSIONS - 1)}"
        command = [
            *(lab.modelctl, "evidence", "record", pointer, "--kind", "evaluation"),
            *("--result", str(result), "--key", str(key)),
        ]
        yield from lab.turns(
            _TURNS,
            partial(_appended, command, large(lab)),
            partial(_appended, command, small(lab)),
        )


def _appended(command: Sequence[str], repository: Path) -> float:
    """One entry more, and the ledger as it was again."""
    tip = git(repository, "rev-parse", "ledger")
    try:
        return seconds(command, repository)
    finally:
        git(repository, "update-ref", "refs/heads/ledger", tip)


_AGAINST = "the same, 1,000 entries"
MEASURES = (
    Measure(
        name="ledger-append",
        what="evidence record, 100,000 entries",
        against=_AGAINST,
        limit=1.3,
        take=_append,
    ),
    Measure(
        name="ledger-who-served",
        what="audit who-served, 100,000 entries",
        against=_AGAINST,
        limit=1.3,
        take=_compare("audit", "who-served", ENVIRONMENTS[-1], "--at", _AT),
    ),
    Measure(
        name="ledger-status",
        what="status, 100,000 entries",
        against=_AGAINST,
        limit=1.3,
        take=_compare("status"),
    ),
)

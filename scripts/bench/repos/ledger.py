"""A ledger as jobs have written it for years: signed, chained, entry by entry."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

from bench.repos.documents import model_name, version_name, version_text
from bench.repos.people import person, rule_files
from bench.repos.registry import BRANCHES, INIT, model_files
from bench.repos.states import Place, state_files
from bench.repos.stream import Stream, git
from modelctl.adapters.ledger_files import Content, encode, entry_path
from modelctl.adapters.signing import sign
from modelctl.domain.evidence import OFFLINE, Statement
from modelctl.domain.history import DEPLOYMENT
from modelctl.domain.names import version_path
from support.world import CLEAN, ENVIRONMENTS, LOAD, TESTS, VALID, evaluation

VERSIONS = 10
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
"""The time that a ledger covers, whatever its size."""

_PER_COMMIT = 50

# What one round of a version leaves on the ledger: (kind, environment, predicate of evidence).
_ROUND: Sequence[tuple[str, str, Any]] = (
    ("evaluation", OFFLINE, evaluation()),
    ("security-scan", OFFLINE, CLEAN),
    (DEPLOYMENT, ENVIRONMENTS[0], None),
    ("unit-tests", OFFLINE, TESTS),
    ("data-validation", OFFLINE, VALID),
    (DEPLOYMENT, ENVIRONMENTS[1], None),
    ("e2e-tests", ENVIRONMENTS[1], TESTS),
    ("load-test", ENVIRONMENTS[1], LOAD),
    (DEPLOYMENT, ENVIRONMENTS[2], None),
    ("evaluation", OFFLINE, evaluation()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the ledger, ready to be written."""

    path: str
    data: bytes


def create(directory: Path, models: int, entries: int) -> None:
    """So many models of ten versions, the last of which every environment serves; and so many
    entries for each model, in rounds: each brings another of the ten through all environments. So
    a long ledger differs from a short one in its length alone, and ends as that one does."""
    git(directory, *INIT)
    files = chain.from_iterable(model_files(index, VERSIONS) for index in range(models))
    with Stream(directory) as stream:
        stream.commit("main", chain(rule_files().items(), files), message="Everything")
        for branch in BRANCHES[1:]:
            stream.branch(branch, "main")
    commit = git(directory, "rev-parse", "main")
    with Stream(directory, clock=int(LAST.timestamp())) as stream:
        for environment in ENVIRONMENTS:
            places = [
                Place(index=index, version=version_name(VERSIONS - 1), environment=environment)
                for index in range(models)
            ]
            stream.commit(f"env/{environment}", state_files(places, commit), message="Deploy")
        _write(stream, models, entries, commit)
    git(directory, "pack-refs", "--all")


def chained(model: str, envelopes: Iterable[tuple[str, bytes]]) -> Iterator[Entry]:
    """The entries that hold these envelopes, given with their kinds: each names the one before."""
    previous: str | None = None
    for number, (kind, envelope) in enumerate(envelopes, start=1):
        data = encode(Content(seq=number, previous=previous, envelope=envelope))
        digest = hashlib.sha256(envelope).hexdigest()
        yield Entry(path=entry_path(model, number, kind, digest), data=data)
        previous = hashlib.sha256(data).hexdigest()


def deployment(place: Place, commit: str, at: datetime) -> bytes:
    """The signed statement that an environment was brought to a version."""
    manifest = version_text(place.index, place.version)
    statement = Statement(
        kind=DEPLOYMENT,
        subject=version_path(model_name(place.index), place.version),
        digest=hashlib.sha256(manifest).hexdigest(),
        made_at=at,
        environment=place.environment,
        predicate={
            "version": place.version,
            "commit": commit,
            "branch": BRANCHES[0],
            "stage": place.environment.title(),
            "state_commit": commit,
            "files": {version_path(model_name(place.index), place.version): commit},
            "approvers": ["ben", "pat"],
            "strategy": "blue-green",
            "target": "gateway-api",
            "pull_request": place.index + 1,
            "evidence": [hashlib.sha256(manifest + b"evidence").hexdigest()],
            "metrics": {"f1_score": 0.93, "accuracy": 0.94},
        },
    )
    return sign(statement, person("deployer").signer)


def _write(stream: Stream, models: int, entries: int, commit: str) -> None:
    """The entries of all models, mixed as time has mixed them."""
    make = partial(_of_one, entries=entries, commit=commit)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        by_model = list(pool.map(make, range(models)))
    mixed = list(chain.from_iterable(zip(*by_model, strict=True)))
    for start in range(0, len(mixed), _PER_COMMIT):
        part = mixed[start : start + _PER_COMMIT]
        stream.commit("ledger", [(entry.path, entry.data) for entry in part], message="Entries")


def _of_one(index: int, entries: int, commit: str) -> list[Entry]:
    step = (LAST - FIRST) / entries
    rounds = (_envelope(index, n, FIRST + n * step, commit) for n in range(entries))
    return list(chained(model_name(index), rounds))


def _envelope(index: int, number: int, at: datetime, commit: str) -> tuple[str, bytes]:
    kind, environment, predicate = _ROUND[number % len(_ROUND)]
    version = version_name(number // len(_ROUND) % VERSIONS)
    at = at.replace(microsecond=0) + timedelta(seconds=index)
    if kind == DEPLOYMENT:
        place = Place(index=index, version=version, environment=environment)
        return kind, deployment(place, commit, at)
    statement = Statement(
        kind=kind,
        subject=version_path(model_name(index), version),
        digest=_digest(index, version),
        made_at=at,
        environment=environment,
        predicate={**predicate, "number": number},
    )
    return kind, sign(statement, person("ci").signer)


@cache
def _digest(index: int, version: str) -> str:
    return hashlib.sha256(version_text(index, version)).hexdigest()

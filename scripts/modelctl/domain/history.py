"""The ledger read as history: who served what, since when, and what was quarantined."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.names import ModelFile, classify

DEPLOYMENT, ROLLBACK, QUARANTINE = "deployment", "rollback", "quarantine"
ROLLOUT = "rollout"
DEPRECATION, REJECTION, ARCHIVAL = "deprecation", "rejection", "archival"
RETIREMENT, REINSTATEMENT = "retirement", "reinstatement"
END_KINDS = frozenset({DEPRECATION, REJECTION, ARCHIVAL, RETIREMENT, REINSTATEMENT})
"""Kinds that tell of the end of a version's life, or take that back (`domain/endings.py`)."""

MOVES = frozenset({DEPLOYMENT, ROLLBACK, ROLLOUT})
"""Kinds that tell where traffic went: the last one of an environment says what it runs."""

JOB_KINDS = frozenset({*MOVES, QUARANTINE, *END_KINDS})
"""Kinds that only the jobs sign; everything else on the ledger is evidence."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A version became what an environment should run.

    `digest` is the sha256 of the manifest, `commit` the commit of the environment's branch that
    said so, `files` the model's files there as path → git object id. `approvers` are logins.
    """

    model: str
    version: str
    digest: str
    environment: str
    commit: str
    at: datetime
    files: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    approvers: tuple[str, ...] = ()
    strategy: str | None = None
    target: str | None = None
    pull_request: int | None = None
    kind: str = DEPLOYMENT
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A version that was rolled back in an environment and may not go there again."""

    model: str
    version: str
    environment: str
    reason: str
    at: datetime


def deployments(entries: Iterable[Signed]) -> tuple[Deployment, ...]:
    """The deployments and rollbacks among trusted ledger entries, oldest first.

    What isn't proved is left out and does not count as served: `ledger verify` names it.
    """
    found = [
        _deployment(statement, about, seq)
        for seq, statement, about in proved(entries, (DEPLOYMENT, ROLLBACK))
        if isinstance(statement.predicate.get("commit"), str)
    ]
    return tuple(sorted(found, key=lambda d: d.seq))


def position(entries: Iterable[Signed], environment: str) -> int:
    """The number of the last statement that says what the environment runs of a model; 0 before the
    first. Whoever decides by it may act only while nothing later is there."""
    found = (seq for seq, told, _ in proved(entries, MOVES) if told.environment == environment)
    return max(found, default=0)


def commits_moved_to(entries: Iterable[Signed], environment: str) -> frozenset[str]:
    """The commits of the environment's branch for which a model was judged, and traffic moved."""
    told = (s.predicate.get("commit") for _, s, _ in proved(entries, MOVES)
            if s.environment == environment)  # fmt: skip
    return frozenset(one for one in told if isinstance(one, str))


def authors_of(entries: Iterable[Signed], digest: str) -> frozenset[str]:
    """The logins and addresses of those whose pull requests brought a version, by the sha256 of its
    manifest, to any environment: who made it elsewhere made it here."""
    told = (s.predicate.get("authors") for _, s, _ in proved(entries, (DEPLOYMENT, ROLLOUT))
            if s.digest == digest)  # fmt: skip
    found = (name for names in told if isinstance(names, list) for name in names)
    return frozenset(name for name in found if isinstance(name, str))


def artifacts_of(entries: Iterable[Signed], version: str) -> tuple[Mapping[str, str], ...]:
    """The artifacts that a version had when it came to an environment: path → sha256, each once."""
    found = (
        statement.predicate.get("artifacts")
        for _, statement, about in proved(entries, (DEPLOYMENT, ROLLOUT))
        if about.version == version
    )
    kept: list[Mapping[str, str]] = []
    for files in found:
        if isinstance(files, Mapping) and files and files not in kept:
            kept.append(files)
    return tuple(kept)


def quarantines(entries: Iterable[Signed]) -> tuple[Quarantine, ...]:
    """The quarantines among trusted ledger entries."""
    return tuple(
        Quarantine(
            model=about.model,
            version=about.version or "",
            environment=statement.environment,
            reason=str(statement.predicate.get("reason", "")),
            at=statement.made_at,
        )
        for _, statement, about in proved(entries, (QUARANTINE,))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """A merged rollback: the branch released `left` before it, and `version` since.

    `commit` and `pull_request` brought it onto the branch.
    """

    version: str
    left: str
    commit: str
    pull_request: int | None


def serving_since(history: Sequence[Deployment], environment: str) -> Deployment | None:
    """The deployment by which the version now recorded in `environment` came to serve.

    The same version deployed again (another strategy, another commit) keeps its first date.
    """
    here = [d for d in history if d.environment == environment]
    since: Deployment | None = None
    for deployment in reversed(here):
        if since is not None and deployment.digest != since.digest:
            break
        since = deployment
    return since


def served(history: Sequence[Deployment], environment: str) -> Deployment | None:
    """The last deployment to `environment`, or None."""
    return next((d for d in reversed(history) if d.environment == environment), None)


def goes_back(history: Sequence[Deployment], environment: str, digest: str) -> bool:
    """Whether deploying this manifest again is a way back, or only restores what is there.

    It must have come to the environment before the one that is there now first did. Going forward
    again to a version that people went back from is a promotion like any other.
    """
    here = [d for d in history if d.environment == environment]
    first: dict[str, int] = {}
    for index, deployment in enumerate(here):
        first.setdefault(deployment.digest, index)
    if not here or digest not in first:
        return False
    now = here[-1].digest
    return digest == now or first[digest] < first[now]


def taken_out(
    history: Sequence[Deployment], environment: str, way: WayBack
) -> tuple[Deployment, ...]:
    """What a merged way back takes out there: what the branch released before it, if it was ever
    deployed there, and what serves there now."""
    now = served(history, environment)
    gone = {way.left, now.version if now else way.left} - {way.version}
    last = {d.version: d for d in history if d.environment == environment and d.version in gone}
    return tuple(last.values())


def proved(
    entries: Iterable[Signed], kinds: Collection[str]
) -> Iterator[tuple[int, Statement, ModelFile]]:
    """The statements of these kinds about a version, by a key that might speak so at that time."""
    for signed in entries:
        statement = signed.statement
        if statement is None or signed.problem is not None or statement.kind not in kinds:
            continue
        about = classify(statement.subject)
        if about is None or about.version is None:
            continue
        if any(key.past_objection(statement) is None for key in signed.keys):
            yield signed.seq, statement, about


def _deployment(statement: Statement, about: ModelFile, seq: int) -> Deployment:
    predicate = statement.predicate
    return Deployment(
        model=about.model,
        version=about.version or "",
        digest=statement.digest,
        environment=statement.environment,
        commit=predicate["commit"],
        at=statement.made_at,
        files=MappingProxyType(dict(predicate.get("files") or {})),
        approvers=tuple(predicate.get("approvers") or ()),
        strategy=predicate.get("strategy"),
        target=predicate.get("target"),
        pull_request=predicate.get("pull_request"),
        kind=statement.kind,
        seq=seq,
    )

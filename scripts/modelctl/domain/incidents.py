"""What the history says of versions that were taken back, so that the paperwork can follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.history import ROLLBACK, ROLLOUT, proved

FAILED = "failed"
"""Where a rollback statement says which version it went back from."""

ROLLED_BACK = "rolled-back"
"""The event by which a rollout ends where it began."""

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """A version by its number and the sha256 of its manifest."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An environment went back from `failed` to `back_to`, or had nothing to go back to (None).

    `served` says whether the failing version had taken over, or only got a share on the way there.
    `by` is the login of who said so, None where a trigger did. `id` tells it from any other of that
    version; `values` are the figures that decided. `place` is where the ledger has it, `commit`
    the commit of the branch that brought the version which the entry is about. `verified` says that
    the version before was seen serving.
    """

    model: str
    environment: str
    failed: Which
    back_to: Which | None
    at: datetime
    trigger: str
    reason: str
    id: str
    by: str | None = None
    served: bool = True
    place: str | None = None
    commit: str | None = None
    verified: bool = False
    values: Mapping[str, str] = field(default_factory=lambda: _NONE)

    @property
    def name(self) -> str:
        """`model@version` of what failed."""
        return f"{self.model}@{self.failed.version}"


def incidents(
    entries: Iterable[Signed], environment: str, *, since: datetime
) -> tuple[Incident, ...]:
    """What an environment was taken back from since then, by trusted entries, oldest first."""
    listed = tuple(entries)
    places = {one.seq: one.place for one in listed}
    found: list[Incident] = []
    for seq, statement, about in proved(listed, (ROLLBACK, ROLLOUT)):
        if statement.environment == environment and statement.made_at >= since:
            read = _BY_KIND[statement.kind]
            found += read(statement, about.model, about.version or "", seq, places.get(seq))
    return tuple(found)


def due_at(one: Incident, root_cause_within: timedelta) -> datetime:
    """By when the cause must be known."""
    return one.at + root_cause_within


def _rollback(
    statement: Statement, model: str, version: str, seq: int, place: str | None
) -> Iterator[Incident]:
    predicate = statement.predicate
    failed = _which(predicate.get(FAILED))
    if failed is None:
        return
    yield Incident(
        model=model,
        environment=statement.environment,
        failed=failed,
        back_to=Which(version=version, digest=statement.digest),
        at=statement.made_at,
        trigger=_text(predicate.get("trigger")) or "a person",
        reason=_text(predicate.get("reason")) or "",
        id=str(seq),
        by=_text(predicate.get("by")),
        place=place,
        commit=_text(predicate.get("commit")),
        verified=predicate.get("in_force") is True,
        values=_values(predicate.get("values")),
    )


def _rollout(
    statement: Statement, model: str, version: str, seq: int, place: str | None
) -> Iterator[Incident]:
    """A version whose rollout ended where it began: it never took over."""
    predicate = statement.predicate
    if predicate.get("event") != ROLLED_BACK:
        return
    reasons = [one for one in predicate.get("reasons") or () if isinstance(one, Mapping)]
    told = [_text(one.get("message")) or "" for one in reasons]
    first: Mapping[str, Any] = reasons[0] if reasons else {}
    yield Incident(
        model=model,
        environment=statement.environment,
        failed=Which(version=version, digest=statement.digest),
        back_to=_which(predicate.get("stable")),
        at=statement.made_at,
        trigger=_text(first.get("name")) or "a person",
        reason=_text(predicate.get("reason")) or "; ".join(filter(None, told)),
        id=str(seq),
        by=_text(predicate.get("by")),
        served=False,
        place=place,
        commit=_text(predicate.get("commit")),
        verified=True,  # what it was to take over from served all along
        values=_values(first.get("values")),
    )


_BY_KIND = {ROLLBACK: _rollback, ROLLOUT: _rollout}


def _which(value: object) -> Which | None:
    if not isinstance(value, Mapping):
        return None
    version, digest = _text(value.get("version")), _text(value.get("digest"))
    return Which(version=version, digest=digest) if version and digest else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _values(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        return _NONE
    return MappingProxyType({str(name): str(one) for name, one in value.items()})

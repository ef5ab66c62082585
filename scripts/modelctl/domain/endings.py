"""The end of a version's life: deprecated, rejected, archived, retired, and taken back.

Each is one signed statement on the ledger. What doesn't follow the order changes nothing, so that
a statement which lost a race, or comes again, can't bring a version back:

    deprecated → archived → retired        rejected → retired

Reinstatement takes any of them back but retirement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from modelctl.domain.evidence import Signed
from modelctl.domain.history import (
    ARCHIVAL,
    DEPRECATION,
    END_KINDS,
    REINSTATEMENT,
    REJECTION,
    RETIREMENT,
    proved,
)

DEPRECATED, REJECTED, ARCHIVED, RETIRED = "deprecated", "rejected", "archived", "retired"
ENDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        DEPRECATION: DEPRECATED,
        REJECTION: REJECTED,
        ARCHIVAL: ARCHIVED,
        RETIREMENT: RETIRED,
    }
)
"""Kind of statement → how a version has ended by it. `ends` in lifecycle.yaml names the stages."""

FINAL: Final = frozenset({REJECTED, ARCHIVED, RETIRED})
"""Ends after which a version may serve nowhere. A deprecated one may go on where it serves."""

_BEFORE: Final[Mapping[str, tuple[str | None, ...]]] = MappingProxyType(
    {
        DEPRECATION: (None,),
        REJECTION: (None,),
        ARCHIVAL: (None, DEPRECATED),
        RETIREMENT: (ARCHIVED, REJECTED),
        REINSTATEMENT: (DEPRECATED, ARCHIVED, REJECTED),
    }
)
"""Kind of statement → the ends that it may follow; None for a version that hasn't ended."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A statement about the end of a version. `by` is the login of who decided, `at` UTC.

    `digest` is the sha256 of its manifest, `replaced_by` the version to use instead.
    """

    model: str
    version: str
    digest: str
    kind: str
    reason: str
    by: str
    at: datetime
    replaced_by: str | None = None
    seq: int = 0

    @property
    def end(self) -> str | None:
        """`deprecated`, `rejected`, `archived` or `retired`; None when it takes that back."""
        return ENDS.get(self.kind)

    @property
    def counts_from(self) -> datetime:
        """When its retention begins to count: at the end of its day, since a job that runs once a
        day dates its statements by the day."""
        return self.at.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY

    def __str__(self) -> str:
        instead = f", use {self.replaced_by}" if self.replaced_by else ""
        return f"{self.end or 'reinstated'} on {self.at:%Y-%m-%d} by {self.by}: {self.reason}" + (
            instead
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a wish. `place` is the entry on the ledger, None where none was written.

    `already` is how it stands where nothing was left to do; `obstacles` are why it can't be done,
    `mend` what to do about them; `serving` are the environments that the version still serves in.
    """

    name: str
    kind: str
    already: str | None = None
    obstacles: tuple[str, ...] = ()
    mend: str | None = None
    place: str | None = None
    serving: tuple[str, ...] = ()


def endings(entries: Iterable[Signed], environment: str) -> tuple[Ending, ...]:
    """The statements about ends among trusted ledger entries, in the order of the ledger.

    `environment` is the last of the lifecycle. An end holds everywhere, so only a key that speaks
    for that one may tell of it: the key of an earlier environment ends and reinstates nothing.
    """
    found = [
        Ending(
            model=about.model,
            version=about.version or "",
            digest=statement.digest,
            kind=statement.kind,
            reason=str(statement.predicate.get("reason", "")),
            by=str(statement.predicate.get("by", "")),
            at=statement.made_at,
            replaced_by=_text(statement.predicate.get("replaced_by")),
            seq=seq,
        )
        for seq, statement, about in proved(entries, END_KINDS)
        if statement.environment == environment
    ]
    return tuple(sorted(found, key=lambda ending: ending.seq))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def ended(told: Sequence[Ending], version: str) -> Ending | None:
    """The statement by which a version has ended, None while it hasn't; `told` is in order."""
    now: Ending | None = None
    for ending in told:
        if ending.version == version and _state(now) in _BEFORE[ending.kind]:
            now = ending if ending.end else None
    return now


def _state(now: Ending | None) -> str | None:
    return now.end if now else None


def refusal(kind: str, now: Ending | None) -> tuple[str, str] | None:
    """Why a version in this state can't get such a statement, and the mend; None when it can."""
    before = _BEFORE[kind]
    if _state(now) in before:
        return None
    if kind == REINSTATEMENT:
        if now is None:
            return "it hasn't ended", "name a version that has"
        return f"it was {now}", "make a new version: what was retired stays so"
    if kind == RETIREMENT and (now is None or now.end == DEPRECATED):
        return "it is not archived", "archive it first"
    return f"it was {now}", "reinstate it first, if that was a mistake"

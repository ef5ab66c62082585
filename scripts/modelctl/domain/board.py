"""What a status board and a ledger listing show: which version is where, and what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class FlagKind(StrEnum):
    """What may be wrong with a version where it serves."""

    DRIFT = "drift"  # the environment runs something else than its branch asks for
    DEPRECATED = "deprecated"  # it may go on serving where it does, but another one is to be used
    QUARANTINED = "quarantined"  # it was rolled back there and may not come again
    REGISTRY = "registry"  # the registry names another version
    UNHEALTHY = "unhealthy"  # it does not answer as it should


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One thing that is wrong, in a short sentence: `main asks for 1.1.0`."""

    kind: FlagKind
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one environment serves of one model.

    `weight` is the version's share of the traffic in percent; the rest goes to `beside`, the
    version that it stands beside in a rollout. Of one that is `handed_over` only the controller of
    its cluster knows the share. `by` are the logins of those who approved it.
    `next` is what stands between it and the next stage, None where nothing follows.
    """

    version: str
    stage: str
    since: datetime | None = None
    by: tuple[str, ...] = ()
    strategy: str | None = None
    weight: int = 100
    handed_over: bool = False
    beside: str | None = None
    flags: tuple[Flag, ...] = ()
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model. `cells` holds the environments that serve it, by name.

    `newest` is its newest version wherever it is; `next` is what stands between that one and the
    first environment, None once it is there.
    """

    model: str
    owner: str | None = None
    newest: str | None = None
    next: str | None = None
    cells: Mapping[str, Cell] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Models by environments. `at` is the time that ages are counted from, in UTC."""

    repository: str
    at: datetime
    environments: tuple[str, ...]
    rows: tuple[Row, ...]

    def after(self, environment: str | None) -> str | None:
        """The environment that follows `environment`; the first for None; None after the last."""
        following: Sequence[str] = self.environments
        if environment is not None:
            following = self.environments[self.environments.index(environment) + 1 :]
        return following[0] if following else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One entry of the ledger as a listing shows it.

    `seq` is the model's own sequence number, `at` UTC, `signer` the name of the key. `problem`
    says why the entry can't be believed.
    """

    model: str
    seq: int
    kind: str
    at: datetime | None = None
    environment: str | None = None
    version: str | None = None
    signer: str | None = None
    summary: str = ""
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the entry is signed, chained and readable."""
        return self.problem is None

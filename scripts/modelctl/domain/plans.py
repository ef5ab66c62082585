"""What a controller of the cluster is told when it, and not modelctl, steps a rollout.

The plan is part of what was asked for and is kept in the release record: a policy that changes
later changes no rollout under way, and what runs can be rendered again to the byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from modelctl.domain.strategies import Strategy

STEPPED_BY_CONTROLLER: Final = frozenset({"argo-rollouts"})
"""The targets whose controller steps a rollout by itself."""

IMMEDIATE, BLUE_GREEN, CANARY, AB_TEST = "immediate", "blue-green", "canary", "ab-test"
KINDS: Final = (IMMEDIATE, BLUE_GREEN, CANARY, AB_TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A condition as a query that gives 1 where it holds, 0 where it doesn't, and nothing where
    nobody can tell. `sustained` is how long it must hold, in seconds. `halts` says that it stops
    the rollout for a person to look, instead of rolling it back."""

    name: str
    query: str
    because: str
    sustained: int = 0
    halts: bool = False

    def as_data(self) -> dict[str, Any]:
        """As a release record has it."""
        return {
            "name": self.name,
            "query": self.query,
            "because": self.because,
            **({"sustained": self.sustained} if self.sustained else {}),
            **({"halts": True} if self.halts else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step: the new version's share in percent, how long it holds in seconds, and what is
    judged meanwhile beside the plan's own checks. `enough` is a query that gives 1 once the new
    version had as many requests as the step asks for. With `pause` a person says that it may be
    left."""

    weight: int
    seconds: int
    enough: str | None = None
    checks: tuple[Check, ...] = ()
    pause: bool = False

    def as_data(self) -> dict[str, Any]:
        """As a release record has it."""
        return {
            "weight": self.weight,
            "seconds": self.seconds,
            **({"enough": self.enough} if self.enough else {}),
            **({"checks": [check.as_data() for check in self.checks]} if self.checks else {}),
            **({"pause": True} if self.pause else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a version takes over. `prometheus` is asked every `every` seconds; `patience` is how long
    the new version may stay without data, `warm` how long the old one is kept after the end, in
    seconds. Unless `automatic`, a person says that it may take over."""

    kind: str
    stages: tuple[Stage, ...] = ()
    automatic: bool = True
    checks: tuple[Check, ...] = ()
    prometheus: str = ""
    every: int = 60
    patience: int = 7200
    warm: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ModelctlError(
                f"a controller can't carry out a {self.kind}", mend=f"choose {', '.join(KINDS)}"
            )
        asked = [*self.checks, *(check for stage in self.stages for check in stage.checks)]
        if (asked or any(stage.enough for stage in self.stages)) and not self.prometheus:
            raise ModelctlError("a plan with checks needs the address of a Prometheus to ask")

    def as_data(self) -> dict[str, Any]:
        """As a release record has it."""
        return {
            "kind": self.kind,
            "stages": [stage.as_data() for stage in self.stages],
            "automatic": self.automatic,
            "checks": [check.as_data() for check in self.checks],
            "prometheus": self.prometheus,
            "every": self.every,
            "patience": self.patience,
            "warm": self.warm,
        }


def plan_from(data: Mapping[str, Any]) -> Plan:
    """The plan of a release record.

    Raises:
        TypeError, KeyError: it isn't one.
        ModelctlError: no controller could carry it out.
    """
    stages = (
        Stage(**{**row, "checks": tuple(Check(**check) for check in row.get("checks", ()))})
        for row in data["stages"]
    )
    checks = tuple(Check(**check) for check in data["checks"])
    return Plan(**{**data, "stages": tuple(stages), "checks": checks})


def plan_of(
    strategy: Strategy,
    *,
    checks: tuple[Check, ...] = (),
    stage_checks: Mapping[int, tuple[Check, ...]] | None = None,
    enough: Mapping[int, str] | None = None,
    prometheus: str = "",
    every: int = 60,
) -> Plan:
    """A strategy as a controller is told it. `checks` are judged throughout, `stage_checks` and
    `enough` at a step, counted from 0.

    Raises:
        ModelctlError: no controller carries out a strategy of this kind.
    """
    stages = tuple(
        Stage(
            weight=step.weight,
            seconds=int(step.duration.total_seconds()),
            enough=(enough or {}).get(index),
            checks=(stage_checks or {}).get(index, ()),
            pause=step.pause,
        )
        for index, step in enumerate(strategy.steps)
    )
    return Plan(
        kind=strategy.kind,
        stages=stages,
        automatic=strategy.automatic,
        checks=checks,
        prometheus=prometheus,
        every=every,
        patience=int(strategy.patience.total_seconds()),
        warm=int(strategy.keep_warm.total_seconds()) if strategy.keep_warm else 0,
    )

"""The parts that every policy is made of: rules, the promotions that they cover, spans of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Protocol

from modelctl.domain.document import Document, Location, Path

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


_SPAN = re.compile(r"[1-9][0-9]*[smhd]")
_LONGEST = timedelta(days=36500)
"""Whatever is longer is as good as for ever, and a date can still be counted on from it."""


def is_span(value: object) -> bool:
    """Whether `value` is a span of time as policies write it: `90s`, `15m`, `24h` or `7d`."""
    return isinstance(value, str) and _SPAN.fullmatch(value) is not None


def parse_span(text: str) -> timedelta:
    """`90s`, `15m`, `24h` or `7d` as a span of time; the policy's reader has checked the form."""
    seconds = int(text[:-1][:12]) * _UNITS[text[-1]]
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """An expression that couldn't be decided, and what it lacked."""

    reason: str


class Expression(Protocol):
    """A compiled, type-checked rule. `names` are the facts that it reads, as written."""

    @property
    def source(self) -> str:
        """The rule as the policy has it."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The facts that the rule reads, such as `evidence.metrics.f1_score`."""
        ...

    def decide(self, facts: Mapping[str, Any]) -> bool | Undecided:
        """Whether the rule holds for these facts; undecided when one that matters is missing."""
        ...


class RuleReader(Protocol):
    """Compiles the rules of a document; what is wrong with one is kept as a problem."""

    def rule(self, document: Document, path: Path, facts: Mapping[str, str]) -> Expression | None:
        """The rule at `path`, checked against declared facts (name → CEL type).

        None where it doesn't compile: the policy then judges nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which promotions a gate judges. An empty tuple means every one.

    `models` are shell patterns; `environments` are the target's.
    """

    environments: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def covers(self, facts: Mapping[str, str]) -> bool:
        """Whether a promotion with these `environment`, `task`, `tier`, `target`, `model` is in."""
        exact = (
            (self.environments, "environment"),
            (self.tasks, "task"),
            (self.tiers, "tier"),
            (self.targets, "target"),
        )
        return all(not allowed or facts[key] in allowed for allowed, key in exact) and (
            not self.models or any(fnmatchcase(facts["model"], p) for p in self.models)
        )

    def __str__(self) -> str:
        parts = (
            ("to", self.environments),
            ("task", self.tasks),
            ("tier", self.tiers),
            ("target", self.targets),
            ("model", self.models),
        )
        return ", ".join(f"{name} {' or '.join(of)}" for name, of in parts if of) or "every model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One condition of a gate, and why it is there. `mend` is the policy's own advice."""

    expression: Expression
    because: str
    location: Location
    mend: str | None = None

"""What the policy says about how long versions are kept that serve nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from modelctl.domain.document import Document, Location
from modelctl.domain.history import ARCHIVAL, RETIREMENT
from modelctl.domain.rules import RuleReader, parse_span

KINDS: Final[Mapping[str, str]] = MappingProxyType({"archive": ARCHIVAL, "retire": RETIREMENT})
"""What a rule does → the kind of statement that does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """How long a version stays in a stage after it served last; `then` is a key of `KINDS`."""

    stage: str
    keep: timedelta
    then: str
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What `policies/retention.yaml` says. Without the file nothing ever expires.

    The newest `keep_last` versions of each model stay, whatever the rules say. `pins` are
    `model@version`: they may not be archived, rejected or retired by anybody.
    """

    rules: tuple[RetentionRule, ...] = ()
    keep_last: int = 0
    pins: frozenset[str] = frozenset()

    def rule_for(self, stage: str) -> RetentionRule | None:
        """The rule for versions in this stage; None where they stay for ever."""
        return next((rule for rule in self.rules if rule.stage == stage), None)


def retention_from(document: Document, rules: RuleReader) -> Retention:
    """What an accepted document says."""
    data = document.data
    return Retention(
        rules=tuple(
            RetentionRule(
                stage=row["stage"],
                keep=parse_span(row["keep"]),
                then=row["then"],
                location=document.locate(("rules", index)),
            )
            for index, row in enumerate(data["rules"])
        ),
        keep_last=data.get("keep_last", 0),
        pins=frozenset(data.get("pins", ())),
    )

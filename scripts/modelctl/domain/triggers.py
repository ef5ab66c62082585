"""Conditions on live figures under which something is done: rolled back, halted, looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from modelctl.domain.document import Location
from modelctl.domain.rules import Expression

LIVE: Mapping[str, str] = {}
"""Every live figure that a condition may read, with its CEL type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When `when` holds for as long as `sustained`, `action` is due.

    `action` is `rollback`, `halt`, `investigate`, `review`, `analyse` or `alert`.
    """

    when: Expression
    action: str
    because: str
    location: Location
    sustained: timedelta | None = None

"""When nothing may move: windows by the calendar, and emergencies."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.domain.document import Document
from modelctl.domain.rules import RuleReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezes:
    """What `policies/freezes.yaml` says."""


def freezes_from(document: Document, rules: RuleReader) -> Freezes:
    """What an accepted document says."""
    return Freezes()

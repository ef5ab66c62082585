"""What people go through before and after a promotion, ticked by facts where there are any."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.domain.document import Document
from modelctl.domain.rules import RuleReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklists:
    """What `policies/checklists.yaml` says."""


def checklists_from(document: Document, rules: RuleReader) -> Checklists:
    """What an accepted document says."""
    return Checklists()

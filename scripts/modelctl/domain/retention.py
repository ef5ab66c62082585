"""How long versions are kept that serve nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.domain.document import Document
from modelctl.domain.rules import RuleReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What `policies/retention.yaml` says."""


def retention_from(document: Document, rules: RuleReader) -> Retention:
    """What an accepted document says."""
    return Retention()

"""What is watched where versions serve, and when they are taken back."""

from __future__ import annotations

from dataclasses import dataclass

from modelctl.domain.document import Document
from modelctl.domain.rules import RuleReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What `policies/rollback.yaml` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """What `policies/monitoring.yaml` says."""


def rollback_from(document: Document, rules: RuleReader) -> Rollback:
    """What an accepted document says."""
    return Rollback()


def monitoring_from(document: Document, rules: RuleReader) -> Monitoring:
    """What an accepted document says."""
    return Monitoring()

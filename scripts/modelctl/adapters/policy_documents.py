"""The documents of a policy that may be absent: each says its own defaults then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelctl.domain.checklists import checklists_from
from modelctl.domain.document import Document
from modelctl.domain.freezes import freezes_from
from modelctl.domain.metric_sources import metrics_from
from modelctl.domain.operations import monitoring_from, rollback_from
from modelctl.domain.retention import retention_from
from modelctl.domain.rules import RuleReader

OPTIONAL: Mapping[str, Callable[[Document, RuleReader], Any]] = {
    "checklists": checklists_from,
    "freezes": freezes_from,
    "metrics": metrics_from,
    "monitoring": monitoring_from,
    "retention": retention_from,
    "rollback": rollback_from,
}
"""Stem of a file in `policies/` → what its accepted document says: the field of `Policy` of that
name, and the kind of its schema."""

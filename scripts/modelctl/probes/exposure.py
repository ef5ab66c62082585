"""Exposure as a result: how many requests were answered in a period, and how many failed."""

from __future__ import annotations

from modelctl.domain.exposure import period_from
from modelctl.probes.result_values import Predicate, read_json

FIELDS = frozenset({"requests", "errors", "since", "until"})


def exposure(data: bytes) -> Predicate:
    """`{"requests": 1200, "errors": 1, "since": "…Z", "until": "…Z"}`, as a query of the metrics
    gives it; `tool` may say which one."""
    content = read_json(data)
    missing = sorted(FIELDS - content.keys())
    if missing:
        raise KeyError(missing[0])
    unknown = sorted(content.keys() - FIELDS - {"tool"})
    if unknown:
        raise ValueError(f"{unknown[0]} is no field of it")
    period = period_from(content)
    if isinstance(period, str):
        raise ValueError(period)
    return {"tool": {"name": "unknown", "version": "unknown"}, **content}

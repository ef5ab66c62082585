"""How a cluster differs from the state, told to people and to programs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from modelctl.domain.ownership import Drift


def terminal(environment: str, found: Sequence[Drift]) -> str:
    """A line for each difference, by model."""
    if not found:
        return f"✓ {environment}: the cluster has what the state says\n"
    lines = [f"✗ {environment}: the cluster differs in {_places(len(found))}"]
    for model, drifts in groupby(found, key=lambda drift: drift.model):
        lines.append(f"  {model}")
        lines += [f"    {one}" for one in drifts]
    lines.append(f"  → `modelctl deploy {environment} --apply` brings it back, but for the fields")
    lines.append("    that somebody else has taken: those it tells, and leaves")
    return "\n".join(lines) + "\n"


def as_json(environment: str, found: Sequence[Drift]) -> dict[str, Any]:
    """The same as data."""
    rows = [
        {
            "model": one.model,
            "kind": one.kind,
            "name": one.name,
            "path": one.path,
            "wanted": one.wanted,
            "found": one.found,
            "managers": list(one.managers),
        }
        for one in found
    ]
    return {"environment": environment, "drift": rows}


def _places(count: int) -> str:
    return "1 place" if count == 1 else f"{count} places"

"""Completeness: what the policy wants to know of every version beside what the schema requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, failed, inconclusive, passed


def check_metadata(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """`require` lists dotted paths of the manifest that must be there and not be empty."""
    data = candidate.version_document.data
    required = gate.options.get("require", [])
    missing = [path for path in required if _empty(_dig(data, path))]
    for path in missing:
        yield inconclusive(
            gate,
            f"the manifest doesn't say {path}",
            mend=f"add {path} to the manifest",
            because=gate.title,
            **at(candidate, *path.split(".")),
        )
    owner = candidate.model.owner
    if owner not in policy.ownership.teams:
        location = candidate.model_document.locate(("owner",))
        yield failed(
            gate,
            f"the owner {owner} is no team of this repository",
            location=location,
            quote=candidate.model_document.quote(location.line),
            mend=f"name one of: {', '.join(sorted(policy.ownership.teams))}",
        )
    elif not missing:
        yield passed(gate, f"all {len(required)} required entries are there")


def _dig(data: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})

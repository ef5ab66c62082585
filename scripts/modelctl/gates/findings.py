"""How a gate words a finding: one helper, so that each names its gate and its policy line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelctl.domain.candidate import Candidate
from modelctl.domain.document import Document, Location
from modelctl.domain.evidence import Selection
from modelctl.domain.policy import Gate
from modelctl.domain.verdict import Finding, Outcome


def finding(gate: Gate, outcome: Outcome, message: str, **details: Any) -> Finding:
    """A finding of `gate`, pointing at the gate's own line unless `policy` says better."""
    details.setdefault("policy", gate.location)
    return Finding(gate=gate.name, outcome=outcome, message=message, **details)


def passed(gate: Gate, message: str, **details: Any) -> Finding:
    """A finding that passes."""
    return finding(gate, Outcome.PASS, message, **details)


def failed(gate: Gate, message: str, **details: Any) -> Finding:
    """A finding that blocks."""
    return finding(gate, Outcome.FAIL, message, **details)


def inconclusive(gate: Gate, message: str, **details: Any) -> Finding:
    """A finding that blocks because something that it needs is missing."""
    return finding(gate, Outcome.INCONCLUSIVE, message, **details)


def quoted(document: Document, location: Location) -> Mapping[str, Any]:
    """The location and the line that stands there, as details of a finding.

    A finding about the whole file has no line of its own to show.
    """
    line = document.quote(location.line) if location.path else ""
    return {"location": location, "quote": line or None}


def at(candidate: Candidate, *path: str | int) -> Mapping[str, Any]:
    """The place in the version manifest, quoted, as details of a finding."""
    return quoted(candidate.version_document, candidate.at(*path))


def reasons(selection: Selection, subject: str) -> Mapping[str, str]:
    """Why the last few statements about a manifest don't count, each by its entry.

    Those about other versions say nothing about this one.
    """
    statements = ((r, r.signed.statement) for r in selection.rejected)
    shown = [r for r, told in statements if told is None or told.subject == subject][-5:]
    return {f"entry {r.signed.seq} on the ledger": r.reason for r in shown}


def command(
    template: str | None, candidate: Candidate, *, version: str | None = None
) -> str | None:
    """The policy's command with the names filled in; for another version where one is given."""
    if template is None:
        return None
    return (
        template.replace("{model}", candidate.model.name)
        .replace("{version}", version or str(candidate.version.version))
        .replace("{environment}", candidate.transition.source or candidate.transition.environment)
    )


def show(value: Any) -> str:
    """A fact as people read it: four significant digits, no long maps."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {show(inner)}" for key, inner in value.items())
    if isinstance(value, str) and len(value) > 24:
        return f"{value[:20]}…"
    return str(value)

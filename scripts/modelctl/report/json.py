"""Verdicts for programs: a stable document, described by `schemas/report.schema.json`.

A field is never left out; what isn't known is null. The output is ASCII, so that no stream and no
locale can damage it. A new optional field keeps the schema number, anything else raises it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Report, Subject, Verdict, exit_code
from modelctl.domain.waivers import Waiver
from modelctl.report import words

SCHEMA = 1


def render(report: Report) -> str:
    """The report as indented JSON, ending with a newline."""
    return dumps(document(report))


def document(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "schema": SCHEMA,
        "title": report.title,
        "outcome": report.outcome.value,
        "exit_code": exit_code(report),
        "at": instant(report.at),
        "trusted": report.trusted,
        "base": report.base,
        "head": report.head,
        "notes": list(report.notes),
        "next": words.next_step(report),
        "verdicts": [_verdict(verdict) for verdict in report.verdicts],
    }


def dumps(value: Any) -> str:
    """`value` as all our JSON output is written."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def instant(at: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC: `2026-11-20T10:53:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


def place(location: Location | None) -> dict[str, Any] | None:
    """A location as plain values; `path` is null for the whole file."""
    if location is None:
        return None
    return {
        "file": location.file,
        "line": location.line,
        "column": location.column,
        "path": location.path or None,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "subject": subject(verdict.subject),
        "outcome": verdict.outcome.value,
        "gates": {gate: outcome.value for gate, outcome in _outcomes(verdict)},
        "findings": [_finding(finding) for finding in verdict.findings],
    }


def subject(about: Subject) -> dict[str, Any]:
    """A subject as plain values, all null for the change as a whole."""
    return {
        "model": about.model,
        "version": about.version,
        "environment": about.environment,
        "digest": about.digest,
        "blob": about.blob,
    }


def _outcomes(verdict: Verdict) -> Any:
    return words.gate_outcomes(verdict).items() if verdict.findings else ()


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "gate": finding.gate,
        "outcome": finding.outcome.value,
        "blocks": finding.outcome.blocks,
        "message": finding.message,
        "rule": finding.rule,
        "because": finding.because,
        "values": dict(finding.values),
        "location": place(finding.location),
        "quote": finding.quote,
        "mend": finding.mend,
        "command": finding.command,
        "policy": place(finding.policy),
        "until": instant(finding.until),
        "waiver": waiver(finding.waiver),
    }


def waiver(one: Waiver | None) -> dict[str, Any] | None:
    """Who set a finding aside, until when and why, as plain values."""
    if one is None:
        return None
    return {
        "file": one.file,
        "gate": one.gate,
        "requested_by": one.requested_by,
        "approved_by": one.approved_by,
        "created_at": instant(one.created_at),
        "expires": instant(one.expires),
        "reason": one.reason,
    }

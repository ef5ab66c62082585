"""Verdicts for code scanning: SARIF 2.1.0, where the rules are the gates.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/ What passes is no result: viewers show each result
as an alert. A waived one is there, suppressed. GitHub wants a place for every result, so one that
has none stands at the version's manifest, else at its policy line, else at `models`.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from modelctl import __version__
from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.report import gfm, words
from modelctl.report.clean import uri, visible
from modelctl.report.json import dumps

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {
    Outcome.FAIL: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.PENDING: "warning",
    Outcome.WAIVED: "note",
}
_ROOT = "models"
_FINGERPRINT = "modelctlFinding/v1"


def render(report: Report, *, repository: str | None = None) -> str:
    """The report as a SARIF log; with `repository` (`https://…`) the rules link to their policy."""
    told = [(v, f) for v in report.verdicts for f in words.findings(v) if f.outcome in _LEVELS]
    rules = _rules([f for _, f in told], repository, report.trusted)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "modelctl", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(verdict, finding, index) for verdict, finding in told],
        "properties": {
            "title": report.title,
            "trusted": report.trusted,
            "head": report.head,
            "notes": list(report.notes),
        },
    }
    return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rules(
    found: list[Finding], repository: str | None, trusted: str | None
) -> list[dict[str, Any]]:
    """One rule for each gate, told by the first of its findings that names the policy."""
    gates: dict[str, list[Finding]] = {}
    for finding in found:
        gates.setdefault(visible(finding.gate), []).append(finding)
    return [_rule(gate, told, repository, trusted) for gate, told in gates.items()]


def _rule(
    gate: str, told: list[Finding], repository: str | None, trusted: str | None
) -> dict[str, Any]:
    policy = next((f.policy for f in told if f.policy), None)
    why = list(dict.fromkeys(f.because for f in told if f.because))
    where = f"Policy: {words.line_of(policy)}" if policy else "It always holds."
    rule: dict[str, Any] = {
        "id": gate,
        "shortDescription": {"text": f"Gate {gate}"},
        "help": {
            "text": "\n".join(_unlinked(line) for line in (*why, where)),
            "markdown": "\n".join(f"- {gfm.plain(line)}" for line in (*why, where)),
        },
        "properties": {"tags": ["policy", "model-promotion"]},
    }
    # The standard takes absolute addresses only here.
    path = uri(policy.file) if policy else None
    if policy and path and repository and trusted:
        rule["helpUri"] = f"{repository}/blob/{uri(trusted)}/{path}#L{policy.line}"
    return rule


def _result(verdict: Verdict, finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    gate = visible(finding.gate)
    result: dict[str, Any] = {
        "ruleId": gate,
        "ruleIndex": index[gate],
        "level": _LEVELS[finding.outcome],
        "message": {"text": "\n".join(_unlinked(line) for line in _lines(verdict, finding))},
        "locations": [_location(_place(verdict.subject, finding), finding.quote)],
        "partialFingerprints": {_FINGERPRINT: _fingerprint(verdict.subject, finding)},
        "properties": {"outcome": finding.outcome.value, "subject": str(verdict.subject)},
    }
    if finding.policy:
        policy = _location(finding.policy, None) | {"id": 1, "message": {"text": "the policy"}}
        result["relatedLocations"] = [policy]
    if finding.outcome is Outcome.WAIVED:
        reason = words.waived(finding.waiver) if finding.waiver else finding.because
        why = _unlinked(reason or finding.message)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _lines(verdict: Verdict, finding: Finding) -> Iterator[str]:
    yield f"{verdict.subject}: {finding.message}"
    yield from (f"{label}: {text}" for label, text in words.told(finding) if label != "at")


def _unlinked(text: str) -> str:
    """`text` on one line in which `[words](address)` is no link, as SARIF messages have them."""
    return visible(text).replace("](", "] (")


def _place(subject: Subject, finding: Finding) -> Location:
    if finding.location:
        return finding.location
    if subject.model and subject.version:
        return Location(file=f"models/{subject.model}/versions/{subject.version}.yaml")
    return finding.policy or Location(file=_ROOT)


def _location(location: Location, line: str | None) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": location.line, "startColumn": location.column}
    if line:
        region["snippet"] = {"text": visible(line)}
    artifact = {"uri": uri(location.file) or _ROOT, "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _fingerprint(subject: Subject, finding: Finding) -> str:
    """The same for the same complaint, wherever its line has moved to."""
    location = finding.location
    parts = (
        *(subject.model, subject.version, subject.environment, finding.gate),
        finding.rule or finding.message,
        *((location.file, location.path) if location else ()),
    )
    told = "\0".join(part or "" for part in parts)
    return sha256(told.encode("utf-8", "replace")).hexdigest()

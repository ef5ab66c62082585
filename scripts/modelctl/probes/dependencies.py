"""Known vulnerabilities of the dependencies, from the report of pip-audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelctl.domain.facts import package
from modelctl.probes.result_values import Predicate, read_json


def pip_audit(data: bytes) -> Predicate:
    """Findings of `pip-audit --format json`, and what it looked at, as package → version.

    What it skipped was not looked at, so it counts against the result. pip-audit tells no
    severities: each vulnerability counts.
    """
    rows = read_json(data)["dependencies"]
    if not rows:
        raise ValueError("no dependency was looked at")
    scanned = [row for row in rows if "skip_reason" not in row]
    found = [_vulnerability(one) for row in scanned for one in row["vulns"]]
    skipped = len(rows) - len(scanned)
    return {
        "passed": not found and not skipped,
        "dependencies": {
            "total": len(rows),
            "skipped": skipped,
            "vulnerable": sum(1 for row in scanned if row["vulns"]),
            "scanned": {package(_text(row["name"])): _text(row["version"]) for row in scanned},
        },
        "vulnerabilities": {"known": len(found), "fixable": sum(map(_fixable, found))},
        "tool": {"name": "pip-audit", "version": "2"},
    }


def _vulnerability(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, dict) or not _text(row["id"]):
        raise ValueError("a vulnerability has no id")
    return row


def _fixable(row: Mapping[str, Any]) -> bool:
    return bool(row["fix_versions"])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value

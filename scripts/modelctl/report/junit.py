"""Verdicts for whatever reads test results: a suite for each verdict, a case for each gate.

Fail and pending are failures (both are answers, and both block), inconclusive is an error (no
answer), waived is skipped. A verdict without a gate has one case that is an error, since an empty
suite would look green.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC

from modelctl.domain.verdict import Finding, Outcome, Report, Verdict
from modelctl.report import words
from modelctl.report.clean import visible

_TAGS = {
    Outcome.FAIL: "failure",
    Outcome.PENDING: "failure",
    Outcome.INCONCLUSIVE: "error",
    Outcome.WAIVED: "skipped",
}
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def render(report: Report) -> str:
    """The report as a JUnit XML document."""
    root = ET.Element("testsuites", name=visible(report.title))
    for verdict in report.verdicts:
        root.append(_suite(verdict, report))
    _count(root)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(verdict: Verdict, report: Report) -> ET.Element:
    name = visible(str(verdict.subject))
    suite = ET.Element("testsuite", name=name)
    if report.at:
        suite.set("timestamp", f"{report.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}")
    for gate, found in words.gates(verdict).items():
        suite.append(_case(gate, found, name))
    _count(suite)
    return suite


def _case(gate: str, found: Sequence[Finding], suite: str) -> ET.Element:
    case = ET.Element("testcase", classname=suite, name=visible(gate))
    outcome = words.severest(found)
    if tag := _TAGS.get(outcome):
        told = words.worth_telling(found)
        said = ET.SubElement(case, tag, message=visible(told[0].message))
        if tag != "skipped":
            said.set("type", outcome.value)
        said.text = "\n\n".join(_told(finding) for finding in told)
    return case


def _told(finding: Finding) -> str:
    rows = (f"{label}: {visible(text)}" for label, text in words.told(finding))
    return "\n".join((visible(finding.message), *rows))


def _count(element: ET.Element) -> None:
    """Add the numbers of cases that JUnit wants on suites."""
    element.set("tests", str(len(list(element.iter("testcase")))))
    for attribute, tag in _COUNTED.items():
        element.set(attribute, str(len(list(element.iter(tag)))))

"""Annotations on a pull request, as workflow commands that the Actions runner reads from stdout.

`::error file=…,line=…::…`: what comes from a pull request must not end the command and begin
another, so `%`, CR and LF are escaped everywhere and `:` and `,` in properties as well.
https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from collections.abc import Mapping

from modelctl.domain.verdict import Finding, Outcome, Report, Verdict
from modelctl.report import words
from modelctl.report.clean import shorten, visible

LIMIT = 10
"""GitHub shows ten annotations of each level for a step and drops the rest without a word."""

_LEVELS = {
    Outcome.FAIL: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.PENDING: "warning",
    Outcome.WAIVED: "notice",
}
_LONGEST = 2000


def render(report: Report) -> str:
    """One command on each line, errors first; a level that has more says how many more."""
    lines: dict[str, list[str]] = {level: [] for level in _LEVELS.values()}
    for verdict in report.verdicts:
        for finding in words.worth_telling(words.findings(verdict)):
            level = _LEVELS[finding.outcome]
            lines[level].append(_annotation(level, verdict, finding))
    for note in report.notes:
        lines["notice"].append(_command("notice", {"title": "modelctl"}, visible(note)))
    return "".join(f"{line}\n" for level in lines for line in _capped(level, lines[level]))


def _capped(level: str, lines: list[str]) -> list[str]:
    if len(lines) <= LIMIT:
        return lines
    left = len(lines) - (LIMIT - 1)
    more = f"… and {left} more; the summary lists all"
    return [*lines[: LIMIT - 1], _command(level, {"title": "modelctl"}, more)]


def _annotation(level: str, verdict: Verdict, finding: Finding) -> str:
    properties = {"title": f"{finding.gate}: {verdict.subject}"}
    if location := finding.location:
        where = {"file": location.file, "line": location.line, "col": location.column}
        properties = {**{key: str(value) for key, value in where.items()}, **properties}
    return _command(level, properties, _message(finding))


def _command(level: str, properties: Mapping[str, str], message: str) -> str:
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level} {listed}::{_data(shorten(message, _LONGEST))}"


def _message(finding: Finding) -> str:
    """The finding in a few lines; the line breaks are ours alone. Where it is, the file says."""
    rows = (f"{label}: {visible(text)}" for label, text in words.told(finding) if label != "at")
    return "\n".join((visible(finding.message), *rows))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")

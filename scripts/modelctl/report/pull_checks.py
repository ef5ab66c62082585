"""What came of checking pull requests: for people, for programs, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelctl.domain.checked import Checked, worst_code
from modelctl.domain.pages import APPROVALS
from modelctl.domain.pull_labels import STATES
from modelctl.domain.pulls import CheckState
from modelctl.domain.verdict import Finding, Outcome, Report
from modelctl.report import gfm
from modelctl.report.json import document, dumps, instant
from modelctl.report.look import Look, grid, indent, ink, paint

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = 1
_MARKS = {
    CheckState.SUCCESS: ("✓", "bold green"),
    CheckState.WAITING: ("…", "bold yellow"),
    CheckState.FAILURE: ("✗", "bold red"),
}


def terminal(checked: Checked, look: Look | None = None, *, dry_run: bool = False) -> str:
    """One pull request: its verdict, and what was written onto it."""
    look = look or Look()
    pull = checked.pull
    mark, style = _MARKS[checked.output.state] if checked.output else ("-", "dim")
    way = f"{pull.branch} → {pull.base}"
    head = ink(look, (f"{mark} #{pull.number}  ", style), (pull.title, "bold"), (f"  {way}", "dim"))
    parts: list[RenderableType] = [head]
    rows = grid(2, None)
    for label, text in _told(checked, dry_run):
        rows.add_row(ink(look, ("", "")), ink(look, (f"{label}  ", "dim"), text))
    parts.append(indent(rows, 0))
    return paint(look, parts)


def shown(checked: Checked) -> Report | None:
    """The report in the words of the comment: approvals that are only waited for block nothing
    that somebody has to mend."""
    report, output = checked.report, checked.output
    if report is None or output is None or output.state is not CheckState.WAITING:
        return report
    return waiting(report)


def waiting(report: Report) -> Report:
    """The same where the approvals that are missing are only waited for."""
    verdicts = (
        replace(verdict, findings=tuple(_waited_for(one) for one in verdict.findings))
        for verdict in report.verdicts
    )
    return replace(report, verdicts=tuple(verdicts))


def _waited_for(finding: Finding) -> Finding:
    if finding.gate != APPROVALS or not finding.outcome.blocks:
        return finding
    return replace(finding, outcome=Outcome.PENDING)


def _told(checked: Checked, dry_run: bool) -> list[tuple[str, str]]:
    told = []
    if checked.skipped is not None:
        told.append(("not judged", checked.skipped))
    if checked.error is not None:
        told.append(("could not be decided", str(checked.error)))
    elif checked.output is not None:
        told.append(("verdict", checked.output.title))
    wrote = "would write" if dry_run else "wrote"
    told += [(wrote, what) for what in checked.written]
    if checked.output is not None and not (checked.written or checked.left or dry_run):
        told.append(("unchanged", "all of it was there already"))
    return [*told, *(("still to do", what) for what in checked.left)]


def markdown(checked: Checked) -> str:
    """The comment of a pull request, or why there is none."""
    if checked.body is not None:
        return checked.body
    said = "; ".join(text for _, text in _told(checked, dry_run=False))
    return f"#{checked.pull.number}: {gfm.plain(said)}\n"


def json(found: Sequence[Checked]) -> str:
    """Every pull request, with the report of each that was judged."""
    rows = [_json(checked) for checked in found]
    return dumps({"schema": SCHEMA, "exit_code": worst_code(found), "pull_requests": rows})


def _json(checked: Checked) -> dict[str, Any]:
    pull, output, error = checked.pull, checked.output, checked.error
    return {
        "number": pull.number,
        "title": pull.title,
        "url": pull.url,
        "base": pull.base,
        "branch": pull.branch,
        "head": pull.head,
        "updated_at": instant(pull.updated_at),
        "exit_code": checked.exit_code,
        "state": STATES[output.state] if output else None,
        "verdict": output.title if output else None,
        "skipped": checked.skipped,
        "error": {"message": error.message, "mend": error.mend} if error else None,
        "written": list(checked.written),
        "left_to_do": list(checked.left),
        "report": document(checked.report) if checked.report else None,
    }

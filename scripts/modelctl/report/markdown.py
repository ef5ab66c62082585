"""Verdicts for a pull request: what blocks and the mend first, what passes folded away.

GitHub takes 65,536 characters. What doesn't fit is left out block by block, never in the middle of
one, and counted at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.verdict import Outcome, Report, Verdict
from modelctl.report import gfm, words
from modelctl.report.sections import (
    LIMIT,
    MARKS,
    ROWS,
    VALUES,
    Block,
    Links,
    finding_text,
    fitting,
    folded,
    gate_rows,
    more,
)


def render(report: Report, *, repository: str | None = None, limit: int = LIMIT) -> str:
    """The report as GitHub-flavoured Markdown of at most `limit` characters.

    `repository` is the address that files are linked at, `https://github.com/owner/name`.
    """
    links = Links(repository=repository, trusted=report.trusted, head=report.head)
    head = _heading(report)
    foot = _footer(report)
    blocks = [_summary(report)] if len(report.verdicts) > 1 else []
    for verdict in words.by_severity(report.verdicts):
        blocks += _blocks(verdict, report, links)
    room = limit - len(head) - len(foot) - 200  # for the line that says how much is left out
    return "\n\n".join([head, *fitting(blocks, room), foot]) + "\n"


def findings(report: Report, *, repository: str | None = None, limit: int = LIMIT) -> str:
    """What was found alone, without a verdict on the whole or a next step."""
    links = Links(repository=repository, trusted=report.trusted, head=report.head)
    ordered = words.by_severity(report.verdicts)
    blocks = [block for verdict in ordered for block in _blocks(verdict, report, links)]
    return "\n\n".join(fitting(blocks, limit - 200))


def _heading(report: Report) -> str:
    if len(report.verdicts) == 1:
        verdict = report.verdicts[0]
        what, said = str(verdict.subject), words.tally(verdict)
    else:
        what, said = report.title, words.overall(report)
    mark, ends = MARKS[report.outcome], words.word(report.outcome).lower()
    return f"## {mark} {gfm.plain(what)} {ends}: {said}"


def _footer(report: Report) -> str:
    by = words.judged(report)
    said = f"<sub>{gfm.plain(by[0].upper() + by[1:])}</sub>" if by else ""
    notes = [f"- {gfm.plain(note)}" for note in report.notes[:VALUES]]
    if len(report.notes) > VALUES:
        notes.append(f"- … and {words.count(len(report.notes) - VALUES, 'note')} more")
    step = f"**Next:** {gfm.plain(words.next_step(report))}"
    return "\n\n".join(part for part in ("\n".join(notes), step, said) if part)


def _summary(report: Report) -> Block:
    rows = [gfm.row("", "judged", "verdict", "gates"), gfm.row("---", "---", "---", "---")]
    ordered = words.by_severity(report.verdicts)
    for verdict in ordered[:ROWS]:
        mark, ends = MARKS[verdict.outcome], words.word(verdict.outcome).lower()
        rows.append(gfm.row(mark, gfm.plain(str(verdict.subject)), ends, words.tally(verdict)))
    return Block(text="\n".join((*rows, *more(len(ordered), "verdict"))))


def _blocks(verdict: Verdict, report: Report, links: Links) -> Iterator[Block]:
    told = [f for f in words.findings(verdict) if f.outcome.blocks]
    lead = ""
    if len(report.verdicts) > 1:
        lead = f"### {gfm.plain(str(verdict.subject))}\n\n"
    for finding in words.worth_telling(told):
        yield Block(text=lead + finding_text(finding, links), findings=1)
        lead = ""
    yield from _table(verdict, lead)


def _table(verdict: Verdict, lead: str) -> Iterator[Block]:
    """The gates that don't block, folded; the waived ones stay in sight."""
    gates, outcomes = words.gates(verdict), words.gate_outcomes(verdict)
    waived = [gate for gate, outcome in outcomes.items() if outcome is Outcome.WAIVED]
    passing = [gate for gate, outcome in outcomes.items() if outcome is Outcome.PASS]
    if waived:
        rows = gate_rows(waived, gates, Outcome.WAIVED)
        yield Block(text=lead + rows, findings=len(waived))
        lead = ""
    if passing:
        said = f"{words.count(len(passing), 'gate')} {'passes' if len(passing) == 1 else 'pass'}"
        text = lead + folded(said, gate_rows(passing, gates, Outcome.PASS))
        yield Block(text=text, findings=len(passing))

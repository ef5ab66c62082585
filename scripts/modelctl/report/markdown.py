"""Verdicts for a pull request: what blocks and the mend first, what passes folded away.

GitHub takes 65,536 characters. What doesn't fit is left out block by block, never in the middle of
one, and counted at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Outcome, Report, Verdict
from modelctl.report import gfm, words
from modelctl.report.clean import uri, visible
from modelctl.report.excerpt import excerpt

LIMIT = 65_000
"""The most characters of a report."""

_ROWS = 100  # of one table
_VALUES = 12  # lines of values of one finding
_CODE = 160  # columns of a quoted line
_MARKS = {
    Outcome.PASS: "✅",
    Outcome.FAIL: "❌",
    Outcome.PENDING: "⏳",
    Outcome.INCONCLUSIVE: "❔",
    Outcome.WAIVED: "☑️",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where files can be seen: `repository` is `https://github.com/owner/name`, without an end `/`.

    Without it, places are named but not linked.
    """

    repository: str | None = None
    trusted: str | None = None
    head: str | None = None

    def policy(self, location: Location) -> str:
        """A line of the policies, as the trusted ref has it."""
        return gfm.link(words.line_of(location), self._url(self.trusted, location))

    def change(self, location: Location) -> str:
        """A place in the change that was judged."""
        return gfm.link(words.place(location), self._url(self.head, location))

    def _url(self, commit: str | None, location: Location) -> str | None:
        path = uri(location.file)
        if not self.repository or not commit or not path:
            return None
        return f"{self.repository}/blob/{uri(commit)}/{path}#L{location.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """A piece that is shown whole or not at all, and how many findings it tells."""

    text: str
    findings: int = 0


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
    return "\n\n".join([head, *_fitting(blocks, room), foot]) + "\n"


def _fitting(blocks: Sequence[_Block], room: int) -> Iterator[str]:
    """As many blocks from the front as there is room for, and a count of the rest."""
    for index, block in enumerate(blocks):
        room -= len(block.text) + 2
        if room < 0:
            left = sum(each.findings for each in blocks[index:])
            yield f"**… and {words.count(left, 'finding')} more.** `modelctl check` lists all."
            return
        yield block.text


def _heading(report: Report) -> str:
    if len(report.verdicts) == 1:
        verdict = report.verdicts[0]
        what, said = str(verdict.subject), words.tally(verdict)
    else:
        what, said = report.title, words.overall(report)
    mark, ends = _MARKS[report.outcome], words.word(report.outcome).lower()
    return f"## {mark} {gfm.plain(what)} {ends}: {said}"


def _footer(report: Report) -> str:
    by = words.judged(report)
    said = f"<sub>{gfm.plain(by[0].upper() + by[1:])}</sub>" if by else ""
    notes = [f"- {gfm.plain(note)}" for note in report.notes[:_VALUES]]
    if len(report.notes) > _VALUES:
        notes.append(f"- … and {words.count(len(report.notes) - _VALUES, 'note')} more")
    step = f"**Next:** {gfm.plain(words.next_step(report))}"
    return "\n\n".join(part for part in ("\n".join(notes), step, said) if part)


def _summary(report: Report) -> _Block:
    rows = [gfm.row("", "judged", "verdict", "gates"), gfm.row("---", "---", "---", "---")]
    ordered = words.by_severity(report.verdicts)
    for verdict in ordered[:_ROWS]:
        mark, ends = _MARKS[verdict.outcome], words.word(verdict.outcome).lower()
        rows.append(gfm.row(mark, gfm.plain(str(verdict.subject)), ends, words.tally(verdict)))
    return _Block(text="\n".join((*rows, *_more(len(ordered), "verdict"))))


def _more(total: int, noun: str) -> tuple[str, ...]:
    """The lines beneath a table that was cut short."""
    return ("", f"… and {words.count(total - _ROWS, noun)} more.") if total > _ROWS else ()


def _blocks(verdict: Verdict, report: Report, links: Links) -> Iterator[_Block]:
    told = [f for f in words.findings(verdict) if f.outcome.blocks]
    lead = ""
    if len(report.verdicts) > 1:
        lead = f"### {gfm.plain(str(verdict.subject))}\n\n"
    for finding in words.worth_telling(told):
        yield _Block(text=lead + _finding(finding, links), findings=1)
        lead = ""
    yield from _table(verdict, lead)


def _finding(finding: Finding, links: Links) -> str:
    """One finding that blocks: the gate, what is wrong, why, and the mend."""
    gate, mark = gfm.code(finding.gate), _MARKS[finding.outcome]
    lines = [f"#### {mark} {gate} {gfm.plain(finding.message)}", ""]
    values, rule_told = words.deciding(finding)
    lines += [f"- {gfm.plain(line)}" for line in values[:_VALUES]]
    if len(values) > _VALUES:
        lines.append(f"- … and {len(values) - _VALUES} more")
    if finding.rule and not rule_told:
        lines.append(f"- rule {gfm.code(finding.rule)}")
    if finding.location:
        lines.append(f"- at {links.change(finding.location)}")
    if reason := words.reason(finding):
        lines.append(f"- because {gfm.plain(reason)}")
    if finding.until:
        lines.append(f"- **until {gfm.plain(words.instant(finding.until))}**")
    if finding.policy:
        lines.append(f"- policy {links.policy(finding.policy)}")
    lines += _quoted(finding)
    if finding.mend:
        lines += ["", f"**Mend:** {gfm.plain(finding.mend)}"]
    if finding.command:
        lines += ["", gfm.block([visible(finding.command)], "sh")]
    return "\n".join(lines)


def _quoted(finding: Finding) -> list[str]:
    location = finding.location
    if not finding.quote or location is None or words.whole_file(location):
        return []
    number = str(location.line)
    part = excerpt(finding.quote, location.column, _CODE)
    line = f"{number} │ {part.before}{part.value}{part.after}".rstrip()
    return ["", gfm.block([line, f"{' ' * len(number)} │ {part.carets()}"])]


def _table(verdict: Verdict, lead: str) -> Iterator[_Block]:
    """The gates that don't block, folded; the waived ones stay in sight."""
    gates, outcomes = words.gates(verdict), words.gate_outcomes(verdict)
    waived = [gate for gate, outcome in outcomes.items() if outcome is Outcome.WAIVED]
    passing = [gate for gate, outcome in outcomes.items() if outcome is Outcome.PASS]
    if waived:
        rows = _rows(waived, gates, Outcome.WAIVED)
        yield _Block(text=lead + rows, findings=len(waived))
        lead = ""
    if passing:
        said = f"{words.count(len(passing), 'gate')} {'passes' if len(passing) == 1 else 'pass'}"
        folded = ("<details><summary>" + said + "</summary>", _rows(passing, gates, Outcome.PASS))
        text = lead + "\n\n".join((*folded, "</details>"))
        yield _Block(text=text, findings=len(passing))


def _rows(names: Sequence[str], gates: dict[str, tuple[Finding, ...]], outcome: Outcome) -> str:
    rows = [gfm.row("", "gate", "found"), gfm.row("---", "---", "---")]
    for gate in names[:_ROWS]:
        messages = [gfm.plain(_said(f)) for f in gates[gate] if f.outcome is outcome]
        said = "; ".join(messages[:_VALUES])
        rows.append(gfm.row(_MARKS[outcome], gfm.code(gate, cell=True), said))
    return "\n".join((*rows, *_more(len(names), "gate")))


def _said(finding: Finding) -> str:
    """The message, with who set it aside where somebody did."""
    waiver = finding.waiver
    return f"{finding.message}, waived {words.waived(waiver)}" if waiver else finding.message

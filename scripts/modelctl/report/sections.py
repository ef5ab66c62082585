"""The parts that every Markdown report is made of: findings, tables, what is folded away.

Each is a block that is shown whole or not at all. GitHub takes 65,536 characters, so what doesn't
fit is left out block by block, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Outcome
from modelctl.report import gfm, words
from modelctl.report.clean import uri, visible
from modelctl.report.excerpt import excerpt

LIMIT = 65_000
"""The most characters of a report."""

ROWS = 100
"""The most rows of one table."""

VALUES = 12
"""The most lines of values of one finding."""

MARKS: Mapping[Outcome, str] = {
    Outcome.PASS: "✅",
    Outcome.FAIL: "❌",
    Outcome.PENDING: "⏳",
    Outcome.INCONCLUSIVE: "❔",
    Outcome.WAIVED: "☑️",
}
_CODE = 160  # columns of a quoted line


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

    def file(self, text: str, branch: str, path: str) -> str:
        """A file of a branch."""
        return gfm.link(text, self._url(branch, Location(file=path)))

    def commit(self, commit: str) -> str:
        """A commit, by the first digits of its name."""
        url = f"{self.repository}/commit/{uri(commit)}" if self.repository else None
        return gfm.link(commit[:12], url)

    def _url(self, commit: str | None, location: Location) -> str | None:
        path = uri(location.file)
        if not self.repository or not commit or not path:
            return None
        return f"{self.repository}/blob/{uri(commit)}/{path}#L{location.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece that is shown whole or not at all, and how many findings it tells."""

    text: str
    findings: int = 0


def fitting(blocks: Sequence[Block], room: int) -> Iterator[str]:
    """As many blocks from the front as there is room for, and a count of the rest."""
    for index, block in enumerate(blocks):
        room -= len(block.text) + 2
        if room < 0:
            left = sum(each.findings for each in blocks[index:])
            yield f"**… and {words.count(left, 'finding')} more.** `modelctl check` lists all."
            return
        yield block.text


def folded(summary: str, *parts: str) -> str:
    """Parts that are seen when they are asked for; all are Markdown or HTML already."""
    return "\n\n".join((f"<details><summary>{summary}</summary>", *parts, "</details>"))


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """A table from rows that are Markdown already."""
    return "\n".join((gfm.row(*heads), gfm.row(*("---" for _ in heads)), *rows))


def more(total: int, noun: str) -> tuple[str, ...]:
    """The lines beneath a table that was cut short."""
    return ("", f"… and {words.count(total - ROWS, noun)} more.") if total > ROWS else ()


def finding_text(finding: Finding, links: Links, *, gates: Sequence[str] = ()) -> str:
    """One finding that blocks: the gate, what is wrong, why, and the mend. `gates` are all that say
    the same."""
    named = ", ".join(map(gfm.code, gates or (finding.gate,)))
    lines = [f"#### {MARKS[finding.outcome]} {named} {gfm.plain(finding.message)}", ""]
    values, rule_told = words.deciding(finding)
    lines += [f"- {gfm.plain(line)}" for line in values[:VALUES]]
    if len(values) > VALUES:
        lines.append(f"- … and {len(values) - VALUES} more")
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


def gate_rows(
    names: Sequence[str], gates: Mapping[str, tuple[Finding, ...]], outcome: Outcome
) -> str:
    """A table of gates with their findings of one outcome."""
    rows = [gfm.row("", "gate", "found"), gfm.row("---", "---", "---")]
    for gate in names[:ROWS]:
        messages = [gfm.plain(with_waiver(f)) for f in gates[gate] if f.outcome is outcome]
        said = "; ".join(messages[:VALUES])
        rows.append(gfm.row(MARKS[outcome], gfm.code(gate, cell=True), said))
    return "\n".join((*rows, *more(len(names), "gate")))


def with_waiver(finding: Finding) -> str:
    """The message, with who set it aside where somebody did."""
    waiver = finding.waiver
    return f"{finding.message}, waived {words.waived(waiver)}" if waiver else finding.message

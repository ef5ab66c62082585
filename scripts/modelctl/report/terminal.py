"""Verdicts for people at a terminal: what blocks, by which values, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Outcome, Report, Verdict
from modelctl.report import words
from modelctl.report.excerpt import excerpt
from modelctl.report.look import STYLES, Look, grid, indent, ink, paint, shell, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_LABELS = 8  # columns, for `because`
_MANY = 20
"""More verdicts that simply pass than this are counted, not listed."""


def render(report: Report, look: Look | None = None, *, verbose: bool = False) -> str:
    """The report as text for `look`; `verbose` also tells what passes and why."""
    look = look or Look()
    look = replace(look, width=look.measure)
    parts: list[RenderableType] = []
    if len(report.verdicts) != 1:
        parts += [_headline(report.title, report.outcome, words.overall(report), look), ""]
    for verdict in _told(report, verbose):
        head = _headline(str(verdict.subject), verdict.outcome, words.tally(verdict), look)
        parts.append(_ruled(head, look) if len(report.verdicts) > 1 else head)
        parts += [*_verdict(verdict, look, report.at, verbose), ""]
    if len(report.verdicts) > 1:
        parts += [_summary(report, look, verbose), ""]
    parts.append(_footer(report, look))
    return paint(look, parts)


def _told(report: Report, verbose: bool) -> Sequence[Verdict]:
    """The verdicts worth a section: of several, those that simply pass are in the summary."""
    if verbose or len(report.verdicts) == 1:
        return report.verdicts
    return [v for v in report.verdicts if v.outcome is not Outcome.PASS]


def _headline(what: str, outcome: Outcome, said: str, look: Look) -> Text:
    word = (words.word(outcome), f"bold {_color(outcome)}")
    return ink(look, (f"{what}  ", "bold"), word, (f"  {said}", "bold"))


def _color(outcome: Outcome) -> str:
    """What passes with a waiver is green all the same."""
    return STYLES[outcome] if outcome.blocks else STYLES[Outcome.PASS]


def _ruled(head: Text, look: Look) -> Text:
    """A headline with a rule to the end of the line, where sections must be told apart."""
    room = look.columns - head.cell_len - 1
    return head.append_text(ink(look, (f" {'─' * room}", "dim"))) if room > 2 else head


def _verdict(
    verdict: Verdict, look: Look, now: datetime | None, verbose: bool
) -> Iterator[RenderableType]:
    outcomes = words.gate_outcomes(verdict)
    seen: set[str] = set()
    for outcome in words.RANK[:-1]:
        for names, found in words.told_once(verdict).items():
            if outcomes[names[0]] is outcome:
                yield ""
                yield from _gate(", ".join(names), found, look, now, seen)
                if verbose:
                    yield from _holding(found, look)
    yield from _passing(verdict, look, verbose)


def _gate(
    gate: str, found: Sequence[Finding], look: Look, now: datetime | None, seen: set[str]
) -> Iterator[RenderableType]:
    """A gate that doesn't simply pass, with each finding that matters."""
    told = words.worth_telling(found)
    if len(told) == 1:
        yield _message(told[0], look, now, (f"{gate}  ", "bold"))
        yield indent(_details(told[0], look, seen), 2)
        return
    mark = look.mark(words.severest(told))
    yield ink(look, mark, (f" {gate}", "bold"), (f"  {words.count(len(told), 'finding')}", ""))
    for index, finding in enumerate(told):
        if index:
            yield ""
        yield indent(_message(finding, look, now), 2)
        yield indent(_details(finding, look, seen), 4)


def _holding(found: Sequence[Finding], look: Look) -> Iterator[RenderableType]:
    """What passes within a gate that doesn't."""
    for finding in found:
        if finding.outcome is Outcome.PASS:
            yield indent(_message(finding, look, None), 2)


def _message(
    finding: Finding, look: Look, now: datetime | None, *lead: tuple[str, str]
) -> RenderableType:
    until = words.until(finding, now)
    said = ink(look, *lead, finding.message, (until, "bold"))
    row = grid(1, None)
    row.add_row(ink(look, look.mark(finding.outcome)), said)
    return row


def _details(finding: Finding, look: Look, seen: set[str]) -> RenderableType:
    """Labels on the left, what they say on the right. `seen` holds the commands already shown."""
    rows, last = grid(_LABELS, None), ""
    for label, text in words.told(finding):
        if label == "until":
            continue  # it stands beside the message
        again = label == last or (label == "run" and last == "mend")
        rows.add_row(
            ink(look, ("" if again else label, "dim")), _detail(label, text, finding, look, seen)
        )
        last = label
    return rows


def _detail(label: str, text: str, finding: Finding, look: Look, seen: set[str]) -> Text:
    if label == "at" and finding.location:
        return _place(finding, finding.location, look)
    if label == "run" and text in seen:
        return ink(look, ("run the command above", "dim"))
    if label == "run":
        seen.add(text)
        return shell(look, text, look.columns - _LABELS - 8)
    return ink(look, (text, "dim" if label == "policy" else ""))


def _place(finding: Finding, location: Location, look: Look) -> Text:
    """Where it stands, with the line quoted and the value underlined."""
    from rich.text import Text

    where = ink(look, (words.place(location), "blue"))
    if not finding.quote or words.whole_file(location):
        return where
    number = str(location.line)
    width = look.columns - _LABELS - len(number) - 8
    part = excerpt(finding.quote, location.column, width, look.show)
    style = f"bold {STYLES[finding.outcome]}"
    quoted = ink(look, (f"{number} │ ", "blue"), part.before, (part.value, style), part.after)
    carets = ink(look, (f"{' ' * len(number)} │ ", "blue"), (part.carets(), style))
    return Text("\n").join([where, quoted, carets])


def _passing(verdict: Verdict, look: Look, verbose: bool) -> Iterator[RenderableType]:
    outcomes = words.gate_outcomes(verdict)
    passing = [gate for gate, outcome in outcomes.items() if outcome is Outcome.PASS]
    if not passing:
        return
    yield ""
    if verbose:
        yield _explained(verdict, passing, look)
        return
    row = grid(1, None)
    said = f"{words.count(len(passing), 'gate')} {'passes' if len(passing) == 1 else 'pass'}: "
    row.add_row(ink(look, look.mark(Outcome.PASS)), ink(look, said, (", ".join(passing), "dim")))
    yield row


def _explained(verdict: Verdict, passing: Sequence[str], look: Look) -> RenderableType:
    """Each gate that passes, with what it found."""
    rows = grid(1, max(len(gate) for gate in passing), None)
    found = words.gates(verdict)
    for gate in passing:
        for index, finding in enumerate(found[gate]):
            lines, _ = words.deciding(finding)
            said = f"  {', '.join(lines)}" if lines else ""
            lead = (look.mark(Outcome.PASS), gate) if index == 0 else (("", ""), "")
            rows.add_row(
                ink(look, lead[0]), ink(look, lead[1]), ink(look, finding.message, (said, "dim"))
            )
    return rows


def _summary(report: Report, look: Look, verbose: bool) -> RenderableType:
    """All verdicts, most severe first. Of hundreds that pass there is nothing to be told but how
    many they are."""
    rows = []
    passing = [v for v in report.verdicts if v.outcome is Outcome.PASS]
    folded = len(passing) > _MANY and not verbose
    for verdict in words.by_severity(report.verdicts):
        if folded and verdict.outcome is Outcome.PASS:
            continue
        stops = [gate for gate, o in words.gate_outcomes(verdict).items() if o.blocks]
        said = words.tally(verdict).replace(" gates", "").replace(" gate", "")
        rows.append(
            [
                ink(look, str(verdict.subject)),
                ink(look, (words.word(verdict.outcome), _color(verdict.outcome))),
                ink(look, said),
                ink(look, words.names(stops) if stops else ""),
            ]
        )
    if folded:
        said = f"{len(passing)} more" if rows else f"all {len(passing)}"
        outcome = (words.word(Outcome.PASS), _color(Outcome.PASS))
        rows.append([ink(look, said), ink(look, outcome), ink(look), ink(look)])
    return table(look, ("judged", "verdict", "gates", "blocked by"), rows)


def _footer(report: Report, look: Look) -> RenderableType:
    rows = grid(5, None)
    for index, note in enumerate(report.notes):
        rows.add_row(ink(look, ("" if index else "note", "dim")), ink(look, note))
    rows.add_row(ink(look, ("next", "dim")), ink(look, (words.next_step(report), "bold")))
    if by := words.judged(report):
        rows.add_row(ink(look, ("by", "dim")), ink(look, (by, "dim")))
    return rows

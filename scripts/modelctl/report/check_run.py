"""The check run on the head of a pull request: a title, the verdict, and remarks at the lines.

The summary says what the comment says first, the text has every gate of every version.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.pages import Page
from modelctl.domain.pulls import Annotation, CheckOutput, Level
from modelctl.domain.verdict import Finding, Outcome
from modelctl.report import pull_parts, words
from modelctl.report.clean import shorten, visible
from modelctl.report.layout import Kind, Section, lay_out
from modelctl.report.pull_request import details, front, left_out, links_of
from modelctl.report.sections import Links
from modelctl.report.standing import standing

LIMIT = 65_000
"""The most characters of the summary, and of the text; GitHub takes 65,535."""

MOST = 100
"""The most remarks at lines; who has more to mend reads the summary."""

_TITLE = 255
_MESSAGE = 2000
_SPARE = 800
_DETAILS = frozenset({Kind.GATES, Kind.EVIDENCE, Kind.BLOCKS})
_LEVELS = {
    Outcome.FAIL: Level.FAILURE,
    Outcome.INCONCLUSIVE: Level.FAILURE,
    Outcome.PENDING: Level.WARNING,
    Outcome.WAIVED: Level.NOTICE,
}


def check_output(page: Page, *, repository: str | None = None) -> CheckOutput:
    """What the check run shows. `repository` is the address that files are linked at."""
    links = links_of(page, repository)
    found = list(remarks(page))
    return CheckOutput(
        state=page.state,
        title=shorten(visible(standing(page)), _TITLE),
        summary=_summary(page, links, len(found) - MOST),
        text=_text(page, links),
        annotations=tuple(found[:MOST]),
    )


def _summary(page: Page, links: Links, beyond: int) -> str:
    head = "\n\n".join((pull_parts.heading(page), pull_parts.lead(page)))
    foot = [pull_parts.next_line(page), pull_parts.footer(page, links)]
    if beyond > 0:
        foot.insert(0, f"… and {words.count(beyond, 'remark')} more than are shown at their lines.")
    room = LIMIT - len(head) - sum(len(text) + 2 for text in foot) - _SPARE
    found = lay_out(list(front(page, links)), room)
    return "\n\n".join((head, *found.texts, *left_out(page, found.left), *foot)) + "\n"


def _text(page: Page, links: Links) -> str:
    sections = [
        Section(
            start=section.start,
            parts=[part for part in section.parts if part.kind in _DETAILS],
            end=section.end,
        )
        for section in details(page, links)
    ]
    found = lay_out(sections, LIMIT - _SPARE)
    text = "\n\n".join((*found.texts, *left_out(page, found.left)))
    return f"{text}\n" if text else ""


def remarks(page: Page) -> Iterator[Annotation]:
    """A remark for each finding at a line of the head, the worst first."""
    listed = [
        (gates, finding, verdict)
        for verdict in page.report.verdicts
        for gates, found in words.told_once(verdict).items()
        for finding in words.worth_telling(found)
    ]
    listed.sort(key=lambda row: words.RANK.index(row[1].outcome))
    for gates, finding, verdict in listed:
        place = finding.location
        if place is None or place.file not in page.files:
            continue
        yield Annotation(
            path=place.file,
            start_line=place.line,
            end_line=place.line,
            level=_LEVELS[finding.outcome],
            title=shorten(visible(f"{', '.join(gates)}: {verdict.subject}"), _TITLE),
            message=_message(finding),
        )


def _message(finding: Finding) -> str:
    """The message, and beneath it what decided and the mend: plain text, which GitHub shows so."""
    rows = (f"{label}: {visible(text)}" for label, text in words.told(finding) if label != "at")
    return shorten("\n".join((visible(finding.message), *rows)), _MESSAGE)

"""requirements.md: each figure of the requirements, the policy line that holds it, and its test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from modelctl.domain.document import Location
from reference_pages.markdown import code, link, page, prose, table
from reference_pages.profiles import FOLDER, SOURCES, Row, place, rows, titles

_SECTIONS = {
    "A": "Lifecycle and versions",
    "B": "Gates",
    "C": "Approvals and flow",
    "D": "Deployment",
    "E": "Rollback",
    "F": "Monitoring, drift, retraining",
}


def requirements_page(project: Path) -> str:
    """Every figure, by requirement."""
    found = rows(project)
    return page(
        "Requirements, policy lines and tests",
        "The requirements come from five documents, S0 to S4, which disagree about numbers. So\n"
        f"every number is policy: each has [a profile](../../{FOLDER}/README.md), which is the\n"
        "shipped policy with the files that differ. For each figure a test stands just inside and\n"
        "just outside of it, and a second one changes the figure by a hair and wants the first to\n"
        'fail. `make test ARGS="-k S3-B7"` runs those of one requirement in one document.',
        f"{len(found)} figures: {', '.join(f'{_count(found, s)} of {s}' for s in SOURCES)}.",
        *(block for letter in _SECTIONS for block in _section(project, letter, found)),
    )


def _count(found: Sequence[Row], source: str) -> int:
    return sum(row.figure.source == source for row in found)


def _section(project: Path, letter: str, found: Sequence[Row]) -> Iterator[str]:
    """The requirements of one letter, a table for each; those without a figure in one line."""
    yield f"## {letter}. {_SECTIONS[letter]}"
    here = [row for row in found if row.figure.requirement.startswith(letter)]
    for requirement, of_it in groupby(here, key=lambda row: row.figure.requirement):
        listed = list(of_it)
        yield f"### {requirement} {prose(listed[0].figure.title)}"
        header = ["From", "Figure", "Policy line", "As shipped", "Test"]
        yield table(header, (_cells(project, row) for row in listed))
    others = {name: title for name, title in titles(project).items() if name.startswith(letter)}
    silent = [name for name in others if name not in {row.figure.requirement for row in here}]
    if silent:
        yield f"Without a figure: {'; '.join(f'{n} ({prose(others[n])})' for n in silent)}."


def _cells(project: Path, row: Row) -> Sequence[str]:
    figure, line = row.figure, place(project, row.line, row.figure.source).location
    shipped = place(project, row.shipped, None).location if row.shipped else None
    return [
        figure.source,
        prose(figure.says),
        _policy(line),
        "the same line" if shipped == line else _policy(shipped) if shipped else "",
        f"{code(figure.id)} [row](../../{row.here.file}#L{row.here.line})",
    ]


def _policy(location: Location) -> str:
    return f"{link(location)} {code(location.path)}"

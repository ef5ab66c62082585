"""What `tests/profiles/` says: the figures of the requirements, and where each stands in a policy.

`requirements.yaml` lists every figure by requirement and source document, `<source>/numbers.yaml`
says where each one stands in that source's policy, and how it is judged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from modelctl.adapters.documents import load
from modelctl.domain.document import Document, Location, Path, dotted

FOLDER = "tests/profiles"
SOURCES = ("S0", "S1", "S2", "S3", "S4")
KEYS = (
    *("line", "shipped", "judge", "sense", "then", "to", "gate", "given", "vary", "fails"),
    *("hair", "refused", "inside", "outside"),
)
"""What a row of `numbers.yaml` may say; see `tests/profiles/README.md`."""

_STEP = re.compile(r"\[([^\]]+)\]|([^.\[\]]+)")
_NAMES = ("name", "role", "environment", "stage")
"""What an entry of a list calls itself by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of one source. `says` is its own wording, `text` what the policy's line has of it:
    None where the line asks for something to be so."""

    requirement: str
    title: str
    source: str
    name: str
    says: str
    text: str | None

    @property
    def id(self) -> str:
        """What the tests are called: `S3-B7-accuracy`."""
        return f"{self.source}-{self.requirement}-{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value of a policy file: the document, the path to the value, and where that stands."""

    document: Document
    path: Path
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A value of a policy: its file below `policies/`, and the steps to it.

    An entry of a list is named by its index, by what it calls itself, `triggers[errors].when`, or,
    a rule, by its first words: `require[version.size_mb <].rule`.
    """

    file: str
    steps: Path

    @classmethod
    def parse(cls, text: str) -> Line:
        """`gates/quality.yaml gates.quality.require[0].rule`."""
        file, _, path = text.partition(" ")
        steps = [key or entry for entry, key in _STEP.findall(path)]
        return cls(file=file, steps=tuple(int(s) if s.isdigit() else s for s in steps))

    def within(self, document: Document) -> Place:
        """Where it stands in this document.

        Raises:
            LookupError: the document has no such value.
        """
        path: Path = ()
        for step in self.steps:
            path = (*path, _index(document.value(path), step, document.file, path))
        return Place(document=document, path=path, location=document.locate(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure with the policy line that holds it, the line of the shipped policy that does the
    same, where there is one, and how it is judged. `here` is the row's own place."""

    figure: Figure
    line: Line
    shipped: Line | None
    how: Mapping[str, Any]
    here: Location


def _index(value: Any, step: str | int, file: str, path: Path) -> str | int:
    """A step as the document has it: the key, or the index of the entry of that name."""
    if isinstance(value, Mapping) and step in value:
        return step
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return step
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, Mapping) and _goes_by(entry, step):
            return index
    raise LookupError(f"{file} has no {dotted((*path, step))}")


def _goes_by(entry: Mapping[str, Any], name: str | int) -> bool:
    """Whether an entry of a list is meant: by its name, or by what its rule begins with."""
    rule = entry.get("rule", "")
    return name in [entry.get(key) for key in _NAMES] or f"{rule} ".startswith(f"{name} ")


def place(project: FilePath, line: Line, source: str | None) -> Place:
    """Where a line stands in the policy of a profile; in the shipped one where `source` is None.

    A profile has only the files that differ; the others are the shipped ones.

    Raises:
        LookupError: the policy has no such value.
    """
    own = f"{FOLDER}/{source}/policies/{line.file}"
    ours = source is not None and (project / own).is_file()
    return line.within(_document(project, own if ours else f"policies/{line.file}"))


def titles(project: FilePath) -> Mapping[str, str]:
    """Every requirement with its title, those without a figure too."""
    listed = _document(project, f"{FOLDER}/requirements.yaml").data
    return {requirement: entry["title"] for requirement, entry in listed.items()}


def figures(project: FilePath) -> tuple[Figure, ...]:
    """Every figure of the requirements, in their order."""
    document = _document(project, f"{FOLDER}/requirements.yaml")
    return tuple(
        _figure(document, (requirement, source, name))
        for requirement, entry in document.data.items()
        for source in entry
        if source != "title"
        for name in entry[source]
    )


def _figure(document: Document, path: tuple[str, str, str]) -> Figure:
    row = document.value(path)
    _refuse_others(document, path, row, {"says", "figure"})
    requirement, source, name = path
    return Figure(
        requirement=requirement,
        title=document.data[requirement]["title"],
        source=source,
        name=name,
        says=row["says"],
        text=row.get("figure"),
    )


def _refuse_others(
    document: Document, path: Path, row: Mapping[str, Any], known: Collection[str]
) -> None:
    """A key that nobody reads would be a mistake that nobody sees."""
    if others := row.keys() - set(known):
        raise LookupError(f"{document.locate(path)}: nobody reads {', '.join(sorted(others))}")


def rows(project: FilePath) -> tuple[Row, ...]:
    """Every figure with its line, in the order of the requirements.

    Raises:
        LookupError: a figure without a row, a row without a figure, or a key that nobody reads.
    """
    found = {
        (source, requirement, name): (document, how)
        for source in SOURCES
        for requirement, name, document, how in _told(project, source)
    }
    result = []
    for figure in figures(project):
        key = (figure.source, figure.requirement, figure.name)
        if key not in found:
            raise LookupError(f"{FOLDER}/{figure.source}/numbers.yaml has no row for {figure.id}")
        document, how = found.pop(key)
        result.append(_row(figure, document, how))
    if found:
        raise LookupError(f"no requirement has {', '.join('-'.join(key) for key in found)}")
    return tuple(result)


def _told(project: FilePath, source: str) -> Iterator[tuple[str, str, Document, Mapping[str, Any]]]:
    document = _document(project, f"{FOLDER}/{source}/numbers.yaml")
    for requirement, entries in document.data.items():
        for name, how in entries.items():
            yield requirement, name, document, how


def _row(figure: Figure, document: Document, how: Mapping[str, Any]) -> Row:
    _refuse_others(document, (figure.requirement, figure.name), how, KEYS)
    return Row(
        figure=figure,
        line=Line.parse(how["line"]),
        shipped=Line.parse(how["shipped"]) if "shipped" in how else None,
        how=how,
        here=document.locate((figure.requirement, figure.name)),
    )


@cache
def _document(project: FilePath, path: str) -> Document:
    return load((project / path).read_bytes(), path)

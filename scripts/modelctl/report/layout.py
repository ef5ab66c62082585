"""What of a long page is shown: parts that are whole or not there, the most important first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """What a part tells; when there isn't room for all, the last kinds are left out first."""

    FACTS = 0
    APPROVALS = 1
    SUMMARY = 2
    BLOCKS = 3
    METRICS = 4
    GATES = 5
    EVIDENCE = 6
    CHECKLIST = 7
    OVERLAY = 8


class Part(NamedTuple):
    """A part that is shown whole or not at all, as Markdown."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Parts that belong together, in order, between `start` and `end`; none of it is shown where no
    part of it is."""

    parts: Sequence[Part]
    start: str = ""
    end: str = ""

    @property
    def frame(self) -> int:
        """How many characters it takes beside its parts."""
        return sum(_size(text) for text in (self.start, self.end) if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The sections that are shown, and how many parts of each kind are not."""

    texts: tuple[str, ...]
    left: Mapping[Kind, int]

    @property
    def size(self) -> int:
        """The characters of the texts with what joins them."""
        return sum(map(_size, self.texts))


def lay_out(sections: Sequence[Section], room: int) -> Layout:
    """As much of the sections as there is room for (in characters), by the kinds of their parts."""
    taken: list[set[int]] = [set() for _ in sections]
    left: Counter[Kind] = Counter()
    for kind, index, number in sorted(_places(sections)):
        section = sections[index]
        cost = _size(section.parts[number].text) + (0 if taken[index] else section.frame)
        if cost > room:
            left[kind] += 1
            continue
        room -= cost
        taken[index].add(number)
    pairs = zip(sections, taken, strict=True)
    texts = tuple(text for section, numbers in pairs for text in _shown(section, numbers))
    return Layout(texts=texts, left=left)


def _places(sections: Sequence[Section]) -> Iterator[tuple[Kind, int, int]]:
    for index, section in enumerate(sections):
        for number, part in enumerate(section.parts):
            yield part.kind, index, number


def _shown(section: Section, numbers: set[int]) -> Iterator[str]:
    if numbers:
        texts = [part.text for number, part in enumerate(section.parts) if number in numbers]
        yield from (text for text in (section.start, *texts, section.end) if text)


def _size(text: str) -> int:
    """With the blank line that stands between two texts."""
    return len(text) + 2

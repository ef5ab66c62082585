"""Who fills which role when nobody may fill two: a maximum bipartite matching."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

Slots = Sequence[Collection[str]]
"""For each place to be filled, the people who could fill it."""


def match(slots: Slots) -> Mapping[int, str]:
    """As many places as can be filled by different people: the place's index → the person.

    Earlier places and people are preferred, so the answer is always the same. Augmenting paths
    (Kuhn): each place is filled if the people already placed can make room for it.
    """
    placed: dict[str, int] = {}
    for index in range(len(slots)):
        _augment(slots, index, placed, set())
    return {index: person for person, index in sorted(placed.items(), key=lambda item: item[1])}


def _augment(slots: Slots, index: int, placed: dict[str, int], asked: set[str]) -> bool:
    for person in slots[index]:
        if person in asked:
            continue
        asked.add(person)
        if person not in placed or _augment(slots, placed[person], placed, asked):
            placed[person] = index
            return True
    return False


def openings(slots: Slots, matching: Mapping[int, str], empty: int) -> frozenset[int]:
    """The places that a newcomer could take so that the `empty` one gets filled.

    It is the empty place itself, and each place whose holder could move up to it.
    """
    holding = {person: index for index, person in matching.items()}
    found: set[int] = set()
    pending = [empty]
    while pending:
        index = pending.pop()
        if index not in found:
            found.add(index)
            pending.extend(holding[person] for person in slots[index] if person in holding)
    return frozenset(found)

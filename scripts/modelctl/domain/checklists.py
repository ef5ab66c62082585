"""What people go through before and after a promotion, ticked by facts where there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from modelctl.domain.document import Document, Location, Path
from modelctl.domain.rules import RuleReader, Scope, parse_span

BEFORE, AFTER, ROLLBACK = "before", "after", "rollback"
LISTS = (BEFORE, AFTER, ROLLBACK)
"""The lists of the document, in the order in which they are gone through."""

GATE, EVIDENCE, STATEMENT, ROLE, HAND = "gate", "evidence", "statement", "role", "by"
FACTS = (GATE, EVIDENCE, STATEMENT, ROLE, HAND)
"""What can tick an item; exactly one of them does."""

SOURCE, TARGET = "source", "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a list. `fact` is one of `FACTS`, `name` what it names.

    `environments` are where evidence must have been measured, `max_age` how old it may be.
    """

    text: str
    fact: str
    name: str
    scope: Scope
    location: Location
    environments: tuple[str, ...] = ()
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklists:
    """What `policies/checklists.yaml` says; without one there is nothing to go through."""

    before: tuple[Item, ...] = ()
    after: tuple[Item, ...] = ()
    rollback: tuple[Item, ...] = ()

    def of(self, name: str) -> tuple[Item, ...]:
        """The items of a list by its name."""
        return {BEFORE: self.before, AFTER: self.after, ROLLBACK: self.rollback}[name]


class State(StrEnum):
    """Whether an item is done, and if not, who or what is waited for."""

    DONE = "done"
    WAITING = "waiting"
    OPEN = "open"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a fact says about an item: its state, and why."""

    state: State
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """An item with what the facts say."""

    item: Item
    tick: Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """The lists for one version on its way to one environment, each by its name."""

    subject: str
    environment: str
    lists: Mapping[str, tuple[Ticked, ...]]

    def done(self, name: str) -> int:
        """How many items of a list are done."""
        return sum(one.tick.state is State.DONE for one in self.lists[name])


def applying(items: Sequence[Item], scopes: Sequence[Mapping[str, str]]) -> tuple[Item, ...]:
    """The items that are for a promotion with these facts (see `Scope.covers`)."""
    return tuple(item for item in items if any(item.scope.covers(facts) for facts in scopes))


def checklists_from(document: Document, rules: RuleReader) -> Checklists:
    """What an accepted document says."""
    before, after, rollback = (
        tuple(_item(document, (name, index)) for index in range(len(document.data.get(name) or ())))
        for name in LISTS
    )
    return Checklists(before=before, after=after, rollback=rollback)


def _item(document: Document, path: Path) -> Item:
    row = document.value(path)
    fact = next((name for name in FACTS if name in row), HAND)
    usual = ("offline", SOURCE) if path[0] == BEFORE else (TARGET,)
    return Item(
        text=row["text"],
        fact=fact,
        name=row.get(fact, ""),
        scope=_scope(row.get("applies", {})),
        location=document.locate(path),
        environments=tuple(row.get("environment", usual)),
        max_age=parse_span(row["max_age"]) if "max_age" in row else None,
    )


def _scope(row: Mapping[str, Any]) -> Scope:
    return Scope(**{key: tuple(value) for key, value in row.items()})

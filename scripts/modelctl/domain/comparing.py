"""Conditions judged with chance in mind: sure, false, or chance, and how many requests would tell.

A condition that holds one figure of the new version against the same figure of what serves
(`canary.error_rate > stable.error_rate + 0.005`) holds only where it holds throughout what both may
truly be: at every point around the ellipse of their limits (see `modelctl.domain.sequential`). For
a condition that is linear in the two this is MOVER, the limits of a difference. Where it holds at
the figures themselves alone, it may be chance. Every other condition is judged at the figures
themselves, with the requests that it asks for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import Any

from modelctl.domain.evidence import human
from modelctl.domain.observations import CANARY, QUANTILES, STABLE, Counts
from modelctl.domain.rules import Undecided
from modelctl.domain.sequential import INTENDED, METRICS, Limits, limits_of, reach, samples_of
from modelctl.domain.triggers import LIVE, Trigger, enough

CONFIDENCE = 0.95
MOST_COMPARED = 3
"""How many figures one condition may hold against each other: its corners double with each side."""

_CHANCY = frozenset({"error_rate", "accuracy", *QUANTILES})
_STEPS = 24
_HALVINGS = 7
Direction = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A figure that chance has a part in: its name in the rule, and where it is in the facts, by
    `key` where that is a map of figures."""

    name: str
    fact: str
    key: str | None
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a condition says. `holds` is whether it does, undecided with the reason where nobody can
    tell. `read` are the facts that it read, `places` those with a part of chance, and `confidence`
    is that of their limits, None where there are none. `within` is the time that it was judged
    over, where that is a recent one instead of the whole step."""

    trigger: Trigger
    holds: bool | Undecided
    read: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    places: tuple[Place, ...] = ()
    confidence: float | None = None
    within: timedelta | None = None

    @property
    def name(self) -> str:
        """The condition's name; its text where it has none."""
        return self.trigger.name or self.trigger.when.source

    @property
    def undecided(self) -> str | None:
        """Why nobody can tell; None where it is told."""
        return self.holds.reason if isinstance(self.holds, Undecided) else None

    @property
    def values(self) -> Mapping[str, str]:
        """The live figures that it read, as people say them, with limits where chance has a part.
        What is missing, or a map of figures, is left out."""
        limits = {place.name: place.limits for place in self.places}
        found = {
            name: _within(limits[name]) if name in limits else _told(self.read, name)
            for name in dict.fromkeys((*self.trigger.when.names, *limits))
            if not name.startswith("model.")
        }
        return MappingProxyType({name: text for name, text in found.items() if text})


def answer(
    trigger: Trigger,
    facts: Mapping[str, Any],
    tally: Mapping[str, Counts] = MappingProxyType({}),
    *,
    confidence: float = CONFIDENCE,
    intended: float = INTENDED,
) -> Answer:
    """What the condition says of these facts, which `tally` was counted for.

    `confidence` is that of all looks together, unless the condition has its own; limits are
    narrowest at `intended` requests of the new version.
    """
    short = enough(trigger, facts)
    if short is not None:
        return Answer(trigger=trigger, holds=short)
    read = _read(trigger, facts)
    point = trigger.when.decide(read)
    if point is not True:
        return Answer(trigger=trigger, holds=point, read=read)
    sure = trigger.confidence or confidence
    places = tuple(_places(trigger, tally, sure, intended))
    return Answer(
        trigger=trigger,
        holds=_throughout(trigger, read, places, tally),
        read=read,
        places=places,
        confidence=sure if places else None,
    )


def surely(
    trigger: Trigger, facts: Mapping[str, Any], tally: Mapping[str, Counts], error: float
) -> Answer | None:
    """The answer of a condition that holds beyond chance; None of every other one. `error` is which
    part of its error it may make.

    Stricter than `answer`: a figure that is held against a number has limits as well, and a
    condition without any figure of that kind, or with one whose limits nobody can tell, isn't sure.
    """
    if enough(trigger, facts) is not None:
        return None
    read = _read(trigger, facts)
    if trigger.when.decide(read) is not True:
        return None
    chancy = _chancy(trigger, tally)
    places = tuple(_bounded(chancy, tally, 1 - error))
    if not 0 < len(chancy) <= 2 * MOST_COMPARED or len(places) < len(chancy):
        return None
    around = (_moved(read, places, direction, 1.0) for direction in directions(len(places)))
    if any(trigger.when.decide(one) is not True for one in around):
        return None
    return Answer(trigger=trigger, holds=True, read=read, places=places, confidence=1 - error)


def sureness(confidence: float) -> str:
    """A confidence with as many digits as say something: 0.95, 0.99998; never 1."""
    if confidence < 0.9995:
        return f"{confidence:.4g}"
    digits = math.ceil(-math.log10(1 - confidence))
    return f"{math.floor(confidence * 10**digits) / 10**digits:.{digits}f}"


def sustained(
    answers: Iterable[Answer], holding: Mapping[str, datetime], now: datetime
) -> tuple[tuple[Answer, ...], Mapping[str, datetime]]:
    """The answers of conditions that must last: one that holds, but not yet for long enough, is
    undecided. With since when each has held, by its name; `holding` is that of before.

    What can't be judged ends no run: an outage that hides its figures for a moment isn't over.
    """
    found: list[Answer] = []
    since: dict[str, datetime] = {}
    for one in answers:
        span = one.trigger.sustained
        if span is not None and one.holds is not False:
            began = holding.get(one.name) or (now if one.holds is True else None)
            since |= {one.name: began} if began else {}
            if one.holds is True and began and now - began < span:
                told = f"it holds for {human(now - began)} of {human(span)}"
                one = replace(one, holds=Undecided(reason=told))  # noqa: PLW2901 - the same, later
        found.append(one)
    return tuple(found), MappingProxyType(since)


@lru_cache(maxsize=4096)
def read_by(names: tuple[str, ...]) -> tuple[str, ...]:
    """The declared facts that a rule with these references reads: `canary.metrics.clicks` is a
    figure in the map `canary.metrics`."""
    found: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        found |= dict.fromkeys(prefix for prefix in prefixes if prefix in LIVE)
    return tuple(found)


def wanted(triggers: Iterable[Trigger]) -> frozenset[str]:
    """The declared facts that any of these conditions reads, and the numbers of requests."""
    return _wanted(tuple(one.when.names for one in triggers))


@lru_cache(maxsize=1024)
def _wanted(rules: tuple[tuple[str, ...], ...]) -> frozenset[str]:
    read = {fact for names in rules for fact in read_by(names)}
    counts = {f"{fact.partition('.')[0]}.requests" for fact in read}
    return frozenset(read | (counts & LIVE.keys()))


@lru_cache(maxsize=4096)
def compared(names: tuple[str, ...], source: str, own: frozenset[str]) -> tuple[str, ...]:
    """The figures with a part of chance that a rule reads of the new version and of what serves.

    `own` are the names of figures of one's own; as an index they are found by their quotes.
    """
    sides = (_read_of(side, names, source, own) for side in (CANARY, STABLE))
    mine, theirs = sides
    return tuple(figure for figure in mine if figure in theirs)


def _read(trigger: Trigger, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in read_by(trigger.when.names) if name in facts}


def has_chance(trigger: Trigger) -> bool:
    """Whether a condition may read a figure of either version that chance has a part in."""
    return _has_chance(trigger.when.names)


@lru_cache(maxsize=4096)
def _has_chance(names: tuple[str, ...]) -> bool:
    figures = (name.partition(".")[2] for name in names if name.startswith((CANARY, STABLE)))
    return any(one in _CHANCY or one.startswith(METRICS) for one in figures)


def _chancy(trigger: Trigger, tally: Mapping[str, Counts]) -> tuple[tuple[str, str], ...]:
    """The figures with a part of chance that a condition reads, by their sides."""
    own = frozenset(name for counts in tally.values() for name in counts.own)
    return _chancy_of(trigger.when.names, trigger.when.source, own)


@lru_cache(maxsize=4096)
def _chancy_of(
    names: tuple[str, ...], source: str, own: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    sides = (CANARY, STABLE)
    return tuple((side, one) for side in sides for one in _read_of(side, names, source, own))


def _bounded(
    chancy: Iterable[tuple[str, str]], tally: Mapping[str, Counts], confidence: float
) -> Iterator[Place]:
    """These figures with their limits; none of one whose limits nobody can tell."""
    for side, figure in chancy:
        if side in tally:
            z = reach(samples_of(tally[side], figure) or 0.0, confidence)
            limits = None if math.isinf(z) else limits_of(tally[side], figure, z)
            if limits is not None:
                yield _place(side, figure, limits)


def _read_of(side: str, names: Sequence[str], source: str, own: frozenset[str]) -> dict[str, None]:
    found: dict[str, None] = {}
    for name in names:
        whose, _, figure = name.partition(".")
        if whose != side:
            continue
        if figure == METRICS:
            quoted = (key for key in own if f'"{key}"' in source or f"'{key}'" in source)
            found |= dict.fromkeys(f"{METRICS}.{key}" for key in sorted(quoted))
        elif figure in _CHANCY or figure.startswith(f"{METRICS}."):
            found[figure] = None
    return found


def _places(
    trigger: Trigger, tally: Mapping[str, Counts], confidence: float, intended: float
) -> Iterator[Place]:
    """The figures that chance has a part in, both sides of each; none of one whose limits nobody
    can tell."""
    if CANARY not in tally or STABLE not in tally:
        return
    canary, stable = tally[CANARY], tally[STABLE]
    own = frozenset(canary.own) & frozenset(stable.own)
    for figure in compared(trigger.when.names, trigger.when.source, own):
        z = reach(samples_of(canary, figure) or 0.0, confidence, intended)
        if math.isinf(z):
            continue
        mine, theirs = limits_of(canary, figure, z), limits_of(stable, figure, z)
        if mine is not None and theirs is not None:
            yield _place(CANARY, figure, mine)
            yield _place(STABLE, figure, theirs)


def _place(side: str, figure: str, limits: Limits) -> Place:
    name = f"{side}.{figure}"
    first, dot, key = figure.partition(".")
    return Place(name=name, fact=f"{side}.{first}", key=key if dot else None, limits=limits)


def _throughout(
    trigger: Trigger,
    read: Mapping[str, Any],
    places: Sequence[Place],
    tally: Mapping[str, Counts],
) -> bool | Undecided:
    """Whether a condition that holds at its figures holds wherever they may truly be."""
    for direction in directions(len(places)):
        if trigger.when.decide(_moved(read, places, direction, 1.0)) is not True:
            return Undecided(reason=_may_be_chance(trigger, read, places, direction, tally))
    return True


def _may_be_chance(
    trigger: Trigger,
    read: Mapping[str, Any],
    places: Sequence[Place],
    direction: Direction,
    tally: Mapping[str, Counts],
) -> str:
    """By how much the limits would have to shrink for it to hold there as well, and so at how many
    requests: limits shrink with the square root of their number."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        holds = trigger.when.decide(_moved(read, places, direction, middle)) is True
        low, high = (middle, high) if holds else (low, middle)
    if low == 0.0:
        return "may be chance: it is too close to the limit to be sure soon"
    wanted = tally[CANARY].requests / (low * low)
    return f"may be chance: sure at about {_rounded(wanted):,} requests if it goes on like this"


def _moved(
    read: Mapping[str, Any], places: Sequence[Place], direction: Direction, scale: float
) -> dict[str, Any]:
    """The facts, with each figure moved towards one of its limits."""
    facts = dict(read)
    for place, part in zip(places, direction, strict=True):
        value = place.limits.value
        if part:
            limit = place.limits.upper if part > 0 else place.limits.lower
            value += abs(part) * scale * (limit - value)
        if place.key is None:
            facts[place.fact] = value
        else:
            facts[place.fact] = {**facts[place.fact], place.key: value}
    return facts


@lru_cache(maxsize=16)
def directions(count: int) -> tuple[Direction, ...]:
    """Where to look around the figures: both ends of one, points of the ellipse of two, the corners
    of the box of more, which holds their ellipsoid. What most rules are decided by comes first."""
    if count == 0:
        return ()
    if count != 2:
        return tuple(product((-1.0, 1.0), repeat=count))
    quarters = (_STEPS * 3 // 8, _STEPS * 7 // 8)
    order = (*quarters, *(step for step in range(_STEPS) if step not in quarters))
    return tuple(_around(2 * math.pi * step / _STEPS) for step in order)


def _around(angle: float) -> Direction:
    """A point of the circle; zero is exactly zero, as a limit may be infinite."""
    return tuple(0.0 if abs(part) < 1e-9 else part for part in (math.cos(angle), math.sin(angle)))


def _within(limits: Limits) -> str:
    return f"{_short(limits.value)} ({_short(limits.lower)} to {_short(limits.upper)})"


def _told(read: Mapping[str, Any], name: str) -> str | None:
    """A figure's text; None where it is missing, or is a map of them."""
    side, _, figure = name.partition(".")
    value = read.get(name)
    if value is None and figure.startswith(f"{METRICS}."):
        value = read.get(f"{side}.{METRICS}", {}).get(figure.partition(".")[2])
    return None if value is None or isinstance(value, Mapping) else _short(value)


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "anything"
    return f"{value:.4g}" if value != int(value) else f"{int(value)}"


def _rounded(value: float) -> int:
    """To two digits: more would read as if it were known."""
    digits = max(math.ceil(math.log10(value)) - 2, 0) if value > 1 else 0
    unit: int = 10**digits
    return math.ceil(value / unit) * unit

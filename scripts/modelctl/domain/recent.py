"""What a step counted lately, so that a fault which begins late isn't thinned by the hours before.

The window is kept as two halves that overlap the next window: the one that is being counted, and
the one before it. So what is judged is never shorter than half a window once there was one, never
longer than a whole one, and a fault is alone in it after a window at the latest. Observations that
are longer than half a window are halves of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from modelctl.domain.counts_data import counts_data, counts_from, time_from
from modelctl.domain.observations import CANARY, STABLE, Counts, Observation

_HALVES = 2
_SIDES = (CANARY, STABLE)

Tally = Mapping[str, Counts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """What was counted on each side from `since` (UTC) until the next half, or until now."""

    since: datetime
    tally: Tally


Recent = tuple[Half, ...]
"""At most two halves, the older first."""


def lately(recent: Recent, observation: Observation, window: timedelta) -> Recent:
    """The halves with one observation more, without those that are older than the window."""
    at, half = observation.at, window / _HALVES
    if recent and at - recent[-1].since <= half:
        last = recent[-1]
        grown = Half(since=last.since, tally=added(last.tally, observation.sides))
        kept = recent[:-1]
    else:
        grown = Half(since=at - observation.span, tally=added({}, observation.sides))
        kept = recent[-1:]
    return (*(one for one in kept if at - one.since <= window), grown)


def added(tally: Tally, sides: Tally) -> Tally:
    """Both together, of the sides that are held against each other."""
    both = dict(tally)
    for side in _SIDES:
        counts = sides.get(side)
        if counts is not None:
            both[side] = both[side].plus(counts) if side in both else counts
    return MappingProxyType(both)


def together(recent: Recent) -> Tally:
    """What all halves counted."""
    found = recent[0].tally
    for half in recent[1:]:
        found = added(found, half.tally)
    return found


def share_of_error(planned: timedelta, began: datetime, now: datetime, window: timedelta) -> float:
    """Which part of the error that a plan may make is the present window's.

    A plan whose steps last for N halves begins N windows, and as many more as it waits. The window
    after k halves has N / ((N + k) (N + k + 1)) of the error, and all windows there can ever be
    have exactly the whole of it.
    """
    half = window / _HALVES
    count, passed = max(-(-planned // half), 1), max((now - began) // half, 0)
    return count / ((count + passed) * (count + passed + 1))


def recent_data(recent: Recent) -> list[dict[str, Any]]:
    """As the ledger has it."""
    return [
        {
            "since": half.since.isoformat(),
            "tally": {side: counts_data(counts) for side, counts in half.tally.items()},
        }
        for half in recent
    ]


def recent_from(data: Sequence[Mapping[str, Any]]) -> Recent:
    """What `recent_data` gave."""
    return tuple(
        Half(
            since=time_from(row["since"]),
            tally=MappingProxyType({s: counts_from(one) for s, one in row["tally"].items()}),
        )
        for row in data
    )

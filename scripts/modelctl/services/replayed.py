"""Recorded figures as a rollout with other weights would have seen them.

A recording was made at some share of the traffic, a simulation asks for another. Of the requests of
each side so many are kept, each by chance, as the asked share has of the recorded traffic: a
simulated canary with a twentieth of the requests is as unsure as a real one. Requests that nobody
recorded are never made up: where the asked share is larger than the recorded one, what was recorded
stands, and the simulation takes longer to be as sure. That other traffic would also have meant
other response times can't be replayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from statistics import median_low
from types import MappingProxyType
from typing import Protocol

from modelctl.domain.observations import (
    CANARY,
    STABLE,
    Counts,
    Histogram,
    Mean,
    Measure,
    Observation,
    Ratio,
)
from modelctl.domain.serving import WHOLE
from modelctl.errors import ModelctlError
from modelctl.services.chances import binomial, seeded

_SHARED = (CANARY, STABLE)
_SHORT = 1.2  # less is the noise of who got which request


class Traffic(Protocol):
    """What a simulated rollout sees of its figures, stretch by stretch."""

    @property
    def began(self) -> datetime:
        """When the first stretch begins (UTC)."""
        ...

    @property
    def every(self) -> timedelta:
        """How long a stretch is."""
        ...

    def moments(self) -> Iterator[datetime]:
        """The end of each stretch, in order; also of those in which nothing was measured."""
        ...

    def seen(self, at: datetime, shares: Mapping[str, int]) -> Observation | None:
        """What was counted in the stretch that ends `at`, were these the shares of the sides, in
        percent of the traffic; None where nothing was measured. To be asked in the order of
        `moments`."""
        ...


class Recorded:
    """A recording as `Traffic`. `mirrored` says that the new version gets copies: its requests are
    no share of anything. `assumed` are readings for those that nobody recorded. `thinned` is the
    least share of a side that was kept so far; `short` is in how many stretches there were fewer
    requests than asked for."""

    def __init__(
        self,
        *,
        observations: Sequence[Observation],
        until: datetime,
        mirrored: bool = False,
        assumed: Mapping[str, float] = MappingProxyType({}),
    ):
        if not observations:
            raise ModelctlError(
                "there is nothing to replay: the recording has no figures in this time",
                mend="look at the times in the files, and at --from and --until",
            )
        self.observations, self.until = observations, until
        self.mirrored, self.assumed = mirrored, assumed
        self.thinned, self.short = 1.0, 0
        self.every = median_low([one.span for one in observations])
        self._chance = seeded(observations[0].at.isoformat())
        self._by_end = {one.at: one for one in observations}

    @property
    def began(self) -> datetime:
        """When the first stretch begins (UTC)."""
        return self.observations[0].at - self.observations[0].span

    def moments(self) -> Iterator[datetime]:
        """The ends of the recorded stretches, and of those that should be there between them."""
        last = self.began
        for end in (*self._by_end, self.until):
            while end - last > self.every * 1.5:
                last += self.every
                yield last
            if end > last:
                last = end
                yield last

    def seen(self, at: datetime, shares: Mapping[str, int]) -> Observation | None:
        """See `Traffic`."""
        one = self._by_end.get(at)
        if one is None:
            return None
        counted = (STABLE,) if self.mirrored else _SHARED
        traffic = sum(one.sides[side].requests for side in counted if side in one.sides)
        sides = dict(one.sides)
        for side, share in shares.items():
            if side in sides and share > 0:
                sides[side] = self._kept(sides[side], traffic * share / WHOLE)
            else:
                sides.pop(side, None)
        figures = {**self.assumed, **one.figures} if self.assumed else one.figures
        return replace(one, sides=MappingProxyType(sides), figures=figures)

    def _kept(self, counts: Counts, asked: float) -> Counts:
        share = asked / counts.requests if counts.requests else 1.0
        if share >= 1.0:
            self.short += share > _SHORT
            return counts
        self.thinned = min(self.thinned, share)
        return thin(counts, share, self._chance)


def thin(counts: Counts, share: float, chance: Random) -> Counts:
    """So large a share of the requests, each kept or left out by chance, good and bad alike."""
    errors = binomial(chance, counts.errors, share)
    labelled, correct = counts.labelled, counts.correct
    right = binomial(chance, correct, share)
    return Counts(
        requests=errors + binomial(chance, counts.requests - counts.errors, share),
        errors=errors,
        latency=_thin_latency(counts.latency, share, chance),
        labelled=right + binomial(chance, labelled - correct, share),
        correct=right,
        own={name: _thin_own(one, share, chance) for name, one in counts.own.items()},
    )


def _thin_latency(latency: Histogram | None, share: float, chance: Random) -> Histogram | None:
    if latency is None:
        return None
    kept = tuple(binomial(chance, count, share) if count else 0.0 for count in latency.counts)
    return Histogram(bounds_ms=latency.bounds_ms, counts=kept)


def _thin_own(one: Measure, share: float, chance: Random) -> Measure:
    if isinstance(one, Ratio):
        hits = binomial(chance, one.hits, share)
        return Ratio(hits=hits, trials=hits + binomial(chance, one.trials - one.hits, share))
    squares = None if one.squares is None else one.squares * share
    return Mean(total=one.total * share, count=one.count * share, squares=squares)


def merged(recordings: Iterable[Sequence[Observation]]) -> Sequence[Observation]:
    """Several recordings as one, the oldest first: what ended at the same time lies together."""
    found: dict[datetime, Observation] = {}
    for one in (one for recording in recordings for one in recording):
        before = found.get(one.at)
        found[one.at] = one if before is None else _together(before, one)
    return [found[at] for at in sorted(found)]


def _together(before: Observation, one: Observation) -> Observation:
    twice = before.sides.keys() & one.sides.keys()
    if twice:
        raise ModelctlError(
            f"two recordings have figures of {' and '.join(sorted(twice))} at {one.at.isoformat()}",
            mend="give recordings of different sides, or of different times",
        )
    sides, figures = {**before.sides, **one.sides}, {**before.figures, **one.figures}
    return replace(before, sides=sides, figures=figures)


def cropped(
    observations: Sequence[Observation], since: datetime | None, until: datetime | None
) -> Sequence[Observation]:
    """Those whose stretches lie between the two instants."""
    return [
        one
        for one in observations
        if (since is None or one.at - one.span >= since) and (until is None or one.at <= until)
    ]


def sides_missing(observations: Sequence[Observation]) -> tuple[str, ...]:
    """The sides that share the traffic and are in none of the observations."""
    there = {side for one in observations for side in one.sides}
    return tuple(side for side in _SHARED if side not in there)

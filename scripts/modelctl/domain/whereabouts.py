"""Where the versions of a model stand: what keeps each one, which stage it is in, since when.

Everything is derived from the three places: what branches ask for, what environments run, and what
the ledger holds. Whatever can't be read keeps every version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from types import MappingProxyType

from modelctl.domain.endings import FINAL, Ending, ended
from modelctl.domain.history import Deployment, Quarantine, serving_since
from modelctl.domain.policy import Lifecycle

_NOWHERE: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """What one environment went through. `left` is when a version was last replaced there."""

    history: tuple[Deployment, ...]
    versions: frozenset[str]
    first: Mapping[str, int]
    left: Mapping[str, datetime]

    @property
    def now(self) -> str | None:
        """The version of the last deployment."""
        return self.history[-1].version if self.history else None

    def came_before(self, one: Deployment) -> bool:
        """Whether it first came there before what is there now (see `history.goes_back`)."""
        return self.first[one.version] < self.first[self.history[-1].version]


def _way(history: tuple[Deployment, ...]) -> _Way:
    first: dict[str, int] = {}
    left: dict[str, datetime] = {}
    for index, (one, after) in enumerate(zip_longest(history, history[1:])):
        first.setdefault(one.version, index)
        left.pop(one.version, None)
        if after is not None and after.version != one.version:
            left[one.version] = after.at
    return _Way(history=history, versions=frozenset(first), first=first, left=left)


def _ways(known: Whereabouts) -> dict[str, _Way]:
    """Each environment that ever ran a version of the model."""
    found: dict[str, list[Deployment]] = {environment: [] for environment in known.serving}
    for deployment in known.history:
        found.setdefault(deployment.environment, []).append(deployment)
    return {environment: _way(tuple(listed)) for environment, listed in found.items()}


def _told(endings: tuple[Ending, ...]) -> frozenset[str]:
    return frozenset(ending.version for ending in endings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Everything that is known of one model's versions.

    `versions` maps each to the sha256 of its manifest; `merged` are those on a branch of the
    lifecycle. `serving` has the versions that each environment runs, `warm` those that it keeps
    loaded without traffic, `released` the version that each branch names. `history` and `endings`
    are in the order of the ledger. `unreadable` says what could not be read.
    """

    model: str
    versions: Mapping[str, str]
    merged: Collection[str] = frozenset()
    serving: Mapping[str, Collection[str]] = field(default_factory=lambda: _NOWHERE)
    warm: Mapping[str, Collection[str]] = field(default_factory=lambda: _NOWHERE)
    released: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    history: tuple[Deployment, ...] = ()
    quarantines: tuple[Quarantine, ...] = ()
    endings: tuple[Ending, ...] = ()
    unreadable: tuple[str, ...] = ()
    _ways: Mapping[str, _Way] = field(init=False, repr=False, compare=False)
    _ends: Mapping[str, Ending | None] = field(init=False, repr=False, compare=False)
    _targets: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Worked out once: a listing asks about each of a thousand versions.
        object.__setattr__(self, "_ways", MappingProxyType(_ways(self)))
        ends = {version: ended(self.endings, version) for version in _told(self.endings)}
        object.__setattr__(self, "_ends", MappingProxyType(ends))
        targets = {environment: self._targets_of(environment) for environment in self._ways}
        object.__setattr__(self, "_targets", MappingProxyType(targets))

    @property
    def environments(self) -> tuple[str, ...]:
        """Every environment that ever ran a version of it."""
        return tuple(self._ways)

    def ending(self, version: str) -> Ending | None:
        """How a version has ended, if it has."""
        return self._ends.get(version)

    def serves(self, version: str, environment: str) -> bool:
        """Whether an environment runs it, by its own branch or by the ledger: one may lag."""
        way = self._ways.get(environment)
        recorded = way is not None and way.now == version
        return recorded or version in self.serving.get(environment, ())

    def reached(self, version: str) -> frozenset[str]:
        """The environments to which it was ever deployed."""
        return frozenset(name for name, way in self._ways.items() if version in way.versions)

    def left(self, version: str) -> datetime | None:
        """When another version took its place in the last environment that it left."""
        times = (way.left.get(version) for way in self._ways.values())
        return max((at for at in times if at is not None), default=None)

    def targets(self, environment: str) -> frozenset[str]:
        """The versions that a rollback of the environment could go to next.

        That is the last one before what is there now that isn't quarantined there, as
        `modelctl.domain.rollback` has it. One that has ended is kept all the same, beside the one
        that is taken instead.
        """
        return self._targets.get(environment, frozenset())

    def _targets_of(self, environment: str) -> frozenset[str]:
        way = self._ways[environment]
        held = {q.version for q in self.quarantines if q.environment == environment}
        others = (d for d in reversed(way.history) if d.version not in (way.now, *held))
        before = [d for d in others if way.came_before(d)]
        lists = (before, self._usable(before))
        return frozenset(found[0].version for found in lists if found)

    def _usable(self, found: list[Deployment]) -> list[Deployment]:
        """Without those that have ended for good."""
        ends = ((d, self.ending(d.version)) for d in found)
        return [d for d, end in ends if end is None or end.end not in FINAL]

    def guards(self, version: str, pins: Collection[str] = ()) -> tuple[str, ...]:
        """Every reason why this version must stay, as sentences; empty when nothing needs it."""
        return tuple(self._guards(version, pins))

    def _guards(self, version: str, pins: Collection[str]) -> Iterator[str]:
        for environment in self.environments:
            if self.serves(version, environment):
                yield f"it serves in {environment}"
        for environment, kept in self.warm.items():
            if version in kept:
                yield f"it is kept warm in {environment}"
        for branch, released in self.released.items():
            if released == version:
                yield f"{branch} releases it"
        if f"{self.model}@{version}" in pins:
            yield "it is pinned"
        for environment in self.environments:
            if version in self.targets(environment):
                yield f"it is the rollback target of {environment}"
        yield from self.unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one version stands. `since` is when it came to its stage, as far as the ledger tells.

    `idle` is when its retention began to count: when it last stopped to serve anywhere, ended or
    was reinstated. It is None while it serves, and when nothing of that ever happened. `guards` are
    the reasons why it must stay.
    """

    model: str
    version: str
    digest: str
    stage: str
    since: datetime | None = None
    idle: datetime | None = None
    ending: Ending | None = None
    guards: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`model@version`."""
        return f"{self.model}@{self.version}"


def standing(
    lifecycle: Lifecycle, known: Whereabouts, version: str, pins: Collection[str] = ()
) -> Standing:
    """Where a version of `known` stands."""
    ending, idle = known.ending(version), _idle(known, version)
    return Standing(
        model=known.model,
        version=version,
        digest=known.versions.get(version, ""),
        stage=stage_of(lifecycle, known, version),
        since=ending.at if ending else _since(lifecycle, known, version) or idle,
        idle=idle,
        ending=ending,
        guards=known.guards(version, pins),
    )


def stage_of(lifecycle: Lifecycle, known: Whereabouts, version: str) -> str:
    """The stage of a version: how it ended; else the last one in which it serves; else the last
    one that it reached; before that, whether it was merged."""
    ending = known.ending(version)
    if ending is not None and ending.end is not None:
        return lifecycle.ends.get(ending.end, ending.end)
    reached = known.reached(version)
    serving = {t.environment for t in lifecycle.transitions if known.serves(version, t.environment)}
    stages = [t.stage for t in lifecycle.transitions if t.environment in (serving or reached)]
    if stages:
        return stages[-1]
    return lifecycle.transitions[0].stage if version in known.merged else lifecycle.initial_stage


def _since(lifecycle: Lifecycle, known: Whereabouts, version: str) -> datetime | None:
    """Since when it serves, in the last environment that it serves in."""
    for environment in reversed(lifecycle.environments):
        if known.serves(version, environment):
            came = serving_since(known.history, environment)
            return came.at if came is not None and came.version == version else None
    return None


def _idle(known: Whereabouts, version: str) -> datetime | None:
    """When another version last took its place, or the last word about its end was spoken.

    A reinstatement counts as well: what was brought back isn't taken away the next day.
    """
    if any(known.serves(version, environment) for environment in known.environments):
        return None
    spoken = [ending.counts_from for ending in known.endings if ending.version == version]
    left = known.left(version)
    return max([*spoken, *([left] if left else [])], default=None)

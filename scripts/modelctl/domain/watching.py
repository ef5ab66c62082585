"""What serves, watched through a short window: which triggers of rollback.yaml are due.

Pure, as a rollout is: observations are folded into a window, and a window, triggers and an instant
say what is due. `live.…` are the figures of the version that the environment serves, over the
window; during a rollout those of the version that takes over.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from types import MappingProxyType
from typing import Any

from modelctl.domain.comparing import Answer, answer, sustained, wanted
from modelctl.domain.counts_data import (
    Readings,
    counts_data,
    counts_from,
    readings_data,
    time_from,
    times_data,
    times_from,
)
from modelctl.domain.manifest import Model
from modelctl.domain.observations import (
    BASELINE,
    CANARY,
    LIVE_SIDE,
    Counts,
    Observation,
    figures_of,
)
from modelctl.domain.triggers import WINDOW, Trigger, live_facts

_FINEST = 12
"""Into how many parts a window is kept: what was counted in less is put together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What was counted in the `span` that ended `at` (UTC)."""

    at: datetime
    span: timedelta
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What was seen of a version lately. `slices` are the parts of the window, the oldest first,
    `figures` the last readings. `holding` says since when a trigger that must last has held, by its
    name. `observed` is when the last observation ended, which covered `span`; all UTC."""

    slices: tuple[Slice, ...] = ()
    figures: Readings = field(default_factory=lambda: MappingProxyType({}))
    holding: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    observed: datetime | None = None
    span: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the triggers say at an instant, and the watch that goes on from there."""

    answers: tuple[Answer, ...]
    after: Watch

    @property
    def due(self) -> tuple[Answer, ...]:
        """Those for which the version goes back."""
        return tuple(one for one in self.answers if one.holds is True)

    @property
    def undecided(self) -> tuple[Answer, ...]:
        """Those that nobody can tell, with the reason: health isn't proved by them."""
        return tuple(one for one in self.answers if one.undecided is not None)

    @property
    def emergency(self) -> bool:
        """Whether all traffic has to go back at once, whatever way back there is."""
        return any(one.trigger.emergency for one in self.due)


def seen(watch: Watch, observation: Observation, window: timedelta = WINDOW) -> Watch:
    """The watch with one observation more. One that isn't newer than the last changes nothing.

    Where no `live` side was counted it is the canary's.
    """
    if watch.observed is not None and observation.at <= watch.observed:
        return watch
    counts = observation.sides.get(LIVE_SIDE, observation.sides.get(CANARY))
    slices = _kept(watch.slices, observation.at - window)
    if counts is not None:
        new = Slice(at=observation.at, span=observation.span, counts=counts)
        slices = _joined(slices, new, window / _FINEST)
    readings = _readings(watch.figures, observation)
    return replace(
        watch, slices=slices, figures=readings, observed=observation.at, span=observation.span
    )


def look(
    watch: Watch,
    model: Model,
    triggers: Sequence[Trigger],
    now: datetime,
    window: timedelta = WINDOW,
) -> Look:
    """What these triggers, which apply to the model here, say now.

    Figures that are older than the window and one observation more aren't the present: then every
    trigger is undecided.
    """
    if not triggers:
        return Look(answers=(), after=watch)
    asked = wanted(triggers)
    facts = live_facts(model, figures(watch, now, window, asked), asked)
    answers, holding = sustained((answer(t, facts) for t in triggers), watch.holding, now)
    after = watch if holding == watch.holding else replace(watch, holding=holding)
    return Look(answers=answers, after=after)


def figures(
    watch: Watch,
    now: datetime,
    window: timedelta = WINDOW,
    asked: Container[str] | None = None,
) -> Readings:
    """The `live.…` and `baseline.…` figures of the window; none where they are too old. Quantiles
    only where they are `asked` for, if that is given."""
    if watch.observed is None or now - watch.observed >= window + watch.span:
        return {}
    found = dict(watch.figures)
    slices = _kept(watch.slices, watch.observed - window)
    if slices:
        total = reduce(Counts.plus, (one.counts for one in slices))
        found |= figures_of(LIVE_SIDE, total, _spans(slices), asked)
        found.setdefault(f"{LIVE_SIDE}.compared", 0.0)
    drop = _drop(found.get(f"{LIVE_SIDE}.accuracy"), found.get(f"{BASELINE}.accuracy"))
    if drop is not None:
        found.setdefault(f"{LIVE_SIDE}.accuracy_drop", drop)
    return found


def watch_data(watch: Watch) -> dict[str, Any]:
    """As the ledger has it."""
    return {
        "slices": [
            {"at": s.at.isoformat(), "span": s.span.total_seconds(), **counts_data(s.counts)}
            for s in watch.slices
        ],
        "figures": readings_data(watch.figures),
        "holding": times_data(watch.holding),
        "observed": watch.observed.isoformat() if watch.observed else None,
        "span": watch.span.total_seconds(),
    }


def watch_from(data: Mapping[str, Any]) -> Watch:
    """What `watch_data` gave."""
    return Watch(
        slices=tuple(
            Slice(
                at=time_from(row["at"]),
                span=timedelta(seconds=row["span"]),
                counts=counts_from(row),
            )
            for row in data["slices"]
        ),
        figures=MappingProxyType(dict(data["figures"])),
        holding=times_from(data["holding"]),
        observed=time_from(data["observed"]) if data["observed"] else None,
        span=timedelta(seconds=data["span"]),
    )


def _kept(slices: tuple[Slice, ...], since: datetime) -> tuple[Slice, ...]:
    """Those that ended later."""
    for index, one in enumerate(slices):
        if one.at > since:
            return slices[index:] if index else slices
    return ()


def _joined(slices: tuple[Slice, ...], new: Slice, finest: timedelta) -> tuple[Slice, ...]:
    """With one more; with the last one where both together are short enough."""
    last = slices[-1] if slices else None
    if last is None or last.span + new.span > finest:
        return (*slices, new)
    both = Slice(at=new.at, span=last.span + new.span, counts=last.counts.plus(new.counts))
    return (*slices[:-1], both)


def _readings(before: Readings, observation: Observation) -> Readings:
    """The last readings of each name; during a rollout the canary's are the live ones, too."""
    counted = observation.sides.get(BASELINE)
    if counted is None and not observation.figures:
        return before
    given = observation.figures
    live = {
        f"{LIVE_SIDE}.{name.partition('.')[2]}": value
        for name, value in given.items()
        if name.startswith(f"{CANARY}.")
    }
    normal = figures_of(BASELINE, counted) if counted is not None else {}
    own = {name: v for name, v in given.items() if name.startswith((LIVE_SIDE, BASELINE))}
    return MappingProxyType({**before, **normal, **live, **own})


def _spans(slices: Iterable[Slice]) -> timedelta:
    return sum((one.span for one in slices), timedelta())


def _drop(now: object, normal: object) -> float | None:
    """By which share of the normal accuracy it is lower; negative where it is higher."""
    if isinstance(now, float) and isinstance(normal, float) and normal > 0:
        return (normal - now) / normal
    return None

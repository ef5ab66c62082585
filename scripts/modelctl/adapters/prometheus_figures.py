"""Readings that don't add up, and what is normal: the figures over a long time before."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Final

from modelctl.adapters.prometheus_http import PrometheusApi
from modelctl.domain.metric_queries import (
    Finder,
    Owner,
    at_steps,
    backends,
    gauge_query,
    raw,
)
from modelctl.domain.metric_sources import Gauge, Labels, Mesh, OwnFigures, PrometheusAt
from modelctl.domain.observations import (
    BASELINE,
    LIVE_SIDE,
    STABLE,
    Counts,
    Watched,
    figures_of,
)
from modelctl.domain.series import Series, Span, Table, growth
from modelctl.domain.triggers import MEANINGS

_FAILED: Final = "failed_health_checks"
_CHECKS: Final = 20
"""So many health checks are looked back on."""

_FINDERS: Final = 12
_FEWEST_STEPS, _MOST_STEPS, _ALL_STEPS = 28, 1000, 40_000
"""Steps of the time that is normal: more for few models, of which it is asked more closely."""

_KEPT: Final = timedelta(minutes=10)
_NORMAL: Final = (BASELINE, STABLE, LIVE_SIDE)
"""Whose past is what is normal: the first of these sides that a model has."""

Reading = float | Mapping[str, float]
Readings = Mapping[str, Mapping[str, Reading]]
"""Model → full name of a figure → its reading."""


class Finders:
    """Finders that were made lately: a guard watches the same backends in each pass."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Finder] = {}

    def of(
        self, patterns: Labels, watched: Sequence[Watched], sides: frozenset[str] | None = None
    ) -> Finder:
        """The one for these backends, or for those of some sides."""
        ends = tuple((one.model, one.namespace, tuple(one.sides.items())) for one in watched)
        key = (tuple(patterns.items()), sides, ends)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _FINDERS:
                self._kept.clear()
            wanted = [one for one in backends(watched) if sides is None or one.owner[1] in sides]
            found = self._kept[key] = Finder(patterns, wanted)
        return found


class Figures:
    """What one Prometheus says beside what is counted."""

    def __init__(
        self,
        api: PrometheusApi,
        at: PrometheusAt,
        mesh: Mesh,
        own: OwnFigures,
        finders: Finders,
        *,
        reference: timedelta | None,
    ):
        self._api, self._at, self._mesh, self._own = api, at, mesh, own
        self._finders = finders
        self._reference = reference
        self._kept: dict[tuple[str, ...], tuple[datetime, Mapping[str, Reading]]] = {}

    def readings(self, watched: Sequence[Watched], until: datetime) -> Readings:
        """The gauges of every side that a condition can read them of, a question each, and how many
        health checks failed one after the other. What no series has is left out."""
        found: dict[str, dict[str, Reading]] = defaultdict(dict)
        for gauge in self._own.gauges:
            finder = self._finders.of(self._own.backend, watched, _sides(watched, gauge.name))
            if finder.wanted:
                query = gauge_query(gauge, finder, self._at.fresh)
                answer = self._api.instant(gauge.name, query, until)
                for (model, side), reading in _told(gauge, answer, finder).items():
                    found[model][f"{side}.{gauge.name}"] = reading
        if self._mesh.health is not None:
            finder = self._finders.of(self._mesh.backend, watched, _sides(watched, _FAILED))
            if finder.wanted:
                self._health(found, finder, self._mesh.health, until)
        return found

    def _health(
        self, found: dict[str, dict[str, Reading]], finder: Finder, metric: str, until: datetime
    ) -> None:
        series = f"{metric}{{{finder.selector(self._mesh.only)}}}"
        query = raw(series, self._at.scrape_interval * _CHECKS)
        answer = self._api.instant("health checks", query, until)
        fresh = (until - self._at.fresh).timestamp()
        for (model, side), failed in _failing(answer, finder, fresh).items():
            found[model][f"{side}.{_FAILED}"] = float(failed)

    def baseline(self, watched: Sequence[Watched], until: datetime) -> Readings:
        """`baseline.…` of each model: two questions for all that nobody asked for lately."""
        if self._reference is None:
            return {}
        told = dict[str, Mapping[str, Reading]]()
        missing = list[Watched]()
        for one in watched:
            normal = next((side for side in _NORMAL if side in one.sides), None)
            if normal is None:
                continue
            end = one.sides[normal]
            kept = self._kept.get((one.model, one.namespace, end.service, end.version))
            if kept is not None and until - kept[0] < _KEPT:
                told[one.model] = kept[1]
            else:
                sides = {BASELINE: end}
                missing.append(replace(one, since=until - self._reference, sides=sides))
        if missing:
            told |= self._normal(missing, until, self._reference)
            for one in missing:
                end = one.sides[BASELINE]
                key = (one.model, one.namespace, end.service, end.version)
                self._kept[key] = (until, told[one.model])
        return told

    def _normal(
        self, watched: Sequence[Watched], until: datetime, reference: timedelta
    ) -> dict[str, Mapping[str, Reading]]:
        mesh, step = (
            self._mesh,
            reference / min(max(_ALL_STEPS // len(watched), _FEWEST_STEPS), _MOST_STEPS),
        )
        table = Table({one.model: Span(one.since, until, step) for one in watched})
        finder = Finder(mesh.backend, list(backends(watched)))
        selector, by = finder.selector(mesh.only), (*finder.labels, *mesh.target)
        errors = re.compile(mesh.errors)

        def ask(name: str, series: str, label: str) -> list[Series]:
            query = at_steps(series, self._at.fresh, dict.fromkeys((*by, label)))
            return self._api.steps(name, query, until - reference, until, step)

        found = ask("the requests that are normal", f"{mesh.requests}{{{selector}}}", mesh.code)
        table.requests(
            growth(found, finder.owners, mesh.target),
            lambda labels: errors.fullmatch(labels.get(mesh.code, "")) is not None,
        )
        if mesh.durations is not None:
            series = f"{mesh.durations}_bucket{{{selector}}}"
            found = ask("the response times that are normal", series, "le")
            table.durations(growth(found, finder.owners, mesh.target), mesh.unit_ms)
        return {one.model: _summary(table, one.model, step) for one in watched}


def _summary(table: Table, model: str, step: timedelta) -> Mapping[str, Reading]:
    """The figures of everything that was seen; a rate is of the time in which something was."""
    counts = [one.sides[BASELINE] for one in table.observations(model, (BASELINE,), OwnFigures())]
    if not counts:
        return {}
    return figures_of(BASELINE, reduce(Counts.plus, counts), step * len(counts))


def _sides(watched: Iterable[Watched], name: str) -> frozenset[str]:
    """The sides of which a condition can read this figure."""
    every = {side for one in watched for side in one.sides}
    return frozenset(side for side in every if f"{side}.{name}" in MEANINGS)


def _told(gauge: Gauge, answer: Iterable[Series], finder: Finder) -> dict[Owner, Reading]:
    """The readings by whose they are. Two series of one backend, which a query of one's own may
    give, are no reading: nobody can tell which counts."""
    found: dict[Owner, dict[str, float]] = defaultdict(dict)
    twice = set[Owner]()
    for one in answer:
        name = one.labels.get(gauge.label, "") if gauge.label else ""
        for owner in finder.owners(one.labels):
            if name in found[owner]:
                twice.add(owner)
            if one.samples and math.isfinite(one.samples[-1][1]):
                found[owner][name] = one.samples[-1][1]
    sound = {owner: row for owner, row in found.items() if row and owner not in twice}
    return {owner: row if gauge.label else row[""] for owner, row in sound.items()}


def _failing(answer: Iterable[Series], finder: Finder, fresh: float) -> dict[Owner, int]:
    """How many checks failed one after the other until now, by whose they are. A backend fails
    where each of its processes does; one that nobody has checked lately isn't known."""
    found: dict[Owner, int] = {}
    for one in answer:
        if not one.samples or one.samples[-1][0] < fresh:
            continue
        good = [index for index, (_, value) in enumerate(one.samples) if value > 0]
        failed = len(one.samples) - (good[-1] + 1 if good else 0)
        for owner in finder.owners(one.labels):
            found[owner] = min(found.get(owner, failed), failed)
    return found

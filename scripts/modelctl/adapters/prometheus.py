"""Figures from Prometheus: a few questions for all models at once, whatever their number.

Where it isn't too much, every sample is asked for, and increases are taken from sample to sample:
exact to the scrape, whatever instant a model is watched from. For long times over many models the
last sample at each step is asked for instead. Then a counter that began anew within a step loses
what it counted in that step before, and what was counted in the step that holds the first instant
is left out.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from modelctl.adapters.prometheus_figures import Figures, Finders
from modelctl.adapters.prometheus_http import PrometheusApi
from modelctl.domain.metric_queries import Finder, any_of, at_steps, raw
from modelctl.domain.metric_sources import Mesh, OwnFigures, PrometheusAt
from modelctl.domain.observations import Observation, Watched
from modelctl.domain.series import Grown, Series, Span, Table, growth

MOST_SAMPLES: Final = 3_000_000
"""So many samples may come in the answer to a question, by estimate."""

_SERIES: Final = 20
"""A backend has about so many, most of them buckets."""

_MOST_STEPS: Final = 10_000
_WIDEST: Final = timedelta(minutes=15)
_NAME: Final = "__name__"


class PrometheusSource:
    """A source of observations (`modelctl.domain.observations.Source`) for one environment.

    `reference` is how far back `baseline.…` looks; None leaves those figures out.
    """

    def __init__(
        self,
        api: PrometheusApi,
        at: PrometheusAt,
        mesh: Mesh,
        own: OwnFigures | None = None,
        *,
        reference: timedelta | None = None,
        most_samples: int = MOST_SAMPLES,
    ):
        self._api, self._at, self._mesh = api, at, mesh
        self._own = own or OwnFigures()
        self._most = most_samples
        self._finders = Finders()
        self._figures = Figures(api, at, mesh, self._own, self._finders, reference=reference)

    def observe(
        self, watched: Sequence[Watched], until: datetime
    ) -> Mapping[str, Sequence[Observation]]:
        """See `Source`. What is younger than `PrometheusAt.settle` waits for the next time, as a
        sample may come late. The last observation of each model has the readings of its gauges."""
        with _no_collection():
            return self._observed(watched, until)

    def _observed(
        self, watched: Sequence[Watched], until: datetime
    ) -> Mapping[str, Sequence[Observation]]:
        settled = until - self._at.settle
        found: dict[str, list[Observation]] = {one.model: [] for one in watched}
        for group in self._groups([one for one in watched if one.since < settled], settled):
            found |= self._counted(group, settled)
        readings = self._figures.readings(watched, until)
        normal = self._figures.baseline(watched, until)
        for one in watched:
            rows, now = found[one.model], readings.get(one.model, {})
            if now and not rows and one.since < settled:
                rows.append(Observation(at=settled, span=settled - one.since))
            if rows:  # what is normal was so all along: what must last is held against it
                rows[0] = replace(rows[0], figures=normal.get(one.model, {}))
                rows[-1] = replace(rows[-1], figures={**normal.get(one.model, {}), **now})
        return found

    def _groups(self, watched: Sequence[Watched], until: datetime) -> list[list[Watched]]:
        """All at once, where it isn't too much; else those that are watched for longer apart."""
        if not watched or self._fits(watched, until):
            return [list(watched)] if watched else []
        young = [one for one in watched if until - one.since <= _WIDEST]
        old = [one for one in watched if until - one.since > _WIDEST]
        return [group for group in (young, old) if group]

    def _fits(self, watched: Sequence[Watched], until: datetime) -> bool:
        span = until - min(one.since for one in watched)
        count = sum(len(one.sides) for one in watched)
        return ((span + self._at.fresh) / self._at.scrape_interval) * count * _SERIES <= self._most

    def _counted(self, watched: Sequence[Watched], until: datetime) -> dict[str, list[Observation]]:
        """What was counted, by at most three questions."""
        way = self._way(watched, until)
        step = max(self._at.scrape_interval, way.step or timedelta())
        table = Table({one.model: Span(one.since, until, step) for one in watched})
        mesh, own = self._mesh, self._own
        finder = self._finders.of(mesh.backend, watched)
        selector = finder.selector(mesh.only)
        errors = re.compile(mesh.errors)
        by = (*finder.labels, *mesh.target)
        table.requests(
            self._grown(
                "requests", f"{mesh.requests}{{{selector}}}", (*by, mesh.code), finder, way
            ),
            lambda labels: errors.fullmatch(labels.get(mesh.code, "")) is not None,
        )
        if mesh.durations is not None:
            series = f"{mesh.durations}_bucket{{{selector}}}"
            table.durations(
                self._grown("response times", series, (*by, "le"), finder, way), mesh.unit_ms
            )
        if own.names:
            finder = self._finders.of(own.backend, watched)
            series = any_of(own.names, finder.selector())
            by = (_NAME, *finder.labels, *own.target)
            table.own(self._grown("figures of one's own", series, by, finder, way))
        return {one.model: table.observations(one.model, one.sides, own) for one in watched}

    def _way(self, watched: Sequence[Watched], until: datetime) -> _Way:
        """How the samples are asked for."""
        since = min(one.since for one in watched)
        if self._fits(watched, until):
            return _Way(since=since - self._at.fresh, until=until)
        count = sum(len(one.sides) for one in watched) * _SERIES
        steps = min(max(self._most // count, 1), _MOST_STEPS)
        step = max((until - since) / steps, self._at.scrape_interval)
        return _Way(since=since, until=until, step=step)

    def _grown(
        self, name: str, series: str, by: Sequence[str], finder: Finder, way: _Way
    ) -> list[Grown]:
        found = self._series(name, series, list(dict.fromkeys(by)), way)
        target = self._own.target if _NAME in by else self._mesh.target
        return list(growth(found, finder.owners, target))

    def _series(self, name: str, series: str, by: Sequence[str], way: _Way) -> list[Series]:
        if way.step is None:
            return self._api.instant(name, raw(series, way.until - way.since), way.until)
        query = at_steps(series, self._at.fresh, by)
        return self._api.steps(name, query, way.since, way.until, way.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """The time that is asked for; every sample in it, or with a `step` the last one at each."""

    since: datetime
    until: datetime
    step: timedelta | None = None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Answers are many small objects without cycles: to look for garbage among them takes longer
    than to read them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

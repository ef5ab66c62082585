"""A live figure of one version as PromQL, from what `policies/metrics.yaml` says is counted.

The guard asks for counters and works the figures out itself, for many models at once. A rule of
Prometheus stands alone, so here each figure is one expression with one result at most. The two
must say the same: windows, failures and quantiles are those of `modelctl.domain.watching`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from string import Template
from types import MappingProxyType
from typing import Final

from modelctl.domain.condition import Figure
from modelctl.domain.metric_queries import Finder, backends, quoted, seconds
from modelctl.domain.metric_sources import Gauge, Labels, Mesh, OwnFigures
from modelctl.domain.observations import BASELINE, QUANTILES, Watched
from modelctl.domain.triggers import WINDOW

_SCRAPES: Final = 4
_HEALTH_SCRAPES: Final = 20
_NORM_STEP: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose figures are asked for, and where. `watched` names the backend of each side, `interval`
    is how often it is scraped, `fresh` how old a reading may be, `reference` how far back
    `baseline.…` looks. `traffic` is the series of all requests a second to the model, whose norm
    its traffic is held against."""

    watched: Watched
    mesh: Mesh
    own: OwnFigures
    interval: timedelta
    fresh: timedelta
    reference: timedelta
    traffic: str

    def query(self, figure: Figure) -> str | None:
        """The PromQL of a figure; None where nothing says how it is measured."""
        side, _, name = figure.name.partition(".")
        if side not in self.watched.sides:
            return None
        window = self.reference if side == BASELINE else self._window
        return _Side(asked=self, side=side, window=window).query(name, figure.key)

    @property
    def _window(self) -> timedelta:
        return max(WINDOW, _SCRAPES * self.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    asked: Asked
    side: str
    window: timedelta

    def query(self, name: str, key: str | None) -> str | None:
        gauge = next((one for one in self.asked.own.gauges if one.name == name), None)
        if gauge is not None:
            return self._gauge(gauge, key)
        if key is not None:
            return self._own(key) if name == "metrics" else None
        if name in QUANTILES:
            return self._quantile(QUANTILES[name])
        made = _MADE.get(name)
        return made(self) if made else None

    def requests(self) -> str:
        return f"round({self._counted()})"

    def error_rate(self) -> str:
        mesh, total = self.asked.mesh, self._counted()
        failed = self._increase(mesh.requests, self._mesh({mesh.code: mesh.errors}))
        return f"clamp(({failed} or {total} * 0) / {total}, 0, 1)"

    def throughput(self) -> str:
        return f"sum(rate({self.asked.mesh.requests}{{{self._mesh()}}}[{seconds(self.window)}]))"

    def labelled(self) -> str | None:
        counter = self.asked.own.counters.get("labelled")
        return counter and f"round({self._increase(counter, self._owned())})"

    def accuracy(self) -> str | None:
        counters = self.asked.own.counters
        if not {"labelled", "correct"} <= set(counters):
            return None
        return self._share(counters["correct"], counters["labelled"])

    def accuracy_drop(self) -> str | None:
        normal = _Side(asked=self.asked, side=BASELINE, window=self.asked.reference)
        now, before = self.accuracy(), normal.accuracy()
        known = BASELINE in self.asked.watched.sides and now and before
        return f"1 - {now} / ({before} > 0)" if known else None

    def failed_health_checks(self) -> str | None:
        """Checks since the last one that didn't fail, of the process that fares best; nothing where
        none is checked any more."""
        if self.asked.mesh.health is None:
            return None
        step = seconds(self.asked.interval)
        seen, every = seconds(_HEALTH_SCRAPES * self.asked.interval), self.asked.interval
        health = f"{self.asked.mesh.health}{{{self._mesh()}}}"
        last = f"max_over_time(timestamp({health} > 0)[{seen}:{step}])"
        since = f"floor((time() - {last}) / {every.total_seconds():g})"
        failed = f"({since} or count_over_time({health}[{seen}:{step}]))"
        return f"min({failed} and last_over_time({health}[{seconds(self.asked.fresh)}]))"

    def traffic_zscore(self) -> str:
        total, over = f"sum({self.asked.traffic})", seconds(self.asked.reference)
        norm = f"{total}[{over}:{seconds(_NORM_STEP)}]"
        return f"({total} - avg_over_time({norm})) / stddev_over_time({norm})"

    def _quantile(self, quantile: float) -> str | None:
        mesh = self.asked.mesh
        if mesh.durations is None:
            return None
        bucket = f"{mesh.durations}_bucket{{{self._mesh()}}}[{seconds(self.window)}]"
        found = f"histogram_quantile({quantile}, sum by (le) (rate({bucket})))"
        return f"{found} * {mesh.unit_ms:g}" if mesh.unit_ms != 1.0 else found

    def _own(self, key: str) -> str | None:
        own = self.asked.own
        if key in own.ratios:
            return self._share(own.ratios[key]["hits"], own.ratios[key]["trials"])
        if key in own.means:
            total, count = (own.means[key][part] for part in ("sum", "count"))
            top, bottom = (self._increase(one, self._owned()) for one in (total, count))
            return f"{top} / ({bottom} > 0)"
        return None

    def _gauge(self, gauge: Gauge, key: str | None) -> str | None:
        if (gauge.label is None) is not (key is None):
            return None
        finder, window = self._finder(self.asked.own.backend), seconds(self.asked.fresh)
        only = {gauge.label: key} if gauge.label and key is not None else None
        selector = finder.selector(only)
        if gauge.query is None:
            return f"{gauge.by}(last_over_time({gauge.metric}{{{selector}}}[{window}]))"
        by = ", ".join(finder.labels)
        return f"max({Template(gauge.query).substitute(selector=selector, by=by, window=window)})"

    def _share(self, hits: str, trials: str) -> str:
        top, bottom = (self._increase(one, self._owned()) for one in (hits, trials))
        return f"clamp(({top} or {bottom} * 0) / {bottom}, 0, 1)"

    def _counted(self) -> str:
        return self._increase(self.asked.mesh.requests, self._mesh())

    def _increase(self, counter: str, selector: str) -> str:
        return f"sum(increase({counter}{{{selector}}}[{seconds(self.window)}]))"

    def _mesh(self, matching: Labels = MappingProxyType({})) -> str:
        mesh = self.asked.mesh
        also = [f"{label}=~{quoted(pattern)}" for label, pattern in matching.items()]
        return ",".join([self._finder(mesh.backend).selector(mesh.only), *also])

    def _owned(self) -> str:
        return self._finder(self.asked.own.backend).selector()

    def _finder(self, patterns: Labels) -> Finder:
        wanted = [one for one in backends([self.asked.watched]) if one.owner[1] == self.side]
        return Finder(patterns, wanted)


_MADE: Mapping[str, Callable[[_Side], str | None]] = {
    "requests": _Side.requests,
    "error_rate": _Side.error_rate,
    "throughput_rps": _Side.throughput,
    "labelled": _Side.labelled,
    "accuracy": _Side.accuracy,
    "accuracy_drop": _Side.accuracy_drop,
    "failed_health_checks": _Side.failed_health_checks,
    "traffic_zscore": _Side.traffic_zscore,
}

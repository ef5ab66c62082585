"""What `policies/metrics.yaml` says: where figures come from, and what they are called there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from modelctl.domain.document import Document
from modelctl.domain.rules import RuleReader, parse_span

JOB: Final = "job"
"""The label by which Prometheus says on behalf of which scrape job it asked."""
LOCAL: Final = "local"
TOKEN: Final = "MODELCTL_PROMETHEUS_TOKEN"
MEASURED: Final = ("labelled", "correct")
"""The counters of one's own that `Counts` has fields for."""
ERRORS: Final = "5.."
"""The codes that are failures where nothing else is said."""

Labels = Mapping[str, str]
_NO_LABELS: Labels = MappingProxyType({})


def _none() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusAt:
    """Which Prometheus, or what speaks its query language, knows of an environment.

    `url` is written down or comes from the environment variable `url_from`; a token only ever from
    the variable `token_from`. `mesh` names the template of whoever counts the requests.
    """

    mesh: str
    url: str | None = None
    url_from: str | None = None
    token_from: str = TOKEN
    scrape_interval: timedelta = timedelta(seconds=15)
    timeout: timedelta = timedelta(seconds=10)

    @property
    def fresh(self) -> timedelta:
        """How old a sample may be that still tells of now: two scrapes, and some slack."""
        return self.scrape_interval * 2.5

    @property
    def settle(self) -> timedelta:
        """How long a sample may take from its time until it can be asked for."""
        return min(self.scrape_interval / 4, timedelta(seconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """What one router, mesh or runtime calls its figures.

    `backend` are the labels by which a backend is known, each a regular expression (RE2) for the
    whole value with placeholders; `only` are further labels with fixed values, among them one that
    a process can't choose for itself, such as its job. `requests` is a counter whose label `code`
    has the answer's code, of which `errors` (RE2) are failures.
    `durations` is a classic histogram without its `_bucket`, in units of `unit_ms`. `health` is a
    gauge that is 0 while a check fails. `target` are the labels that tell processes apart.
    """

    name: str
    backend: Labels
    requests: str
    code: str
    errors: str
    durations: str | None = None
    unit_ms: float = 1000.0
    health: str | None = None
    only: Labels = field(default_factory=lambda: _NO_LABELS)
    target: tuple[str, ...] = ("job", "instance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A reading that doesn't add up. `metric` is combined by `by` where a backend has several; a
    `query` of one's own stands instead of both. With `label` it is numbers by that label."""

    name: str
    metric: str | None = None
    by: str = "max"
    query: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFigures:
    """What versions or jobs show of themselves. `counters` are names of `MEASURED` → counters;
    `ratios` a figure's name → counters of hits and trials; `means` → of sum, count and, if there,
    squares."""

    backend: Labels = field(default_factory=lambda: _NO_LABELS)
    counters: Mapping[str, str] = field(default_factory=_none)
    ratios: Mapping[str, Labels] = field(default_factory=_none)
    means: Mapping[str, Labels] = field(default_factory=_none)
    gauges: tuple[Gauge, ...] = ()
    target: tuple[str, ...] = ("job", "instance")

    @property
    def names(self) -> tuple[str, ...]:
        """Every counter that is read, once."""
        rows = (*self.ratios.values(), *self.means.values())
        parts = (part for row in rows for part in row.values())
        return tuple(dict.fromkeys((*self.counters.values(), *parts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSources:
    """Environment → its Prometheus, or None where the router of this machine is read; one that
    isn't named is read there, too. `failures` are the codes (RE2) that are failures at that router,
    by environment."""

    sources: Mapping[str, PrometheusAt | None] = field(default_factory=_none)
    failures: Mapping[str, str] = field(default_factory=_none)
    meshes: Mapping[str, Mesh] = field(default_factory=_none)
    own: OwnFigures = field(default_factory=OwnFigures)

    def at(self, environment: str) -> PrometheusAt | None:
        """The Prometheus of an environment; None where the local target is asked."""
        return self.sources.get(environment)

    def failures_at(self, environment: str) -> str:
        """The codes (RE2) of answers that are failures at the router of this machine."""
        return self.failures.get(environment, ERRORS)


def metrics_from(document: Document, rules: RuleReader | None = None) -> MetricSources:
    """What an accepted document says; it has no rules to compile."""
    data = document.data
    return MetricSources(
        sources={name: _source(row) for name, row in data["sources"].items()},
        failures={name: row["errors"] for name, row in data["sources"].items() if "errors" in row},
        meshes={name: _mesh(name, row) for name, row in data.get("meshes", {}).items()},
        own=_own(data.get("own", {})),
    )


def _source(row: Mapping[str, Any]) -> PrometheusAt | None:
    if row["kind"] == LOCAL:
        return None
    fields: dict[str, Any] = {key: value for key, value in row.items() if key != "kind"}
    spans = {key: parse_span(row[key]) for key in ("scrape_interval", "timeout") if key in row}
    return PrometheusAt(**(fields | spans))


def _mesh(name: str, row: Mapping[str, Any]) -> Mesh:
    requests, durations = row["requests"], row.get("durations")
    return Mesh(
        name=name,
        backend=row["backend"],
        requests=requests["counter"],
        code=requests["code"],
        errors=requests["errors"],
        durations=durations and durations["histogram"],
        unit_ms=1.0 if durations and durations["unit"] == "milliseconds" else 1000.0,
        health=row.get("health"),
        only=row.get("only", _NO_LABELS),
        **_target(row),
    )


def _own(row: Mapping[str, Any]) -> OwnFigures:
    return OwnFigures(
        backend=row.get("backend", _NO_LABELS),
        counters={name: row[name] for name in MEASURED if name in row},
        ratios=row.get("ratios", {}),
        means=row.get("means", {}),
        gauges=tuple(Gauge(name=name, **one) for name, one in row.get("gauges", {}).items()),
        **_target(row),
    )


def _target(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"target": tuple(row["target"])} if "target" in row else {}

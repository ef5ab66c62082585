"""What the dashboard of an environment shows: rows of graphs for those who run models, for those
who look back, for the business, and for engineers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_VERSIONS: Final = '{environment="$environment",model=~"$model",version=~"$version"}'
_SHARE, _MS, _PERCENT, _RATE, _PLAIN = "percentunit", "ms", "percent", "reqps", "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One graph: `queries` are expressions with their legends; `unit` is Grafana's. `since` shows
    that much time whatever the page shows; `stacked` adds the series up."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = _PLAIN
    since: str | None = None
    stacked: bool = False
    about: str = ""


def _live(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"modelctl:live_{name}{_VERSIONS}", _legend(name)) for name in names)


def _backends(name: str) -> tuple[tuple[str, str], ...]:
    legend = "{{model}} {{version}} ({{backend}})"
    return ((f"modelctl:backend_{name}{_VERSIONS}", legend),)


def _legend(name: str) -> str:
    return f"{{{{model}}}} {{{{version}}}} {name.replace('_ms', '').replace('_', ' ')}"


_BASELINE: Final = (f"modelctl:baseline_latency_p99_ms{_VERSIONS}", "{{model}} normal p99")
_PREDICTIONS: Final = f"sum by (model) (modelctl:backend_throughput_rps{_VERSIONS})"

ROWS: Final[Mapping[str, tuple[Panel, ...]]] = {
    "Real time": (
        Panel(
            title="Traffic by version",
            queries=_backends("throughput_rps"),
            unit=_RATE,
            stacked=True,
            about="Requests a second to each version that shares the traffic.",
        ),
        Panel(
            title="Rollout weight",
            queries=_backends("weight"),
            unit=_PERCENT,
            stacked=True,
            about="The share of the traffic that each version is meant to get.",
        ),
        Panel(title="Errors by version", queries=_backends("error_rate"), unit=_SHARE),
        Panel(
            title="Response time",
            queries=_live("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"),
            unit=_MS,
        ),
        Panel(title="p99 by version", queries=_backends("latency_p99_ms"), unit=_MS),
        Panel(
            title="Alerts that fire",
            queries=(
                (
                    'ALERTS{alertstate="firing",environment="$environment",model=~"$model"}',
                    "{{alertname}} {{model}} {{severity}}",
                ),
            ),
        ),
    ),
    "Historical": (
        Panel(title="Errors, 30 days", queries=_live("error_rate"), unit=_SHARE, since="30d"),
        Panel(
            title="p99 against what is normal, 30 days",
            queries=(*_live("latency_p99_ms"), _BASELINE),
            unit=_MS,
            since="30d",
        ),
        Panel(title="Accuracy, 30 days", queries=_live("accuracy"), unit=_SHARE, since="30d"),
    ),
    "Business": (
        Panel(
            title="Predictions a day",
            queries=((f"86400 * avg_over_time(({_PREDICTIONS})[1d:5m])", "{{model}}"),),
            since="30d",
        ),
        Panel(title="Business metric", queries=_live("business_metric")),
        Panel(
            title="Business metric against what is normal",
            queries=_live("business_metric_change"),
            unit=_SHARE,
        ),
        Panel(
            title="Figures of your own",
            queries=(
                (
                    f'{{__name__=~"modelctl:live_metrics:.+",{_VERSIONS[1:]}',
                    "{{model}} {{version}} {{__name__}}",
                ),
            ),
        ),
        Panel(title="Loss of accuracy", queries=_live("accuracy_drop"), unit=_SHARE),
    ),
    "Technical": (
        Panel(title="Drift of the inputs", queries=_live("psi", "drift")),
        Panel(
            title="Drift of the predictions", queries=_live("prediction_kl", "prediction_psi")
        ),
        Panel(
            title="CPU and memory",
            queries=_live("cpu_percent", "memory_percent"),
            unit=_PERCENT,
            about="In percent of what is granted.",
        ),
        Panel(title="Health checks that failed in a row", queries=_live("failed_health_checks")),
        Panel(
            title="Traffic against its norm",
            queries=_live("traffic_zscore"),
            about="In standard deviations.",
        ),
        Panel(title="Requests that the figures rest on", queries=_live("requests")),
    ),
}  # fmt: skip
"""What each row shows."""

"""The figures of a model that Prometheus records for rules and dashboards, and how they are named.

Each is one series with the labels of the model, whatever the mesh that counted the requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from modelctl.domain.condition import Figure
from modelctl.domain.manifest import Model
from modelctl.domain.promql import literal
from modelctl.domain.rendering import Backend, RenderRequest
from modelctl.domain.triggers import LIVE_KIND

SHOWN: Final = (
    "requests",
    "error_rate",
    "throughput_rps",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "accuracy",
    "accuracy_drop",
    "psi",
    "drift",
    "prediction_kl",
    "prediction_psi",
    "cpu_percent",
    "memory_percent",
    "traffic_zscore",
    "failed_health_checks",
    "business_metric",
    "business_metric_change",
)
"""The live figures that dashboards show where they are measured, whether or not a rule asks."""

BACKEND_SHOWN: Final = ("error_rate", "throughput_rps", "latency_p95_ms", "latency_p99_ms")
"""What dashboards show of each version that shares the traffic."""

Query = Callable[[Figure], "str | None"]
"""The PromQL of a figure, with one result at most; None where nothing says how it is measured."""

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_WORD = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A model where it serves, and how its figures are asked for.

    `namespace` is that of its objects, `sides` are those that there are now, `interval` says how
    often the rules are evaluated, `runbook` is the page that says what to do, as a URL; None where
    nobody knows the address of the repository.
    """

    model: Model
    request: RenderRequest
    namespace: str
    query: Query
    sides: frozenset[str]
    interval: timedelta = timedelta(seconds=15)
    runbook: str | None = None

    @property
    def facts(self) -> Mapping[str, str]:
        """What the scope of a condition looks at."""
        return {
            "environment": self.request.environment,
            "task": self.model.task,
            "tier": self.model.tier,
            "target": self.model.serving.target,
            "model": self.model.name,
        }

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every series that is recorded."""
        return {
            "environment": self.request.environment,
            "model": self.request.model,
            "version": self.request.version,
        }

    def series(self, figure: Figure) -> str:
        """The recorded series of a figure."""
        return selector(recorded(figure), self.labels)


def recorded(figure: Figure) -> str:
    """The metric that a figure is recorded as: `modelctl:live_error_rate`."""
    name = figure.name.replace(".", "_")
    if figure.key is None:
        return f"modelctl:{name}"
    if _WORD.fullmatch(figure.key):
        return f"modelctl:{name}:{figure.key}"
    word = re.sub(r"[^A-Za-z0-9_]", "_", figure.key)
    return f"modelctl:{name}:{word}_{sha256(figure.key.encode()).hexdigest()[:8]}"


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """The series of a metric with these labels, which may hold any text."""
    inside = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"{metric}{{{inside}}}"


def span(time: timedelta) -> str:
    """A span as Prometheus writes it, in its largest whole unit: `5m`, `90s`."""
    seconds = int(time.total_seconds())
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def untemplated(text: str) -> str:
    """A text that Prometheus' templates leave as it is."""
    return text.replace("{{", '{{"{{"}}')


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def backend_side(backend: Backend) -> str:
    """The side that a backend is for itself, whatever it stands for in conditions."""
    return f"backend-{backend.name}"


def shown(watch: Watch) -> Iterator[tuple[Figure, str]]:
    """The figures that dashboards show, as far as this environment measures them."""
    for name in SHOWN:
        figure = Figure(name=f"{LIVE_KIND}.{name}")
        query = watch.query(figure)
        if query is not None:
            yield figure, query


def record(watch: Watch, figure: Figure, query: str) -> dict[str, Any]:
    """The rule that records a figure."""
    return {"record": recorded(figure), "expr": _finite(query), "labels": watch.labels}


def backend_records(watch: Watch) -> Iterator[dict[str, Any]]:
    """The share of each version that serves, and what it does, for dashboards."""
    for backend in watch.request.split:
        labels = {**watch.labels, "backend": backend.name, "version": backend.version}
        share = literal(backend.weight)
        yield {"record": "modelctl:backend_weight", "expr": f"vector({share})", "labels": labels}
        for name in BACKEND_SHOWN:
            query = watch.query(Figure(name=f"{backend_side(backend)}.{name}"))
            if query is not None:
                metric = f"modelctl:backend_{name}"
                yield {"record": metric, "expr": _finite(query), "labels": labels}


def _finite(query: str) -> str:
    """NaN and the infinities are no figures: a comparison with them would decide by accident."""
    return f"({query.strip()}) > -Inf < +Inf"

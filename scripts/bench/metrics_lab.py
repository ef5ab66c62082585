"""A real Prometheus that has a history of what is watched, for as long as a measure lasts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.lab import PROJECT, Lab
from modelctl.adapters.documents import load
from modelctl.adapters.prometheus import PrometheusSource
from modelctl.adapters.prometheus_http import PrometheusApi
from modelctl.domain.metric_sources import PrometheusAt, metrics_from
from modelctl.domain.observations import Watched
from support.prometheus import START, backfilled, openmetrics, sample

SCRAPE = timedelta(seconds=15)
SCRAPES = 50
_EACH = {"stable": 30, "canary": 10}
_BUCKETS = (("0.1", 0.99), ("0.3", 0.999), ("1.2", 1.0), ("5", 1.0), ("+Inf", 1.0))
_MESH = "traefik"


def moment(scrapes: int) -> datetime:
    """Just after so many scrapes (UTC)."""
    return datetime.fromtimestamp(START, UTC) + SCRAPE * scrapes + timedelta(seconds=2)


def history(watched: Sequence[Watched]) -> str:
    """Some minutes of both backends of each rollout, all well, as Traefik counts them."""
    count, took = list[str](), list[str]()
    for one in watched:
        for side, each in _EACH.items():
            service = f"{one.namespace}-{one.sides[side].service}-80@kubernetesgateway"
            labels = {"service": service, "job": "traefik", "instance": "router"}
            for scrape in range(SCRAPES + 1):
                at, calls = START + scrape * SCRAPE.total_seconds(), each * scrape
                for code, share in (("200", 0.99), ("500", 0.01)):
                    row = {**labels, "code": code}
                    count.append(sample("traefik_service_requests_total", row, calls * share, at))
                for le, share in _BUCKETS:
                    row = {**labels, "code": "200", "le": le}
                    name = "traefik_service_request_duration_seconds_bucket"
                    took.append(sample(name, row, calls * share, at))
    return openmetrics(
        {
            "traefik_service_requests": ("counter", count),
            "traefik_service_request_duration_seconds_bucket": ("unknown", took),
        }
    )


@contextmanager
def prometheus(lab: Lab, watched: Sequence[Watched]) -> Iterator[PrometheusApi]:
    """A Prometheus with the history of these."""
    lab.say(f"writing a history of {2 * len(watched)} backends")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        backfilled(Path(name), history(watched)) as url,
    ):
        yield PrometheusApi(url)


def source(api: PrometheusApi) -> PrometheusSource:
    """What a guard asks it through, by the shipped queries."""
    document = load((PROJECT / "policies" / "metrics.yaml").read_bytes(), "metrics.yaml")
    shipped = metrics_from(document)
    at = PrometheusAt(mesh=_MESH, scrape_interval=SCRAPE)
    reference = timedelta(days=7)
    return PrometheusSource(api, at, shipped.meshes[_MESH], shipped.own, reference=reference)

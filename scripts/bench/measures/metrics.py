"""Figures from a Prometheus: what a pass over a thousand rollouts asks, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

from bench.errors import BenchError
from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.metrics_lab import SCRAPE, moment, prometheus, source
from bench.repos.documents import model_name
from modelctl.adapters.prometheus import PrometheusSource
from modelctl.domain.observations import Endpoint, Watched

ROLLOUTS = 1000
_NOW = moment(40)
_TURNS = 9


def _watched(rollouts: int) -> Sequence[Watched]:
    """They began at different times within the last scrapes, as a running guard has them."""
    return [
        Watched(
            model=model_name(index),
            environment="production",
            namespace="ns",
            since=_NOW - SCRAPE - timedelta(seconds=index % SCRAPE.seconds),
            sides={
                side: Endpoint(version=slug, service=f"{model_name(index)}-{slug}")
                for side, slug in (("stable", "v1-0-0"), ("canary", "v1-1-0"))
            },
        )
        for index in range(rollouts)
    ]


def _pass(asked: PrometheusSource, watched: Sequence[Watched]) -> float:
    """The seconds of one pass, in which everything must have been found."""
    start = time.perf_counter()
    found = asked.observe(watched, _NOW)
    took = time.perf_counter() - start
    if any(set(rows[-1].sides) != {"stable", "canary"} for rows in found.values()):
        raise BenchError("a rollout has no figures", "see scripts/bench/measures/metrics.py")
    return took


def _questions(lab: Lab) -> Iterator[Pair]:
    watched = _watched(ROLLOUTS)
    with prometheus(lab, watched) as api:
        took = _pass(source(api), watched)
        yield Pair(ours=float(api.asked), other=took)


def _time(lab: Lab) -> Iterator[Pair]:
    many, one = _watched(ROLLOUTS), _watched(1)
    with prometheus(lab, many) as api:
        asked = source(api)
        yield from lab.turns(_TURNS, partial(_pass, asked, many), partial(_pass, asked, one))


MEASURES = (
    Measure(
        name="figures-questions",
        what=f"figures of {ROLLOUTS} rollouts, with what is normal",
        against="seconds that it took",
        limit=20,
        take=_questions,
        unit="questions",
    ),
    Measure(
        name="figures-time",
        what=f"figures of {ROLLOUTS} rollouts",
        against="of 1, the same Prometheus",
        limit=2.0,
        take=_time,
        unit="s",
        note="what is normal over 7 days is asked for in the first pass, then every 10 minutes",
    ),
)

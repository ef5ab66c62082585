"""How exactly traffic is split, and that nobody notices when it moves."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.errors import BenchError
from bench.lab import Lab
from bench.measure import Measure, Pair
from bench.serving_lab import Site, site
from support.load import Load

REQUESTS, WEIGHTS = 10_000, (5, 25, 50)
RATE = 200.0
"""Requests a second while traffic moves."""

STEPS = (1, 5, 10, 25, 50, 75, 90, 100)
_BETWEEN = 1.0
_FAST = 1_500.0


def _share(lab: Lab) -> Iterator[Pair]:
    """With a mirror and a header beside the weights, which must not disturb them."""
    began, apart = time.perf_counter(), 0.0
    with site() as place:
        for weight in WEIGHTS:
            lab.say(f"{REQUESTS:,} requests, {weight} % of them asked for")
            place.shift(
                place.part("stable", "1.0.0", 100 - weight),
                place.part("canary", "2.0.0", weight),
                place.part("shadow", "3.0.0", 0, mirror=10),
                place.part("marked", "4.0.0", 0, header=("X-Group", "b")),
            )
            load = _whole(place.load(_FAST, most=REQUESTS).run())
            share = 100 * load.answered["2.0.0"] / load.made
            apart = max(apart, abs(share - weight))
    yield Pair(ours=apart, other=time.perf_counter() - began)


def _failures(lab: Lab) -> Iterator[Pair]:
    began = time.perf_counter()
    with site() as place:
        place.shift(place.part("stable", "1.0.0", 100))
        load = place.load(RATE)
        with load.running():
            _roll(place, lab)
            lab.say("and back")
            place.shift(place.part("stable", "1.0.0", 100))
            time.sleep(_BETWEEN)
        _kept_up(load)
    yield Pair(ours=float(load.failed), other=time.perf_counter() - began)


def _roll(place: Site, lab: Lab) -> None:
    """Every step to a new version, which is started and, at the end, ended under load."""
    for weight in STEPS:
        lab.say(f"{weight} %")
        place.shift(
            place.part("stable", "1.0.0", 100 - weight), place.part("canary", "2.0.0", weight)
        )
        time.sleep(_BETWEEN)


def _whole(load: Load) -> Load:
    if load.failed:
        raise BenchError(f"{load.failed} requests failed", "\n".join(load.failures[:5]))
    return load


def _kept_up(load: Load) -> None:
    """Fewer requests than were due would flatter the figure."""
    seconds = load.times[-1][0] - load.times[0][0]
    rate = load.made / seconds
    if rate < 0.9 * RATE:
        raise BenchError(f"only {rate:.0f} requests a second were made, not {RATE:.0f}")


_NOTE = "servers that answer at once, behind the real router; steps as a rollout makes them"
MEASURES = (
    Measure(
        name="traffic-share",
        what=f"observed share of {REQUESTS:,} requests against the asked weight",
        against="",
        limit=1,
        unit="points",
        take=_share,
        note=f"the worst of {', '.join(map(str, WEIGHTS))} %, beside a mirror and a header",
    ),
    Measure(
        name="traffic-failures",
        what=f"failed requests during {len(STEPS)} steps and a rollback, {RATE:.0f} requests/s",
        against="",
        limit=0,
        unit="requests",
        take=_failures,
        note=_NOTE,
    ),
)

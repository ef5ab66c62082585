"""How much faster than time a recorded rollout is replayed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path

from bench.errors import BenchError
from bench.lab import Lab
from bench.measure import Direction, Measure, Pair
from bench.process import environment
from bench.repos.people import rule_files
from modelctl.domain.observations import CANARY, STABLE, Counts, Histogram
from modelctl.services.scenarios import Synthetic, parse_scenario

HOURS = 48
_STEPS = (5, 25, 50, 100)
_BOUNDS = (5, 10, 25, 50, 60, 70, 80, 100, 150, 300, 1000)
"""As many buckets as clients of Prometheus have by default."""
_FILE = "recording.csv"
_TOLD = re.compile(r"replayed in ([0-9.]+) s")
_STRATEGIES = "policies/strategies.yaml"
_ASSUMED = ("canary.failed_health_checks=0", "baseline.latency_p99_ms=65")


def _simulate(lab: Lab) -> Iterator[Pair]:
    """The program says itself how long it took from reading the recording to the last decision; its
    start is measured by `version`."""
    repository = lab.store.get("simulate-48", _create)
    command = [
        *(lab.modelctl, "rollout", "simulate", "--strategy", "two-days", "--metrics", _FILE),
        *("--speed", "--format", "json"),
        *(word for figure in _ASSUMED for word in ("--assume", figure)),
    ]
    real = timedelta(hours=HOURS).total_seconds()
    return lab.turns(5, partial(_took, command, repository), lambda: real)


def _took(command: list[str], repository: Path) -> float:
    done = subprocess.run(
        command, cwd=repository, env=environment(), capture_output=True, check=False, text=True
    )
    told = _TOLD.search(done.stderr)
    if done.returncode or told is None or '"phase": "done"' not in done.stdout:
        raise BenchError("the rollout wasn't simulated to its end", done.stderr[-2000:])
    return float(told[1])


def _create(folder: Path) -> None:
    """The shipped policies with a plan of 48 hours in four equal steps, and a recording of them."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    for path, content in rule_files().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    each = HOURS // len(_STEPS)
    steps = "".join(
        f"      - {{weight: {weight}, duration: {each}h, requests: 10000}}\n" for weight in _STEPS
    )
    plan = f"  two-days:\n    kind: canary\n    patience: 2h\n    steps:\n{steps}"
    strategies = folder / _STRATEGIES
    strategies.write_text(f"{strategies.read_text().rstrip()}\n{plan}")
    (folder / _FILE).write_text("".join(_rows()))


def _rows() -> Iterator[str]:
    """Both versions in each 15 s, a little longer than the plan takes."""
    traffic = Synthetic(
        scenario=parse_scenario("healthy"),
        began=datetime(2026, 1, 5, tzinfo=UTC),
        lasts=timedelta(hours=HOURS + 1),
    )
    yield f"time,side,requests,errors,{','.join(f'le_{bound}' for bound in _BOUNDS)},le_inf\n"
    for at in traffic.moments():
        for side, one in traffic.seen(at, {CANARY: 50, STABLE: 50}).sides.items():
            yield f"{at.isoformat()},{side},{one.requests:g},{one.errors:g},{_below(one)}\n"


def _below(counts: Counts) -> str:
    """How many requests took no longer than each bound, and how many there were."""
    latency = counts.latency or Histogram(bounds_ms=(), counts=(0.0,))
    below = dict(zip(latency.bounds_ms, accumulate(latency.counts), strict=False))
    return ",".join(f"{count:g}" for count in (*(below[b] for b in _BOUNDS), latency.total))


MEASURES = (
    Measure(
        name="simulate-speed",
        what=f"rollout simulate, {HOURS} h recorded each 15 s",
        against="the time that it would have taken",
        limit=50_000,
        direction=Direction.AT_LEAST,
        take=_simulate,
        note="from reading the recording to the last decision; without the start of the program",
    ),
)

"""How long single predictions take, and what the process holds meanwhile."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Any

_WARM_UP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Percentiles of the time that one prediction took, in milliseconds, over `requests`."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int


def measure_latency(
    predict: Callable[[Any], object],
    payloads: Sequence[Any],
    *,
    requests: int,
    clock: Callable[[], float] = perf_counter,
) -> Latency:
    """Ask one prediction after the other, over and over the payloads, after a short warm-up.

    `clock` gives seconds. What `predict` raises is not caught.
    """
    import numpy as np

    for payload in islice(cycle(payloads), _WARM_UP):
        predict(payload)
    taken = []
    for payload in islice(cycle(payloads), requests):
        start = clock()
        predict(payload)
        taken.append(clock() - start)
    p50, p95, p99 = (float(value) * 1000 for value in np.percentile(taken, [50, 95, 99]))
    return Latency(p50_ms=p50, p95_ms=p95, p99_ms=p99, requests=requests)


def peak_memory_mb() -> float:
    """The most memory that this process has held, in MB of 10⁶ bytes: an upper bound of what the
    model needs."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
    # getrusage would count what the process that started this one held, on Linux.
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6

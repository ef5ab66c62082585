"""Latency: the percentiles of what the clock says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelctl.probes.latency import measure_latency, peak_memory_mb


def ticking(steps: list[float]) -> Iterator[float]:
    """A clock on which the requests take `steps` seconds, one after the other."""
    now = 0.0
    for step in steps:
        yield now
        now += step
        yield now


def test_percentiles_are_in_milliseconds() -> None:
    clock = ticking([0.001 * n for n in range(1, 101)])
    latency = measure_latency(lambda _: None, ["x"], requests=100, clock=lambda: next(clock))
    assert latency.p50_ms == pytest.approx(50.5)
    assert latency.p95_ms == pytest.approx(95.05)
    assert latency.p99_ms == pytest.approx(99.01)
    assert latency.requests == 100


def test_the_first_requests_only_warm_up() -> None:
    asked: list[str] = []
    clock = ticking([1.0] * 3)
    measure_latency(asked.append, ["a", "b"], requests=3, clock=lambda: next(clock))
    assert asked == ["a", "b"] * 5 + ["a", "b", "a"]


def test_an_error_of_the_model_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        measure_latency(lambda n: 1 / n, [0], requests=1)


def test_peak_memory_follows_what_the_process_holds() -> None:
    code = (
        "from modelctl.probes.latency import peak_memory_mb as peak\n"
        "before = peak(); held = b'x' * 200_000_000; print(before, peak())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = map(float, done.stdout.split())
    assert 1 < before < 200
    assert 150 < after - before < 260
    assert peak_memory_mb() > 1

"""Every measure, in the order in which they are taken."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measure import Measure
from bench.measures import (
    breach,
    checks,
    guard,
    ledger,
    memory,
    metrics,
    pull_requests,
    rendering,
    rollouts,
    simulation,
    startup,
    status,
    traffic,
)

MEASURES: Sequence[Measure] = (
    *startup.MEASURES,
    *checks.MEASURES,
    *status.MEASURES,
    *rendering.MEASURES,
    *ledger.MEASURES,
    *memory.MEASURES,
    *pull_requests.MEASURES,
    *rollouts.MEASURES,
    *guard.MEASURES,
    *breach.MEASURES,
    *traffic.MEASURES,
    *metrics.MEASURES,
    *simulation.MEASURES,
)

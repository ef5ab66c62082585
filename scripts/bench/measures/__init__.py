"""Every measure, in the order in which they are taken."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measure import Measure
from bench.measures import checks, ledger, memory, pull_requests, rendering, startup, status

MEASURES: Sequence[Measure] = (
    *startup.MEASURES,
    *checks.MEASURES,
    *status.MEASURES,
    *rendering.MEASURES,
    *ledger.MEASURES,
    *memory.MEASURES,
    *pull_requests.MEASURES,
)

"""Plans, triggers and traffic for tests of rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from modelctl.adapters.documents import dump, load
from modelctl.adapters.expressions import compile_rule
from modelctl.domain.document import Document, Location, Path
from modelctl.domain.manifest import model_from
from modelctl.domain.observations import CANARY, STABLE, Counts, Histogram, Observation
from modelctl.domain.rules import Expression
from modelctl.domain.strategies import Strategy, strategies_from
from modelctl.domain.triggers import LIVE, Trigger
from support.keys import NOW
from support.world import model_data

ROLLED_MODEL = model_from(model_data())
EVERY = timedelta(seconds=15)
BOUNDS = (10.0, 50.0, 100.0, 250.0, 500.0)
FAST = (0.1, 0.5, 0.3, 0.09, 0.009, 0.001)
"""How response times lie in the buckets of a version that is fast enough."""


class Compiled:
    """Compiles every rule."""

    def rule(self, document: Document, path: Path, facts: Any) -> Expression | None:
        return compile_rule(document.value(path), facts)


def plan(kind: str = "canary", **row: Any) -> Strategy:
    """A strategy as its document has it."""
    data = {"defaults": {}, "strategies": {"it": {"kind": kind, **row}}}
    return strategies_from(load(dump(data).encode(), "policies/strategies.yaml"), Compiled())["it"]


def condition(when: str, action: str = "rollback", **more: Any) -> dict[str, Any]:
    """A condition as a document has it."""
    return {"when": when, "action": action, "because": "it is bad", **more}


def trigger(when: str, **changes: Any) -> Trigger:
    """A trigger as rollback.yaml has it."""
    values = {"action": "rollback", "because": "it is bad", "location": Location(file="x.yaml")}
    return Trigger(when=compile_rule(when, LIVE), **{**values, **changes})


def counts(requests: float, share: float = 0.0, **more: Any) -> Counts:
    """So many requests, of which a share failed, as fast as they should be."""
    times = tuple(requests * part for part in FAST)
    given = {"latency": Histogram(bounds_ms=BOUNDS, counts=times), **more}
    return Counts(requests=requests, errors=requests * share, **given)


def seen(
    at: timedelta,
    canary: Counts | None = None,
    stable: Counts | None = None,
    *,
    span: timedelta = EVERY,
    figures: Mapping[str, Any] | None = None,
    **sides: Counts,
) -> Observation:
    """What was counted in the stretch that ended so long after `NOW`."""
    given = {CANARY: canary, STABLE: stable, **sides}
    return Observation(
        at=NOW + at,
        span=span,
        sides={side: one for side, one in given.items() if one is not None},
        figures=figures or {},
    )

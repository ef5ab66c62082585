"""What the state machine of rollouts decides over traffic by chance: false alarms, and breaches.

Every look is the real one: counts are drawn for it, folded into the state, and decided upon by the
shipped strategy and the shipped triggers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING

from bench.lab import Lab
from bench.measure import Direction, Measure, Pair
from modelctl.adapters.documents import dump, load
from modelctl.adapters.expressions import compile_rule
from modelctl.adapters.policies import load_policy
from modelctl.domain.manifest import Model, model_from
from modelctl.domain.observations import CANARY, STABLE, Counts, Histogram, Observation
from modelctl.domain.policy import Policy
from modelctl.domain.rollout import DONE, OPEN, ROLLED_BACK, State, begin, decide, observe
from modelctl.domain.strategies import Strategy
from modelctl.domain.triggers import LIVE, Trigger
from support.trees import MemoryTree
from support.world import ENVIRONMENTS, PROJECT, model_data

if TYPE_CHECKING:
    import numpy as np

HEALTHY, BROKEN = 10_000, 1_000
RATE = 100.0
"""Requests a second of both versions together."""

ERRORS, MORE_ERRORS, LIMIT = 0.01, 0.03, 0.02
_LABELLED, _ACCURACY = 0.2, 0.9
_START = datetime(2026, 1, 1, tzinfo=UTC)
_LOOKS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""When each step is looked at, in parts of its time: often early, when little is known."""

_BOUNDS = (5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 500.0, 1000.0)
_SHARES = (0.01, 0.04, 0.2, 0.3, 0.2, 0.1, 0.08, 0.04, 0.019, 0.01, 0.0007, 0.0003)
"""How response times lie: their 99th percentile is about 260 ms."""

_NORMAL = {"canary.failed_health_checks": 0.0, "baseline.latency_p99_ms": 260.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """What is drawn: the numbers, and how often the new version fails."""

    numbers: np.random.Generator
    errors: float = ERRORS

    def observation(self, at: datetime, span: timedelta, weight: int) -> Observation:
        """What both versions did in this stretch."""
        total = RATE * span.total_seconds()
        shares = {CANARY: (weight, self.errors), STABLE: (100 - weight, ERRORS)}
        sides = {
            side: self._counts(round(total * share / 100), errors)
            for side, (share, errors) in shares.items()
            if share
        }
        return Observation(at=at, span=span, sides=sides, figures=_NORMAL)

    def _counts(self, requests: int, errors: float) -> Counts:
        labelled = int(self.numbers.binomial(requests, _LABELLED))
        times = self.numbers.multinomial(requests, _SHARES).tolist()
        return Counts(
            requests=float(requests),
            errors=float(self.numbers.binomial(requests, errors)),
            latency=Histogram(bounds_ms=_BOUNDS, counts=tuple(map(float, times))),
            labelled=float(labelled),
            correct=float(self.numbers.binomial(labelled, _ACCURACY)),
        )


@cache
def _policy() -> Policy:
    files = (path for path in sorted((PROJECT / "policies").rglob("*")) if path.is_file())
    found = {path.relative_to(PROJECT).as_posix(): path.read_bytes() for path in files}
    return load_policy(MemoryTree(found), "f" * 40)


@cache
def _model() -> Model:
    return model_from(model_data())


def _triggers() -> Sequence[Trigger]:
    model = _model()
    facts = {
        "environment": ENVIRONMENTS[-1],
        "task": model.task,
        "tier": model.tier,
        "target": model.serving.target,
        "model": model.name,
    }
    return tuple(_policy().rollback.triggers_for(facts))


def _healthy(plan: Strategy, triggers: Sequence[Trigger], chance: Chance) -> State:
    """A whole rollout of a version that is as good as what serves."""
    state, at = begin(plan, _START), _START
    while state.phase in OPEN:
        lasts = plan.steps[state.step].duration
        for before, then in pairwise((0.0, *_LOOKS)):
            span = lasts * (then - before)
            at += span
            seen = observe(plan, state, chance.observation(at, span, state.weight))
            decision = decide(plan, seen, _model(), at, triggers)
            moved = decision.after.since != state.since
            state = decision.after
            if moved:
                break
    return state


def _false_alarms(_: Lab) -> Iterator[Pair]:
    import numpy as np

    plan, triggers = _policy().strategies["canary-standard"], _triggers()
    chance, began = Chance(numbers=np.random.default_rng(1)), perf_counter()
    ends = [_healthy(plan, triggers, chance).phase for _ in range(HEALTHY)]
    if set(ends) - {DONE, ROLLED_BACK}:
        raise ValueError(f"a rollout ended as {set(ends)}")
    yield Pair(ours=100 * ends.count(ROLLED_BACK) / HEALTHY, other=perf_counter() - began)


def _breach_plan() -> Strategy:
    """A quarter of the traffic, and one condition."""
    rule = f"canary.error_rate > stable.error_rate + {LIMIT}"
    document = load(dump({"when": rule}).encode(), "strategies.yaml")
    condition = Trigger(
        when=compile_rule(rule, LIVE),
        action="rollback",
        because="too many errors",
        location=document.locate(("when",)),
        name="errors",
        requests=100,
    )
    shipped = _policy().strategies["canary-standard"]
    quarter = replace(shipped.steps[1], weight=25, duration=timedelta(hours=1))
    return replace(shipped, steps=(quarter,), conditions=(condition,), back=None)


def _found(plan: Strategy, chance: Chance) -> timedelta | None:
    """How long it takes until the breach is found; None where it isn't within ten minutes."""
    state, every = begin(plan, _START), timedelta(seconds=15)
    for look in range(1, 41):
        at = _START + every * look
        seen = observe(plan, state, chance.observation(at, every, state.weight))
        state = decide(plan, seen, _model(), at).after
        if state.phase == ROLLED_BACK:
            return every * look
    return None


def _detection(_: Lab) -> Iterator[Pair]:
    import numpy as np

    plan, began = _breach_plan(), perf_counter()
    chance = Chance(numbers=np.random.default_rng(2), errors=ERRORS + MORE_ERRORS)
    found = [_found(plan, chance) for _ in range(BROKEN)]
    hits = sum(one is not None for one in found)
    yield Pair(ours=100 * hits / BROKEN, other=perf_counter() - began)


_NOTE = "traffic by chance, every look decided by the real state machine"
MEASURES = (
    Measure(
        name="rollout-false-alarms",
        what=f"false rollbacks of {HEALTHY:,} healthy 4-step canaries",
        against="",
        limit=1,
        unit="%",
        take=_false_alarms,
        note=f"{_NOTE}: canary-standard and all triggers as shipped, 32 looks a rollout",
    ),
    Measure(
        name="rollout-detection",
        what=f"3 % more errors, 2 % allowed: found in 10 min, {BROKEN:,} times",
        against="",
        limit=99,
        direction=Direction.AT_LEAST,
        unit="%",
        take=_detection,
        note=f"{_NOTE}: a quarter of 100 requests/s, a look every 15 s",
    ),
)

"""Plans with real conditions, stretches of figures, and rollouts to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from modelctl.adapters.expressions import compile_rule
from modelctl.domain.document import Location
from modelctl.domain.observations import (
    CANARY,
    STABLE,
    Counts,
    Histogram,
    Observation,
    Ratio,
)
from modelctl.domain.rollout_state import State
from modelctl.domain.rollout_view import RolloutView
from modelctl.domain.strategies import Experiment, Guardrail, Step, Strategy, WayBack
from modelctl.domain.triggers import LIVE, ROLLBACK, Trigger

BEGAN = datetime(2026, 11, 20, 10, tzinfo=UTC)
EVERY = timedelta(seconds=15)
BOUNDS = (10.0, 20.0, 50.0, 100.0)
ERRORS = "canary.error_rate > stable.error_rate + 0.005"


def condition(when: str = ERRORS, name: str = "error-rate", action: str = ROLLBACK) -> Trigger:
    return Trigger(
        when=compile_rule(when, LIVE),
        action=action,
        because="too many requests fail",
        location=Location(file="policies/strategies.yaml", line=12, column=11),
        name=name,
        requests=100,
    )


def plan(
    *weights: int, conditions: Sequence[Trigger] = (), minutes: int = 5, kind: str = "canary"
) -> Strategy:
    """A step of some minutes and 500 requests for each weight; 5, 50, 100 where none is named."""
    return Strategy(
        name="quick",
        kind=kind,
        steps=tuple(
            Step(weight=weight, duration=timedelta(minutes=minutes), requests=500)
            for weight in weights or (5, 50, 100)
        ),
        conditions=tuple(conditions) or (condition(),),
        patience=timedelta(minutes=10),
        back=WayBack(weights=(25, 0), every=timedelta(minutes=1)),
        location=Location(file="policies/strategies.yaml", line=3, column=3),
    )


def counts(requests: float, errors: float = 0.0) -> Counts:
    """Most take 10 to 20 ms, one in twenty up to 100."""
    slow = requests // 20
    return Counts(
        requests=requests,
        errors=errors,
        latency=Histogram(bounds_ms=BOUNDS, counts=(0.0, requests - slow, 0.0, slow, 0.0)),
    )


def stretch(
    index: int, canary: Counts | None, stable: Counts | None, **figures: float
) -> Observation:
    """What was counted in the stretch of this number, from 0."""
    sides = {side: one for side, one in ((CANARY, canary), (STABLE, stable)) if one is not None}
    return Observation(at=BEGAN + (index + 1) * EVERY, span=EVERY, sides=sides, figures=figures)


def recording(minutes: float = 20, failing: float = 0.0) -> list[Observation]:
    """Two hundred requests in each stretch to each side, of which so many of the canary's fail."""
    return [
        stretch(index, counts(200.0, round(200 * failing)), counts(200.0))
        for index in range(int(minutes * 4))
    ]


def view(**changes: object) -> RolloutView:
    """A canary at 50 %, in the second of three steps, a minute after it began."""
    given: Mapping[str, object] = {
        "model": "tumor-classifier",
        "environment": "production",
        "version": "1.1.0",
        "stable": "1.0.0",
        "plan": "quick",
        "strategy": plan(),
        "state": state(),
        "started": BEGAN,
        "at": BEGAN + timedelta(minutes=6),
        "by": ("grace", "linus"),
    }
    return RolloutView(**{**given, **changes})  # type: ignore[arg-type]


def divided(hits: float, **changes: object) -> RolloutView:
    """An A/B test of clicks, with 500 requests on each side: 50 clicks on what serves. It lasts
    until five minutes after the step began."""
    rail = condition("canary.error_rate > stable.error_rate + 0.02", "errors")
    test: Mapping[str, object] = {
        "primary": "clicks",
        "minimum_sample": 500,
        "guardrails": (Guardrail(metric="error_rate", trigger=rail),),
        **changes.pop("test", {}),  # type: ignore[dict-item]
    }
    sides = {
        side: replace(counts(500.0), own={"clicks": Ratio(hits=own, trials=500.0)})
        for side, own in ((CANARY, hits), (STABLE, 50.0))
    }
    stands = {key: changes.pop(key) for key in ("phase", "weight") if key in changes}
    experiment = Experiment(**test)  # type: ignore[arg-type]
    strategy = replace(plan(50, kind="ab-test"), experiment=experiment)
    return view(**{"strategy": strategy, "state": state(step=0, tally=sides, **stands), **changes})


def state(**changes: object) -> State:
    """Where that rollout stands."""
    begun = BEGAN + timedelta(minutes=5)
    given: Mapping[str, object] = {
        "phase": "running",
        "step": 1,
        "weight": 50,
        "since": begun,
        "tally": {CANARY: counts(400.0, 2.0), STABLE: counts(400.0, 1.0)},
        "heard": begun + timedelta(seconds=45),
        "observed": begun + timedelta(seconds=45),
    }
    return State(**{**given, **changes})  # type: ignore[arg-type]

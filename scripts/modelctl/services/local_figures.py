"""Which conditions nobody can judge by the figures of this machine's router alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from modelctl.domain.comparing import answer
from modelctl.domain.document import Location
from modelctl.domain.observations import (
    BASELINE,
    CANARY,
    LIVE_SIDE,
    STABLE,
    Counts,
    Histogram,
    figures_of,
)
from modelctl.domain.policy import Policy
from modelctl.domain.triggers import MEANINGS, Trigger, live_facts
from modelctl.services.simulating import STAND_IN

_CHECKED = (CANARY, LIVE_SIDE)
_AGREEMENT = {"agreement": 1.0, "agreement_min_slice": 1.0}
_BUSY = Counts(requests=1e6, errors=0.0, latency=Histogram(bounds_ms=(10.0,), counts=(1e6, 0.0)))


def untold(policy: Policy) -> Iterator[tuple[Location, str]]:
    """Each condition that moves traffic, or stops it, and can't be judged in environments whose
    figures come from the router: where it stands, and what comes of that."""
    places = [one for one in policy.lifecycle.environments if policy.metrics.at(one) is None]
    if not places:
        return
    facts = live_facts(STAND_IN, _told())
    stepping = (one for plan in policy.strategies.values() for step in plan.judged for one in step)
    for one in _each(stepping):
        if lacking := _lacking(one, facts):
            yield one.location, _said(one, lacking, places, "rollouts hold")
    for one in policy.rollback.triggers:
        here = [e for e in places if not one.scope.environments or e in one.scope.environments]
        if here and (lacking := _lacking(one, facts)):
            yield one.location, _said(one, lacking, here, "it protects nobody")


def _told() -> dict[str, Any]:
    """Everything that the router of this machine tells at best, of a version that is healthy. No
    outcome is known, and no input compared with the reference data."""
    found: dict[str, Any] = {}
    for side in (CANARY, STABLE, LIVE_SIDE, BASELINE):
        found |= figures_of(side, _BUSY, timedelta(hours=1))
    for side in _CHECKED:
        found |= {f"{side}.failed_health_checks": 0.0, f"{side}.compared": 0.0}
    return {**found, f"{CANARY}.metrics": _AGREEMENT, f"{CANARY}.prediction_psi": 0.0}


def _each(triggers: Iterable[Trigger]) -> Iterator[Trigger]:
    """Each once, whatever number of steps it is for."""
    seen = {(str(one.location), one.when.source): one for one in triggers}
    yield from seen.values()


def _lacking(one: Trigger, facts: dict[str, Any]) -> list[str]:
    """The figures for want of which it is undecided; none where it can be judged, or only tells
    people to look."""
    if not one.holds_when_undecided or answer(one, facts).undecided is None:
        return []
    return [name for name in one.when.names if name in MEANINGS and name not in facts]


def _said(one: Trigger, lacking: Iterable[str], places: Iterable[str], follows: str) -> str:
    name = one.name or one.when.source
    return (
        f"the router of this machine tells of no {', '.join(lacking)}, so {name} can't be judged "
        f"in {', '.join(places)}, and {follows}: name a Prometheus in metrics.yaml, or ask first "
        "for what is there, such as labelled or compared"
    )

"""What a guard says of itself: whom it doesn't protect, and what nobody recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelctl.domain.observations import Counts, Histogram, Observation
from modelctl.services.guarding import Pass
from services.test_guarding import Watchman
from services.test_unrecorded import killed
from support.journey import bring
from support.rollouts import start
from support.ways_back import back
from support.world import MODEL, World


@pytest.fixture
def twice(served: World) -> World:
    """dev ran 1.0.0 and runs 1.1.0."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def notes(done: Pass, kind: str) -> list[str]:
    return [one.message for one in done.changes if one.kind == kind]


def test_it_says_once_which_triggers_can_not_be_judged(twice: World) -> None:
    guard = Watchman(twice)
    [told] = notes(guard.second(0), "undecided")
    assert told.startswith("nothing measures what these triggers read, so they protect nobody: ")
    assert "latency-against-baseline (baseline.latency_p99_ms)" in told
    assert "accuracy (live.accuracy_drop, live.labelled)" in told
    assert "health (live.failed_health_checks)" in told
    assert "emergency" not in told
    assert told.endswith(f"; of {MODEL}")
    assert notes(guard.second(0), "undecided") == []
    twice.later(minutes=2)
    assert notes(guard.second(0), "undecided") == []


def test_it_says_when_that_changes(twice: World) -> None:
    guard = Watchman(twice)
    guard.second(0)
    twice.later(minutes=2)
    full = Histogram(bounds_ms=(10.0, 100.0), counts=(1000.0, 0.0, 0.0))
    known: dict[str, Any] = {"latency": full, "labelled": 500.0, "correct": 500.0}
    both = Counts(requests=1000, errors=0, **known)
    guard.figures.say(twice.now, 0, live=both, baseline=both)
    guard.figures.said[MODEL][-1] = _with_health(guard.figures.said[MODEL][-1])
    assert notes(guard.look(), "undecided") == ["every trigger can be judged now"]


def _with_health(one: Observation) -> Observation:
    return replace(one, figures={"live.failed_health_checks": 0.0})


def test_nothing_is_said_of_what_nobody_asks(twice: World) -> None:
    guard = Watchman(twice)
    twice.later(seconds=1)
    guard.figures.say(twice.now, 0, 0)
    assert notes(guard.look(), "undecided") == []


def test_it_says_what_went_back_without_a_record(twice: World) -> None:
    killed(twice)
    guard = Watchman(twice)
    done = guard.look()
    [told] = notes(done, "unrecorded")
    assert "and no job recorded it: it is held there; if it is to stay: modelctl rollback" in told
    assert any("no job recorded it" in problem for problem in done.problems)
    assert notes(guard.look(), "unrecorded") == []
    back(twice, "dev")
    assert notes(guard.look(fetch=True), "unrecorded") == []


def test_one_that_may_still_be_recorded_is_given_its_time(twice: World) -> None:
    killed(twice)
    twice.later(minutes=-9)
    guard = Watchman(twice)
    assert notes(guard.look(), "unrecorded") == []
    twice.later(minutes=9)
    assert len(notes(guard.look(), "unrecorded")) == 1


def test_a_rollout_is_no_way_back(served: World) -> None:
    start(served)
    guard = Watchman(served)
    assert notes(guard.look(), "unrecorded") == []

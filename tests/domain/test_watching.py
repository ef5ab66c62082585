"""What serves, seen through a window: what is due, and that old figures aren't health."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given, strategies as st

from modelctl.domain.observations import Observation
from modelctl.domain.triggers import Trigger
from modelctl.domain.watching import (
    Look,
    Watch,
    figures,
    look,
    seen,
    watch_data,
    watch_from,
)
from support.keys import NOW
from support.plans import EVERY, ROLLED_MODEL, counts, seen as observation, trigger

MINUTE = timedelta(minutes=1)
ERRORS = trigger("live.error_rate > 0.05", name="errors", requests=100)
LASTING = trigger("live.error_rate > 0.05", name="lasting", sustained=2 * MINUTE)
EMERGENCY = trigger("live.error_rate > 0.5", name="emergency", emergency=True)


def after(*seen_: Observation, window: timedelta = MINUTE) -> Watch:
    watch = Watch()
    for one in seen_:
        watch = seen(watch, one, window)
    return watch


def live(seconds: int, share: float = 0.0, requests: float = 100.0) -> Observation:
    return observation(timedelta(seconds=seconds), live=counts(requests, share))


def asked(watch: Watch, seconds: int, *triggers: Trigger) -> Look:
    return look(watch, ROLLED_MODEL, triggers, NOW + timedelta(seconds=seconds), MINUTE)


def test_the_window_forgets_what_is_older() -> None:
    watch = after(live(15, 1.0), live(30), live(45), live(60), live(75))
    found = figures(watch, NOW + timedelta(seconds=75), MINUTE)
    assert (found["live.requests"], found["live.error_rate"]) == (400, 0.0)
    assert found["live.throughput_rps"] == 400 / 60
    before = after(live(15, 1.0), live(30), live(45), live(60))
    assert figures(before, NOW + timedelta(seconds=60), MINUTE)["live.error_rate"] == 0.25


def test_a_breach_is_due_at_the_next_look() -> None:
    found = asked(after(live(15, 0.2)), 16, ERRORS, EMERGENCY)
    assert [one.name for one in found.due] == ["errors"]
    assert (found.emergency, found.undecided) == (False, ())
    worst = asked(after(live(15, 0.9)), 16, ERRORS, EMERGENCY)
    assert [one.name for one in worst.due] == ["errors", "emergency"]
    assert worst.emergency


def test_too_few_requests_and_no_figures_are_told() -> None:
    few = asked(after(live(15, 1.0, requests=9)), 16, ERRORS)
    assert [one.undecided for one in few.undecided] == ["live.requests is 9, fewer than 100"]
    nothing = asked(Watch(), 16, ERRORS)
    assert [one.undecided for one in nothing.undecided] == ["live.requests is missing"]
    assert asked(Watch(), 16).answers == ()


def test_what_is_too_old_is_not_the_present() -> None:
    watch = after(live(15, 0.2))
    assert asked(watch, 89, ERRORS).due
    late = asked(watch, 90, ERRORS)
    assert (late.due, len(late.undecided)) == ((), 1)


def test_a_trigger_must_hold_for_as_long_as_it_says() -> None:
    watch, said = Watch(), []
    for seconds in range(15, 180, 15):
        watch = seen(watch, live(seconds, 0.2), MINUTE)
        found = asked(watch, seconds, LASTING)
        watch = found.after
        said.append(bool(found.due))
    assert said == [False] * 8 + [True] * 3


def test_what_is_not_newer_counts_once() -> None:
    first = after(live(15, 0.2))
    assert seen(first, live(15, 0.2)) is first
    assert seen(first, live(10, 0.2)) is first


def test_during_a_rollout_the_canary_is_what_is_live() -> None:
    one = observation(
        EVERY,
        canary=counts(100, 0.2),
        stable=counts(900),
        figures={"canary.failed_health_checks": 2, "stable.accuracy": 0.9, "live.cpu_percent": 7.0},
    )
    found = figures(after(one), NOW + EVERY, MINUTE)
    assert (found["live.requests"], found["live.error_rate"]) == (100, 0.2)
    assert (found["live.failed_health_checks"], found["live.cpu_percent"]) == (2, 7.0)
    assert found["live.compared"] == 0.0
    assert not any(name.startswith(("canary.", "stable.")) for name in found)


def test_readings_stay_until_there_are_newer_ones() -> None:
    given_ = {"live.drift": 0.1, "baseline.accuracy": 0.9}
    bare = after(observation(EVERY, figures=given_))
    assert figures(bare, NOW + EVERY, MINUTE) == given_
    watch = seen(bare, live(30), MINUTE)
    assert figures(watch, NOW + 2 * EVERY, MINUTE)["live.drift"] == 0.1
    newer = seen(watch, observation(3 * EVERY, figures={"live.drift": 0.4}), MINUTE)
    assert figures(newer, NOW + 3 * EVERY, MINUTE)["live.drift"] == 0.4


def test_accuracy_drops_against_what_is_normal() -> None:
    known = counts(100, labelled=100.0, correct=81.0)
    normal = counts(1000, labelled=1000.0, correct=900.0)
    found = figures(after(observation(EVERY, live=known, baseline=normal)), NOW + EVERY, MINUTE)
    assert abs(float(str(found["live.accuracy_drop"])) - 0.1) < 1e-9
    own = observation(EVERY, live=known, baseline=normal, figures={"live.accuracy_drop": 0.5})
    assert figures(after(own), NOW + EVERY, MINUTE)["live.accuracy_drop"] == 0.5
    alone = figures(after(observation(EVERY, live=known)), NOW + EVERY, MINUTE)
    assert "live.accuracy_drop" not in alone


def test_short_stretches_are_put_together() -> None:
    second = timedelta(seconds=1)
    watch = after(*(observation(n * second, live=counts(10), span=second) for n in range(1, 121)))
    assert len(watch.slices) <= 13
    found = figures(watch, NOW + 120 * second, MINUTE)
    assert 600 <= float(str(found["live.requests"])) <= 650


@given(st.lists(st.floats(0, 1), max_size=6), st.booleans())
def test_a_watch_comes_back_from_data_as_it_was(shares: list[float], readings: bool) -> None:
    given_ = {"live.drift": 0.25, "live.feature_psi": {"a": 0.1}} if readings else {}
    watch = after(
        *(
            observation((n + 1) * EVERY, live=counts(100, share), figures=given_)
            for n, share in enumerate(shares)
        )
    )
    watch = look(watch, ROLLED_MODEL, (LASTING,), NOW, MINUTE).after
    assert watch_from(json.loads(json.dumps(watch_data(watch)))) == watch

"""What a rollout waits for, and for how long nothing was heard of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from modelctl.domain.observations import CANARY, STABLE
from modelctl.domain.rollout_view import Awaited, ab_verdict, awaited, silent_for
from support.simulated import BEGAN, counts, divided, state, view


def test_it_waits_for_time_and_for_requests() -> None:
    found = list(awaited(view()))
    assert found == [
        Awaited(what="time", until=BEGAN + timedelta(minutes=10)),
        Awaited(what="requests", done=400.0, of=500),
    ]


def test_a_step_that_has_both_waits_for_nothing() -> None:
    done = state(tally={CANARY: counts(500.0)})
    assert list(awaited(view(state=done, at=BEGAN + timedelta(minutes=10)))) == []


def test_nothing_counted_is_no_request() -> None:
    *_, last = awaited(view(state=state(tally={STABLE: counts(9.0)})))
    assert (last.done, last.of) == (0.0, 500)


@pytest.mark.parametrize(
    ("phase", "what"),
    [
        ("waiting", ["a person"]),
        ("paused", ["a person: it is paused"]),
        ("going-back", ["the next weight of the way back"]),
        ("done", []),
    ],
)
def test_what_it_waits_for_depends_on_its_phase(phase: str, what: list[str]) -> None:
    assert [one.what for one in awaited(view(state=state(phase=phase)))] == what


def test_what_a_test_says_depends_on_whether_it_is_over() -> None:
    def outcome(hits: float, **changes: object) -> str | None:
        found = ab_verdict(divided(hits, **changes))
        return found.outcome if found else None

    early, late = BEGAN + timedelta(minutes=8), BEGAN + timedelta(minutes=10)
    assert (outcome(50, at=early), outcome(50, at=late)) == ("undecided", "no difference")
    assert (outcome(250, at=early), outcome(5, at=late)) == ("better", "worse")
    once = {"method": "fixed"}
    assert outcome(250, test=once, at=early) == "undecided"
    assert outcome(250, test=once, at=late) == "better"
    assert outcome(250, test=once, at=early, phase="done") == "better"
    assert outcome(250, weight=20, at=late) == "undecided"  # not what was asked for


def test_what_is_no_test_or_cant_be_counted_has_no_verdict() -> None:
    assert ab_verdict(view()) is None
    assert ab_verdict(divided(250, strategy=None)) is None
    assert ab_verdict(divided(250, problem="Prometheus doesn't answer")) is None
    assert ab_verdict(divided(250, controller="Argo Rollouts has it at 50 %")) is None


def test_what_a_controller_steps_waits_for_it_and_for_no_time_of_ours() -> None:
    stepped = view(controller="Argo Rollouts has it progressing at 50 %")
    assert stepped.until is None
    assert [one.what for one in awaited(stepped)] == ["its controller"]
    paused = view(controller="it is paused", state=state(phase="waiting"))
    assert [one.what for one in awaited(paused)] == ["a person"]


def test_a_strategy_that_the_policy_has_no_more_has_no_steps() -> None:
    gone = view(strategy=None)
    assert (gone.step, gone.steps, gone.until) == (None, 0, None)
    assert list(awaited(gone)) == []


def test_a_step_that_the_plan_has_no_more_is_shown_as_the_last_one() -> None:
    beyond = view(state=state(step=9))
    assert beyond.step is not None
    assert beyond.step.weight == 100
    assert beyond.steps == 3


def test_how_long_nothing_was_heard() -> None:
    assert silent_for(view()) == timedelta(seconds=15)
    assert silent_for(view(state=state(heard=None))) == timedelta(minutes=1)
    assert silent_for(view(state=state(phase="done"))) is None
    assert silent_for(view(at=BEGAN)) is None

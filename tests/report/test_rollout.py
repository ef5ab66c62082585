"""Rollouts as text: a line each, one in detail, told again from the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings

from modelctl.domain.comparing import Answer, answer
from modelctl.domain.observations import CANARY, STABLE, figures_of
from modelctl.domain.rollout_events import Rollout, RolloutEvent, Side
from modelctl.domain.rollout_state import Decision, Reason
from modelctl.domain.rollout_view import Explanation, Retold, RolloutView
from modelctl.domain.triggers import live_facts
from modelctl.domain.verdict import Outcome
from modelctl.report import rollout_explain, rollout_words
from modelctl.report.look import Look, paint
from modelctl.report.rollout import brief_parts, detail, terminal
from modelctl.report.rollout_formats import detail_markdown, json as as_json, markdown
from modelctl.services.simulating import STAND_IN
from support.simulated import BEGAN, condition, counts, divided, plan, state, view

NOW = BEGAN + timedelta(minutes=6)
BREACH = Reason(
    name="error-rate",
    message="canary.error_rate is 0.2 (0.15 to 0.26), at 0.95 confidence",
    because="too many requests fail",
    values={"canary.error_rate": "0.2 (0.15 to 0.26)"},
    confidence=0.95,
)


def answers() -> tuple[Answer, ...]:
    tally = {CANARY: counts(400.0, 9.0), STABLE: counts(400.0, 1.0)}
    facts = live_facts(
        STAND_IN, {**figures_of(CANARY, tally[CANARY]), **figures_of(STABLE, tally[STABLE])}
    )
    conditions = (
        condition(),
        condition("canary.error_rate > 0.2", "errors"),
        condition("canary.drift > 0.3", "drift", "halt"),
        condition("canary.latency_p95_ms > 10.0", "slow", "investigate"),
    )
    return tuple(answer(one, facts, tally) for one in conditions)


def watched() -> RolloutView:
    held = Decision(
        action="hold",
        reasons=(Reason(name="duration", message="1 min of 5 min"),),
        after=state(),
        notes=(Reason(name="slow", message="p95 is 30 ms"),),
    )
    return view(decision=held, answers=answers())


def several() -> list[RolloutView]:
    back = state(phase="going-back", weight=25)
    return [
        watched(),
        view(model="fraud-detector", environment="staging", state=back),
        view(model="price-regressor", state=state(tally={})),
        view(model="ad-ranker", problem="Prometheus doesn't answer", stable=None),
        view(model="gone", strategy=None, plan="removed"),
    ]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_all_rollouts(golden: Callable[[str, str], None], width: int) -> None:
    golden(f"rollouts-{width}.txt", terminal(several(), NOW, Look(width=width)))


def test_one_in_detail(golden: Callable[[str, str], None]) -> None:
    golden("rollout-detail-100.txt", detail(watched(), Look(width=100)))
    golden("rollout-detail-60.txt", detail(watched(), Look(width=60)))
    golden("rollout-detail-ascii.txt", detail(watched(), Look(width=80, unicode=False)))
    golden("rollout-detail.md", detail_markdown(watched()))


def test_other_formats(golden: Callable[[str, str], None]) -> None:
    golden("rollouts.md", markdown(several(), NOW))
    golden("rollouts.json", as_json(several(), NOW))


def test_without_unicode_nothing_needs_it() -> None:
    text = terminal(several(), NOW, Look(width=80, unicode=False))
    assert text.isascii()
    assert "#####..... " in text
    assert detail(watched(), Look(width=80, unicode=False)).isascii()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_it_fits(width: int) -> None:
    for text in (terminal(several(), NOW, Look(width=width)), detail(watched(), Look(width=width))):
        assert max(map(len, text.splitlines())) <= width


def test_without_rollouts_it_says_so() -> None:
    assert "no rollout is under way" in terminal([], NOW)
    assert "no rollout is under way" in markdown([], NOW)
    assert json.loads(as_json([], NOW))["rollouts"] == []


@pytest.mark.parametrize(
    ("changes", "outcome", "text"),
    [
        ({}, Outcome.PASS, "nothing is wrong so far"),
        ({"state": state(phase="done")}, Outcome.PASS, "finished"),
        ({"state": state(phase="rolled-back")}, Outcome.FAIL, "rolled back"),
        ({"state": state(phase="superseded")}, Outcome.WAIVED, "superseded"),
        ({"state": state(phase="paused")}, Outcome.PENDING, "paused"),
        ({"state": state(phase="waiting")}, Outcome.PENDING, "waits for a person"),
        ({"problem": "gone"}, Outcome.INCONCLUSIVE, "its figures can't be had"),
        ({"state": state(tally={}, heard=None)}, Outcome.INCONCLUSIVE, "no figures for 1 min"),
        ({"state": state(tally={})}, Outcome.INCONCLUSIVE, "no figures yet"),
        (
            {"decision": Decision(action="roll back", reasons=(BREACH,), after=state())},
            Outcome.FAIL,
            "to be rolled back: error-rate",
        ),
        (
            {"decision": Decision(action="roll back", reasons=(), after=state())},
            Outcome.FAIL,
            "to be rolled back: by its plan",
        ),
        (
            {"decision": Decision(action="hold", reasons=(BREACH,), after=state())},
            Outcome.INCONCLUSIVE,
            "held: error-rate",
        ),
    ],
)
def test_how_it_goes_in_a_few_words(changes: Any, outcome: Outcome, text: str) -> None:
    assert rollout_words.verdict(view(**changes)) == (outcome, text)


def test_no_figure_is_never_shown_as_health() -> None:
    for silent in (view(state=state(tally={})), view(problem="down")):
        outcome, _ = rollout_words.verdict(silent)
        assert outcome is Outcome.INCONCLUSIVE


def test_what_it_waits_for() -> None:
    assert rollout_words.waits(view()) == "until 10:10 UTC, in 4 min; for 100 more requests"
    assert rollout_words.waits(view(state=state(phase="paused"))) == "paused"
    assert rollout_words.waits(view(state=state(phase="waiting"))) == "for a person"


def test_programs_get_the_figures_and_the_conditions() -> None:
    [one] = json.loads(as_json([watched()], NOW))["rollouts"]
    assert one["sides"][CANARY]["error_rate"] == 0.005
    assert one["sides"][CANARY]["latency_p99_ms"] == pytest.approx(90.0)
    assert [c["holds"] for c in one["conditions"]] == [None, False, None, True]
    assert (one["step"], one["steps"], one["weight"], one["decision"]) == (2, 3, 50, "hold")


def test_what_a_test_says_by_now_is_shown() -> None:
    over = BEGAN + timedelta(minutes=10)
    small = divided(50, test={"minimum_sample": 10_000}, at=over)
    assert "undecided: canary has seen 500 of 10,000 requests" in detail(small, Look(width=100))
    for said, shown in ((250, "the new version is better"), (50, "no difference that this test")):
        one = divided(said, at=over)
        text = detail(one, Look(width=300))
        assert re.search(
            rf"^ *test +{shown}.*: clicks is .* at 0.95 confidence$", text, re.MULTILINE
        )
        assert f"\nA/B test: {shown}" in detail_markdown(one)
    assert "A/B test" not in detail_markdown(watched())
    assert not re.search("^ *test ", detail(watched(), Look(width=100)), re.MULTILINE)


def test_programs_get_the_verdict_with_its_interval_and_guardrails() -> None:
    plan_ = divided(250).strategy
    assert plan_ is not None
    tally = divided(250).state.tally
    facts = live_facts(
        STAND_IN, {**figures_of(CANARY, tally[CANARY]), **figures_of(STABLE, tally[STABLE])}
    )
    said = [answer(one, facts, tally) for one in plan_.judged[0]]
    [one] = json.loads(as_json([divided(250, strategy=plan_, answers=tuple(said))], NOW))[
        "rollouts"
    ]
    found = one["experiment"]
    assert (found["outcome"], found["method"], found["minimum_sample"]) == (
        "better", "sequential", 500)  # fmt: skip
    assert found["lower"] < found["effect"] < found["upper"]
    [rail] = found["guardrails"]
    assert (rail["metric"], rail["name"], rail["holds"]) == ("error_rate", "errors", False)
    assert "experiment" not in json.loads(as_json([watched()], NOW))["rollouts"][0]


def event(kind: str, seq: int, **changes: Any) -> RolloutEvent:
    given = {
        "kind": kind,
        "seq": seq,
        "at": BEGAN + timedelta(minutes=seq),
        "step": 0,
        "weight": 5,
        "state": state(),
        "state_commit": "a" * 40,
        "policy": "b" * 40,
    }
    return RolloutEvent(**{**given, **changes})


def explanation() -> Explanation:
    judged = {"judged": state(), "judged_at": NOW}
    note = Reason(name="slow", message="p95 is 30 ms")
    events = (
        Retold(event=event("started", 3)),
        Retold(event=event("advanced", 4, weight=50, reasons=(BREACH,), **judged), again="same"),
        Retold(event=event("paused", 5, by="grace", reason="lunch")),
        Retold(event=event("resumed", 6, by="grace")),
        Retold(
            event=event("rolled-back", 7, weight=0, reasons=(BREACH,), notes=(note,), **judged),
            again="other",
            differs=(replace(BREACH, message="canary.error_rate is 0.1"),),
        ),
    )
    rollout = Rollout(
        id="production/aaa/bbb",
        model="tumor-classifier",
        environment="production",
        version="1.1.0",
        digest="c" * 64,
        stable=Side(version="1.0.0", digest="d" * 64),
        strategy="quick",
        commit="e" * 40,
        events=tuple(one.event for one in events),
    )
    return Explanation(rollout=rollout, events=events)


def test_a_rollout_told_again(golden: Callable[[str, str], None]) -> None:
    golden("rollout-explained-100.txt", rollout_explain.terminal(explanation(), Look(width=100)))
    golden("rollout-explained.md", rollout_explain.markdown(explanation()))
    golden("rollout-explained.json", rollout_explain.json(explanation()))


def test_how_many_decisions_come_out_again() -> None:
    told = explanation()
    assert rollout_explain.summary(told) == "1 of 2 decisions come out otherwise"
    same = replace(told, events=told.events[:2])
    assert rollout_explain.summary(same) == "1 decision recomputed, all the same"
    by_hand = replace(told, events=told.events[:1])
    assert "people made them all" in rollout_explain.summary(by_hand)


def test_hostile_text_does_nothing(hostile: Any) -> None:
    @settings(max_examples=60)
    @given(text=hostile.text)
    def check(text: str) -> None:
        bad = Reason(name=text, message=text, because=text, values={text: text})
        decision = Decision(action="hold", reasons=(bad,), after=state(), notes=(bad,))
        one = view(model=text, version=text, decision=decision, problem=text, plan=text)
        told = detail(one, Look(width=100)) + terminal([one], NOW, Look(width=100))
        assert "\x1b" not in told
        assert "\x9b" not in told
        shown = detail_markdown(one) + markdown([one], NOW)
        assert not re.search(r"(?<!&)#1\b|@octocat|(?<!\\)<script", shown)

    check()


def test_strategies_without_steps_are_shown(make: SimpleNamespace) -> None:
    at_once = view(strategy=replace(plan(), steps=(), kind="immediate"), state=state(step=0))
    assert rollout_words.step(at_once) == ""
    assert "step" not in terminal([at_once], NOW, Look(width=60)).replace("steps", "")
    assert rollout_words.shown("latency_p99_ms", 1234.0) == "1,234 ms"
    assert (
        rollout_words.answered(view(state=state(tally={CANARY: counts(1234.0)})), CANARY) == "1,234"
    )


def test_where_there_is_little_room_what_is_broken_comes_first() -> None:
    fine = [replace(answers()[1], trigger=condition("canary.error_rate > 0.2", f"fine-{n}"))
            for n in range(9)]  # fmt: skip
    one = replace(watched(), answers=(*fine, *answers()))
    look = Look(width=80)
    high, low = (paint(look, brief_parts(one, look, lines)) for lines in (99, 24))
    assert "fine-8" in high
    assert high.index("now: hold") < high.index("? error-rate") < high.index("fine-0")
    assert low.count("\n") <= 24
    assert "? error-rate" in low
    assert "conditions more not met" in low
    assert "not met: too many requests fail" in high


def test_who_paused_it_and_what_a_person_types() -> None:
    event = RolloutEvent(
        kind="paused", seq=3, at=NOW - timedelta(minutes=2), step=1, weight=50, state=state(),
        state_commit="a" * 40, policy="b" * 40, by="ben", reason="looking",
    )  # fmt: skip
    paused = view(state=state(phase="paused"), last=event)
    assert rollout_words.person(paused) == "paused by ben, 2 min ago: looking"
    text = detail(paused, Look(width=100))
    assert text.count("paused") == 1
    assert "modelctl rollout resume tumor-classifier --env production --reason …" in text
    assert rollout_words.pace(paused) == "1 min at this step"


def test_how_the_last_one_ended_is_told_where_none_is_under_way() -> None:
    event = RolloutEvent(
        kind="rolled-back", seq=3, at=NOW - timedelta(minutes=4), step=1, weight=0,
        state=state(phase="rolled-back"), state_commit="a" * 40, policy="b" * 40,
    )  # fmt: skip
    past = Rollout(
        id="x", model="tumor-classifier", environment="production", version="1.2.0",
        digest="d", stable=Side(version="1.1.0", digest="e"), strategy="quick", commit="c",
        events=(event,),
    )  # fmt: skip
    text = terminal([], NOW, Look(width=160), [past])
    assert (
        "production: tumor-classifier 1.2.0 rolled back 4 min ago, see modelctl rollout explain "
        "tumor-classifier --env production"
    ) in text
    assert "superseded" in rollout_words.outcome_of(
        replace(past, events=(replace(event, kind="advanced"),), ended=True), NOW
    )


def test_what_must_hold_first_and_what_comes_of_any_version() -> None:
    must = condition("canary.error_rate < 0.001", "health", "advance")
    facts = live_facts(STAND_IN, figures_of(CANARY, counts(400.0, 9.0)))
    one = answer(must, facts)
    assert rollout_words.outcome(one) is Outcome.INCONCLUSIVE
    assert rollout_words.says(one) == "not met: too many requests fail"
    policy = replace(must, location=replace(must.location, file="policies/rollback.yaml"))
    assert rollout_words.by_whom(replace(one, trigger=policy)) == "rollback.yaml"
    assert rollout_words.by_whom(one) == "advance"

"""What a controller is told: what it can't be, and that a release record brings it back whole."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.condition import Constant, Figure, Measured, Operation
from modelctl.domain.plan_queries import answer, opposite, reached
from modelctl.domain.plans import Check, Plan, Stage, plan_from, plan_of
from modelctl.domain.release_record import recorded_request, release_record
from modelctl.domain.strategies import Step, Strategy
from modelctl.errors import ModelctlError
from support.renders import parts, request

CHECK = Check(name="errors", query="a > 0", because="why", sustained=60, halts=True)
WHOLE = Plan(
    kind="canary",
    stages=(
        Stage(weight=5, seconds=60, enough="r", checks=(CHECK,), pause=True),
        Stage(weight=100, seconds=60),
    ),
    automatic=False,
    checks=(Check(name="bare", query="b", because="why"),),
    prometheus="http://prometheus:9090",
    warm=5,
)


def test_a_plan_comes_back_from_its_data() -> None:
    assert plan_from(json.loads(json.dumps(WHOLE.as_data()))) == WHOLE
    assert plan_from(Plan(kind="immediate").as_data()) == Plan(kind="immediate")


def test_a_release_record_brings_back_plan_and_split() -> None:
    asked = request(target="argo-rollouts", plan=WHOLE)
    marked = tuple(replace(one, header=("x", "y"), mirror=5) for one in parts(asked, 90, 10))
    for one in (asked, replace(asked, plan=None, backends=marked)):
        data = json.loads(release_record(one, namespace="models"))["data"]
        back = recorded_request(data)
        assert (back.plan, back.split) == (one.plan, one.split)


def test_a_record_with_a_plan_that_is_none_is_told() -> None:
    data = json.loads(release_record(request(plan=WHOLE), namespace="models"))["data"]
    with pytest.raises(ModelctlError, match="is not what a deploy writes"):
        recorded_request({**data, "plan": '{"kind": "canary"}'})


def test_a_kind_that_no_controller_knows_is_refused() -> None:
    with pytest.raises(ModelctlError, match="can't carry out a shadow"):
        Plan(kind="shadow")


@pytest.mark.parametrize(
    "plan",
    [
        {"checks": (CHECK,)},
        {"stages": (Stage(weight=5, seconds=1, checks=(CHECK,)),)},
        {"stages": (Stage(weight=5, seconds=1, enough="r"),)},
    ],
)
def test_checks_need_somebody_to_ask(plan: dict[str, tuple[Check, ...]]) -> None:
    with pytest.raises(ModelctlError, match="needs the address of a Prometheus"):
        Plan(kind="canary", **plan)  # type: ignore[arg-type]


def test_a_strategy_keeps_its_steps_its_patience_and_its_warmth() -> None:
    steps = (
        Step(weight=5, duration=timedelta(minutes=1), pause=True),
        Step(weight=100, duration=timedelta(minutes=2)),
    )
    strategy = Strategy(
        name="x",
        kind="canary",
        steps=steps,
        patience=timedelta(minutes=30),
        automatic=False,
        keep_warm=timedelta(hours=1),
    )
    plan = plan_of(strategy, enough={1: "r"}, prometheus="http://p")
    assert [(s.weight, s.seconds, s.pause, s.enough) for s in plan.stages] == [
        (5, 60, True, None),
        (100, 120, False, "r"),
    ]
    assert (plan.patience, plan.warm, plan.automatic) == (1800, 3600, False)
    assert plan_of(replace(strategy, keep_warm=None)).warm == 0


ERRORS = Figure(name="canary.error_rate")
ABOVE = Operation(name="_>_", args=(ERRORS, Constant(value=0.01)), kind="double")


def measure(figure: Figure) -> str:
    return figure.name.replace(".", "_")


def test_an_answer_is_one_or_zero_and_nothing_without_enough_requests() -> None:
    counts = [Figure(name="canary.requests")]
    found = answer(ABOVE, measure, counts, 500)
    enough = "((canary_requests) > -Inf < +Inf) >= 500"
    rate = "((canary_error_rate) > -Inf < +Inf)"
    assert found == (f"group({rate} > 0.01 and {enough}) or 0 * group({rate} <= 0.01 and {enough})")
    turned = answer(opposite(ABOVE), measure, (), 0)
    assert turned == f"group({rate} <= 0.01) or 0 * group({rate} > 0.01)"


def test_what_can_never_hold_is_not_asked_and_what_always_does_has_no_zero() -> None:
    assert answer(Constant(value=False), measure, (), 0) is None
    assert answer(Constant(value=True), measure, (), 0) == "group(vector(1))"


def test_what_promql_cannot_say_is_told() -> None:
    with pytest.raises(ModelctlError, match="not measured"):
        answer(Measured(figure=ERRORS), measure, (), 0)


def test_a_count_is_reached_or_not() -> None:
    assert reached("c", 5) == "group((c) >= 5) or 0 * group((c) < 5)"

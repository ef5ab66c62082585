"""Whether a target carries out a strategy: what it would silently ignore is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelctl.domain.fitting import moving, objections, same_address
from modelctl.domain.manifest import Serving
from modelctl.domain.strategies import Experiment, Strategy
from support.plans import plan

STEPS = [{"weight": 50, "duration": "1h"}]
CANARY = plan(steps=STEPS)
SHADOW = plan("shadow", steps=[{"weight": 0, "duration": "1h"}], compare=["accuracy"])
TEST = plan("ab-test", steps=STEPS, experiment={"primary": "clicks", "minimum_sample": 1})
BASELINE = replace(CANARY, baseline=True)
BY_HEADER = replace(
    TEST, experiment=Experiment(primary="clicks", minimum_sample=1, header=("x", "b"))
)
AT_ONCE = plan("blue-green")
LOCAL = Serving(target="local")


def told(strategy: Strategy, target: str, **more: Any) -> list[str]:
    found = list(objections(Serving(target=target, **more), strategy))
    assert all(mend for _, mend in found)
    return [message for message, _ in found]


@pytest.mark.parametrize("strategy", [CANARY, SHADOW, TEST, BASELINE, BY_HEADER, AT_ONCE])
@pytest.mark.parametrize("target", ["local", "gateway-api", "kserve"])
def test_what_splits_carries_out_everything(strategy: Strategy, target: str) -> None:
    assert told(strategy, target, gateway=True) == []


@pytest.mark.parametrize("strategy", [CANARY, SHADOW, TEST])
def test_without_a_route_nothing_is_split(strategy: Strategy) -> None:
    [message] = told(strategy, "kserve")
    assert message.startswith("kserve would ignore it: nothing splits")
    assert told(AT_ONCE, "kserve") == []


def test_knative_only_knows_a_share() -> None:
    assert told(CANARY, "kserve", mode="knative") == []
    assert told(SHADOW, "kserve", mode="knative") == [
        "KServe's Knative mode has no shadow: it only splits traffic by a share"
    ]
    assert "no ab-test" in told(TEST, "kserve", mode="knative")[0]
    assert "gets no baseline" in told(BASELINE, "kserve", mode="knative")[0]


def test_only_kserve_has_modes() -> None:
    assert told(AT_ONCE, "local", mode="knative") == ["local has no knative mode; only kserve does"]


def test_a_controller_does_what_it_has_words_for() -> None:
    assert told(CANARY, "argo-rollouts", gateway=True) == []
    assert told(TEST, "argo-rollouts", gateway=True) == []
    for strategy, word in ((SHADOW, "shadow"), (BASELINE, "baseline"), (BY_HEADER, "header")):
        [message] = told(strategy, "argo-rollouts", gateway=True)
        assert word in message


@pytest.mark.parametrize("target", ["local", "gateway-api", "argo-rollouts"])
def test_what_a_target_does_not_read_is_no_other_address(target: str) -> None:
    one = Serving(target=target, gateway=True)
    for other in (replace(one, gateway=False), replace(one, mode="knative")):
        assert same_address(one, other)
        assert list(moving(one, other, CANARY)) == []
    assert not same_address(one, Serving(target="kserve", gateway=True))


def test_no_version_takes_over_by_steps_at_another_address() -> None:
    one = Serving(target="kserve", gateway=True)
    assert same_address(one, replace(one, runtime="onnx"))
    for other in (replace(one, gateway=False), replace(one, mode="knative"), LOCAL):
        for strategy in (CANARY, SHADOW, TEST):
            [(message, mend)] = moving(one, other, strategy)
            assert "would take over at once" in message
            assert "release.yaml" in mend
        assert list(moving(one, other, AT_ONCE)) == []
    [(message, _)] = moving(one, LOCAL, CANARY)
    assert "kserve (standard, gateway true), which serves, and local" in message

"""Conditions that measure nothing are told from those that do."""

from __future__ import annotations

import pytest

from modelctl.adapters.condition_tree import bare_tree
from modelctl.domain.condition_sense import decided, never

NEVER = {
    "live.error_rate > 2.0": "live.error_rate > 2.0",
    "live.error_rate > 1.0": "live.error_rate > 1.0",
    "live.error_rate >= 5.0": "live.error_rate >= 5.0",
    "live.error_rate < 0.0": "live.error_rate < 0.0",
    "2.0 < live.drift": "2.0 < live.drift",
    "live.error_rate == 5.0": "live.error_rate == 5.0",
    "canary.error_rate > stable.error_rate + 5.0": "canary.error_rate > stable.error_rate + 5.0",
    "canary.error_rate - stable.error_rate > 2.0": "canary.error_rate - stable.error_rate > 2.0",
    "canary.accuracy * 100.0 < -1.0": "canary.accuracy * 100.0 < -1.0",
    "live.accuracy_drop > 10.0": "live.accuracy_drop > 10.0",
    "live.labelled < 0": "live.labelled < 0",
    "double(live.requests) < 0.0": "double(live.requests) < 0.0",
    "live.latency_p99_ms <= -5.0": "live.latency_p99_ms <= -5.0",
    "live.psi > live.psi": "live.psi > live.psi",
    "live.psi * 2.0 != live.psi * 2.0": "live.psi * 2.0 != live.psi * 2.0",
    "live.labelled >= 5 && live.error_rate > 7.5": "live.error_rate > 7.5",
    "live.psi > 0.2 || live.error_rate > 7.5": "live.error_rate > 7.5",
    '"age" in live.metrics && live.error_rate > 3.0': "live.error_rate > 3.0",
    "false": "the condition",
    "live.error_rate > 0.1 && false": "the condition",
    "!(live.error_rate <= 1.0)": "the condition",
    "!(live.psi >= 0.0 || live.error_rate > 0.5)": "the condition",
    "!(live.error_rate != 3.0 && live.psi == live.psi)": "the condition",
}


@pytest.mark.parametrize(("when", "told"), NEVER.items())
def test_what_never_holds_is_told(when: str, told: str) -> None:
    assert list(never(bare_tree(when))) == [told]


@pytest.mark.parametrize(
    "when",
    [
        "live.error_rate > 0.99",
        "live.error_rate >= 1.0",
        "live.error_rate <= 0.0",
        "live.error_rate == 1.0",
        "live.latency_p99_ms > 1e300",
        "live.latency_p99_ms - baseline.latency_p99_ms > 5.0",
        "live.latency_p99_ms * 0.0 > 5.0",
        "live.latency_p99_ms / 2.0 < -5.0",
        "-live.latency_p99_ms < -5.0",
        "live.traffic_zscore < -3.0",
        'live.metrics["age"] > 5.0',
        'live.latency_p99_ms > model.sla["latency_p99_ms"] * 2.0',
        'model.sla["a"] > model.sla["a"]',
        "[live.psi].exists(x, x > 0.3)",
        "(live.psi > 0.3 ? live.error_rate : live.drift) > 0.3",
        'model.tier == "critical" && live.error_rate > 0.2',
        "!(live.error_rate > 0.2)",
        "live.cpu_percent > 80.0 || live.memory_percent > 100.0",
    ],
)
def test_what_may_hold_is_left_alone(when: str) -> None:
    assert list(never(bare_tree(when))) == []
    assert decided(bare_tree(when)) is None


@pytest.mark.parametrize(
    "when",
    [
        "canary.error_rate < 5.0",
        "canary.error_rate <= 1.0",
        "canary.requests >= 0",
        "canary.error_rate != -1.0",
        "canary.error_rate <= canary.error_rate",
        "canary.psi > 5.0 || canary.error_rate < 5.0",
        "!(canary.error_rate > 5.0)",
        "true",
    ],
)
def test_what_always_holds_is_known(when: str) -> None:
    assert decided(bare_tree(when)) is True


def test_a_long_comparison_is_cut() -> None:
    when = " + ".join(["live.error_rate"] * 9) + " > 99.0"
    (told,) = never(bare_tree(when))
    assert len(told) == 80

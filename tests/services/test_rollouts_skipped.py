"""No version has all traffic before it took its steps: not by what its model.yaml says beside them,
nor because somebody rewrote the environment's branch."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.services.deciding import Decision
from support.deploys import run
from support.rollouts import arrive, shares, told
from support.world import World

ALL_BY_WHAT_SERVED = [("stable", "1.0.0", 100)]


def blocking(decision: Decision) -> list[tuple[str, str]]:
    """What blocks a version: gate and message."""
    verdicts = [verdict for report in decision.reports for verdict in report.verdicts]
    found = [one for verdict in verdicts for one in verdict.findings]
    return [(one.gate, one.message) for one in found if one.outcome.blocks]


def test_a_field_that_the_target_does_not_read_spares_no_canary(served: World) -> None:
    arrive(served, model={"serving": {"target": "gateway-api", "gateway": False}})
    run(served, "dev")
    assert [share[1:] for share in shares(served)] == [("1.0.0", 95), ("1.1.0", 5)]
    assert told(served) == ["started"]


@pytest.mark.parametrize(
    "serving", [{"target": "kserve", "gateway": True}, {"target": "argo-rollouts", "gateway": True}]
)
def test_a_canary_at_another_address_does_not_take_over_at_once(
    served: World, serving: dict[str, Any]
) -> None:
    arrive(served, model={"serving": serving})
    [decision] = run(served, "dev").decisions
    [message] = [message for gate, message in blocking(decision) if gate == "serving"]
    assert "canary-standard would take over at once" in message
    assert shares(served) == ALL_BY_WHAT_SERVED
    assert told(served) == []


def test_it_moves_at_once_where_the_release_says_so(served: World) -> None:
    arrive(served, strategy="immediate", model={"serving": {"target": "kserve", "gateway": True}})
    run(served, "dev")
    assert shares(served) == [("stable", "1.1.0", 100)]

"""Which approvals are asked for, by who has the word on the transition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelctl.domain.policy import ApprovalRule
from modelctl.gates.approvals import required_approvals
from support.judging import candidate, gate, policy

REVIEWS = gate(
    check="reviews", evidence=None, options={"approvals": [{"role": "security", "count": 1}]}
)


@pytest.mark.parametrize(
    ("mode", "asked"),
    [
        ("manual", ["ml-team", "contract", "security"]),
        ("hybrid", ["contract", "security"]),
        ("automated", ["contract", "security"]),
    ],
)
def test_only_the_approvals_of_the_step_depend_on_the_mode(mode: str, asked: list[str]) -> None:
    rules = policy(gates=(REVIEWS,), contract_approvals=(ApprovalRule(role="contract"),))
    one = candidate()
    step = replace(one.transition, approvals=(ApprovalRule(role="ml-team"),), decision=mode)
    found = required_approvals(rules, [replace(one, transition=step)])
    assert [rule.role for rule in found] == asked

"""Two verdicts on one deployment, compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain.backtest import Backtest, Kind, Trial, only_in, shifts
from modelctl.domain.verdict import Finding, Outcome, Subject, Verdict
from support.judging import HERE, gate, policy
from support.keys import NOW

PASS, FAIL, UNDECIDED, WAIVED = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.INCONCLUSIVE,
    Outcome.WAIVED,
)


def verdict(**gates: tuple[Outcome, ...]) -> Verdict:
    """A verdict with these outcomes by gate."""
    found = (
        Finding(gate=name, outcome=outcome, message=f"{name} {outcome.value}")
        for name, outcomes in gates.items()
        for outcome in outcomes
    )
    return Verdict(subject=Subject(), findings=tuple(found))


def told(before: Verdict | None, after: Verdict | None) -> list[tuple[Any, ...]]:
    found = shifts(before, after)
    return [(s.gate, s.before, s.after, s.finding.message, s.by_head) for s in found]


def test_a_gate_that_blocks_by_one_policy_alone_is_a_shift() -> None:
    before = verdict(a=(PASS,), b=(FAIL, PASS), c=(PASS,), d=(FAIL,))
    after = verdict(a=(UNDECIDED, FAIL), b=(PASS,), c=(WAIVED,), d=(UNDECIDED,))
    assert told(before, after) == [
        ("a", PASS, FAIL, "a fail", True),
        ("b", FAIL, PASS, "b fail", False),
    ]


def test_a_gate_that_only_one_policy_has_is_a_shift_when_it_blocks() -> None:
    assert told(verdict(a=(PASS,)), verdict(a=(PASS,), b=(FAIL,), c=(PASS,))) == [
        ("b", None, FAIL, "b fail", True)
    ]
    assert told(verdict(a=(FAIL,)), None) == [("a", FAIL, None, "a fail", False)]
    assert told(None, None) == []


def trial(**changes: Any) -> Trial:
    found = Trial(model="a-b", version="1.0.0", environment="dev", at=NOW, served=False)
    return replace(found, **changes)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (PASS, FAIL, Kind.BLOCKED),
        (WAIVED, UNDECIDED, Kind.BLOCKED),
        (PASS, None, Kind.BLOCKED),
        (FAIL, PASS, Kind.ALLOWED),
        (None, PASS, Kind.ALLOWED),
        (FAIL, UNDECIDED, Kind.OTHERWISE),
        (PASS, WAIVED, Kind.OTHERWISE),
        (PASS, PASS, Kind.SAME),
        (None, None, Kind.SAME),
    ],
)
def test_what_changes_is_whether_it_passes(
    before: Outcome | None, after: Outcome | None, kind: Kind
) -> None:
    assert trial(before=before, after=after).kind is kind


def test_another_gate_that_blocks_is_a_change_too() -> None:
    moved = shifts(verdict(a=(FAIL,), b=(PASS,)), verdict(a=(PASS,), b=(FAIL,)))
    assert trial(before=FAIL, after=FAIL, shifts=moved).kind is Kind.OTHERWISE


def test_what_is_served_comes_first_then_the_newest() -> None:
    old = trial(at=NOW - timedelta(days=2), after=PASS, version="0.1.0")
    new = trial(after=PASS, version="0.2.0")
    live = trial(at=NOW - timedelta(days=3), after=PASS, version="0.0.1", served=True)
    lost = trial(problem="gone")
    found = Backtest(base="main", head="x", trials=(old, lost, new, live))
    assert found.of(Kind.ALLOWED) == (live, new, old)
    assert found.of(Kind.SAME) == ()
    assert found.unjudged == (lost,)


def test_gates_that_only_one_policy_has_are_named_with_their_place() -> None:
    one, other = policy(gates=(gate(name="a"), gate(name="b"))), policy(gates=(gate(name="b"),))
    assert only_in(one, other) == (("a", HERE),)
    assert only_in(other, one) == ()

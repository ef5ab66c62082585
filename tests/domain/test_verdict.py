"""Outcomes, and what follows from them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.verdict import (
    Finding,
    Outcome,
    Report,
    Subject,
    Verdict,
    exit_code,
    worst,
)
from modelctl.errors import EXIT_BLOCKED, EXIT_PASS


def _finding(outcome: Outcome, gate: str = "quality") -> Finding:
    return Finding(gate=gate, outcome=outcome, message="…")


def _verdict(*outcomes: Outcome) -> Verdict:
    return Verdict(subject=Subject(), findings=tuple(map(_finding, outcomes)))


@pytest.mark.parametrize("outcome", Outcome)
def test_everything_but_pass_and_waived_blocks(outcome: Outcome) -> None:
    passes = outcome in (Outcome.PASS, Outcome.WAIVED)
    assert outcome.blocks is not passes
    report = Report(title="", verdicts=(_verdict(Outcome.PASS, outcome),))
    assert exit_code(report) == (EXIT_PASS if passes else EXIT_BLOCKED)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["pass", "waived"], "waived"),
        (["waived", "pending"], "pending"),
        (["pending", "inconclusive"], "inconclusive"),
        (["inconclusive", "fail"], "fail"),
        (["fail", "pass"], "fail"),
    ],
)
def test_the_worst_outcome_decides(outcomes: list[str], expected: str) -> None:
    assert worst(map(Outcome, outcomes)) == expected
    assert _verdict(*map(Outcome, outcomes)).outcome == expected


@given(st.lists(st.sampled_from(Outcome)))
def test_nothing_that_blocks_ever_gets_lost(outcomes: list[Outcome]) -> None:
    verdict = _verdict(*outcomes)
    assert verdict.outcome.blocks == (not outcomes or any(o.blocks for o in outcomes))


def test_what_was_never_judged_does_not_pass() -> None:
    assert worst([]) is Outcome.INCONCLUSIVE
    assert _verdict().outcome is Outcome.INCONCLUSIVE
    assert exit_code(Report(title="", verdicts=(_verdict(Outcome.PASS), _verdict()))) == 1


def test_a_change_that_touches_nothing_judged_passes() -> None:
    assert exit_code(Report(title="", verdicts=())) == EXIT_PASS


def test_findings_by_gate_keep_their_order() -> None:
    findings = tuple(_finding(Outcome.PASS, gate) for gate in ("b", "a", "b"))
    gates = Verdict(subject=Subject(), findings=findings).gates()
    assert list(gates) == ["b", "a"]
    assert gates["b"] == (findings[0], findings[2])


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (Subject(), "the change as a whole"),
        (Subject(model="a-b"), "a-b"),
        (Subject(model="a-b", version="1.0.0"), "a-b@1.0.0"),
        (Subject(model="a-b", version="1.0.0", environment="dev"), "a-b@1.0.0 → dev"),
        (Subject(model="a-b", environment="dev"), "a-b → dev"),
    ],
)
def test_a_subject_is_named_as_people_do(subject: Subject, text: str) -> None:
    assert str(subject) == text

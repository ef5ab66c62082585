"""The mark of a check run: what was looked at, and until when that will do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelctl.domain.check_marks import (
    LIFE,
    NO_MARK,
    Mark,
    digest_of,
    due,
    joint_facts,
    output_digest,
    parse_mark,
)
from modelctl.domain.pulls import Annotation, CheckOutput, CheckState, Level
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
MARK = Mark(facts="a" * 16, output="b" * 16, at=AT, due=AT + LIFE)


def test_a_mark_is_read_as_it_was_written() -> None:
    assert parse_mark(str(MARK)) == MARK
    told = replace(MARK, comment=1039, pull=7)
    assert parse_mark(str(told)) == told


@pytest.mark.parametrize(
    "text", ["", NO_MARK, "modelctl:2:x", f"{MARK}\n", f"x{MARK}", f"{MARK}:1039"]
)
def test_anything_else_is_no_mark(text: str) -> None:
    assert parse_mark(text) is None


def test_a_verdict_holds_while_nothing_changed_and_not_for_long() -> None:
    before = AT - timedelta(seconds=5)
    assert MARK.holds("a" * 16, AT, before)
    assert not MARK.holds("c" * 16, AT, before)
    assert not MARK.holds("a" * 16, AT + LIFE, before)


def test_what_came_in_the_second_of_the_reading_may_not_have_been_seen() -> None:
    assert not MARK.holds("a" * 16, AT, AT)
    assert not MARK.holds("a" * 16, AT, AT - timedelta(seconds=1))
    assert MARK.holds("a" * 16, AT, AT - timedelta(seconds=2))


def test_only_a_newer_run_counts_as_later_and_no_clock_that_is_wrong() -> None:
    assert MARK.is_later_than(AT - timedelta(seconds=2), AT)
    assert not MARK.is_later_than(AT, AT)
    assert not MARK.is_later_than(AT - timedelta(days=1), AT - timedelta(hours=1))


def test_digests_tell_values_and_their_order_apart() -> None:
    assert digest_of(("a", "b")) != digest_of(("b", "a")) != digest_of(("ab",))
    assert digest_of((None,)) != digest_of(("None",))
    assert joint_facts(("a", "b")) == joint_facts(("b", "a"))


def test_whatever_a_check_run_shows_is_in_its_digest() -> None:
    output = CheckOutput(state=CheckState.SUCCESS, title="t", summary="s")
    note = Annotation(
        path="p", start_line=1, end_line=1, level=Level.NOTICE, title="t", message="m"
    )
    others = (
        CheckOutput(state=CheckState.FAILURE, title="t", summary="s"),
        CheckOutput(state=CheckState.SUCCESS, title="u", summary="s"),
        CheckOutput(state=CheckState.SUCCESS, title="t", summary="r"),
        CheckOutput(state=CheckState.SUCCESS, title="t", summary="s", text="x"),
        CheckOutput(state=CheckState.SUCCESS, title="t", summary="s", annotations=(note,)),
    )
    assert len({output_digest(one) for one in (output, *others)}) == 6


def test_it_is_due_when_something_resolves_or_soon() -> None:
    def report(until: datetime | None) -> Report:
        found = Finding(gate="soak", outcome=Outcome.PENDING, message="m", until=until)
        return Report(title="t", verdicts=(Verdict(subject=Subject(), findings=(found,)),))

    soon = AT + timedelta(minutes=5)
    assert due(None, AT) == AT + LIFE
    assert due(report(None), AT) == AT + LIFE
    assert due(report(soon), AT) == soon
    assert due(report(AT), AT) == AT + LIFE
    assert due(report(AT + 2 * LIFE), AT) == AT + LIFE

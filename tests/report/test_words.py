"""The sentences that all formats share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.report import words

NOW = datetime(2026, 11, 20, 10, 53, tzinfo=UTC)


def finding(outcome: Outcome = Outcome.FAIL, gate: str = "quality", **details: object) -> Finding:
    return Finding(gate=gate, outcome=outcome, message="what was found", **details)  # type: ignore[arg-type]


def verdict(*findings: Finding) -> Verdict:
    return Verdict(
        subject=Subject(model="m", version="1.0.0", environment="dev"), findings=findings
    )


@pytest.mark.parametrize(
    ("rule", "values", "lines", "told"),
    [
        (
            "evidence.metrics.f1_score >= 0.85",
            {"evidence.metrics.f1_score": "0.812"},
            ("f1_score = 0.812, needs ≥ 0.85",),
            True,
        ),
        (
            "evidence.metrics.accuracy >= serving.metrics.accuracy - 0.01",
            {"evidence.metrics.accuracy": "0.91", "serving.metrics.accuracy": "0.96"},
            (
                "accuracy = 0.91, needs ≥ serving.metrics.accuracy - 0.01, where "
                "serving.metrics.accuracy = 0.96",
            ),
            True,
        ),
        (
            "evidence.a >= 1 && evidence.b >= 1",
            {"evidence.a": "0", "evidence.b": "2"},
            ("evidence.a = 0, evidence.b = 2",),
            False,
        ),
        ("size(model.sla) > 0", {"model.sla": "{}"}, ("model.sla = {}",), False),
        ("evidence.a >= 1", {"evidence.b": "2"}, ("evidence.b = 2",), False),
        (None, {"served": "3 h", "needs": "24 h"}, ("served = 3 h, needs 24 h",), False),
        (
            None,
            {"size": "3", "entry 4 on the ledger": "too old"},
            ("size = 3", "entry 4 on the ledger: too old"),
            False,
        ),
        ("evidence.a >= 1", {}, (), False),
    ],
)
def test_the_values_tell_what_decided(
    rule: str | None, values: dict[str, str], lines: tuple[str, ...], told: bool
) -> None:
    assert words.deciding(finding(rule=rule, values=values)) == (lines, told)


def test_a_rule_that_holds_needs_nothing() -> None:
    holds = finding(Outcome.PASS, rule="evidence.a >= 1", values={"evidence.a": "2"})
    assert words.deciding(holds) == (("evidence.a = 2",), False)


def test_a_finding_is_told_in_the_order_to_read_it_in() -> None:
    told = words.told(
        finding(
            rule="size(model.sla) > 0",
            because="it must be known",
            values={"model.sla": "{}"},
            location=Location(file="models/m/model.yaml", line=9, column=3, path="sla"),
            mend="add it",
            command="edit model.yaml",
            policy=Location(file="policies/gates/a.yaml", line=4, column=5),
            until=NOW,
        )
    )
    assert list(told) == [
        ("values", "model.sla = {}"),
        ("rule", "size(model.sla) > 0"),
        ("at", "models/m/model.yaml:9:3"),
        ("because", "it must be known"),
        ("until", "2026-11-20 10:53 UTC"),
        ("mend", "add it"),
        ("run", "edit model.yaml"),
        ("policy", "policies/gates/a.yaml:4"),
    ]


def test_a_reason_that_the_message_gives_is_not_given_twice() -> None:
    assert words.reason(finding(because="what was found")) is None
    assert words.reason(finding(because="a reason")) == "a reason"


@pytest.mark.parametrize(
    ("findings", "tally"),
    [
        ((), "no gate judged it"),
        ((finding(Outcome.PASS, "a"),), "1 gate"),
        ((finding(Outcome.PASS, "a"), finding(Outcome.WAIVED, "b")), "2 gates, 1 waived"),
        ((finding(Outcome.PASS, "a"), finding(Outcome.FAIL, "a")), "1 of 1 gate"),
        ((finding(Outcome.PASS, "a"), finding(Outcome.PENDING, "b")), "1 of 2 gates"),
    ],
)
def test_gates_are_counted_by_their_worst_finding(
    findings: tuple[Finding, ...], tally: str
) -> None:
    assert words.tally(verdict(*findings)) == tally


@pytest.mark.parametrize(
    ("verdicts", "step"),
    [
        ((), "nothing blocks"),
        ((verdict(finding(Outcome.PASS)),), "nothing blocks m@1.0.0 → dev"),
        ((verdict(finding(Outcome.PASS)),) * 2, "nothing blocks"),
        ((verdict(),), "mend policy, then judge again"),
        (
            (verdict(finding(gate="a"), finding(gate="b"), finding(Outcome.PENDING, "c")),),
            "mend a and b, then judge again",
        ),
        (
            (verdict(*(finding(gate=g) for g in "abcde")),),
            "mend a, b, c and 2 more, then judge again",
        ),
        (
            (
                verdict(
                    finding(Outcome.PENDING, until=NOW),
                    finding(Outcome.PENDING, until=NOW + timedelta(hours=2)),
                ),
            ),
            "nothing to mend; judge again after 2026-11-20 12:53 UTC",
        ),
        ((verdict(finding(Outcome.PENDING)),), "nothing to mend; judge again later"),
    ],
)
def test_the_next_step_is_one_line(verdicts: tuple[Verdict, ...], step: str) -> None:
    assert words.next_step(Report(title="t", verdicts=verdicts)) == step


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(hours=48), "2 d"),
    ],
)
def test_a_span_has_one_unit(span: timedelta, text: str) -> None:
    assert words.span(span) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=99), "99 d ago"),
        (timedelta(days=100), "2026-08-12"),
    ],
)
def test_an_age_becomes_a_date(ago: timedelta, text: str) -> None:
    assert words.age(NOW - ago, NOW) == text


def test_a_deadline_says_when_and_in_how_long() -> None:
    assert words.deadline(NOW + timedelta(hours=2), NOW) == "12:53 UTC, in 2 h"
    assert words.deadline(NOW + timedelta(hours=21), NOW) == "2026-11-21 07:53 UTC, in 21 h"
    assert words.deadline(NOW - timedelta(hours=1), NOW) == "09:53 UTC"
    assert words.deadline(NOW, None) == "2026-11-20 10:53 UTC"


def test_times_are_told_in_utc_wherever_they_were_taken() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert words.instant(elsewhere) == "2026-11-20 10:53 UTC"


def test_a_whole_file_has_no_line() -> None:
    assert words.place(Location(file="a.yaml", line=2)) == "a.yaml"
    assert words.place(Location(file="a.yaml", line=3)) == "a.yaml:3:1"
    assert words.place(Location(file="a.yaml", path="name")) == "a.yaml:1:1"


def test_a_message_that_ends_in_a_time_does_not_have_it_twice() -> None:
    now = datetime(2026, 11, 20, 10, 53, tzinfo=UTC)
    opens = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    told = "outside of office, which opens on 2026-11-23 08:00 UTC"
    finding = Finding(gate="freeze", outcome=Outcome.PENDING, message=told, until=opens)
    assert words.until(finding, now) == ", in 2 d"
    assert words.until(finding, opens) == words.until(finding, None) == ""
    assert words.until(replace(finding, message="frozen"), now) == (
        "  until 2026-11-23 08:00 UTC, in 2 d"
    )
    assert words.until(replace(finding, until=None), now) == ""

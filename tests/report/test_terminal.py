"""The terminal: golden files at several widths, nothing beyond the width, nothing that acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st
from rich.cells import cell_len

from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.report.look import Look
from modelctl.report.terminal import render

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
GOLDEN = Callable[[str, str], None]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_golden(sample: tuple[str, Report], width: int, golden: GOLDEN) -> None:
    name, report = sample
    if width == 80 or name in ("everything", "several"):
        golden(f"terminal-{name}-{width}.txt", render(report, Look(width=width)))


def test_golden_verbose(make: SimpleNamespace, golden: GOLDEN) -> None:
    golden("terminal-verbose.txt", render(make.everything(), Look(width=100), verbose=True))


def test_golden_ascii(make: SimpleNamespace, golden: GOLDEN) -> None:
    text = render(make.everything(), Look(width=80, unicode=False))
    assert text.isascii()
    golden("terminal-ascii.txt", text)


def test_golden_colour(make: SimpleNamespace, golden: GOLDEN) -> None:
    text = render(make.several(), Look(width=80, color=True))
    golden("terminal-colour.txt", text.replace("\x1b", "␛"))


def test_the_verdict_is_the_first_line(make: SimpleNamespace) -> None:
    first = render(make.everything()).splitlines()[0]
    assert first == "tumor-classifier@1.1.0 → staging  BLOCKED  5 of 13 gates"


def test_what_blocks_comes_before_what_waits_and_what_passes(make: SimpleNamespace) -> None:
    marks = [
        line[0] for line in render(make.everything()).splitlines() if line[:1] in tuple("✗?…~✓")
    ]
    assert marks == ["✗", "?", "?", "?", "…", "~", "✓"]


def test_a_command_is_printed_once(make: SimpleNamespace) -> None:
    text = render(make.everything(), Look(width=120))
    assert text.count("modelctl evidence evaluate") == 1
    assert text.count("run the command above") == 1


def test_a_long_command_can_be_copied(make: SimpleNamespace) -> None:
    """What is joined at the backslashes is the command itself."""
    text = render(make.everything(), Look(width=60))
    start = text.index("modelctl evidence record")
    copied = re.sub(r" \\\n +", " ", text[start:]).splitlines()[0]
    assert copied == make.stale_evidence().command


def test_an_argument_in_quotes_is_never_broken(make: SimpleNamespace) -> None:
    told = Finding(
        gate="g",
        outcome=Outcome.FAIL,
        message="m",
        command="modelctl new churn --changelog 'it is much better than the one before it' --minor",
    )
    lines = render(make.report(make.verdict(told)), Look(width=80)).splitlines()
    assert any("--changelog 'it is much better than the one before it'" in line for line in lines)


def test_a_finding_without_details_takes_one_line(make: SimpleNamespace) -> None:
    bare = Finding(gate="g", outcome=Outcome.FAIL, message="it is so")
    lines = render(make.report(make.verdict(bare)), Look()).splitlines()
    assert lines[1:4] == ["", "✗ g  it is so", ""]
    assert lines[4].startswith("note")


def test_the_top_of_a_document_is_not_quoted(make: SimpleNamespace) -> None:
    text = render(make.report(make.verdict(make.stale_evidence())), Look())
    assert "model: tumor-classifier" not in text


def test_of_several_verdicts_the_summary_has_the_worst_first(make: SimpleNamespace) -> None:
    lines = render(make.several(), Look(width=100)).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("judged"))
    assert [line.split()[3] for line in lines[start + 2 : start + 5]] == [
        "BLOCKED",
        "PENDING",
        "PASSES",
    ]


@pytest.mark.parametrize(("blocked", "said"), [(0, "all 300"), (1, "300 more")])
def test_hundreds_that_pass_are_counted(make: SimpleNamespace, blocked: int, said: str) -> None:
    passing = Finding(gate="documents", outcome=Outcome.PASS, message="fine")
    many = [
        Verdict(subject=Subject(model=f"model-{number}"), findings=(passing,))
        for number in range(300)
    ]
    report = make.report(*[make.verdict(make.stale_evidence())] * blocked, *many)
    short, long = (render(report, Look(width=100), verbose=v) for v in (False, True))
    assert "model-7 " not in short
    assert re.search(rf"^{said} +PASSES$", short, re.MULTILINE)
    assert "model-7 " in long
    assert said not in long


def test_colour_changes_no_letter(sample: tuple[str, Report]) -> None:
    _, report = sample
    for look in (Look(width=80), Look(width=100, unicode=False)):
        plain = render(report, look)
        coloured = render(report, Look(width=look.width, color=True, unicode=look.unicode))
        assert "\x1b" not in plain
        assert COLOUR.sub("", coloured) == plain
        assert coloured != plain


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal(sample: tuple[str, Report], width: int) -> None:
    _, report = sample
    for unicode in (True, False):
        text = render(report, Look(width=width, unicode=unicode), verbose=True)
        assert max(cell_len(line) for line in text.splitlines()) <= width


def test_nothing_is_cut_off(make: SimpleNamespace) -> None:
    """At any width every word of every message is there, if need be on several lines."""
    wide = re.sub(r"\s|─", "", render(make.several(), Look(width=120)))
    assert "classification-quality" in wide
    for width in (40, 52, 80):
        text = re.sub(r"\s", "", render(make.everything(), Look(width=width)))
        for finding in make.everything().verdicts[0].findings:
            if finding.outcome is not Outcome.PASS:
                assert re.sub(r"\s", "", finding.message) in text


def test_the_environment_changes_nothing(
    make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Look(width=90, color=True)
    before = render(make.several(), look)
    for name, value in (
        ("COLUMNS", "33"),
        ("NO_COLOR", "1"),
        ("FORCE_COLOR", "1"),
        ("TERM", "dumb"),
        ("COLORTERM", "truecolor"),
        ("TZ", "Asia/Tokyo"),
    ):
        monkeypatch.setenv(name, value)
    assert render(make.several(), look) == before


@settings(max_examples=60, deadline=None)
@given(data=st.data(), width=st.integers(40, 150), color=st.booleans(), unicode=st.booleans())
def test_hostile_text_neither_acts_nor_overflows(
    hostile: SimpleNamespace, data: st.DataObject, width: int, color: bool, unicode: bool
) -> None:
    report = data.draw(hostile.reports)
    text = COLOUR.sub("", render(report, Look(width=width, color=color, unicode=unicode)))
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text
    )
    assert max(cell_len(line) for line in text.split("\n")) <= width
    assert unicode or text.isascii()
    text.encode("utf-8")


def lacking(gate: str, **changes: str) -> Finding:
    finding = Finding(
        gate=gate,
        outcome=Outcome.INCONCLUSIVE,
        message="no evaluation evidence counts",
        because=f"{gate} asks for it",
        mend="produce the evidence",
        command="modelctl evidence evaluate",
    )
    return replace(finding, **changes)


def test_gates_that_lack_the_same_thing_say_it_once(make: SimpleNamespace) -> None:
    found = (lacking("claims"), lacking("size"), lacking("latency", message="it is too slow"))
    text = render(make.report(make.verdict(*found)))
    assert text.count("no evaluation evidence counts") == 1
    assert "? claims, size  no evaluation evidence counts" in text
    assert "? latency  it is too slow" in text
    assert "asks for it" not in text.partition("? latency")[0]
    assert "3 of 3 gates" in text

"""Workflow commands: read as the runner reads them, they are ours and only ours."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from hypothesis import given, settings, strategies as st

from modelctl.domain.document import Location
from modelctl.domain.verdict import Finding, Outcome, Report
from modelctl.report import words
from modelctl.report.clean import visible
from modelctl.report.github import LIMIT, render


def run(output: str) -> list[tuple[str, dict[str, str], str]]:
    """What the runner makes of these lines: `ActionCommand.TryParseV2` of actions/runner.

    A line that it would not take for a command stands as `print`.
    """
    commands = []
    for line in output.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        text = line.lstrip()
        if not text.startswith("::") or "::" not in text[2:]:
            commands += [("print", {}, line)] if line else []
            continue
        info, _, data = text[2:].partition("::")
        name, _, listed = info.partition(" ")
        pairs = (pair.split("=", 1) for pair in listed.split(",") if pair)
        properties = {key.strip(): unescaped(value, ":,") for key, value in pairs}
        commands.append((name, properties, unescaped(data, "")))
    return commands


def unescaped(text: str, more: str) -> str:
    for sign in "\r\n" + more:
        text = text.replace(f"%{ord(sign):02X}", sign)
    return text.replace("%25", "%")


def test_golden(make: SimpleNamespace, golden: Callable[[str, str], None]) -> None:
    golden("github.txt", render(make.everything()))


def test_each_outcome_has_its_level(make: SimpleNamespace) -> None:
    levels = [
        (level, told["title"].split(":")[0]) for level, told, _ in run(render(make.everything()))
    ]
    assert levels == [
        ("error", "classification-quality"),
        ("error", "classification-quality"),
        ("error", "latency"),
        ("error", "fairness"),
        ("error", "claims"),
        ("warning", "soak"),
        ("notice", "explainability"),
        ("notice", "modelctl"),
    ]


def test_a_place_is_named_and_its_signs_are_escaped(make: SimpleNamespace) -> None:
    odd = Finding(
        gate="placement",
        outcome=Outcome.FAIL,
        message="100 % odd",
        location=Location(file="models/a,b::c%0A.yaml", line=3, column=7),
    )
    output = render(make.report(make.verdict(odd)))
    assert output.startswith(
        "::error file=models/a%2Cb%3A%3Ac%250A.yaml,line=3,col=7,"
        "title=placement%3A tumor-classifier@1.1.0 → staging::100 %25 odd\n"
    )
    level, properties, _ = run(output)[0]
    assert level == "error"
    assert properties["file"] == "models/a,b::c%0A.yaml"
    assert properties["line"] == "3"


def test_what_no_gate_judged_is_an_error(make: SimpleNamespace) -> None:
    assert [level for level, _, _ in run(render(make.report(make.verdict())))] == [
        "error",
        "notice",
    ]


def test_what_passes_says_nothing(make: SimpleNamespace) -> None:
    (only,) = run(render(make.report(make.verdict(*make.passing("a", "b")))))
    assert only[0] == "notice"
    assert only[1] == {"title": "modelctl"}


def test_a_level_is_capped_and_says_so(make: SimpleNamespace) -> None:
    many = [Finding(gate=f"g{number}", outcome=Outcome.FAIL, message="m") for number in range(25)]
    commands = run(render(make.report(make.verdict(make.soaking(), *many))))
    errors = [data for level, _, data in commands if level == "error"]
    assert len(errors) == LIMIT
    assert errors[-1] == "… and 16 more; the summary lists all"
    assert [level for level, _, _ in commands].count("warning") == 1


def test_exactly_as_many_as_fit_are_all_shown(make: SimpleNamespace) -> None:
    many = [
        Finding(gate=f"g{number}", outcome=Outcome.FAIL, message="m") for number in range(LIMIT)
    ]
    output = render(make.report(make.verdict(*many)))
    assert "more" not in output
    assert output.count("::error ") == LIMIT


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_text_becomes_a_command(hostile: SimpleNamespace, data: st.DataObject) -> None:
    report: Report = data.draw(hostile.reports)
    commands = run(render(report))
    told = [
        finding
        for verdict in report.verdicts
        for finding in words.worth_telling(words.findings(verdict))
    ]
    assert len(commands) <= len(told) + len(report.notes)
    for level, properties, message in commands:
        assert level in ("error", "warning", "notice")
        assert set(properties) <= {"title", "file", "line", "col"}
        assert visible(message.replace("\n", "")) == message.replace("\n", "")
    if max([len(told) + len(report.notes)]) <= LIMIT:
        assert len(commands) == len(told) + len(report.notes)
        files = sorted(visible(f.location.file) for f in told if f.location)
        assert sorted(p["file"] for _, p, _ in commands if "file" in p) == files

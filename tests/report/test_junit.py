"""JUnit: well formed whatever is in it, one case for each gate, nothing looks green that isn't."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from types import SimpleNamespace

from hypothesis import given, settings, strategies as st

from modelctl.domain.verdict import Outcome, Report
from modelctl.report import words
from modelctl.report.junit import render


def parsed(report: Report) -> ET.Element:
    return ET.fromstring(render(report).encode("utf-8"))


def test_golden(make: SimpleNamespace, golden: Callable[[str, str], None]) -> None:
    golden("junit.xml", render(make.everything()))


def test_each_gate_is_a_case_with_its_worst_outcome(make: SimpleNamespace) -> None:
    (suite,) = parsed(make.everything())
    cases = {case.get("name"): [(e.tag, e.get("type")) for e in case] for case in suite}
    assert len(cases) == 13
    assert cases["classification-quality"] == [("failure", "fail")]
    assert cases["latency"] == [("error", "inconclusive")]
    assert cases["soak"] == [("failure", "pending")]
    assert cases["explainability"] == [("skipped", None)]
    assert cases["metadata"] == []


def test_the_numbers_agree(make: SimpleNamespace) -> None:
    root = parsed(make.several())
    for element in (root, *root):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        for attribute, tag in (
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ):
            assert element.get(attribute) == str(sum(case.find(tag) is not None for case in cases))
    assert (root.get("tests"), root.get("failures")) == ("28", "2")


def test_what_no_gate_judged_is_an_error(make: SimpleNamespace) -> None:
    assert parsed(make.report(make.verdict())).get("errors") == "1"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_text_becomes_markup(hostile: SimpleNamespace, data: st.DataObject) -> None:
    report: Report = data.draw(hostile.reports)
    root = parsed(report)
    assert {e.tag for e in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped",
    }  # fmt: skip
    for verdict, suite in zip(report.verdicts, root, strict=True):
        outcomes = list(words.gate_outcomes(verdict).values())
        bad = [bool({e.tag for e in case} & {"failure", "error"}) for case in suite]
        assert bad == [outcome.blocks for outcome in outcomes]
        skipped = sum(case.find("skipped") is not None for case in suite)
        assert skipped == outcomes.count(Outcome.WAIVED)

"""The check run: a short title, remarks at the lines of the head, within GitHub's limits."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelctl.domain.document import Location
from modelctl.domain.pulls import CheckOutput, CheckState, Level
from modelctl.domain.verdict import Finding, Outcome
from modelctl.report.check_run import LIMIT, MOST, check_output
from support.pages import PLATFORM, approved, lacking, many, page

LEAD = replace(PLATFORM, role="ml-lead", candidates=("lena",))


def output(make: SimpleNamespace, *findings: Finding) -> CheckOutput:
    return check_output(page(make.report(make.verdict(*findings))))


def test_what_is_ready_says_so(make: SimpleNamespace) -> None:
    found = output(make, *make.GOOD, make.waived())
    assert (found.state, found.title) == (CheckState.SUCCESS, "ready to merge")
    assert "## ✅ Ready to merge" in found.summary


def test_whom_it_waits_for_is_the_title(make: SimpleNamespace) -> None:
    about = make.report(make.verdict(*make.GOOD, lacking()))
    found = check_output(page(about, approvals=approved(PLATFORM, LEAD)))
    assert found.title == "waiting for 1 platform and 1 ml-lead"
    assert found.state is CheckState.WAITING


def test_what_time_settles_is_the_title(make: SimpleNamespace) -> None:
    found = output(make, *make.GOOD, make.soaking())
    assert found.title == "waiting for soak until 2026-11-21 08:05 UTC"
    timeless = output(make, replace(make.soaking(), until=None))
    assert timeless.title == "waiting for soak"


def test_failures_are_named_before_what_is_waited_for(make: SimpleNamespace) -> None:
    about = make.report(make.verdict(make.soaking(), lacking(), make.unmeasured()))
    found = check_output(page(about, approvals=approved(PLATFORM)))
    said = "blocked by fairness; waiting for 1 platform, and soak until 2026-11-21 08:05 UTC"
    assert (found.state, found.title) == (CheckState.FAILURE, said)


def test_many_gates_are_counted(make: SimpleNamespace) -> None:
    names = ("a", "b", "c", "d", "e")
    failing = [Finding(gate=name, outcome=Outcome.FAIL, message="no") for name in names]
    assert output(make, *failing).title == "blocked by a, b, c and 2 more"


def test_remarks_stand_at_the_lines_of_the_head_alone(make: SimpleNamespace) -> None:
    elsewhere = replace(make.unmeasured(), location=Location(file="policies/x.yaml", line=3))
    found = output(make, make.below_the_threshold(), elsewhere, make.unclaimed(), *make.GOOD)
    [remark] = found.annotations
    assert (remark.path, remark.start_line, remark.end_line) == (make.MANIFEST, 31, 31)
    assert remark.level is Level.FAILURE
    assert remark.title == "classification-quality: tumor-classifier@1.1.0 → staging"
    assert remark.message.splitlines()[0] == "classification models need F1 ≥ 0.85"
    assert "mend: train a better model; the threshold is policy" in remark.message


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (Outcome.FAIL, Level.FAILURE),
        (Outcome.INCONCLUSIVE, Level.FAILURE),
        (Outcome.PENDING, Level.WARNING),
        (Outcome.WAIVED, Level.NOTICE),
    ],
)
def test_a_remark_is_as_loud_as_its_finding(
    make: SimpleNamespace, outcome: Outcome, level: Level
) -> None:
    [remark] = output(make, replace(make.below_the_threshold(), outcome=outcome)).annotations
    assert remark.level is level


def test_remarks_beyond_the_most_are_counted(make: SimpleNamespace) -> None:
    place = Location(file=make.MANIFEST, line=7)
    failing = [
        Finding(gate=f"g{n}", outcome=Outcome.FAIL, message=f"no {n}", location=place)
        for n in range(MOST + 20)
    ]
    found = output(make, *failing)
    assert len(found.annotations) == MOST
    assert "… and 20 remarks more than are shown at their lines." in found.summary


@pytest.mark.parametrize("number", [1, 200])
def test_everything_keeps_to_the_limits(make: SimpleNamespace, number: int) -> None:
    long = replace(
        make.below_the_threshold(),
        gate="g" * 400,
        mend="x" * 100_000,
        values={f"value {n}": "y" * 5000 for n in range(20)},
    )
    found = check_output(many(number, [*make.GOOD, long, make.stale_evidence()]))
    assert len(found.summary) <= LIMIT
    assert len(found.text) <= LIMIT
    assert len(found.title) <= 255
    assert found.text.count("<details>") == found.text.count("</details>")
    for remark in found.annotations:
        assert len(remark.title) <= 255
        assert len(remark.message.encode()) <= 64 * 1024


def test_the_text_has_every_gate(make: SimpleNamespace) -> None:
    found = output(make, *make.GOOD, make.waived())
    for finding in make.GOOD:
        assert f"`{finding.gate}`" in found.text
    assert "- [x]" not in found.text


def test_a_title_holds_nothing_that_acts(make: SimpleNamespace) -> None:
    odd = Finding(gate="a\n\x1b[31m::error::\u202e", outcome=Outcome.FAIL, message="no")
    found = output(make, replace(odd, location=Location(file=make.MANIFEST, line=1)))
    assert "\n" not in found.title
    assert "\x1b" not in found.title + found.annotations[0].title + found.annotations[0].message


def test_what_judges_nothing_has_no_text(make: SimpleNamespace) -> None:
    assert check_output(page(make.report())).text == ""

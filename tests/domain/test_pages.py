"""How a pull request stands, and what a merge changes of the manifests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.approvals import Missing, Obstacle
from modelctl.domain.pages import APPROVALS, Overlay, missing_by_role, overlay_of
from modelctl.domain.pulls import CheckState
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from support.pages import AFTER_TEXT, AT, BEFORE_TEXT, PLATFORM, approved, lacking, page

PASS = Finding(gate="metadata", outcome=Outcome.PASS, message="fine")
FAIL = Finding(gate="fairness", outcome=Outcome.FAIL, message="unfair")
UNKNOWN = Finding(gate="latency", outcome=Outcome.INCONCLUSIVE, message="not measured")
SOAK = Finding(gate="soak", outcome=Outcome.PENDING, message="3 h", until=AT + timedelta(hours=21))
WAIVED = Finding(gate="size", outcome=Outcome.WAIVED, message="large")


def report(*findings: Finding) -> Report:
    subject = Subject(model="tumor-classifier", version="1.1.0", environment="staging")
    return Report(title="x", verdicts=(Verdict(subject=subject, findings=findings),), at=AT)


@pytest.mark.parametrize(
    ("findings", "missing", "state"),
    [
        ((PASS,), (), CheckState.SUCCESS),
        ((PASS, WAIVED), (), CheckState.SUCCESS),
        ((PASS, SOAK), (), CheckState.WAITING),
        ((PASS, lacking()), (PLATFORM,), CheckState.WAITING),
        ((lacking(), SOAK), (PLATFORM,), CheckState.WAITING),
        ((lacking(), FAIL), (PLATFORM,), CheckState.FAILURE),
        ((SOAK, UNKNOWN), (), CheckState.FAILURE),
        ((FAIL,), (), CheckState.FAILURE),
        ((lacking(),), (), CheckState.FAILURE),
        ((), (), CheckState.FAILURE),
    ],
)
def test_only_time_and_people_are_waited_for(
    findings: tuple[Finding, ...], missing: tuple[Missing, ...], state: CheckState
) -> None:
    assert page(report(*findings), approvals=approved(*missing)).state is state


def test_whatever_else_the_reviews_say_fails() -> None:
    about = report(lacking())
    blocked = approved(PLATFORM, blocking=("lena",))
    odd = approved(PLATFORM, obstacles=(Obstacle("unknown", "say who"),))
    for state in (None, blocked, odd):
        found = page(about, approvals=state)
        assert (found.state, found.waits_for_people) == (CheckState.FAILURE, False)


def test_a_finding_of_another_gate_never_passes_for_an_approval() -> None:
    found = page(report(lacking("fairness")), approvals=approved(PLATFORM))
    assert found.state is CheckState.FAILURE
    assert APPROVALS == "approvals"


def test_what_was_never_judged_fails_by_a_finding_of_its_own() -> None:
    found = page(report())
    [(verdict, finding)] = found.failing
    assert (verdict.subject.model, finding.gate) == ("tumor-classifier", "policy")
    assert found.blocking == ()


def test_a_change_of_nothing_is_ready() -> None:
    assert page(Report(title="x", verdicts=())).state is CheckState.SUCCESS


def test_what_blocks_and_what_time_settles_are_told_apart() -> None:
    found = page(report(PASS, SOAK, FAIL))
    assert [f.gate for _, f in found.blocking] == ["soak", "fairness"]
    assert [f.gate for _, f in found.pending] == ["soak"]
    assert [f.gate for _, f in found.failing] == ["fairness"]


def test_missing_approvals_add_up_over_owners() -> None:
    other = replace(PLATFORM, owner="oncology", count=2)
    lead = Missing(role="ml-lead", count=1, owner="oncology", candidates=())
    assert missing_by_role(approved(PLATFORM, lead, other)) == {"platform": 3, "ml-lead": 1}


def test_a_version_that_changes_labels_alone_changes_nothing() -> None:
    same = BEFORE_TEXT.replace("1.0.0", "1.1.0")
    assert overlay_of(BEFORE_TEXT, same) == Overlay()


def test_a_change_stands_below_its_object() -> None:
    overlay = overlay_of(BEFORE_TEXT, AFTER_TEXT)
    assert overlay.lines == (
        "@@ Service tumor-classifier @@",
        " spec:",
        "   replicas: 2",
        "-  uri: models:/m-1",
        "+  uri: models:/m-2",
    )
    assert (overlay.added, overlay.removed, overlay.is_new) == (1, 1, False)


def test_each_object_has_its_own_hunk() -> None:
    other = BEFORE_TEXT.replace("Service", "Deployment")
    overlay = overlay_of(
        f"{BEFORE_TEXT}---\n{other}", f"{AFTER_TEXT}---\n{other.replace('m-1', 'm-3')}"
    )
    heads = [line for line in overlay.lines if line.startswith("@@")]
    assert heads == ["@@ Service tumor-classifier @@", "@@ Deployment tumor-classifier @@"]


def test_what_is_rendered_for_the_first_time_is_all_new() -> None:
    overlay = overlay_of(None, AFTER_TEXT)
    assert overlay.is_new
    assert overlay.removed == 0
    assert overlay.added == len(overlay.lines) - 1


def test_what_goes_altogether_is_told() -> None:
    overlay = overlay_of("kind: Service\nspec: 1\n", "")
    assert overlay.lines == ("@@ Service @@", "-kind: Service", "-spec: 1")


def test_a_version_is_named_by_its_verdict() -> None:
    [one] = page(report(PASS)).models
    assert (one.model, one.version) == ("tumor-classifier", "1.1.0")

"""What a motion is called, and where its page is found."""

from __future__ import annotations

import pytest

from modelctl.domain.flow import FlowKind
from modelctl.domain.motions import Motion, Weighed
from modelctl.domain.pages import ModelPage, Page
from modelctl.domain.policy import Transition
from modelctl.domain.verdict import Report, Subject, Verdict

TRANSITION = Transition(
    from_branch="ml",
    to_branch="develop",
    environment="staging",
    stage="Staging",
    approvals=(),
    source="dev",
)


def motion(kind: FlowKind = FlowKind.PROMOTION) -> Motion:
    return Motion(
        model="tumor-classifier", version="1.1.0", transition=TRANSITION, kind=kind, branch="b"
    )


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (FlowKind.SUBMISSION, "Submit tumor-classifier 1.1.0 to staging"),
        (FlowKind.PROMOTION, "Promote tumor-classifier 1.1.0 to staging"),
        (FlowKind.ROLLBACK, "Roll tumor-classifier back to 1.1.0 in staging"),
    ],
)
def test_a_motion_says_what_it_does(kind: FlowKind, title: str) -> None:
    one = motion(kind)
    assert (one.title, one.name, one.environment) == (title, "tumor-classifier@1.1.0", "staging")


@pytest.mark.parametrize("model", ["tumor-classifier", "risk-scorer"])
def test_the_page_is_that_of_the_version_that_moves(model: str) -> None:
    subject = Subject(model=model, version="1.1.0", environment="staging")
    page = ModelPage(verdict=Verdict(subject=subject, findings=()))
    weighed = Weighed(
        motion=motion(),
        page=Page(
            number=0,
            author="",
            base="develop",
            head="h" * 40,
            report=Report(title="t", verdicts=()),
            models=(page,),
        ),
        changes=(),
        manifest=None,
        strategy=None,
    )
    assert weighed.about == (page if model == "tumor-classifier" else None)

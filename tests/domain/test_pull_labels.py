"""Labels of pull requests: stage and state, and those of others left alone."""

from __future__ import annotations

import pytest

from modelctl.domain.pages import ModelPage, Page
from modelctl.domain.policy import Lifecycle, Stage, Transition
from modelctl.domain.pull_labels import (
    LabelChange,
    label_change,
    labels_of,
)
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict

LIFECYCLE = Lifecycle(
    default_branch="main",
    initial_stage="Development",
    stages=(Stage(name="Validation", owner="x", purpose="y"),),
    transitions=(
        Transition(
            from_branch="feature/*", to_branch="ml", environment="dev", stage="Validation",
            approvals=(),
        ),
    ),
)  # fmt: skip


def page(base: str, outcome: Outcome, *, models: bool = True) -> Page:
    found = Finding(gate="g", outcome=outcome, message="m")
    verdict = Verdict(subject=Subject(model="a-b", version="1.0.0"), findings=(found,))
    return Page(
        number=1,
        author="ada",
        base=base,
        head="h",
        report=Report(title="t", verdicts=(verdict,)),
        models=(ModelPage(verdict=verdict),) if models else (),
    )


@pytest.mark.parametrize(
    ("outcome", "label"),
    [
        (Outcome.PASS, "gate: ready"),
        (Outcome.PENDING, "gate: waiting"),
        (Outcome.INCONCLUSIVE, "gate: blocked"),
    ],
)
def test_labels_say_the_stage_and_the_state(outcome: Outcome, label: str) -> None:
    assert labels_of(page("ml", outcome), LIFECYCLE) == ("stage: Validation", label)


def test_what_moves_no_version_has_no_stage() -> None:
    assert labels_of(page("ml", Outcome.PASS, models=False), LIFECYCLE) == ("gate: ready",)
    assert labels_of(page("main", Outcome.PASS), LIFECYCLE) == ("gate: ready",)


def test_nothing_is_deployed_that_is_still_open() -> None:
    present = ("Deployed: production", "gate: ready")
    change = label_change(present, ("gate: ready",), is_open=True)
    assert change == LabelChange(remove=("Deployed: production",))


def test_only_what_differs_changes_and_others_stay() -> None:
    present = ("urgent", "Gate: Ready", "stage: Validation", "deployed: dev", "gate: waiting")
    change = label_change(present, ("stage: Validation", "gate: blocked"))
    assert change == LabelChange(add=("gate: blocked",), remove=("Gate: Ready", "gate: waiting"))
    assert str(change) == "labels: +gate: blocked, -Gate: Ready, -gate: waiting"
    assert change
    assert not label_change(("Gate: Ready",), ("gate: ready",))
    assert not LabelChange()
    assert LabelChange(remove=("x",))

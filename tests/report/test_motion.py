"""The description of a pull request that moves a version, as far as no service is needed for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modelctl.domain.flow import FlowKind
from modelctl.domain.history import Deployment
from modelctl.domain.motions import Motion, Weighed
from modelctl.domain.pages import Page
from modelctl.domain.policy import Transition
from modelctl.domain.strategies import Step, Strategy
from modelctl.domain.tree import Change, Entry
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.report.motion import LIMIT, description, rollout

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TRANSITION = Transition(
    from_branch="ml",
    to_branch="develop",
    environment="staging",
    stage="Staging",
    approvals=(),
    source="dev",
)
STEPS = tuple(Step(weight=weight, duration=timedelta(hours=1)) for weight in (5, 25, 100))


def said(*findings: Finding, reason: str | None = None, **changes: object) -> str:
    """The description of a promotion with these findings."""
    known: dict[str, object] = {
        "model": "tumor-classifier",
        "version": "1.1.0",
        "transition": TRANSITION,
        "kind": FlowKind.PROMOTION,
        "branch": "b",
        "reason": reason,
    }
    subject = Subject(model="tumor-classifier", version="1.1.0", environment="staging")
    report = Report(title="t", verdicts=(Verdict(subject=subject, findings=findings),), at=AT)
    entry = Entry(path="models/a/release.yaml", oid="1" * 40, mode=0o100644)
    weighed = Weighed(
        motion=Motion(**{**known, **changes}),  # type: ignore[arg-type]
        page=Page(number=0, author="", base="develop", head="h" * 40, report=report),
        changes=(Change(path=entry.path, before=None, after=entry),),
        manifest=None,
        strategy=None,
    )
    return description(weighed, repository="https://github.com/acme/models")


def finding(outcome: Outcome, gate: str = "soak", **changes: object) -> Finding:
    return Finding(gate=gate, outcome=outcome, message=f"{gate} @ada", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (Strategy(name="immediate", kind="immediate"), "immediate"),
        (Strategy(name="careful", kind="blue-green"), "careful: blue-green"),
        (
            Strategy(name="slow", kind="canary", steps=STEPS),
            "slow: canary, 5 % → 25 % → 100 %",
        ),
        (
            Strategy(name="shadow", kind="shadow", steps=STEPS[:1], automatic=False),
            "shadow: 5 %, then a person decides",
        ),
    ],
)
def test_a_rollout_in_one_line(strategy: Strategy, told: str) -> None:
    assert rollout(strategy) == told


def test_what_blocks_is_told_with_its_command() -> None:
    text = said(
        finding(Outcome.PASS, "size"),
        finding(Outcome.PENDING, until=AT),
        finding(Outcome.INCONCLUSIVE, "load", command="modelctl evidence record"),
    )
    assert "- ❔ `load`: load @&#8203;ada\n  - `modelctl evidence record`" in text
    assert "- ⏳ `soak`: soak @&#8203;ada until 2026-11-20 10:00 UTC" in text
    assert text.index("`load`") < text.index("`soak`")
    assert "size" not in text


def test_when_nothing_blocks_it_says_so() -> None:
    assert "- ✅ every gate passes" in said(finding(Outcome.PASS))


def test_many_findings_are_cut_and_the_whole_fits() -> None:
    many = [finding(Outcome.FAIL, f"gate-{n}") for n in range(40)]
    assert "… and 28 findings more" in said(*many)
    long = [finding(Outcome.FAIL, "x" * 30_000 + str(n)) for n in range(5)]
    assert len(said(*long)) <= LIMIT + 200


def test_what_proves_it_is_linked() -> None:
    proof = Deployment(
        model="tumor-classifier",
        version="1.1.0",
        digest="d",
        environment="dev",
        commit="c" * 40,
        at=AT,
        approvers=("ben", "lena"),
    )
    text = said(finding(Outcome.PASS), proof=proof, released="1.0.0")
    assert "deployed to dev on 2026-11-20 10:00 UTC from [`cccccccccccc`](https://github" in text
    assert "approved by ben and lena" in text
    assert "`develop` releases | 1.0.0 → 1.1.0" in text


@pytest.mark.parametrize(
    ("kind", "source", "lead"),
    [
        (FlowKind.SUBMISSION, None, "Submits **tumor-classifier@&#8203;1.1.0** to **staging**"),
        (FlowKind.PROMOTION, "dev", "Promotes **tumor-classifier@&#8203;1.1.0** from dev to"),
        (FlowKind.ROLLBACK, "dev", "Goes back to **tumor-classifier@&#8203;1.1.0** in **staging**"),
    ],
)
def test_the_first_line_says_what_it_is(kind: FlowKind, source: str | None, lead: str) -> None:
    transition = Transition(
        from_branch="ml",
        to_branch="develop",
        environment="staging",
        stage="Staging",
        approvals=(),
        source=source,
    )
    assert said(finding(Outcome.PASS), kind=kind, transition=transition).startswith(lead)

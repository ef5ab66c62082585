"""The comment on a merged pull request: the deploy on top, the verdict of before below."""

from __future__ import annotations

import pytest

from modelctl.domain.landing import Landing
from modelctl.domain.pulls import COMMENT_MARKER
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.report.landing import LIMIT, comment
from modelctl.report.sections import Links

BEFORE = f"{COMMENT_MARKER}\n## Ready to merge\n\nEvery gate passes."


def report(*gates: str) -> Report:
    found = tuple(
        Finding(gate=gate, outcome=Outcome.FAIL, message=f"{gate} says <b>no</b> @ada")
        for gate in gates
    )
    return Report(title="t", verdicts=(Verdict(subject=Subject(model="m-a"), findings=found),))


def landing(**changes: object) -> Landing:
    known: dict[str, object] = {"model": "tumor-classifier", "version": "1.1.0", "commit": "c" * 40}
    return Landing(**{**known, **changes})  # type: ignore[arg-type]


def said(*landings: Landing, before: str | None = None) -> str:
    links = Links(repository="https://github.com/acme/models")
    return comment(before, "staging", landings, links, state="5" * 40, ledger="ledger")


def test_what_landed_is_told_with_its_proof() -> None:
    text = said(
        landing(before="1.0.0", place="models/tumor-classifier/0000/00000007-deployment.json")
    )
    assert text.startswith(f"{COMMENT_MARKER}\n## 🚀 Deployed to staging\n\n")
    assert "- **tumor-classifier@&#8203;1.1.0** in place of 1.0.0, from [`cccccccccccc`]" in text
    assert "/blob/ledger/models/tumor-classifier/0000/00000007-deployment.json" in text
    assert "/commit/555" in text


@pytest.mark.parametrize(
    ("before", "stays"), [("1.0.0", "**1.0.0 goes on running**"), (None, "**nothing runs**")]
)
def test_what_did_not_land_comes_first(before: str | None, stays: str) -> None:
    text = said(landing(model="risk-scorer"), landing(before=before, reports=(report("soak"),)))
    assert text.index("🛑 NOT deployed to staging: tumor-classifier") < text.index("🚀")
    assert stays in text
    assert "`soak` soak says \\<b\\>no\\</b\\> @&#8203;ada" in text


def test_many_findings_are_cut() -> None:
    text = said(landing(reports=(report(*(f"gate-{n}" for n in range(20))),)))
    assert "… and 12 findings more." in text


def test_many_versions_are_cut() -> None:
    blocked = [landing(model=f"model-{n}", reports=(report("x" * 500),)) for n in range(100)]
    text = said(*blocked)
    assert len(text) < LIMIT
    assert "… and more was not deployed" in text


def test_the_verdict_stays_below_once() -> None:
    first = said(landing(), before=BEFORE)
    assert "<details><summary>As it was judged before the merge</summary>" in first
    again = said(landing(reports=(report("soak"),)), before=first)
    assert again.count("## Ready to merge") == 1
    assert "🚀" not in again
    assert said(landing(), before=again) == first


def test_without_a_verdict_nothing_is_kept() -> None:
    text = said(landing())
    assert said(landing(), before=text) == text


def test_a_long_verdict_makes_room() -> None:
    text = said(landing(), before=f"{COMMENT_MARKER}\n{'x' * LIMIT}")
    assert len(text) < LIMIT
    assert "xxx" not in text

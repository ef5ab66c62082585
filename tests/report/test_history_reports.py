"""Comparisons, timelines and audits: golden files, any width, and text that stays text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from modelctl.domain.audit import Audit, Doubt, Evidence, Proof, Served
from modelctl.domain.differences import Comparison, Note, compare
from modelctl.domain.history import Deployment
from modelctl.domain.manifest import version_from
from modelctl.domain.timeline import Event, Now, Result, Timeline, What
from modelctl.domain.waivers import WaiverRecord
from modelctl.report import audit as audits, differences, timeline as timelines
from modelctl.report.look import Look
from support.keys import statement
from support.world import HOLDOUT, INPUTS, SIGNATURE, evaluation, version_data

GOLDEN = Callable[[str, str], None]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WAIVER = WaiverRecord(
    gate="load",
    file="policies/waivers/2026-11-tumor.yaml",
    approved_by="pat",
    expires="2026-12-01T00:00:00Z",
    reason="the load generator is being moved",
)


def comparison() -> Comparison:
    before = version_from(version_data())
    lineage = {**version_data()["lineage"], "git_commit": "b" * 40, "run": {"id": "run-7"}}
    after = version_from(
        version_data(
            "1.1.0",
            created_at="2026-11-22T09:00:00Z",
            signature={
                "inputs": [INPUTS[0], {"name": "age", "type": "long", "required": False}],
                "outputs": [{"name": "prediction", "type": "double", "shape": [-1, 2]}],
            },
            dependencies=["scikit-learn==1.9.2", "scipy==1.16.0"],
            lineage=lineage,
            metrics=[
                {"name": "f1_score", "value": 0.95, "dataset_digest": HOLDOUT, "sample_size": 171},
                {"name": "joy", "value": 3, "lower": 2.9, "upper": 3.1},
            ],
            artifacts={"root": "models:/m-2", "files": [
                {"path": "MLmodel", "sha256": "e" * 64, "size": 1300},
                {"path": "model.skops", "sha256": "f" * 64, "size": 900_000},
            ]},
        )
    )  # fmt: skip
    measured = (
        statement(predicate=evaluation(metrics={"accuracy": 0.90, "roc_auc": 0.9, "rmse": 2.0},
                                       lower={"roc_auc": 0.89, "rmse": 1.9},
                                       upper={"roc_auc": 0.91, "rmse": 2.1})),
        statement(predicate=evaluation(metrics={"accuracy": 0.91, "roc_auc": 0.96, "rmse": 2.5},
                                       dataset={"name": "other", "digest": "sha256:0"},
                                       lower={"roc_auc": 0.95, "rmse": 2.4},
                                       upper={"roc_auc": 0.97, "rmse": 2.6})),
    )  # fmt: skip
    notes = [Note(version="1.1.0", text="Takes the age."), Note(version="1.0.1", text="A fix.")]
    return compare(before, after, measured, notes)


def timeline(make: SimpleNamespace) -> Timeline:
    def event(what: What, kind: str, hours: int, **more: Any) -> Event:
        return Event(what=what, kind=kind, at=make.NOW - timedelta(hours=hours), seq=1,
                     **{"version": "1.1.0", "environment": "production", **more})  # fmt: skip

    results = (
        Result(kind="evaluation", environment="offline", passed=True),
        Result(kind="load-test", environment="offline", passed=False),
        Result(kind="notes", environment="offline", passed=None),
    )
    until = make.NOW - timedelta(hours=2)
    return Timeline(
        model="tumor-classifier",
        at=make.NOW,
        environments=("dev", "production"),
        now=(
            Now(environment="dev", version="1.1.0", since=make.ago(days=3), by=("ada",)),
            Now(environment="production", version="1.0.0", since=make.ago(hours=2), by=()),
        ),
        events=(
            event(What.UNPROVED, "deployment", 0, version=None, detail="no trusted key signed it"),
            event(What.QUARANTINE, "quarantine", 1, detail="errors rose to 7 %"),
            event(What.ROLLBACK, "rollback", 2, version="1.0.0", was="1.1.0", by=("grace",)),
            event(What.DEPLOYMENT, "deployment", 20, was="1.0.0", by=("grace", "linus"),
                  pull_request=14, strategy="canary-standard", until=until, waivers=(WAIVER,)),
            event(What.EVIDENCE, "evaluation", 60, environment="offline", results=results),
            event(What.SUBMISSION, "evaluation", 61, environment=None),
            event(What.DEPRECATION, "deprecation", 24 * 130, version="0.9.4", by=("pat",),
                  environment=None, detail="too old", use="1.0.0"),
        ),
        older=4,
    )  # fmt: skip


def audit(make: SimpleNamespace) -> Audit:
    def proof(number: int, kind: str, *signers: str) -> Proof:
        path = f"models/tumor-classifier/0000/{number:08d}-{kind}-{number:012d}.json"
        return Proof(path=path, digest=f"{number:064d}", seq=number, signers=signers)

    deployment = Deployment(
        model="tumor-classifier",
        version="1.0.0",
        digest="5d" * 32,
        environment="production",
        commit="4f" * 20,
        at=make.ago(days=2, hours=4),
        approvers=("grace", "linus"),
        strategy="canary-standard",
        target="kserve",
        pull_request=12,
        seq=9,
    )
    told = Served(
        deployment=deployment,
        proof=proof(9, "deployment", "deployer"),
        branch="main",
        stage="Production",
        blob="c0ffee" + "0" * 34,
        state_commit="7a" * 20,
        evidence=(
            Evidence(envelope="ab" * 32, kind="evaluation", environment="offline",
                     made_at=make.ago(days=3), passed=True, proof=proof(3, "evaluation", "ci")),
            Evidence(envelope="cd" * 32),
        ),
        waivers=(WAIVER,),
    )  # fmt: skip
    back = replace(deployment, model="income-regression", kind="rollback", approvers=(),
                   pull_request=None, strategy=None)  # fmt: skip
    return Audit(
        environment="production",
        at=make.NOW - timedelta(hours=5),
        asked_at=make.NOW,
        ledger="1a" * 20,
        trusted="2b" * 20,
        served=(told, Served(deployment=back, proof=proof(4, "rollback", "guard"))),
        nothing=("churn-predictor",),
        doubts=(Doubt(model="fraud-detector", seq=9, path="models/fraud-detector/0000/x.json"),),
    )


def texts(make: SimpleNamespace, look: Look) -> dict[str, str]:
    return {
        "diff": differences.terminal(comparison(), look),
        "history": timelines.terminal(timeline(make), look),
        "audit": audits.terminal(audit(make), look),
        "audit-verbose": audits.terminal(audit(make), look, verbose=True),
    }


@pytest.mark.parametrize("width", [60, 100, 140])
def test_golden(make: SimpleNamespace, golden: GOLDEN, width: int) -> None:
    for name, text in texts(make, Look(width=width)).items():
        golden(f"{name}-{width}.txt", text)


def test_golden_documents(make: SimpleNamespace, golden: GOLDEN) -> None:
    golden("diff.md", differences.markdown(comparison()))
    golden("diff.json", differences.json(comparison()))
    golden("history.md", timelines.markdown(timeline(make)))
    golden("history.json", timelines.json(timeline(make)))
    golden("audit.md", audits.markdown(audit(make)))
    golden("audit.json", audits.json(audit(make)))


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_no_line_is_too_wide_and_colour_changes_no_letter(
    make: SimpleNamespace, width: int
) -> None:
    coloured = texts(make, Look(width=width, color=True))
    for name, plain in texts(make, Look(width=width)).items():
        assert max(cell_len(line) for line in plain.splitlines()) <= width
        assert COLOUR.sub("", coloured[name]) == plain != coloured[name]
    assert all(text.isascii() for text in texts(make, Look(width=width, unicode=False)).values())


def test_what_a_version_and_itself_are_told() -> None:
    one = version_from(version_data(signature=SIGNATURE))
    text = differences.terminal(compare(one, one))
    assert "= unchanged" in text
    assert "- unchanged" in differences.markdown(compare(one, one))
    assert json.loads(differences.json(compare(one, one)))["signature"]["needs"] == "patch"


def foreign(make: SimpleNamespace, text: str) -> list[tuple[str, str]]:
    """Everything that somebody else may have written, in each report: terminal and Markdown."""
    told = comparison()
    other = replace(told, notes=(Note(version="1.0.0", text=text),),
                      after=replace(told.after, parameters={text: text}, model=text),
                      sections={"parameters": tuple(
                          replace(item, name=text, before=text)
                          for item in told.sections["dependencies"])})  # fmt: skip
    past = timeline(make)
    waived = replace(WAIVER, reason=text, approved_by=text)
    events = tuple(
        replace(e, detail=text, by=(text,), kind=text, waivers=(waived,)) for e in past.events
    )
    asked = audit(make)
    served = tuple(
        replace(
            s,
            waivers=(waived,),
            deployment=replace(s.deployment, approvers=(text,), strategy=text),
        )
        for s in asked.served
    )
    look = Look(width=100)
    return [
        (differences.terminal(other, look), differences.markdown(other)),
        (
            timelines.terminal(replace(past, events=events), look),
            timelines.markdown(replace(past, events=events)),
        ),
        (
            audits.terminal(replace(asked, served=served), look, verbose=True),
            audits.markdown(replace(asked, served=served)),
        ),
    ]


def shape(markdown: str) -> list[str]:
    """What a text is made of, without its words; HTML of ours is breaks and small print alone."""
    parsed = MarkdownIt("commonmark").enable("table").parse(markdown)
    inner = [part for token in parsed for part in token.children or ()]
    html = [part.content for part in inner if part.type == "html_inline"]
    assert set(html) <= {"<br>", "<sub>", "</sub>"}
    assert not any(part.type in ("link_open", "image") for part in inner)
    return [token.type for token in parsed]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_foreign_text_acts_nowhere(
    make: SimpleNamespace, hostile: SimpleNamespace, data: st.DataObject
) -> None:
    text = data.draw(hostile.text)
    for (terminal, markdown), (_, plain) in zip(
        foreign(make, text), foreign(make, "x"), strict=True
    ):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", terminal)
        assert shape(markdown) == shape(plain)

"""Reports, boards and ledgers to render, golden files to hold them to, and hostile text."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st

from modelctl.domain.board import Board, Cell, Flag, FlagKind, LedgerRow, Row
from modelctl.domain.document import Location
from modelctl.domain.policy import ApprovalRule, Gate, Transition
from modelctl.domain.rules import Rule, Scope, Undecided
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.domain.waivers import Waiver
from modelctl.report import words

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 20, 10, 53, tzinfo=UTC)
MANIFEST = "models/tumor-classifier/versions/1.1.0.yaml"
QUALITY = "policies/gates/quality.yaml"
EVALUATE = "modelctl evidence evaluate tumor-classifier@1.1.0 --data HOLDOUT.parquet"


def below_the_threshold() -> Finding:
    return Finding(
        gate="classification-quality",
        outcome=Outcome.FAIL,
        message="classification models need F1 ≥ 0.85",
        rule="evidence.metrics.f1_score >= 0.85",
        because="classification models need F1 ≥ 0.85",
        values={"evidence.metrics.f1_score": "0.812"},
        location=Location(file=MANIFEST, line=31, column=29, path="metrics[1].value"),
        quote="  - {name: f1_score, value: 0.8120, dataset: tumor-holdout, sample_size: 171, "
        "lower: 0.77, upper: 0.85}",
        mend="train a better model; the threshold is policy",
        policy=Location(file=QUALITY, line=24, column=9),
    )


def worse_than_served() -> Finding:
    return Finding(
        gate="classification-quality",
        outcome=Outcome.FAIL,
        message="no worse than the version now served, by at most 0.01 of accuracy",
        rule="evidence.metrics.accuracy >= serving.metrics.accuracy - 0.01",
        values={"evidence.metrics.accuracy": "0.9123", "serving.metrics.accuracy": "0.9591"},
        location=Location(file=MANIFEST, line=30, column=28, path="metrics[0].value"),
        quote="  - {name: accuracy, value: 0.9123, dataset: tumor-holdout}",
        mend="compare the two with their run pages; promote only what is as good",
        policy=Location(file=QUALITY, line=33, column=9),
    )


def passing_rule() -> Finding:
    return Finding(
        gate="classification-quality",
        outcome=Outcome.PASS,
        message="classification models need ROC AUC ≥ 0.80",
        rule="evidence.metrics.roc_auc >= 0.80",
        values={"evidence.metrics.roc_auc": "0.981"},
        policy=Location(file=QUALITY, line=30, column=9),
    )


def stale_evidence() -> Finding:
    return Finding(
        gate="latency",
        outcome=Outcome.INCONCLUSIVE,
        message="no load-test evidence counts for tumor-classifier@1.1.0 (measured: dev)",
        values={
            "entry 12 on the ledger": "it is about another manifest (4be0d7b1c2aa…)",
            "entry 9 on the ledger": "it is older than 30 d (2026-10-01 08:00 UTC)",
        },
        because="Fast enough under load",
        location=Location(file=MANIFEST),
        quote="model: tumor-classifier",
        mend="produce the evidence and record it on the ledger",
        command="modelctl evidence record tumor-classifier@1.1.0 --kind load-test "
        "--environment dev --result locust_stats.json",
        policy=Location(file="policies/gates/performance.yaml", line=27, column=3),
    )


def unmeasured() -> Finding:
    return Finding(
        gate="fairness",
        outcome=Outcome.INCONCLUSIVE,
        message="the sample is too small to decide: 40",
        values={"sample_size": "40", "needs": "≥ 100"},
        mend="measure on at least 100 samples",
        command=EVALUATE,
        policy=Location(file="policies/gates/fairness.yaml", line=4, column=3),
    )


def unclaimed() -> Finding:
    return Finding(
        gate="claims",
        outcome=Outcome.INCONCLUSIVE,
        message="the claimed metrics were not measured by anyone else",
        mend="let a probe measure them",
        command=EVALUATE,
        policy=Location(file="policies/gates/common.yaml", line=35, column=3),
    )


def soaking() -> Finding:
    return Finding(
        gate="soak",
        outcome=Outcome.PENDING,
        message="it has served in dev for 3 h",
        values={"served": "3 h", "needs": "24 h"},
        until=NOW + timedelta(hours=21, minutes=12),
        policy=Location(file="policies/gates/rollout.yaml", line=5, column=3),
    )


def waived() -> Finding:
    return Finding(
        gate="explainability",
        outcome=Outcome.WAIVED,
        message="every version says how it comes to its answers",
        rule="evidence.explained_share >= 0.9",
        values={"evidence.explained_share": "0.82"},
        mend="explain more of the answers",
        policy=Location(file=QUALITY, line=61, column=9),
        waiver=waiver(),
    )


def waiver(**changes: Any) -> Waiver:
    said = Waiver(
        file="policies/waivers/tumor-classifier-1.1.0-explainability.yaml",
        model="tumor-classifier",
        version="1.1.0",
        digest="5d" * 32,
        gate="explainability",
        reason="the SHAP report follows with 1.1.1",
        requested_by="ada",
        approved_by="grace",
        created_at=NOW - timedelta(days=2),
        expires=NOW + timedelta(days=10),
    )
    return replace(said, **changes)


def passing(*gates: str) -> tuple[Finding, ...]:
    said = {
        "metadata": "all 6 required entries are there",
        "artifacts": "5 files, 1.2 MB, as listed byte for byte",
        "version-bump": "1.0.0 → 1.1.0 needs minor",
    }
    return tuple(
        Finding(gate=gate, outcome=Outcome.PASS, message=said.get(gate, "as it should be"))
        for gate in gates
    )


def subject(model: str = "tumor-classifier", version: str = "1.1.0") -> Subject:
    return Subject(
        model=model,
        version=version,
        environment="staging",
        digest="5d" * 32,
        blob="c0ffee" + "0" * 34,
    )


def verdict(*findings: Finding, about: Subject | None = None) -> Verdict:
    return Verdict(subject=about or subject(), findings=findings)


def report(*verdicts: Verdict) -> Report:
    return Report(
        title="promote/tumor-classifier/1.1.0/staging → develop",
        verdicts=verdicts,
        trusted="4f1c2a9b0d3e5f60718293a4b5c6d7e8f9012345",
        base="a" * 40,
        head="b" * 40,
        at=NOW,
        notes=("approvals needed: 1 ml-lead of oncology-ml (grace or linus)",),
    )


GOOD = passing(
    "metadata", "version-bump", "artifacts", "features", "serving", "quarantine", "evaluation-data"
)


def everything() -> Report:
    findings = (
        *GOOD[:4],
        below_the_threshold(),
        worse_than_served(),
        passing_rule(),
        stale_evidence(),
        unmeasured(),
        unclaimed(),
        soaking(),
        waived(),
        *GOOD[4:],
    )
    return report(verdict(*findings))


def several() -> Report:
    change = passing("documents", "immutability", "provenance", "placement")
    return report(
        verdict(*change, about=Subject()),
        verdict(*GOOD, soaking(), about=subject("churn-predictor", "2.0.0-rc.1")),
        verdict(*GOOD, below_the_threshold()),
        verdict(*GOOD, waived(), about=subject("income-regression", "1.4.2")),
    )


REPORTS: dict[str, Callable[[], Report]] = {
    "everything": everything,
    "several": several,
    "passes": lambda: report(verdict(*GOOD)),
    "pending": lambda: report(verdict(*GOOD, soaking())),
    "unjudged": lambda: report(verdict()),
    "nothing": report,
}


def ago(**span: int) -> datetime:
    return NOW - timedelta(**span)


def board() -> Board:
    tumor = Row(
        model="tumor-classifier",
        owner="oncology-ml",
        newest="1.2.0",
        next="3 gates: artifacts, claims, features",
        cells={
            "dev": Cell(
                version="1.1.0",
                stage="Validation",
                since=ago(hours=3),
                by=("ada",),
                strategy="immediate",
                next="2 gates: classification-quality, soak until 08:05 UTC",
            ),
            "staging": Cell(
                version="1.0.0",
                stage="Staging",
                since=ago(days=2, hours=4),
                by=("grace", "ada"),
                strategy="canary-standard",
            ),
            "production": Cell(
                version="1.0.0",
                stage="Production",
                since=ago(minutes=12),
                by=("grace", "linus", "ken"),
                strategy="canary-standard",
                weight=10,
                beside="0.9.4",
            ),
        },
    )
    churn = Row(
        model="churn-predictor",
        owner="growth-ml",
        newest="2.0.0",
        cells={
            "dev": Cell(version="2.0.0", stage="Validation", since=ago(seconds=20), by=("tim",)),
            "production": Cell(
                version="1.4.0",
                stage="Production",
                since=ago(days=130),
                by=("grace", "linus"),
                flags=(
                    Flag(kind=FlagKind.DRIFT, detail="main asks for 1.4.1"),
                    Flag(kind=FlagKind.REGISTRY, detail="alias production names version 7"),
                ),
            ),
        },
    )
    return Board(
        repository="acme/models",
        at=NOW,
        environments=("dev", "staging", "production"),
        rows=(tumor, churn),
    )


def ledger() -> tuple[LedgerRow, ...]:
    entries = (
        ("evaluation", "offline", "ci-evaluation", "f1_score 0.951, accuracy 0.965, 171 samples"),
        ("deployment", "dev", "ci-deploy", "immediate, approved by ada"),
        ("deployment", "staging", "ci-deploy", "canary-standard, approved by grace, ada"),
    )
    rows = [
        LedgerRow(
            model="tumor-classifier",
            seq=number,
            at=NOW - timedelta(days=9 - number),
            kind=kind,
            environment=environment,
            version="1.0.0",
            signer=signer,
            summary=summary,
        )
        for number, (kind, environment, signer, summary) in enumerate(entries, 1)
    ]
    forged = LedgerRow(
        model="tumor-classifier",
        seq=4,
        at=NOW,
        kind="evaluation",
        environment="offline",
        version="1.1.0",
        problem="no trusted key signed it",
    )
    return (*rows, forged)


class Written:
    """A rule as it stands in a policy, for what only prints it."""

    def __init__(self, source: str):
        self.source = source
        self.names: tuple[str, ...] = ()

    def decide(self, facts: object) -> bool | Undecided:
        raise AssertionError("a report decides nothing")


def gates() -> tuple[Gate, ...]:
    evaluate = "modelctl evidence evaluate {model}@{version} --data HOLDOUT.parquet"
    rules = (
        ("evidence.metrics.f1_score >= 0.85", "classification models need F1 ≥ 0.85", 24),
        (
            "evidence.metrics.accuracy >= serving.metrics.accuracy - 0.01",
            "no worse than the version now served, by at most 0.01 of accuracy",
            33,
        ),
    )
    quality = Gate(
        name="classification-quality",
        title="Classification models are good enough",
        scope=Scope(tasks=("classification",)),
        location=Location(file=QUALITY, line=18, column=3),
        evidence="evaluation",
        max_age=timedelta(days=90),
        min_sample=100,
        produce=evaluate,
        rules=tuple(
            Rule(
                expression=Written(source),
                because=because,
                location=Location(file=QUALITY, line=line, column=9),
            )
            for source, because, line in rules
        ),
    )
    metadata = Gate(
        name="metadata",
        title="Every version says where it comes from and how to explain it",
        scope=Scope(),
        location=Location(file="policies/gates/common.yaml", line=5, column=3),
        check="metadata",
        options={"require": ["changelog", "contact", "explainability"]},
    )
    load = Gate(
        name="load",
        title="Holds the load in the environment before",
        scope=Scope(environments=("staging", "production")),
        location=Location(file="policies/gates/performance.yaml", line=27, column=3),
        evidence="load-test",
        environment=("source",),
        max_age=timedelta(days=30),
        produce="modelctl evidence record {model}@{version} --kind load-test "
        "--environment {environment} --result locust_stats.json",
    )
    return metadata, quality, load


def transition() -> Transition:
    return Transition(
        from_branch="ml",
        to_branch="develop",
        environment="staging",
        stage="Staging",
        approvals=(ApprovalRule(role="ml-lead"), ApprovalRule(role="platform")),
        source="dev",
    )


@pytest.fixture(params=sorted(REPORTS))
def sample(request: pytest.FixtureRequest) -> tuple[str, Report]:
    """Each sample report with its name."""
    return request.param, REPORTS[request.param]()


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers and names of this module, for tests that build their own reports."""
    return SimpleNamespace(**globals())


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a golden file; `UPDATE_GOLDEN=1 pytest tests/report` writes them."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        assert text == path.read_bytes().decode("utf-8")

    return compare


BITS = [
    *("\n", "\r", "\r\n", "\t", "\0", "\x1b[31m", "\x9b2J", "\x7f", "\u2028", "\u202e", "\ud800"),
    *("::error::", "::", "##[error]", "%0A", "%25", ",", "=", "%"),
    *("|", "`", "```", "~~~", "<script>", "</details>", "<!--", "-->", "]]>", "&amp;", "&", "\\"),
    *("@octocat", "#1", "GH-1", "www.evil.example", "https://evil.example", ":tada:", "$x$"),
    *("[x](https://evil.example)", "![x](y)", "](", "*", "**", "_", "~~", "- ", "1. ", "> ", "# "),
    *("    ", " ", "---", "===", "{0}", "'", '"', "/", "..", "//evil.example", "javascript:"),
    *("a", "f1_score", "é", "漢字", "🎉", "\ufeff", "\ufffe", "\u200b"),
]
TEXT = st.lists(st.sampled_from(BITS), min_size=1, max_size=8).map("".join) | st.text(
    st.characters(exclude_categories=()), min_size=1, max_size=20
)
PLACES = st.builds(
    Location,
    file=TEXT,
    line=st.integers(1, 9999),
    column=st.integers(1, 200),
    path=st.just("") | TEXT,
)


def findings_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[Finding]:
    maybe = st.none() | text
    return st.builds(
        Finding,
        gate=text,
        outcome=st.sampled_from(Outcome),
        message=text,
        rule=maybe | st.just("evidence.metrics.f1_score >= 0.85"),
        because=maybe,
        values=st.dictionaries(text | st.just("evidence.metrics.f1_score"), text, max_size=3),
        location=st.none() | PLACES,
        quote=maybe,
        mend=maybe,
        command=maybe,
        policy=st.none() | PLACES,
        until=st.none() | st.just(NOW + timedelta(hours=2)),
        waiver=st.none() | st.builds(waiver, file=text, reason=text, approved_by=text),
    )


HOSTILE_REPORTS = st.builds(
    Report,
    title=TEXT,
    verdicts=st.lists(
        st.builds(
            Verdict,
            subject=st.builds(
                Subject, model=TEXT, version=st.none() | TEXT, environment=st.none() | TEXT
            ),
            findings=st.lists(findings_of(TEXT), max_size=4).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    trusted=st.none() | TEXT,
    base=st.none() | TEXT,
    head=st.none() | TEXT,
    at=st.none() | st.just(NOW),
    notes=st.lists(TEXT, max_size=2).map(tuple),
)


class Hostile:
    """Strategies for text that tries to be more than text, and reports made of it."""

    text = TEXT
    reports = HOSTILE_REPORTS


@pytest.fixture(scope="session")
def hostile() -> Hostile:
    return Hostile()


@pytest.fixture(scope="session")
def tame() -> Callable[[Report], Report]:
    """The same report in plain words: what the structure of its rendering should be.

    Equal texts stay equal, names stay names and comparisons stay comparisons.
    """

    def tamed(report: Report) -> Report:
        seen: dict[str, str] = {}

        def word(text: str) -> str:
            kind = "w" if words._NAME.fullmatch(text) else "some words "
            return seen.setdefault(text, text if text == "needs" else f"{kind}{len(seen)}")

        def rule(text: str) -> str:
            match = words._COMPARISON.fullmatch(text)
            return f"{word(match[1])} >= 1" if match else word(text)

        def walk(value: Any, name: str = "") -> Any:
            if isinstance(value, str) and not isinstance(value, Outcome) and name != "path":
                return rule(value) if name == "rule" else word(value)
            if isinstance(value, tuple):
                return tuple(walk(each) for each in value)
            if isinstance(value, Mapping):
                return {word(key): word(text) for key, text in value.items()}
            if is_dataclass(value):
                return replace(
                    value, **{f.name: walk(getattr(value, f.name), f.name) for f in fields(value)}
                )
            return value

        return walk(report)

    return tamed

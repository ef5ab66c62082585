"""Pages of pull requests to render: everything at once, many versions, hostile names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from modelctl.domain.approvals import ApprovalState, Missing
from modelctl.domain.checklists import AFTER, BEFORE, Checklist, Item, State, Tick, Ticked
from modelctl.domain.differences import compare
from modelctl.domain.document import Location
from modelctl.domain.evidence import AskedEvidence, Need, Rejected, Selection, Signed, Statement
from modelctl.domain.manifest import ModelVersion, version_from
from modelctl.domain.pages import ModelPage, Page, overlay_of
from modelctl.domain.rules import Scope
from modelctl.domain.verdict import Finding, Outcome, Report, Subject, Verdict
from modelctl.domain.voices import Counted, NotCounted
from support.keys import person
from support.world import HOLDOUT, version_data

AT = datetime(2026, 11, 20, 10, 53, tzinfo=UTC)
DIGEST = "5d" * 32
KEY = person("ci").trusted
HERE = Location(file="policies/checklists.yaml", line=3)

BEFORE_TEXT = """kind: Service
metadata:
  name: tumor-classifier
  annotations:
    modelctl.dev/version: "1.0.0"
spec:
  replicas: 2
  uri: models:/m-1
"""
AFTER_TEXT = BEFORE_TEXT.replace("1.0.0", "1.1.0").replace("m-1", "m-2")


def measured(version: str, accuracy: float, f1: float) -> Statement:
    """An evaluation with intervals."""
    metrics = {"accuracy": accuracy, "f1_score": f1, "log_loss": 0.3 if f1 > 0.9 else 0.4}
    return Statement(
        kind="evaluation",
        subject=f"models/tumor-classifier/versions/{version}.yaml",
        digest=DIGEST,
        made_at=AT - timedelta(hours=2),
        environment="offline",
        predicate={
            "passed": True,
            "metrics": metrics,
            "lower": {name: value - 0.02 for name, value in metrics.items()},
            "upper": {name: value + 0.02 for name, value in metrics.items()},
            "sample_size": 171,
            "dataset": {"name": "tumor-holdout", "digest": HOLDOUT},
        },
    )


def signed(statement: Statement, seq: int = 12) -> Signed:
    """The statement as it lies on the ledger."""
    return Signed(
        statement=statement,
        envelope_digest="e" * 64,
        keys=(replace(KEY, valid_from=AT - timedelta(days=9)),),
        place=f"models/tumor-classifier/0000/{seq:08d}-{statement.kind}.json",
        seq=seq,
    )


def asked() -> tuple[AskedEvidence, ...]:
    """One kind that counts, one that is too old, one of which there is nothing."""
    good = signed(measured("1.1.0", 0.95, 0.93))
    old = signed(replace(measured("1.1.0", 0.9, 0.9), kind="load-test"), 9)
    days = timedelta(days=30)
    stale = Rejected(signed=old, reason="it is older than 30 d (2026-10-01 08:00 UTC)")
    return (
        AskedEvidence(
            need=Need(kind="evaluation", environments=("offline",), max_age=3 * days),
            gates=("classification-quality", "claims"),
            selection=Selection(chosen=good, rejected=()),
        ),
        AskedEvidence(
            need=Need(kind="load-test", environments=("dev", "staging"), max_age=days),
            gates=("latency",),
            selection=Selection(chosen=None, rejected=(stale,)),
        ),
        AskedEvidence(
            need=Need(kind="unit-tests", environments=("offline",)),
            gates=("tests",),
            selection=Selection(chosen=None, rejected=()),
        ),
    )


def item(text: str, state: State, why: str = "") -> Ticked:
    """A line of a checklist."""
    line = Item(text=text, fact="by", name="", scope=Scope(), location=HERE)
    return Ticked(item=line, tick=Tick(state=state, why=why))


def checklist() -> Checklist:
    """Two of four are done."""
    return Checklist(
        subject="tumor-classifier@1.1.0",
        environment="staging",
        lists={
            BEFORE: (
                item("The metrics meet their thresholds", State.DONE, "gate quality passes"),
                item("The artifacts were scanned", State.DONE, "security-scan of yesterday"),
                item("The documentation is up to date", State.BY_HAND),
            ),
            AFTER: (item("It serves", State.WAITING, "it isn't deployed to staging yet"),),
        },
    )


def versions(names: Sequence[str] = ()) -> tuple[ModelVersion, ModelVersion]:
    """The served version and the next one; `names` are further metrics."""
    more = [{"name": name, "value": 0.5} for name in names]
    old, new = (
        version_from(
            version_data(
                number,
                metrics=[{"name": "recall", "value": 0.9}, *more],
                latency={},
            )
        )
        for number in ("1.0.0", "1.1.0")
    )
    return old, new


def model_page(verdict: Verdict, **changes: Any) -> ModelPage:
    """A version with everything that explains it, changed as asked for."""
    before, after = versions()
    evaluations = measured("1.0.0", 0.94, 0.86), measured("1.1.0", 0.95, 0.93)
    found = ModelPage(
        verdict=verdict,
        served="1.0.0",
        stage="Validation",
        stage_after="Staging",
        comparison=compare(before, after, evaluations),
        evidence=asked(),
        overlay=overlay_of(BEFORE_TEXT, AFTER_TEXT),
        checklist=checklist(),
    )
    return replace(found, **changes)


def approved(*missing: Missing, **changes: Any) -> ApprovalState:
    """Lena approved as ml-lead; ben's approval is of another commit."""
    found = ApprovalState(
        chosen=MappingProxyType({"ml-lead": ("lena",)}),
        missing=missing,
        counted=(Counted(login="lena", roles=("ml-lead",)),),
        not_counted=(
            NotCounted(
                login="ben",
                state="APPROVED",
                reason="approved another commit (4be0d7b1c2aa), not the head",
            ),
            NotCounted(login="codecov[bot]", state="COMMENTED", reason="is a bot"),
        ),
        blocking=(),
    )
    return replace(found, **changes)


PLATFORM = Missing(role="platform", count=1, owner=None, candidates=("pat", "quinn"))


def page(report: Report, **changes: Any) -> Page:
    """The page of a report: each verdict about a version has everything that explains it."""
    found = Page(
        number=12,
        author="ada",
        base="develop",
        head="b" * 40,
        report=report,
        environment="staging",
        approvals=approved(),
        files=frozenset({"models/tumor-classifier/versions/1.1.0.yaml"}),
        models=tuple(model_page(v) for v in report.verdicts if v.subject.model),
    )
    return replace(found, **changes)


def lacking(gate: str = "approvals") -> Finding:
    """What the gate of approvals says while one is missing."""
    return Finding(
        gate=gate,
        outcome=Outcome.FAIL,
        message="1 approval by platform is missing",
        mend="ask one of: pat, quinn (platform)",
    )


def many(number: int, findings: Sequence[Finding]) -> Page:
    """So many versions, each with these findings and everything that explains it."""
    verdicts = tuple(
        Verdict(
            subject=Subject(model=f"model-{n:03d}", version="1.1.0", environment="staging"),
            findings=tuple(findings),
        )
        for n in range(number)
    )
    whole = Verdict(
        subject=Subject(), findings=(Finding(gate="mixing", outcome=Outcome.PASS, message="fine"),)
    )
    return page(
        Report(title="promotion into develop", verdicts=(whole, *verdicts), trusted="4" * 40, at=AT)
    )

"""What is wrong with rollback.yaml and monitoring.yaml that no single file can know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.adapters.schema import schema
from modelctl.adapters.strategy_problems import named_twice
from modelctl.domain.document import Document, Path
from modelctl.domain.policy import Policy
from modelctl.domain.recurrence import wrong

Row = Mapping[str, Any]
_REHEARSAL = "rehearsal"


def operations_problems(policy: Policy, documents: Mapping[str, Document]) -> Problems:
    """Everything that is wrong with these documents, which fit their schemas."""
    if "rollback" in documents:
        document = documents["rollback"]
        yield from _watched(policy, document, ("triggers",), document.data["triggers"])
        yield from _where_rehearsed(policy, document)
        yield from _ticked(document)
    if "monitoring" in documents:
        document = documents["monitoring"]
        yield from _watched(policy, document, ("alerts",), document.data["alerts"])
        yield from _channels(document)
        yield from _retraining(policy, document)
    yield from _rehearsed_by(policy, documents)


def _watched(policy: Policy, document: Document, path: Path, rows: Iterable[Row]) -> Problems:
    """Names of conditions, and what they apply to that nothing has: they would never watch."""
    rows = list(rows)
    yield from named_twice(document, path, rows)
    model = schema("model")["properties"]
    known = {
        "environments": ("environment", policy.lifecycle.environments),
        "tasks": ("task", model["task"]["enum"]),
        "tiers": ("tier", model["tier"]["enum"]),
        "targets": ("target", model["serving"]["properties"]["target"]["enum"]),
    }
    for index, row in enumerate(rows):
        for key, (what, names) in known.items():
            for number, name in enumerate(row.get("applies", {}).get(key, ())):
                if name not in names:
                    place = (*path, index, "applies", key, number)
                    yield unknown(document, place, what, name, names)


def _where_rehearsed(policy: Policy, document: Document) -> Problems:
    rehearsal, environments = policy.rollback.rehearsal, policy.lifecycle.environments
    if rehearsal is None:
        return
    if rehearsal.environment not in environments:
        path = (_REHEARSAL, "environment")
        yield unknown(document, path, "environment", rehearsal.environment, environments)
    if not any(gate.check == _REHEARSAL for gate in policy.gates):
        yield PolicyProblem(
            location=document.locate((_REHEARSAL,)),
            message="a rehearsal is asked for, and no gate looks at it",
            mend="add a gate with check: rehearsal, or remove it",
        )


def _ticked(document: Document) -> Problems:
    """Lines that are to be ticked by a fact, and that the checklist doesn't have."""
    incident = document.data["incident"]
    lines = incident.get("checklist", ())
    for fact, line in incident.get("ticked", {}).items():
        if line not in lines:
            yield PolicyProblem(
                location=document.locate(("incident", "ticked", fact)),
                message=f"the checklist has no line {line!r}",
                mend="write it as the checklist has it",
            )


def _rehearsed_by(policy: Policy, documents: Mapping[str, Document]) -> Iterator[PolicyProblem]:
    for gate in policy.gates:
        if gate.check == _REHEARSAL and policy.rollback.rehearsal is None:
            where = documents["rollback"].file if "rollback" in documents else "rollback.yaml"
            yield PolicyProblem(
                location=gate.location,
                message="nothing says where and how lately a rollback must have been rehearsed",
                mend=f"add rehearsal: {{environment: …, max_age: 30d}} to {where}",
            )


def _channels(document: Document) -> Problems:
    for index, alert in enumerate(document.data["alerts"]):
        if alert["severity"] not in document.data["channels"]:
            yield PolicyProblem(
                location=document.locate(("alerts", index, "severity")),
                message=f"nobody would hear it: {alert['severity']} alerts have no channel",
                mend=f"add channels: {{{alert['severity']}: [slack]}}",
            )


def _retraining(policy: Policy, document: Document) -> Problems:
    path: Path = ("retraining",)
    row = document.data.get("retraining", {})
    yield from _watched(policy, document, (*path, "triggers"), row.get("triggers", ()))
    schedule = policy.monitoring.retraining.schedule
    for problem in wrong(schedule) if schedule else ():
        yield PolicyProblem(
            location=document.locate((*path, "schedule", problem.field)),
            message=problem.message,
            mend=problem.mend,
        )

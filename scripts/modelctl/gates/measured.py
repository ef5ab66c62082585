"""The evidence that a gate goes by: what was measured, or why nothing counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.evidence import Selection, Statement, select
from modelctl.domain.facts import measured_facts
from modelctl.domain.policy import Gate
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, command, failed, inconclusive, reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the evidence for a gate says. `statement` is None where none counts.

    `facts` are those of `modelctl.domain.facts` under `evidence`; `findings` say what speaks
    against the evidence itself: that there is none, that it failed, that it saw too little.
    """

    statement: Statement | None
    facts: Mapping[str, Any]
    findings: tuple[Finding, ...]


def measured(gate: Gate, candidate: Candidate, facts: Facts) -> Measured:
    """The newest evidence that counts for this gate and this very version."""
    need = gate.need(candidate.transition)
    selection = select(facts.signed, need, candidate.digest, facts.now)
    statement = selection.chosen.statement if selection.chosen else None
    if statement is None:
        finding = _none_counts(gate, candidate, selection)
        return Measured(statement=None, facts={}, findings=(finding,))
    return Measured(
        statement=statement,
        facts=measured_facts(statement, "evidence"),
        findings=tuple(_about_the_run(gate, candidate, statement)),
    )


def made(statement: Statement) -> str:
    """A statement as people name it."""
    return f"{statement.kind} of {statement.made_at:%Y-%m-%d %H:%M UTC}"


def _none_counts(gate: Gate, candidate: Candidate, selection: Selection) -> Finding:
    """What is missing, why what is there doesn't count, and the command that produces it."""
    need = gate.need(candidate.transition)
    where = " or ".join(need.environments)
    return inconclusive(
        gate,
        f"no {need.kind} evidence counts for {candidate.name} (measured: {where})",
        values=reasons(selection, candidate.version_document.file),
        because=gate.title,
        mend="produce the evidence and record it on the ledger",
        command=command(gate.produce, candidate),
        **at(candidate),
    )


def _about_the_run(gate: Gate, candidate: Candidate, statement: Statement) -> Iterator[Finding]:
    if statement.passed is False:
        yield failed(
            gate,
            f"the {made(statement)} failed",
            mend="mend what failed, and run it again",
            command=command(gate.produce, candidate),
            **at(candidate),
        )
    if statement.passed is None and statement.predicate.get("passed") is not None:
        yield inconclusive(
            gate,
            f"the {made(statement)} says neither true nor false of whether it passed",
            mend="let the job that measures write passed: true or false, or leave it out",
            command=command(gate.produce, candidate),
            **at(candidate),
        )
    size = statement.predicate.get("sample_size")
    if gate.min_sample is not None and not (isinstance(size, int) and size >= gate.min_sample):
        yield inconclusive(
            gate,
            f"the sample is too small to decide: {size if size is not None else 'not stated'}",
            values={"sample_size": str(size), "needs": f"≥ {gate.min_sample}"},
            mend=f"measure on at least {gate.min_sample} samples",
            command=command(gate.produce, candidate),
            **at(candidate),
        )

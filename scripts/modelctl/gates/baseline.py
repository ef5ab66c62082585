"""The served version as a measure: its facts, or why it can't be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.evidence import select
from modelctl.domain.facts import measured_facts
from modelctl.domain.policy import Gate
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, command, inconclusive, passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The facts about the version that the target serves now, under `serving`.

    `problem` says why there are none although something is served. `nothing_served` lets a
    comparison pass that nothing else decides: the first version has nothing to be worse than.
    """

    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    problem: str | None = None
    nothing_served: bool = False
    version: str | None = None


def served_facts(
    gate: Gate, candidate: Candidate, facts: Facts, known: Mapping[str, Any]
) -> Baseline:
    """What the newest evidence says about the served version, however old it is.

    `known` are the facts about the version that is judged: both must have been measured on one
    dataset, unless the gate has `same_dataset: false`.
    """
    served = facts.served
    if served is None:
        return Baseline(nothing_served=True)
    here: dict[str, Any] = {"serving.version": served.version}
    if gate.evidence is None:
        return Baseline(facts=here, version=served.version)
    need = gate.need(candidate.transition).ageless()
    chosen = select(facts.signed, need, served.digest, facts.now).chosen
    name = f"{candidate.model.name}@{served.version}"
    which = f"{name}, which {candidate.transition.environment} serves,"
    if chosen is None or chosen.statement is None:
        return Baseline(problem=f"{which} has no {need.kind} evidence", version=served.version)
    here |= measured_facts(chosen.statement, "serving")
    ours, theirs = known.get("evidence.dataset.digest"), here.get("serving.dataset.digest")
    if gate.same_dataset and ours != theirs:
        problem = f"{which} was measured on other data, so the two can't be compared"
        return Baseline(problem=problem, version=served.version)
    return Baseline(facts=here, version=served.version)


def incomparable(gate: Gate, candidate: Candidate, baseline: Baseline, **details: Any) -> Finding:
    """The served version has a problem, and nothing can be compared with it."""
    return inconclusive(
        gate,
        baseline.problem or "",
        mend="measure the served version on the same data",
        command=command(gate.produce, candidate, version=baseline.version),
        **details,
        **at(candidate),
    )


def nothing_to_compare(gate: Gate, candidate: Candidate, **details: Any) -> Finding:
    """The target serves nothing yet, so there is nothing to be worse than."""
    where = candidate.transition.environment
    return passed(gate, f"{where} serves no version yet to compare with", **details)

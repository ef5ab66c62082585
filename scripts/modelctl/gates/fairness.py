"""Fairness: each protected group is served well, and large enough to tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, command, failed, inconclusive, passed, show
from modelctl.gates.measured import measured


def check_fairness(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """`metric` of each group of each protected column must be at least `minimum`.

    A group that is too small to measure is undecided, unless `allow_small` says otherwise.
    """
    columns = candidate.model.data_contract.protected_groups
    if not columns:
        yield passed(gate, "the data contract names no protected groups")
        return
    evidence = measured(gate, candidate, facts)
    yield from evidence.findings
    if evidence.statement is None:
        return
    known = evidence.facts
    findings = [f for column in columns for f in _column(gate, candidate, column, known)]
    findings.extend(_small(gate, candidate, known))
    yield from findings
    if not findings:
        metric, minimum = gate.options["metric"], gate.options["minimum"]
        yield passed(gate, f"{metric} ≥ {minimum} in every group of {', '.join(columns)}")


def _column(
    gate: Gate, candidate: Candidate, column: str, known: Mapping[str, Any]
) -> Iterator[Finding]:
    groups = known.get("evidence.groups", {}).get(column)
    if not groups:
        yield inconclusive(
            gate,
            f"nothing was measured by {column}",
            mend=f"evaluate on data that has the column {column}",
            command=command(gate.produce, candidate),
            **at(candidate),
        )
        return
    metric, minimum = gate.options["metric"], gate.options["minimum"]
    for group, figures in groups.items():
        value, name = figures.get(metric), f"{column} = {group}"
        if value is None:
            yield inconclusive(gate, f"there is no {metric} for {name}", **at(candidate))
        elif value < minimum:
            yield failed(
                gate,
                f"{metric} is too low for {name}",
                values={metric: show(value), "needs": f"≥ {minimum}", **_size(figures)},
                because=gate.title,
                mend="look at the group's share of the training data",
                **at(candidate),
            )


def _small(gate: Gate, candidate: Candidate, known: Mapping[str, Any]) -> Iterator[Finding]:
    small = known.get("evidence.labels", {}).get("small_groups")
    if small and not gate.options.get("allow_small", False):
        yield inconclusive(
            gate,
            f"too few samples to tell for {small}",
            mend="add samples of these groups to the held-out data, or set allow_small in the gate",
            **at(candidate),
        )


def _size(figures: Mapping[str, float]) -> Mapping[str, str]:
    """How many samples the group has, where the probe says so."""
    return {"samples": f"{figures['n']:.0f}"} if "n" in figures else {}

"""Rehearsal: before a version goes further, going back was tried, and was fast enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.evidence import human
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.verdict import Finding
from modelctl.gates.findings import at, command, failed, inconclusive, passed
from modelctl.gates.measured import measured

_STILL_THERE = {
    "artifacts_present": "the artifacts of the version before",
    "features_present": "the features of the version before",
}


def check_rehearsal(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """A rollback was rehearsed where and as lately as rollback.yaml asks, and ended in time.

    In time is within what rollback.yaml allows, and within the model's own SLA where that is less.
    """
    rehearsal = policy.rollback.rehearsal
    if rehearsal is None:
        mend = "add rehearsal: {environment: …, max_age: 30d} to policies/rollback.yaml"
        yield inconclusive(gate, "no policy says where to rehearse a rollback", mend=mend)
        return
    asked = replace(gate, environment=(rehearsal.environment,), max_age=rehearsal.max_age)
    evidence = measured(asked, candidate, facts)
    yield from evidence.findings
    if evidence.statement is None:
        return
    known, limit = evidence.facts, _limit(candidate, policy)
    yield _in_time(gate, candidate, known, limit)
    for name, what in _STILL_THERE.items():
        yield from _still_there(gate, candidate, known.get(f"evidence.{name}"), what)


def _limit(candidate: Candidate, policy: Policy) -> timedelta:
    promised = candidate.model.sla.get("rollback_seconds")
    within = policy.rollback.within
    return within if promised is None else min(within, timedelta(seconds=float(promised)))


def _in_time(
    gate: Gate, candidate: Candidate, known: Mapping[str, Any], limit: timedelta
) -> Finding:
    took = known.get("evidence.seconds")
    if took is None:
        return _unsaid(gate, candidate, "how long it took: seconds")
    values = {"took": f"{took:.1f} s", "needs": f"≤ {human(limit)}"}
    if took <= limit.total_seconds():
        return passed(gate, f"the rehearsed rollback took {took:.1f} s", values=values)
    return failed(
        gate,
        "the rehearsed rollback took too long",
        values=values,
        because=gate.title,
        mend="find what is slow in the way back, and rehearse it again",
        **at(candidate),
    )


def _still_there(
    gate: Gate, candidate: Candidate, there: bool | None, what: str
) -> Iterator[Finding]:
    if there is None:
        yield _unsaid(gate, candidate, f"whether {what} are there")
    elif not there:
        mend = "put them back: nobody can go back without them"
        yield failed(gate, f"{what} are gone", because=gate.title, mend=mend, **at(candidate))


def _unsaid(gate: Gate, candidate: Candidate, what: str) -> Finding:
    return inconclusive(
        gate,
        f"the rehearsal doesn't say {what}",
        mend="rehearse it with a tool that says so",
        command=command(gate.produce, candidate),
        **at(candidate),
    )

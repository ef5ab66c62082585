"""Rules over evidence: thresholds, no regression, fairness, latency, and whatever a policy adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.evidence import Statement
from modelctl.domain.facts import subject_facts
from modelctl.domain.policy import Gate, Policy
from modelctl.domain.rules import Rule, Undecided
from modelctl.domain.verdict import Finding
from modelctl.gates.baseline import Baseline, incomparable, nothing_to_compare, served_facts
from modelctl.gates.findings import at, command, failed, inconclusive, passed, show
from modelctl.gates.measured import made, measured

_MISSING, _SERVING = "missing", "serving."


def check_rules(
    gate: Gate, candidate: Candidate, policy: Policy, facts: Facts
) -> Iterator[Finding]:
    """One finding for each rule, or one that says which evidence is missing."""
    known = subject_facts(candidate.model, candidate.version)
    known |= strategy.facts if (strategy := candidate.strategy(policy)) else {}
    if gate.evidence is not None:
        evidence = measured(gate, candidate, facts)
        yield from evidence.findings
        if evidence.statement is None:
            return
        if not gate.rules:
            yield from _by_result(gate, candidate, evidence.statement)
        known |= evidence.facts
    baseline = served_facts(gate, candidate, facts, known)
    for rule in gate.rules:
        yield _judge(rule, gate, candidate, known, baseline)


def _by_result(gate: Gate, candidate: Candidate, statement: Statement) -> Iterator[Finding]:
    """A gate without rules goes by the producer's own result; a failure was told already."""
    if statement.passed is None:
        told = f"the {made(statement)} doesn't say whether it passed"
        yield inconclusive(gate, told, **at(candidate))
    elif statement.passed:
        yield passed(gate, f"the {made(statement)} passed")


def _judge(
    rule: Rule, gate: Gate, candidate: Candidate, known: Mapping[str, Any], baseline: Baseline
) -> Finding:
    details: dict[str, Any] = {
        "rule": rule.expression.source,
        "because": rule.because,
        "policy": rule.location,
    }
    compares = any(name.startswith(_SERVING) for name in rule.expression.names)
    if compares and baseline.problem:
        return incomparable(gate, candidate, baseline, **details)
    facts = {**known, **baseline.facts}
    answer = rule.expression.decide(facts)
    if isinstance(answer, Undecided) and baseline.nothing_served and _lacks_only(rule, facts):
        return nothing_to_compare(gate, candidate, **details)
    details["values"] = _values(rule, facts)
    if isinstance(answer, Undecided):
        return inconclusive(
            gate,
            f"can't be decided: {answer.reason}",
            mend=rule.mend or "measure what is missing",
            command=command(gate.produce, candidate),
            **details,
            **at(candidate),
        )
    if answer:
        return passed(gate, rule.because, **details)
    return failed(gate, rule.because, mend=rule.mend, **details, **_place(rule, candidate))


def _lacks_only(rule: Rule, facts: Mapping[str, Any]) -> bool:
    """Whether all that a comparison lacks is the served version: what it asks of the version
    itself is there, and didn't decide against it."""
    missing = [name for name in rule.expression.names if _lookup(name, facts) == _MISSING]
    return bool(missing) and all(name.startswith(_SERVING) for name in missing)


def _values(rule: Rule, facts: Mapping[str, Any]) -> dict[str, str]:
    """The facts that the rule reads, by their names in it, each as it was found."""
    return {name: show(_lookup(name, facts)) for name in rule.expression.names}


def _lookup(name: str, facts: Mapping[str, Any]) -> Any:
    """A fact by the longest declared name, then by the keys of its map."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if (value := facts.get(".".join(parts[:end]))) is not None:
            for key in parts[end:]:
                if not isinstance(value, Mapping):
                    break
                value = value.get(key, _MISSING)
            return value
    return _MISSING


def _place(rule: Rule, candidate: Candidate) -> Mapping[str, Any]:
    """The claimed metric that the rule is about, so that the finding stands at its line."""
    for name in rule.expression.names:
        if name.startswith("evidence.metrics."):
            return at(candidate, *candidate.metric_path(name.rsplit(".", 1)[1]))
    return at(candidate)

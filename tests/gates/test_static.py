"""The static part of the gates: what documents alone decide, of any version at any time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.candidate import Candidate, Facts
from modelctl.domain.policy import Gate, Policy, Role
from modelctl.domain.rules import Scope
from modelctl.domain.verdict import Finding, Outcome
from modelctl.domain.waivers import Waiver
from modelctl.gates import CHECKS
from modelctl.gates.static import RELEASED, STATIC, judge_static, static_gates
from support.judging import DIGEST, candidate, gate, policy
from support.keys import NOW

METADATA = gate(check="metadata", name="metadata", evidence=None, options={"require": ["tags"]})
BUMP = gate(check="version-bump", name="version-bump", evidence=None)
SERVING = gate(check="serving", name="serving", evidence=None)
FORMATS = gate(check="artifacts", name="artifacts", options={"forbid": [".pkl"]})
SMALL = gate("version.size_mb < 0.001", name="small", evidence=None)
ALL = policy(gates=(METADATA, BUMP, SERVING, FORMATS, SMALL))


def found(rules: Policy, one: Candidate) -> list[Finding]:
    return list(judge_static(static_gates(rules, one.model), one, rules, Facts(now=NOW)))


def told(rules: Policy, one: Candidate) -> list[str]:
    return [finding.gate for finding in found(rules, one)]


def test_every_static_check_is_one_of_the_gates() -> None:
    assert {*STATIC, *RELEASED} <= set(CHECKS)


def test_a_version_is_held_to_what_its_documents_say() -> None:
    assert told(ALL, candidate(manifest={"tags": {"team": "x"}})) == ["small"]
    assert told(ALL, candidate()) == ["metadata", "small"]
    pickled = {"root": "models:/m-1", "files": [{"path": "a.PKL", "sha256": "c" * 64, "size": 1}]}
    assert told(ALL, candidate(manifest={"artifacts": pickled})) == ["metadata", "artifacts"]


def test_it_is_held_to_the_version_before_it() -> None:
    before = candidate().version
    outputs = {"inputs": [], "outputs": [{"name": "other", "type": "long"}]}
    after = candidate(manifest={"version": "1.0.1", "signature": outputs}, predecessors=(before,))
    rules = policy(gates=(BUMP,))
    assert told(rules, candidate()) == []
    [finding] = found(rules, after)
    assert (finding.gate, finding.outcome) == ("version-bump", Outcome.FAIL)


def test_only_the_released_version_is_held_to_the_target_and_in_every_environment() -> None:
    unknown = candidate(release={"strategies": {"dev": "odd", "production": "strange"}})
    rules = policy(gates=(SERVING,))
    assert [f.message for f in found(rules, unknown)] == [
        "there is no strategy odd in the policy",
        "there is no strategy strange in the policy",
    ]
    assert told(rules, replace(unknown, release=None, release_document=None)) == []


def test_what_is_wrong_everywhere_is_told_once() -> None:
    ignored = candidate(model={"serving": {"target": "gateway-api", "mode": "knative"}})
    [finding] = found(policy(gates=(SERVING,)), ignored)
    assert "knative" in finding.message


@pytest.mark.parametrize(
    "one",
    [
        gate("evidence.metrics.f1_score >= 0.85", name="quality"),
        gate('serving.version != "1.0.0"', name="moved", evidence=None),
        gate(check="soak", name="soak", evidence=None),
        gate(check="claims", name="claims"),
        gate(check="reviews", name="reviews", evidence=None),
    ],
    ids=lambda one: one.name,
)
def test_what_needs_evidence_history_or_people_is_not_asked(one: Gate) -> None:
    assert static_gates(policy(gates=(one,)), candidate().model) == ()


def test_of_a_gate_with_several_rules_those_about_documents_are_asked() -> None:
    mixed = gate('serving.version != "1.0.0"', 'model.tier == "critical"', evidence=None)
    [one] = static_gates(policy(gates=(mixed,)), candidate().model)
    assert [rule.expression.source for rule in one.gate.rules] == ['model.tier == "critical"']


def test_a_gate_counts_once_where_it_stands_on_any_way() -> None:
    elsewhere = replace(SMALL, scope=Scope(tasks=("regression",)))
    late = replace(SMALL, scope=Scope(environments=("staging", "production")))
    assert static_gates(policy(gates=(elsewhere,)), candidate().model) == ()
    [one] = static_gates(policy(gates=(late,)), candidate().model)
    assert [step.environment for step in one.steps] == ["staging"]


def test_what_is_waived_does_not_block() -> None:
    waiver = Waiver(
        file="policies/waivers/x.yaml",
        model=candidate().model.name,
        version="1.0.0",
        digest=DIGEST,
        gate="small",
        reason="because",
        requested_by="ada",
        approved_by="pat",
        created_at=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=1),
    )
    platform = Role(name="platform", description="runs", members=frozenset({"pat"}))
    waivable = replace(SMALL, waivable_by=("platform",))
    rules = policy(gates=(waivable,), waivers=(waiver,), roles={"platform": platform})
    [finding] = found(rules, candidate())
    assert finding.gate == "small"
    assert (finding.outcome, finding.waiver) == (Outcome.WAIVED, waiver)

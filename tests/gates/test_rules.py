"""Rules over evidence: they hold, they don't, or nobody can tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.policies import load_policy
from modelctl.domain.candidate import Facts, Served
from modelctl.domain.policy import Gate
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.rules import check_rules
from support.judging import candidate, facts, gate, policy, signed
from support.trees import MemoryTree
from support.world import LOAD, MODEL, PROJECT

F1 = "evidence.metrics.f1_score >= 0.85"
NO_WORSE = "evidence.metrics.accuracy >= serving.metrics.accuracy - 0.01"
SERVED = Served(version="0.9.0", digest="9" * 64)


def found(asked: Gate, known: Facts, **changes: Any) -> list[Finding]:
    """What the gate finds about the candidate."""
    return list(check_rules(asked, candidate(**changes), policy(), known))


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0.85, Outcome.PASS), (0.8499, Outcome.FAIL), (None, Outcome.INCONCLUSIVE)],
)
def test_a_threshold(value: float | None, outcome: Outcome) -> None:
    [finding] = found(gate(F1), facts(signed(metrics={"f1_score": value})))
    assert finding.outcome is outcome
    assert finding.rule == F1
    assert finding.values["evidence.metrics.f1_score"] == (f"{value:.4g}" if value else "missing")


def test_a_failure_stands_at_the_claim_it_is_about() -> None:
    [finding] = found(gate(F1), facts(signed(metrics={"f1_score": 0.1})))
    assert finding.location is not None
    assert finding.location.path == "metrics[0]"
    assert (finding.quote or "").strip() == "- name: f1_score"


def test_a_failure_about_what_is_not_claimed_stands_at_the_metrics() -> None:
    rule = "evidence.metrics.recall >= 0.9"
    [finding] = found(gate(rule), facts(signed(metrics={"recall": 0.1})))
    assert finding.location is not None
    assert finding.location.path == "metrics"


def test_a_failure_about_anything_else_stands_at_the_manifest() -> None:
    [finding] = found(gate("evidence.latency.p99_ms <= 1.0"), facts(signed()))
    assert finding.location is not None
    assert finding.location.path == ""


def test_nothing_passes_without_evidence() -> None:
    [finding] = found(gate(F1), facts())
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.command == f"make {MODEL}@1.0.0 in dev"


def test_each_statement_that_does_not_count_says_why() -> None:
    asked = gate(F1, max_age=timedelta(days=1))
    old, other = signed(age=timedelta(days=2), seq=4), signed("3" * 64, seq=5)
    [finding] = found(asked, facts(old, other))
    assert set(finding.values) == {"entry 4 on the ledger", "entry 5 on the ledger"}


def test_a_run_that_failed_fails() -> None:
    outcomes = [f.outcome for f in found(gate(F1), facts(signed(passed=False)))]
    assert outcomes == [Outcome.FAIL, Outcome.PASS]


@pytest.mark.parametrize(
    ("passed", "outcome"),
    [(True, Outcome.PASS), (False, Outcome.FAIL), (None, Outcome.INCONCLUSIVE)],
)
def test_a_gate_without_rules_goes_by_the_result(passed: bool | None, outcome: Outcome) -> None:
    [finding] = found(gate(), facts(signed(passed=passed)))
    assert finding.outcome is outcome


@pytest.mark.parametrize(
    ("size", "outcome"),
    [(100, Outcome.PASS), (99, Outcome.INCONCLUSIVE), (None, Outcome.INCONCLUSIVE)],
)
def test_a_sample_must_be_large_enough(size: int | None, outcome: Outcome) -> None:
    asked = gate("evidence.passed", min_sample=100)
    outcomes = {f.outcome for f in found(asked, facts(signed(sample_size=size)))}
    assert outcome in outcomes


@pytest.mark.parametrize(
    ("theirs", "outcome"), [(0.95, Outcome.PASS), (0.96, Outcome.FAIL)]
)  # ours is 0.94
def test_no_worse_than_what_is_served(theirs: float, outcome: Outcome) -> None:
    serving = signed(SERVED.digest, seq=2, metrics={"accuracy": theirs})
    [finding] = found(gate(NO_WORSE), facts(signed(), serving, served=SERVED))
    assert finding.outcome is outcome
    assert finding.values["serving.metrics.accuracy"] == f"{theirs:.4g}"


def test_the_first_version_has_nothing_to_be_worse_than() -> None:
    [finding] = found(gate(NO_WORSE), facts(signed()))
    assert finding.outcome is Outcome.PASS
    assert "serves no version yet" in finding.message


@pytest.mark.parametrize(
    ("metrics", "outcome"),
    [
        ({"accuracy": 0.84}, Outcome.FAIL),
        ({"accuracy": 0.94}, Outcome.PASS),
        ({}, Outcome.INCONCLUSIVE),
    ],
)
def test_a_comparison_hides_no_threshold_of_a_first_version(
    metrics: dict[str, float], outcome: Outcome
) -> None:
    both = f"evidence.metrics.accuracy >= 0.85 && {NO_WORSE}"
    [finding] = found(gate(both), facts(signed(metrics=metrics)))
    assert finding.outcome is outcome


def test_a_comment_about_the_served_version_is_no_comparison() -> None:
    rule = f"{F1} // later: serving.metrics.f1_score"
    [finding] = found(gate(rule), facts(signed(metrics={"f1_score": 0.1})))
    assert finding.outcome is Outcome.FAIL


def test_a_served_version_without_evidence_must_be_measured() -> None:
    [finding] = found(gate(NO_WORSE), facts(signed(), served=SERVED))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.command == f"make {MODEL}@0.9.0 in dev"


def test_the_age_of_what_is_served_does_not_matter() -> None:
    old = signed(SERVED.digest, seq=2, age=timedelta(days=90), metrics={"accuracy": 0.94})
    asked = gate(NO_WORSE, max_age=timedelta(days=1))
    [finding] = found(asked, facts(signed(), old, served=SERVED))
    assert finding.outcome is Outcome.PASS


@pytest.mark.parametrize("same", [True, False])
def test_a_comparison_asks_for_the_same_data(same: bool) -> None:
    other = {"name": "other", "digest": "sha256:" + "0" * 64}
    serving = signed(SERVED.digest, seq=2, metrics={"accuracy": 0.94}, dataset=other)
    asked = gate(NO_WORSE, same_dataset=same)
    [finding] = found(asked, facts(signed(), serving, served=SERVED))
    assert finding.outcome is (Outcome.INCONCLUSIVE if same else Outcome.PASS)


def test_rules_without_evidence_read_the_documents() -> None:
    asked = gate('model.tier == "standard"', evidence=None)
    [finding] = found(asked, facts())
    assert finding.outcome is Outcome.PASS


def test_rules_without_evidence_know_which_version_is_served() -> None:
    asked = gate("serving.version != version.number", evidence=None)
    [finding] = found(asked, facts(served=SERVED))
    assert (finding.outcome, finding.values["serving.version"]) == (Outcome.PASS, "0.9.0")


def test_a_key_below_something_that_is_no_map_is_missing() -> None:
    asked = gate('model.sla["latency"] >= 1.0 || model.tier == "critical"', evidence=None)
    [finding] = found(asked, facts(), model={"sla": {"throughput_rps": 5.0}})
    assert finding.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)


def test_a_group_that_nobody_measured_is_missing() -> None:
    asked = gate("evidence.groups.size_band.small.accuracy >= 0.8")
    [finding] = found(asked, facts(signed(groups={"age_band": {"old": {"accuracy": 0.9}}})))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert dict(finding.values) == {"evidence.groups.size_band.small.accuracy": "missing"}


def test_a_rule_that_is_decided_without_what_is_missing_is_decided() -> None:
    asked = gate("evidence.metrics.nope >= 1.0 || evidence.passed")
    [finding] = found(asked, facts(signed()))
    assert finding.outcome is Outcome.PASS


def test_a_command_is_optional() -> None:
    [finding] = found(gate(F1, produce=None), facts())
    assert finding.command is None


def test_fairness_over_all_groups() -> None:
    rule = (
        "model.protected_groups.all(c, evidence.groups[c].all(g, "
        "evidence.groups[c][g].accuracy >= 0.80))"
    )
    groups = {"size_band": {"small": {"accuracy": 0.79}, "large": {"accuracy": 0.95}}}
    [finding] = found(gate(rule), facts(signed(groups=groups)))
    assert finding.outcome is Outcome.FAIL
    assert "small accuracy 0.79" in finding.values["evidence.groups"]


def shipped(name: str) -> Gate:
    """A gate of the product's own policies."""
    files = sorted((PROJECT / "policies").rglob("*"))
    tree = {str(p.relative_to(PROJECT)): p.read_bytes() for p in files if p.is_file()}
    [found] = [g for g in load_policy(MemoryTree(tree), "f" * 40).gates if g.name == name]
    return found


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome"),
    [
        (270.0, 300.0, Outcome.PASS),
        (269.9, 300.0, Outcome.FAIL),
        (100.0, None, Outcome.PASS),
        (99.9, None, Outcome.FAIL),
    ],
)
def test_the_shipped_gate_wants_the_throughput_of_what_serves(
    ours: float, theirs: float | None, outcome: Outcome
) -> None:
    load = {"kind": "load-test", "environment": "staging"}
    known = facts(signed(**load, **{**LOAD, "throughput_rps": ours}))
    if theirs is not None:
        before = signed(SERVED.digest, seq=2, **load, **{**LOAD, "throughput_rps": theirs})
        known = facts(*known.signed, before, served=SERVED)
    about = [
        f for f in found(shipped("load"), known, to="production") if "throughput" in str(f.rule)
    ]
    assert max(about, key=lambda f: f.outcome.blocks).outcome is outcome


@pytest.mark.parametrize(
    ("strategy", "outcome"),
    [("canary", Outcome.PASS), ("shadow", Outcome.FAIL), ("none", Outcome.INCONCLUSIVE)],
)
def test_a_rule_may_ask_for_a_strategy(strategy: str, outcome: Outcome) -> None:
    asked = gate('strategy.kind == "canary" && strategy.name != ""', evidence=None)
    [finding] = found(asked, facts(), release={"strategies": {"dev": strategy}})
    assert finding.outcome is outcome


@pytest.mark.parametrize("said", ["true", 1, "yes"])
def test_a_result_that_is_neither_true_nor_false_decides_nothing(said: object) -> None:
    found = list(check_rules(gate(F1), candidate(), policy(), facts(signed(passed=said))))
    assert found[0].outcome is Outcome.INCONCLUSIVE

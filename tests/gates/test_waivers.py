"""Waivers applied to one verdict: what blocks is set aside, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.document import Location
from modelctl.domain.freezes import Emergency, Freezes
from modelctl.domain.history import Quarantine
from modelctl.domain.policy import Policy, Role
from modelctl.domain.rules import Scope
from modelctl.domain.verdict import Finding, Outcome
from modelctl.domain.waivers import Waiver
from modelctl.gates import judge
from modelctl.gates.waivers import case_of
from support.judging import candidate, facts, gate, policy, signed
from support.keys import NOW
from support.waivers import waiver
from support.world import MODEL, model_data, version_data

HIGH, LOW = "evidence.metrics.f1_score >= 0.99", "evidence.metrics.f1_score >= 0.5"
LEAD = Role(name="ml-lead", description="leads", members_by_owner={"oncology": frozenset({"lena"})})


def known(*waivers: Waiver) -> Policy:
    """A policy with a gate that blocks by one of two rules, which a lead may waive."""
    strict = gate(HIGH, LOW, name="fairness", waivable_by=("ml-lead",))
    other = gate(HIGH, name="quality", waivable_by=("ml-lead",))
    return policy(gates=(strict, other), roles={"ml-lead": LEAD}, waivers=waivers)


def found(*waivers: Waiver) -> list[Finding]:
    """What the gate `fairness` says, with these waivers in the policy."""
    one = candidate(manifest={"created_by": "eve@example.com"})
    verdict = judge(one, known(*waivers), facts(signed()))
    assert [f.outcome for f in verdict.findings if f.gate == "quality"] == [Outcome.FAIL]
    return [f for f in verdict.findings if f.gate == "fairness"]


def test_what_blocks_is_waived_and_what_passes_stays() -> None:
    plain, one = found(), waiver()
    high, low = found(one)
    assert (high.outcome, low.outcome) == (Outcome.WAIVED, Outcome.PASS)
    assert high.waiver == one
    assert replace(high, outcome=Outcome.FAIL, waiver=None) == plain[0]
    assert low == plain[1]


def test_of_several_the_one_that_lasts_longest_is_named() -> None:
    longer = waiver(file="policies/waivers/b.yaml", expires=NOW + timedelta(days=20))
    over = waiver(file="policies/waivers/c.yaml", expires=NOW - timedelta(hours=1))
    assert found(waiver(), longer, over)[0].waiver == longer


def test_one_that_does_not_count_is_told_and_the_finding_blocks() -> None:
    over = waiver(expires=NOW - timedelta(hours=1))
    [high, low] = found(over)
    assert high.outcome is Outcome.FAIL
    assert high.waiver is None
    assert high.values[f"waiver {over.file}"] == "it expired on 2026-11-20 09:00 UTC"
    assert high.values["evidence.metrics.f1_score"]
    assert low == found()[1]


@pytest.mark.parametrize("change", [{"version": "1.0.1"}, {"model": "x-y"}, {"gate": "other"}])
def test_one_for_something_else_is_not_even_mentioned(change: dict[str, str]) -> None:
    assert found(waiver(**change)) == found()


def test_a_gate_without_an_opinion_can_be_waived_like_any_other() -> None:
    silent = gate(name="fairness", check="soak", waivable_by=("ml-lead",), evidence=None,
                  options={"minimum": "1h"})  # fmt: skip
    rules = policy(gates=(silent,), roles={"ml-lead": LEAD}, waivers=(waiver(),))
    one = candidate(to="staging", manifest={"created_by": "eve@example.com"})
    assert judge(one, rules, facts()).outcome is Outcome.WAIVED


def held(environment: str = "dev", **age: float) -> Quarantine:
    """A quarantine of the version."""
    at = NOW - timedelta(**age)
    return Quarantine(model=MODEL, version="1.0.0", environment=environment, reason="e", at=at)


@pytest.mark.parametrize(
    ("quarantines", "outcome"),
    [
        ([held(days=2)], Outcome.WAIVED),
        ([held(hours=1)], Outcome.FAIL),
        ([held(days=2), held(hours=1)], Outcome.FAIL),
        ([], Outcome.PASS),
        ([held("production", hours=1), held(days=2)], Outcome.WAIVED),
    ],
)
def test_a_quarantine_is_lifted_by_what_was_approved_after_it(
    quarantines: list[Quarantine], outcome: Outcome
) -> None:
    lifted = gate(name="quarantine", check="quarantine", waivable_by=("ml-lead",), evidence=None)
    rules = policy(gates=(lifted,), roles={"ml-lead": LEAD}, waivers=(waiver(gate="quarantine"),))
    one = candidate(manifest={"created_by": "eve@example.com"})
    verdict = judge(one, rules, facts(quarantines=tuple(quarantines)))
    assert verdict.outcome is outcome


@pytest.mark.parametrize(
    ("since", "outcome"), [(2, Outcome.WAIVED), (0.5, Outcome.FAIL), (None, Outcome.PASS)]
)
def test_an_emergency_is_lifted_by_what_was_approved_after_it(
    since: float | None, outcome: Outcome
) -> None:
    frozen = gate(name="freeze", check="freeze", waivable_by=("ml-lead",), evidence=None)
    place = Location(file="policies/freezes.yaml", line=1, column=1)
    outages = tuple(
        Emergency(
            reason="Outage",
            scope=Scope(),
            since=NOW - timedelta(days=days),
            until=None,
            location=place,
        )
        for days in ([] if since is None else [since, 3])
    )
    rules = policy(
        gates=(frozen,),
        roles={"ml-lead": LEAD},
        waivers=(waiver(gate="freeze"),),
        freezes=Freezes(emergencies=outages),
    )
    one = candidate(manifest={"created_by": "eve@example.com"})
    assert judge(one, rules, facts()).outcome is outcome


def test_a_case_has_the_owner_as_it_is_and_as_it_would_be() -> None:
    first = candidate()
    assert case_of(first).owners == ("oncology",)
    moved = candidate(model={"owner": "metabolic"}, model_before=first.model)
    case = case_of(moved, since=NOW)
    assert case.owners == ("oncology", "metabolic")
    assert (case.model, case.version, case.digest) == (MODEL, "1.0.0", moved.digest)
    assert (case.created_by, case.since) == (version_data()["created_by"], NOW)
    assert model_data()["owner"] == "oncology"

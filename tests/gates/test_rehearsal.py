"""The rehearsal of a rollback: where it was asked for, lately, in time, with all that it needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain.operations import Rehearsal, Rollback
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.rehearsal import check_rehearsal
from support.judging import candidate, facts, gate, policy, signed
from support.world import MODEL

ASKED = Rehearsal(environment="staging", max_age=timedelta(days=30))
SOUND = {"passed": True, "seconds": 12.5, "artifacts_present": True, "features_present": True}


def found(rehearsal: Rehearsal | None = ASKED, **changes: Any) -> list[Finding]:
    """What is found about a rehearsal of this version in staging, changed as asked for."""
    options = {name: changes.pop(name) for name in ("sla", "age", "environment") if name in changes}
    predicate = {k: v for k, v in {**SOUND, **changes}.items() if v is not None}
    made = signed(
        kind="rollback-rehearsal",
        environment=options.get("environment", "staging"),
        age=options.get("age", timedelta()),
        **predicate,
    )
    rules = replace(policy(), rollback=Rollback(rehearsal=rehearsal))
    asked = gate(check="rehearsal", evidence="rollback-rehearsal")
    here = candidate(to="production", model={"sla": options.get("sla", {})})
    return list(check_rehearsal(asked, here, rules, facts(made)))


def outcomes(findings: list[Finding]) -> list[Outcome]:
    return [finding.outcome for finding in findings]


@pytest.mark.parametrize(
    ("seconds", "sla", "outcome"),
    [
        (300.0, {}, Outcome.PASS),
        (300.1, {}, Outcome.FAIL),
        (120.0, {"rollback_seconds": 120}, Outcome.PASS),
        (120.1, {"rollback_seconds": 120}, Outcome.FAIL),
        (300.1, {"rollback_seconds": 900}, Outcome.FAIL),
    ],
)
def test_it_ends_within_what_is_allowed(
    seconds: float, sla: dict[str, float], outcome: Outcome
) -> None:
    [finding] = found(seconds=seconds, sla=sla)
    assert finding.outcome is outcome
    assert finding.values["took"] == f"{seconds:.1f} s"


@pytest.mark.parametrize("days", [30, 31])
def test_it_is_no_older_than_is_asked_for(days: int) -> None:
    expected = Outcome.PASS if days == 30 else Outcome.INCONCLUSIVE
    assert outcomes(found(age=timedelta(days=days))) == [expected]


def test_it_was_rehearsed_where_it_is_asked_for() -> None:
    [finding] = found(environment="dev")
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "measured: staging" in finding.message


@pytest.mark.parametrize(
    ("name", "what"), [("artifacts_present", "artifacts"), ("features_present", "features")]
)
def test_what_it_goes_back_to_is_still_there(name: str, what: str) -> None:
    [in_time, gone] = found(**{name: False})
    assert (in_time.outcome, gone.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert gone.message == f"the {what} of the version before are gone"
    [_, unsaid] = found(**{name: None})
    assert unsaid.outcome is Outcome.INCONCLUSIVE
    assert unsaid.message == (
        f"the rehearsal doesn't say whether the {what} of the version before are there"
    )
    assert unsaid.command == f"make {MODEL}@1.0.0 in staging"


def test_how_long_it_took_must_be_said() -> None:
    [finding] = found(seconds=None)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message == "the rehearsal doesn't say how long it took: seconds"


def test_a_failed_rehearsal_blocks() -> None:
    assert outcomes(found(passed=False)) == [Outcome.FAIL, Outcome.PASS]


def test_without_a_policy_it_blocks_too() -> None:
    [finding] = found(rehearsal=None)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.mend is not None
    assert "rollback.yaml" in finding.mend

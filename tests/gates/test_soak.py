"""Soak by exposure: as long as it takes, and as many requests as the policy wants."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain.evidence import Signed
from modelctl.domain.history import Deployment
from modelctl.domain.verdict import Finding, Outcome
from modelctl.gates.soak import _lasted, check_soak
from support.judging import DIGEST, candidate, facts, gate, policy, signed
from support.keys import NOW
from support.world import MODEL

PASS, FAIL, WAIT, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.PENDING, Outcome.INCONCLUSIVE


def told(requests: int, errors: int = 0, *, hours: tuple[float, float] = (48, 0)) -> Signed:
    """A statement about a period that began and ended so many hours ago."""
    since, until = (NOW - timedelta(hours=h) for h in hours)
    predicate = {
        "requests": requests,
        "errors": errors,
        "since": since.isoformat(),
        "until": until.isoformat(),
    }
    return signed(kind="exposure", environment="dev", age=timedelta(hours=hours[1]), **predicate)


def run(*statements: Signed, served: float = 48, **options: Any) -> list[Finding]:
    """What the gate finds of a version that has served in dev for so many hours."""
    deployed = Deployment(
        model=MODEL, version="1.0.0", digest=DIGEST, environment="dev", commit="a" * 40,
        at=NOW - timedelta(hours=served),
    )  # fmt: skip
    asked = gate(check="soak", evidence=None, produce=None, options={"minimum": "24h", **options})
    known = facts(*statements, history=(deployed,))
    return list(check_soak(asked, candidate(to="staging"), policy(), known))


def outcomes(found: list[Finding]) -> list[Outcome]:
    return [finding.outcome for finding in found]


def test_time_alone_is_enough_where_nothing_else_is_asked() -> None:
    assert outcomes(run()) == [PASS]


@pytest.mark.parametrize(("requests", "outcome"), [(1000, PASS), (1001, PASS), (999, WAIT)])
def test_as_many_requests_as_the_policy_wants(requests: int, outcome: Outcome) -> None:
    assert outcomes(run(told(requests), requests=1000)) == [PASS, outcome]


def test_both_are_told() -> None:
    first, second = run(told(1000, hours=(2, 1)), served=3, requests=1000)
    assert (first.outcome, first.until) == (WAIT, NOW + timedelta(hours=21))
    assert second.message == "it has answered 1000 requests in dev"


def test_too_few_are_pending_until_there_would_be_enough() -> None:
    found = run(told(600, hours=(48, 24)), requests=1800)[1]
    assert (found.outcome, found.until) == (WAIT, NOW + timedelta(hours=24))
    assert found.message == "it has answered 600 of 1800 requests in dev"
    assert dict(found.values) == {"requests": "600", "needs": "1800"}
    assert found.command is not None


def test_the_estimate_is_never_earlier_than_the_time() -> None:
    found = run(told(600, hours=(1, 0)), served=1, requests=601)[1]
    assert (found.outcome, found.until) == (WAIT, NOW + timedelta(hours=23))


def test_without_exposure_the_command_is_named() -> None:
    found = run(requests=1000)[1]
    assert found.outcome is UNKNOWN
    assert found.command == (
        f"modelctl evidence record {MODEL}@1.0.0 --kind exposure --environment dev "
        "--result exposure.json"
    )


def test_what_does_not_count_is_named_with_its_reason() -> None:
    found = run(told(1000, hours=(72, 0)), requests=1000)[1]
    assert found.outcome is UNKNOWN
    [why] = found.values.values()
    assert why == "its period begins before the version came to serve"


def test_without_any_request_nobody_can_say_when() -> None:
    found = run(told(0), requests=1000)[1]
    assert (found.outcome, found.until) == (UNKNOWN, None)
    assert found.message.endswith("so nobody can say when it will be enough")


def test_what_was_told_long_ago_must_be_told_anew() -> None:
    found = run(told(900, hours=(48, 24)), requests=1000)[1]
    assert (found.outcome, found.until) == (UNKNOWN, None)
    assert "tell it anew" in found.message


@pytest.mark.parametrize(("errors", "outcome"), [(0, PASS), (10, PASS), (11, FAIL)])
def test_not_too_many_may_fail(errors: int, outcome: Outcome) -> None:
    found = run(told(1000, errors), requests=1000, max_error_rate=0.01)
    assert outcomes(found) == [PASS, PASS, outcome]


@pytest.mark.parametrize("options", [{"requests": 100}, {"max_error_rate": 0.5}])
def test_exposure_that_failed_fails_whatever_else_there_is(options: dict[str, Any]) -> None:
    bad = signed(
        kind="exposure",
        environment="dev",
        age=timedelta(0),
        seq=2,
        passed=False,
        requests=100,
        errors=90,
        since=(NOW - timedelta(hours=48)).isoformat(),
        until=(NOW - timedelta(hours=24)).isoformat(),
    )
    found = run(told(1000, hours=(24, 1)), bad, **options)
    assert outcomes(found) == [PASS, FAIL]
    assert found[1].message == (
        "its exposure in dev failed: 2026-11-18 10:00 to 2026-11-19 10:00 UTC"
    )
    assert outcomes(run(bad)) == [PASS]  # where nobody asks for exposure


def test_errors_can_be_asked_about_alone() -> None:
    assert outcomes(run(told(10, 1), max_error_rate=0.01)) == [PASS, PASS, FAIL]
    assert outcomes(run(max_error_rate=0.01)) == [PASS, UNKNOWN]
    assert outcomes(run(told(0), max_error_rate=0.01)) == [PASS, UNKNOWN]


def test_errors_are_judged_over_as_many_requests_as_are_wanted() -> None:
    found = run(told(100, 50, hours=(48, 0)), requests=1000, max_error_rate=0.01)
    assert outcomes(found) == [PASS, WAIT]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 s"), (45, "45 s"), (825, "13 min"), (12_000, "3 h 20 min"), (190_900, "2 d 5 h"),
     (7_200, "2 h")],
)  # fmt: skip
def test_how_long_it_served_is_told_in_round_numbers(seconds: int, told: str) -> None:
    assert _lasted(timedelta(seconds=seconds)) == told

"""What the ledger says of versions that were taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelctl.domain.events import HELD, PROMOTED, ROLLED_BACK, promoted, rolled_back
from modelctl.domain.evidence import Signed, Statement
from modelctl.domain.history import Deployment
from modelctl.domain.incidents import Incident, Which, due_at, incidents
from support.keys import NOW, person

KEY = person("deployer")
FAILED = {"version": "2.0.0", "digest": "d2"}


def signed(kind: str, predicate: Mapping[str, Any], *, seq: int = 7, **changes: Any) -> Signed:
    given: dict[str, Any] = {
        "kind": kind,
        "subject": "models/m-x/versions/1.0.0.yaml",
        "digest": "d1",
        "made_at": NOW,
        "environment": "production",
        "predicate": predicate,
        **changes,
    }
    return Signed(
        envelope_digest="e",
        place=f"models/m-x/0000/{seq:08}-{kind}.json",
        statement=Statement(**given),
        keys=(KEY.limited(kinds=("rollback", "rollout", "quarantine")),),
        seq=seq,
    )


def found(*entries: Signed) -> tuple[Incident, ...]:
    return incidents(entries, "production", since=NOW - timedelta(hours=1))


ROLLBACK = {
    "failed": FAILED,
    "trigger": "errors",
    "reason": "too many",
    "values": {"live.error_rate": 0.2},
    "by": None,
    "commit": "c",
    "in_force": True,
}
ROLLOUT = {
    "event": "rolled-back",
    "stable": {"version": "0.9.0", "digest": "d0"},
    "reasons": [
        {"name": "errors", "message": "more errors", "values": {"x": "1"}},
        {"name": "slow", "message": "slower"},
        "odd",
    ],
    "commit": "c",
}


def test_a_rollback_of_what_served() -> None:
    [one] = found(signed("rollback", ROLLBACK))
    assert (one.name, one.back_to) == ("m-x@2.0.0", Which(version="1.0.0", digest="d1"))
    assert (one.trigger, one.reason, one.by, one.id) == ("errors", "too many", None, "7")
    assert (one.served, one.verified, one.values) == (True, True, {"live.error_rate": "0.2"})
    assert one.place == "models/m-x/0000/00000007-rollback.json"
    assert due_at(one, timedelta(hours=48)) == NOW + timedelta(hours=48)


def test_a_rollout_that_ended_where_it_began() -> None:
    [one] = found(signed("rollout", ROLLOUT))
    assert (one.name, one.back_to) == ("m-x@1.0.0", Which(version="0.9.0", digest="d0"))
    assert (one.trigger, one.reason) == ("errors", "more errors; slower")
    assert (one.served, one.verified, one.values) == (False, True, {"x": "1"})
    [by_hand] = found(signed("rollout", {**ROLLOUT, "reasons": [], "by": "lena", "reason": "no"}))
    assert (by_hand.trigger, by_hand.reason, by_hand.by) == ("a person", "no", "lena")


@pytest.mark.parametrize(
    "entry",
    [
        signed("rollback", {}),
        signed("rollback", {"failed": {"version": "2.0.0"}}),
        signed("rollout", {**ROLLOUT, "event": "advanced"}),
        signed("rollback", ROLLBACK, environment="staging"),
        signed("rollback", ROLLBACK, made_at=NOW - timedelta(hours=2)),
        signed("quarantine", ROLLBACK),
        replace(signed("rollback", ROLLBACK), keys=()),
    ],
)
def test_nothing_else_is_one(entry: Signed) -> None:
    assert found(entry) == ()


def test_what_is_missing_is_left_out() -> None:
    [one] = found(signed("rollback", {"failed": FAILED, "values": 3, "trigger": 4}))
    assert (one.trigger, one.reason, one.verified, dict(one.values)) == ("a person", "", False, {})
    [two] = found(signed("rollout", {"event": "rolled-back"}))
    assert (two.back_to, two.trigger, two.reason) == (None, "a person", "")


def test_an_event_is_the_same_whenever_it_is_told() -> None:
    [one] = found(signed("rollback", ROLLBACK))
    event = rolled_back(one, stage="Production", source="https://x/y")
    again = rolled_back(one, stage="Production", source="https://x/y")
    assert (event, event.type) == (again, ROLLED_BACK)
    data = event.as_data()
    assert {name: data[name] for name in ("specversion", "source", "subject")} == {
        "specversion": "1.0",
        "source": "https://x/y",
        "subject": "m-x@2.0.0",
    }
    assert data["data"]["version"] == "1.0.0"
    assert data["data"]["failed_digest"] == "sha256:d2"
    assert data["time"].endswith("Z")


def test_where_nothing_was_to_go_back_to_it_is_another_event() -> None:
    [one] = found(signed("rollout", {"event": "rolled-back"}))
    event = rolled_back(one, stage="Production", source="/x")
    assert (event.type, event.data["version"], event.data["digest"]) == (HELD, None, None)


def test_a_promotion_says_what_the_requirement_asks_for() -> None:
    one = Deployment(
        model="m-x",
        version="1.0.0",
        digest="d1",
        environment="production",
        commit="c",
        at=NOW,
        approvers=("pat",),
        seq=3,
    )
    event = promoted(one, stage="Production", run="run-1", source="/x")
    assert event.type == PROMOTED
    assert {"model", "version", "stage", "run_id", "timestamp"} <= event.data.keys()

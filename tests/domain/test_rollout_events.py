"""Rollouts as the ledger tells them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelctl.domain.audit import coming
from modelctl.domain.evidence import Signed, Statement, TrustedKey
from modelctl.domain.history import DEPLOYMENT, ROLLOUT, position
from modelctl.domain.rollout_events import (
    ADVANCED,
    COOLED,
    FINISHED,
    ROLLED_BACK,
    STARTED,
    SUPERSEDED,
    WAITING,
    Side,
    Told,
    event_statement,
    event_told,
    open_rollout,
    reason_data,
    reason_from,
    rollout_id,
    rollouts,
    unreadable,
)
from modelctl.domain.rollout_state import HOLD, RUNNING, Decision, Reason, State, named
from modelctl.domain.timeline import What, timeline
from modelctl.errors import DependencyError
from support.renders import request

AT = datetime(2026, 11, 20, tzinfo=UTC)
KEY = TrustedKey(
    name="deployer",
    keyid="",
    public="",
    owner="platform",
    valid_from=AT - timedelta(days=1),
    valid_until=AT + timedelta(days=365),
    kinds=(DEPLOYMENT, ROLLOUT),
    environments=("*",),
)
STABLE = Side(version="1.0.0", digest="a" * 64)
WHY = Reason(
    name="errors", message="3 % fail", because="too many", values={"x": "1"}, confidence=0.99
)


def state(weight: int, step: int = 0) -> State:
    return State(phase=RUNNING, step=step, weight=weight, since=AT)


def event(kind: str, hour: int, weight: int = 5, **changes: Any) -> Statement:
    """An event of the rollout of one request, so many hours after the first."""
    asked = request(version="1.1.0", **changes)
    said = Told(
        kind=kind,
        state=state(weight),
        judged=state(weight) if kind == ADVANCED else None,
        judged_at=AT if kind == ADVANCED else None,
        decision=Decision(action=HOLD, reasons=(WHY,), after=state(weight), notes=(WHY,)),
        by="lena" if kind == ROLLED_BACK else None,
        reason="harm" if kind == ROLLED_BACK else None,
    )
    return event_statement(
        asked,
        said,
        stable=STABLE,
        policy="b" * 40,
        state_commit="c" * 40,
        made_at=AT + timedelta(hours=hour),
        more={"commit": asked.commit, "strategy": "canary", "approvers": ["ben"]},
    )


def deployed(hour: int, version: str = "1.1.0") -> Statement:
    made = event(STARTED, hour)
    return replace(made, kind=DEPLOYMENT, predicate={"version": version, "commit": "d" * 40})


def ledger(*statements: Statement) -> list[Signed]:
    """They lie there in this order."""
    return [
        Signed(statement=one, envelope_digest=str(n), keys=(KEY,), place=f"{n}", seq=n)
        for n, one in enumerate(statements, start=1)
    ]


def test_it_begins_goes_on_and_ends() -> None:
    entries = ledger(
        event(STARTED, 0), event(ADVANCED, 1, 25), event(FINISHED, 2, 100), deployed(2)
    )
    [one] = rollouts(entries)
    assert (one.id, one.version, one.stable, one.strategy, one.approvers) == (
        rollout_id(request(version="1.1.0")),
        "1.1.0",
        STABLE,
        "canary",
        ("ben",),
    )
    assert [(e.kind, e.weight, e.seq) for e in one.events] == [
        (STARTED, 5, 1),
        (ADVANCED, 25, 2),
        (FINISHED, 100, 3),
    ]
    assert (one.is_open, one.started, one.until) == (False, AT, AT + timedelta(hours=2))
    second = one.events[1]
    assert (second.judged, second.judged_at, second.reasons) == (state(25), AT, (WHY,))
    assert open_rollout(entries[:2], one.environment) is not None
    assert open_rollout(entries, one.environment) is None
    assert open_rollout([], "dev") is None


def test_what_served_before_may_be_cooled_after_the_end() -> None:
    entries = ledger(event(STARTED, 0), event(FINISHED, 2, 100), deployed(2), event(COOLED, 9, 100))
    [one] = rollouts(entries)
    assert (one.is_open, one.last.kind, one.until) == (False, COOLED, AT + timedelta(hours=2))
    assert rollouts(ledger(event(COOLED, 9))) == ()


def test_only_the_last_one_may_be_open() -> None:
    later = {"commit": "e" * 40}
    entries = ledger(event(STARTED, 0), event(STARTED, 1, **later))
    assert [one.is_open for one in rollouts(entries)] == [False, True]
    assert rollouts(entries)[0].until == AT
    passed = ledger(event(STARTED, 0), deployed(1))
    assert [one.is_open for one in rollouts(passed)] == [False]
    assert rollouts(passed, "nowhere") == ()


def test_the_same_merge_may_be_rolled_out_again() -> None:
    entries = ledger(event(STARTED, 0), event(ROLLED_BACK, 1, 0), event(STARTED, 2))
    first, second = rollouts(entries)
    assert (first.last.by, first.last.reason) == ("lena", "harm")
    assert (len(first.events), first.is_open, second.is_open) == (2, False, True)


@pytest.mark.parametrize("lost", ["state", "policy", "state_commit", "weight"])
def test_what_a_job_didn_t_write_tells_nothing(lost: str) -> None:
    odd = event(STARTED, 0)
    said = {name: value for name, value in odd.predicate.items() if name != lost}
    assert rollouts(ledger(replace(odd, predicate=said))) == ()


def test_a_reason_is_read_as_it_was_written() -> None:
    plain = Reason(name="duration", message="1h is over")
    assert [reason_from(reason_data(one)) for one in (WHY, plain)] == [WHY, plain]


def test_where_an_environment_stands() -> None:
    entries = ledger(event(STARTED, 0), event(ADVANCED, 1, 25))
    environment = request().environment
    assert (position(entries, environment), position(entries, "nowhere")) == (2, 0)


def test_an_auditor_is_told_who_was_on_the_way() -> None:
    entries = ledger(
        event(STARTED, 0),
        event(ADVANCED, 1, 25),
        event(SUPERSEDED, 3, 0),
        event(STARTED, 5),
        event(WAITING, 6),
    )
    found = rollouts(entries)
    during = coming(found, AT + timedelta(hours=2))
    assert during is not None
    assert (during.version, during.weight, during.seq) == ("1.1.0", 25, 2)
    assert [(one.since, one.weight) for one in during.shares] == [
        (AT, 5),
        (AT + timedelta(hours=1), 25),
    ]
    assert coming(found, AT - timedelta(hours=1)) is None
    assert coming(found, AT + timedelta(hours=4)) is None
    again = coming(found, AT + timedelta(hours=9))
    assert again is not None
    assert (again.weight, len(again.shares)) == (5, 1)


def test_the_history_tells_each_event() -> None:
    entries = ledger(event(STARTED, 0), event(ADVANCED, 1, 25), event(ROLLED_BACK, 2, 0))
    shown = timeline("a-b", entries, ["dev"], AT + timedelta(days=1)).events
    told = [(one.detail, one.by, one.was) for one in shown if one.what is What.ROLLOUT]
    assert told == [
        ("rolled back: harm", ("lena",), "1.0.0"),
        ("advanced to 25 %: errors: too many (3 % fail)", (), "1.0.0"),
        ("started at 5 %: errors: too many (3 % fail)", (), "1.0.0"),
    ]
    odd = replace(event(STARTED, 0), predicate={"event": STARTED, "weight": 5})
    [one, _] = timeline("a-b", ledger(odd), ["dev"], AT).events
    assert (one.detail, one.was) == ("started at 5 %", None)


@pytest.mark.parametrize(
    "lacks", [{"stable": None}, {"stable": {}}, {"rollout": None}, {"state": {}}, {"state": None}]
)
def test_an_event_that_nobody_can_read_holds_the_environment(lacks: dict[str, Any]) -> None:
    begun = event(STARTED, 0)
    missing = {name: value for name, value in begun.predicate.items() if name not in lacks}
    given = {name: value for name, value in lacks.items() if value is not None}
    strange = replace(begun, predicate={**missing, **given})
    entries = ledger(strange, event(ADVANCED, 1, 25))
    assert rollouts(entries) == ()
    assert unreadable(entries, begun.environment) == 1
    with pytest.raises(DependencyError, match="entry 1 of the ledger tells of a rollout in"):
        open_rollout(entries, begun.environment)
    assert open_rollout(entries, "elsewhere") is None
    for after in (event(STARTED, 2), deployed(2), event(ROLLED_BACK, 2, 0)):
        assert unreadable(ledger(strange, after), begun.environment) is None


def test_an_unreadable_step_of_a_rollout_holds_it() -> None:
    torn = event(ADVANCED, 1, 25)
    torn = replace(torn, predicate={**torn.predicate, "state": {"phase": "unheard-of"}})
    entries = ledger(event(STARTED, 0), torn)
    assert unreadable(entries, torn.environment) == 2
    with pytest.raises(DependencyError, match="entry 2"):
        open_rollout(entries, torn.environment)


def test_a_condition_is_named_with_its_reason() -> None:
    found = reason_from(
        {"name": "emergency", "message": "live.error_rate is 0.3", "because": "too many fail"}
    )
    assert found.told == "emergency: too many fail (live.error_rate is 0.3)"
    assert reason_from({"name": "step", "message": "1 h"}).told == "1 h"
    assert named("a", "b", "") == "a: b"
    assert event_told("advanced", 50) == "advanced to 50 %"
    assert event_told("paused", 5) == "paused at 5 %"

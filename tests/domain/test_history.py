"""The ledger read as history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelctl.domain.evidence import Signed, Statement, TrustedKey
from modelctl.domain.history import (
    DEPLOYMENT,
    QUARANTINE,
    ROLLBACK,
    Deployment,
    Quarantine,
    WayBack,
    authors_of,
    deployments,
    quarantines,
    served,
    serving_since,
    taken_out,
)

AT = datetime(2026, 11, 20, tzinfo=UTC)
JOB = TrustedKey(
    name="deployer",
    keyid="",
    public="",
    owner="platform",
    valid_from=AT - timedelta(days=1),
    valid_until=AT + timedelta(days=365),
    kinds=(DEPLOYMENT, ROLLBACK, QUARANTINE),
    environments=("*",),
)
PROBE = replace(JOB, name="probe", kinds=("evaluation",))
FULL = {
    "version": "1.0.0",
    "commit": "c" * 40,
    "files": {"models/a-b/model.yaml": "d" * 40},
    "approvers": ["lena", "tom"],
    "strategy": "canary-standard",
    "target": "kserve",
    "pull_request": 7,
}


def _entry(kind: str, seq: int, predicate: dict[str, Any], **details: Any) -> Signed:
    statement = Statement(
        kind=kind,
        subject=f"models/a-b/versions/{predicate.get('version', '1.0.0')}.yaml",
        digest="e" * 64,
        made_at=AT + timedelta(hours=seq),
        environment="dev",
        predicate=predicate,
    )
    known = {"statement": statement, "envelope_digest": "", "keys": (JOB,), "place": "", "seq": seq}
    return Signed(**(known | details))


def test_a_deployment_says_everything_about_it() -> None:
    (found,) = deployments([_entry(DEPLOYMENT, 3, FULL)])
    assert found == Deployment(
        model="a-b",
        version="1.0.0",
        digest="e" * 64,
        environment="dev",
        commit="c" * 40,
        at=AT + timedelta(hours=3),
        files={"models/a-b/model.yaml": "d" * 40},
        approvers=("lena", "tom"),
        strategy="canary-standard",
        target="kserve",
        pull_request=7,
        kind=DEPLOYMENT,
        seq=3,
    )


def test_what_a_deployment_may_leave_out() -> None:
    (found,) = deployments([_entry(ROLLBACK, 1, {"version": "1.0.0", "commit": "c" * 40})])
    assert (found.files, found.approvers, found.strategy, found.kind) == ({}, (), None, ROLLBACK)


def test_deployments_come_in_the_order_of_the_ledger() -> None:
    entries = [_entry(DEPLOYMENT, seq, FULL) for seq in (3, 1, 2)]
    assert [d.seq for d in deployments(entries)] == [1, 2, 3]


UNPROVED = {
    "a broken entry": {"problem": "the signature is wrong"},
    "an unreadable one": {"statement": None},
    "one that nobody signed": {"keys": ()},
    "one by a key for evidence": {"keys": (PROBE,)},
}


@pytest.mark.parametrize("details", UNPROVED.values(), ids=UNPROVED)
def test_what_is_not_proved_never_happened(details: dict[str, Any]) -> None:
    for kind in (DEPLOYMENT, ROLLBACK):
        assert deployments([_entry(kind, 1, FULL, **details)]) == ()
    assert quarantines([_entry(QUARANTINE, 1, FULL, **details)]) == ()


def test_other_kinds_are_no_deployments_and_no_quarantines() -> None:
    entries = [_entry("evaluation", 1, {}, keys=(replace(JOB, kinds=("*",)),))]
    assert (deployments(entries), quarantines(entries)) == ((), ())
    assert quarantines([_entry(DEPLOYMENT, 1, FULL)]) == ()
    assert deployments([_entry(QUARANTINE, 1, FULL)]) == ()


@pytest.mark.parametrize("subject", ["models/a-b/model.yaml", "README.md", "models/a-b"])
def test_what_is_about_no_version_is_no_deployment(subject: str) -> None:
    entry = _entry(DEPLOYMENT, 1, FULL)
    assert entry.statement is not None
    odd = replace(entry, statement=replace(entry.statement, subject=subject))
    assert deployments([odd]) == ()


def test_a_deployment_names_its_commit() -> None:
    assert deployments([_entry(DEPLOYMENT, 1, {"version": "1.0.0"})]) == ()


def test_who_brought_a_version_to_any_environment_brought_it() -> None:
    told = [{"authors": ["ben", 7]}, {"authors": ["ada", "ben"]}, {"authors": "eve"}, {}]
    entries = [_entry(DEPLOYMENT, seq, FULL | more) for seq, more in enumerate(told)]
    unproved = _entry(DEPLOYMENT, 9, FULL | {"authors": ["tom"]}, keys=(PROBE,))
    assert authors_of([*entries, unproved], "e" * 64) == {"ben", "ada"}
    assert authors_of(entries, "f" * 64) == frozenset()


def test_quarantines_say_why() -> None:
    entries = [
        _entry(QUARANTINE, 1, {"version": "1.0.0", "reason": "errors"}),
        _entry(QUARANTINE, 2, {"version": "1.1.0"}),
    ]
    first = Quarantine(
        model="a-b",
        version="1.0.0",
        environment="dev",
        reason="errors",
        at=AT + timedelta(hours=1),
    )
    second = replace(first, version="1.1.0", reason="", at=AT + timedelta(hours=2))
    assert quarantines(entries) == (first, second)


def _deployment(seq: int, digest: str, environment: str = "dev") -> Deployment:
    return Deployment(
        model="a-b",
        version=digest,
        digest=digest,
        environment=environment,
        commit="",
        at=AT + timedelta(hours=seq),
        seq=seq,
    )


def test_what_serves_and_since_when() -> None:
    history = (
        _deployment(1, "one"),
        _deployment(2, "two"),
        _deployment(3, "other", "staging"),
        _deployment(4, "two"),
        _deployment(5, "one"),
        _deployment(6, "one"),
    )
    assert (served(history, "dev"), serving_since(history, "dev")) == (history[5], history[4])
    assert (served(history[:4], "dev"), serving_since(history[:4], "dev")) == (
        history[3],
        history[1],
    )
    assert served(history, "staging") is serving_since(history, "staging") is history[2]
    assert served(history, "production") is serving_since(history, "production") is None


@pytest.mark.parametrize(
    ("ran", "left", "out"),
    [
        ("", "b", ""),
        ("ab", "b", "b"),
        ("ab", "c", "b"),  # c was never deployed
        ("abc", "b", "bc"),  # c was gone back from before, and isn't deployed yet
        ("aba", "b", "b"),  # b was brought again, and never deployed again
    ],
)
def test_a_way_back_takes_out_what_the_branch_released_and_what_serves(
    ran: str, left: str, out: str
) -> None:
    elsewhere = _deployment(0, left, "staging"), _deployment(9, "d", "staging")
    history = (*(_deployment(n, one) for n, one in enumerate(ran, start=1)), *elsewhere)
    way = WayBack(version="a", left=left, commit="c" * 40, pull_request=None)
    found = taken_out(history, "dev", way)
    assert "".join(sorted(one.digest for one in found)) == out
    assert {one.environment for one in found} <= {"dev"}

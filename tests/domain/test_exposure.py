"""Exposure: periods add up, none is counted twice, and what is odd doesn't count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.evidence import Signed
from modelctl.domain.exposure import Period, exposure, period_from
from support.judging import DIGEST, signed
from support.keys import NOW

BEGAN = NOW - timedelta(hours=48)


def told(
    requests: Any = 100,
    errors: Any = 0,
    *,
    hours: tuple[float, float] = (48, 24),
    made: float | None = None,
    seq: int = 1,
    **changes: Any,
) -> Signed:
    """A statement about a period that began and ended so many hours ago."""
    first, last = hours
    predicate = {
        "requests": requests,
        "errors": errors,
        "since": (NOW - timedelta(hours=first)).isoformat(),
        "until": (NOW - timedelta(hours=last)).isoformat(),
        **changes,
    }
    age = timedelta(hours=last if made is None else made)
    return signed(kind="exposure", environment="dev", seq=seq, age=age, **predicate)


def seen(*statements: Signed) -> tuple[int, list[str]]:
    """How many requests count, and why the rest doesn't."""
    found = exposure(statements, "dev", DIGEST, BEGAN, NOW)
    return found.requests, [rejected.reason for rejected in found.rejected]


def test_periods_add_up() -> None:
    assert seen(told(hours=(48, 24)), told(50, hours=(24, 0), seq=2)) == (150, [])


REPLACED = "a newer statement is about the same time"


def test_a_newer_statement_replaces_an_older_one_that_it_covers() -> None:
    assert seen(told(hours=(48, 24)), told(50, hours=(48, 20), seq=2)) == (50, [REPLACED])
    assert seen(told(), told(70, seq=2)) == (70, [REPLACED])  # as old, a later entry
    assert seen(told(1, hours=(40, 0), seq=2), told(hours=(30, 20))) == (1, [REPLACED])


def test_a_short_newer_statement_displaces_no_long_one() -> None:
    """Else the newest hour could wipe out the days in which nearly everything failed."""
    bad = told(10000, 9000, hours=(48, 2), made=2)
    tiny = told(100, 0, hours=(2.001, 1.9), made=1, seq=2)
    found = exposure([bad, tiny], "dev", DIGEST, BEGAN, NOW)
    assert found.requests > 10000
    assert found.errors == 9000
    inside = told(1, 0, hours=(47, 3), made=1, seq=3)
    found = exposure([bad, inside], "dev", DIGEST, BEGAN, NOW)
    assert (found.requests, found.errors, found.error_rate) == (435, 9000, 1.0)


def test_time_that_two_share_counts_once_by_the_worse_of_both() -> None:
    first = told(240, 24, hours=(48, 24), made=24)  # 10 in an hour, one of which failed
    second = told(600, 15, hours=(36, 6), seq=2)  # 20 in an hour, half a one failed
    found = exposure([first, second], "dev", DIGEST, BEGAN, NOW)
    assert found.requests == 12 * 10 + 12 * 10 + 18 * 20
    assert found.errors == 12 * 1 + 12 * 1 + 18 * 0.5
    assert found.reaches(1200) == NOW - timedelta(hours=6) + timedelta(hours=42)
    assert found.rejected == ()


def test_a_failed_statement_takes_the_place_of_an_older_one_and_is_told() -> None:
    good = told(10000, 0, made=24)
    bad = told(10000, 9000, made=1, seq=2, passed=False)
    found = exposure([good, bad], "dev", DIGEST, BEGAN, NOW)
    assert (found.requests, len(found.failed), found.periods) == (0, 1, ())
    assert seen(good, bad) == (0, ["whoever measured it says that it failed", REPLACED])


def test_a_failed_statement_stands_until_a_newer_one_covers_all_of_it() -> None:
    bad = told(10000, 9000, made=12, passed=False)
    most, whole = told(5, hours=(47, 0), seq=2), told(5, hours=(48, 0), seq=2)
    assert len(exposure([bad, most], "dev", DIGEST, BEGAN, NOW).failed) == 1
    mended = exposure([bad, whole], "dev", DIGEST, BEGAN, NOW)
    assert (mended.failed, mended.requests) == ((), 5)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (told(-1), "requests and errors must be whole numbers of 0 or more"),
        (told(float("nan")), "requests and errors must be whole numbers of 0 or more"),
        (told(10.5), "requests and errors must be whole numbers of 0 or more"),
        (told("100"), "requests and errors must be whole numbers of 0 or more"),
        (told(True), "requests and errors must be whole numbers of 0 or more"),
        (told(None), "requests and errors must be whole numbers of 0 or more"),
        (told(100, -1), "requests and errors must be whole numbers of 0 or more"),
        (told(100, "0"), "requests and errors must be whole numbers of 0 or more"),
        (told(100, 101), "more requests failed than were made"),
        (told(hours=(24, 24)), "its period ends before it begins"),
        (told(hours=(20, 24)), "its period ends before it begins"),
        (told(since=5), "since and until must be times with their zone"),
        (told(since="yesterday"), "since and until must be times with their zone"),
        (told(since="2026-11-18T10:00:00"), "since and until must be times with their zone"),
        (told(since="0001-01-01T00:00:00+10:00"), "since and until must be times with their zone"),
        (told(until=None), "since and until must be times with their zone"),
        (told(hours=(49, 24)), "its period begins before the version came to serve"),
        (told(hours=(48, 24), made=25), "its period ends after the statement was made"),
        (told(hours=(48, -1), made=0), "its period ends after the statement was made"),
        (told(passed=False), "whoever measured it says that it failed"),
        (replace(told(), problem="bad signature"), "bad signature"),
        (replace(told(), keys=()), "no trusted key signed it"),
    ],
)
def test_what_does_not_count_says_why(statement: Signed, reason: str) -> None:
    requests, [why] = seen(statement)
    assert (requests, why.startswith(reason)) == (0, True), why


def test_other_environments_manifests_and_kinds_do_not_count() -> None:
    elsewhere = signed(kind="exposure", environment="staging")
    other = signed("9" * 64, kind="exposure", environment="dev")
    requests, reasons = seen(elsewhere, other, signed(), replace(told(), statement=None))
    assert requests == 0
    assert sorted(reasons) == [
        "it is about another manifest (999999999999…)",
        "it was measured in staging, not in dev",
    ]


def test_the_share_that_failed() -> None:
    found = exposure([told(100, 1), told(100, 5, hours=(24, 0), seq=2)], "dev", DIGEST, BEGAN, NOW)
    assert found.error_rate == 0.03
    assert exposure([], "dev", DIGEST, BEGAN, NOW).error_rate == 0


def test_when_it_will_be_enough_is_told_by_the_rate_so_far() -> None:
    found = exposure([told(100, hours=(48, 24))], "dev", DIGEST, BEGAN, NOW)
    assert found.reaches(300) == NOW + timedelta(hours=24)
    assert found.reaches(50) == NOW - timedelta(hours=24)
    assert exposure([told(0)], "dev", DIGEST, BEGAN, NOW).reaches(1) is None
    slow = exposure([told(1)], "dev", DIGEST, BEGAN, NOW).reaches(10**12)
    assert slow == NOW - timedelta(hours=24) + timedelta(days=36500)


@given(
    ends=st.lists(st.tuples(st.integers(0, 47), st.integers(1, 12), st.integers(0, 9)), max_size=12)
)
def test_no_time_is_counted_twice(ends: list[tuple[int, int, int]]) -> None:
    statements = [
        told(requests, hours=(48 - first, max(48 - first - length, 0)), seq=seq)
        for seq, (first, length, requests) in enumerate(ends)
    ]
    found = exposure(statements, "dev", DIGEST, BEGAN, NOW)
    most = sum(period.requests for period in found.periods)
    apart = all(a.until <= b.since or b.until <= a.since for a, b in combinations(found.periods, 2))
    assert found.requests == most if apart else found.requests <= most
    assert len(found.periods) + len(found.rejected) == len(statements)


SOUND: Mapping[str, Any] = {
    "requests": 5,
    "errors": 1,
    "since": "2026-11-20T10:00:00+02:00",
    "until": "2026-11-20T09:00:00Z",
}


def test_a_period_is_read_in_utc() -> None:
    assert period_from(SOUND) == Period(
        requests=5,
        errors=1,
        since=datetime(2026, 11, 20, 8, tzinfo=UTC),
        until=datetime(2026, 11, 20, 9, tzinfo=UTC),
    )

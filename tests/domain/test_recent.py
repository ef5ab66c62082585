"""What was counted lately: never less than half a window, never more than a whole one."""

from __future__ import annotations

import json
from datetime import timedelta
from math import fsum

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.recent import (
    Recent,
    lately,
    recent_data,
    recent_from,
    share_of_error,
    together,
)
from modelctl.domain.triggers import RECENT
from support.keys import NOW
from support.plans import counts, seen

EVERY = timedelta(seconds=15)
HALF = RECENT / 2


def kept(looks: int, every: timedelta = EVERY) -> Recent:
    recent: Recent = ()
    for look in range(1, looks + 1):
        one = seen(every * look, counts(10, 0.0), counts(100, 0.0), span=every)
        recent = lately(recent, one, RECENT)
    return recent


@given(st.integers(1, 200))
def test_it_is_between_half_a_window_and_a_whole_one(looks: int) -> None:
    recent, now = kept(looks), NOW + EVERY * looks
    lasts = now - recent[0].since
    assert min(HALF, EVERY * looks) <= lasts <= RECENT
    assert together(recent)["canary"].requests == 10 * (lasts / EVERY)
    assert together(recent)["stable"].requests == 100 * (lasts / EVERY)


def test_what_lies_before_a_gap_is_not_lately() -> None:
    late = seen(timedelta(hours=3), counts(7, 0.0), None, span=EVERY)
    recent = lately(kept(10), late, RECENT)
    assert [half.since for half in recent] == [late.at - EVERY]
    assert {side: one.requests for side, one in together(recent).items()} == {"canary": 7}


def test_what_is_longer_than_a_half_is_one() -> None:
    assert len(kept(3, timedelta(minutes=4))) == 1
    assert together(kept(3, timedelta(minutes=4)))["canary"].requests == 10


def test_sides_that_are_not_compared_are_left_out() -> None:
    other = seen(EVERY, counts(1, 0.0), None, span=EVERY)
    live = type(other)(at=other.at, span=EVERY, sides={"live": counts(1, 0.0)})
    assert together(lately((), live, RECENT)) == {}


@given(st.integers(0, 400))
def test_it_is_read_from_the_ledger_as_it_was(looks: int) -> None:
    recent = kept(looks)
    assert recent_from(json.loads(json.dumps(recent_data(recent)))) == recent


@pytest.mark.parametrize("planned", [timedelta(), timedelta(minutes=5), timedelta(days=14)])
def test_all_windows_together_make_no_more_than_the_whole_error(planned: timedelta) -> None:
    parts = [share_of_error(planned, NOW, NOW + HALF * k, RECENT) for k in range(20_000)]
    assert 0.7 < fsum(parts) < 1
    assert parts == sorted(parts, reverse=True)


def test_a_clock_that_went_back_is_the_first_window() -> None:
    first = share_of_error(RECENT, NOW, NOW, RECENT)
    assert share_of_error(RECENT, NOW, NOW - RECENT, RECENT) == first == 1 / 3

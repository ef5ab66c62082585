"""Windows of wall-clock time: right on the days when clocks change, and refused when senseless."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from modelctl.domain.recurrence import LONGEST, Recurrence, wrong

BERLIN = "Europe/Berlin"
DAILY = "FREQ=DAILY"


def recurring(
    rrule: str = DAILY, start: str = "2026-01-01T22:00", *, hours: float = 8, timezone: str = BERLIN
) -> Recurrence:
    return Recurrence(rrule=rrule, start=start, timezone=timezone, duration=timedelta(hours=hours))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ends(one: Recurrence, when: str, *, whole: bool = True) -> list[str]:
    """The spans that hold at an instant, each as its two ends."""
    return [
        f"{span.start:%m-%d %H:%M} to {span.end:%m-%d %H:%M}"
        for span in one.covering(at(when), whole=whole)
    ]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-06-10T19:59:59", []),
        ("2026-06-10T20:00:00", ["06-10 20:00 to 06-11 04:00"]),  # 22:00 CEST
        ("2026-06-11T03:59:59", ["06-10 20:00 to 06-11 04:00"]),
        ("2026-06-11T04:00:00", []),
        ("2026-01-10T21:00:00", ["01-10 21:00 to 01-11 05:00"]),  # 22:00 CET
        ("2025-12-31T22:00:00", []),  # before the rule begins
    ],
)
def test_a_night_lasts_from_its_start_until_just_before_its_end(
    when: str, expected: list[str]
) -> None:
    assert ends(recurring(), when) == expected


def test_the_night_on_which_an_hour_is_skipped_is_shorter() -> None:
    assert ends(recurring(), "2026-03-29T00:30:00") == ["03-28 21:00 to 03-29 04:00"]


def test_the_night_on_which_an_hour_is_repeated_is_longer() -> None:
    assert ends(recurring(), "2026-10-25T00:30:00") == ["10-24 20:00 to 10-25 05:00"]


@pytest.mark.parametrize(
    ("start", "hours", "whole", "expected"),
    [
        # 02:30 doesn't exist on 29 March: RFC 5545 reads it as 03:30, all of it begins at 01:30.
        ("2026-01-01T02:30", 2, False, "03-29 01:30 to 03-29 02:30"),
        ("2026-01-01T02:30", 2, True, "03-29 00:30 to 03-29 02:30"),
        ("2026-01-01T00:30", 2, False, "03-28 23:30 to 03-29 01:30"),
        ("2026-01-01T00:30", 2, True, "03-28 23:30 to 03-29 01:30"),
    ],
)
def test_a_time_that_is_skipped(start: str, hours: int, whole: bool, expected: str) -> None:
    one = recurring(start=start, hours=hours)
    assert ends(one, "2026-03-29T01:29:00" if hours and "23:" in expected else
                "2026-03-29T01:30:00", whole=whole) == [expected]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "hours", "whole", "expected"),
    [
        # 02:30 comes twice on 25 October: RFC 5545 takes the first, all of it takes both.
        ("2026-01-01T02:30", 2, False, "10-25 00:30 to 10-25 03:30"),
        ("2026-01-01T00:30", 2, False, "10-24 22:30 to 10-25 00:30"),
        ("2026-01-01T00:30", 2, True, "10-24 22:30 to 10-25 01:30"),
    ],
)
def test_a_time_that_is_repeated(start: str, hours: int, whole: bool, expected: str) -> None:
    first = expected.partition(" to ")[0]
    when = f"2026-{first.replace(' ', 'T')}:00"
    assert ends(recurring(start=start, hours=hours), when, whole=whole) == [expected]


def test_a_short_time_within_the_skipped_hour_never_comes_unless_all_of_it_counts() -> None:
    short = recurring(start="2026-01-01T02:50", hours=0.25)
    moments = [at("2026-03-29T00:40:00") + timedelta(minutes=m) for m in range(120)]
    assert not any(list(short.covering(m, whole=False)) for m in moments)
    assert any(list(short.covering(m, whole=True)) for m in moments)
    following = short.following(at("2026-03-28T12:00:00"), whole=False)
    assert following is not None
    assert following.start == at("2026-03-30T00:50:00")


@pytest.mark.parametrize(
    ("rrule", "start", "after", "expected"),
    [
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20", "2025-01-01T00:00", "2026-11-20T10:00:00",
         "2026-12-19T23:00:00"),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20", "2025-01-01T00:00", "2026-12-19T23:00:00",
         "2027-12-19T23:00:00"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2025-01-01T18:00", "2026-11-20T10:00:00",
         "2026-11-27T17:00:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-01-01T09:00", "2026-11-20T10:00:00",
         "2026-12-01T08:00:00"),
        ("FREQ=DAILY;INTERVAL=3", "2026-11-01T00:00", "2026-11-20T10:00:00",
         "2026-11-21T23:00:00"),
        ("FREQ=DAILY", "2027-01-01T00:00", "2026-11-20T10:00:00", "2026-12-31T23:00:00"),
        ("FREQ=DAILY;UNTIL=20261120T120000", "2026-01-01T00:00", "2026-11-20T10:00:00", None),
    ],
)  # fmt: skip
def test_the_next_one(rrule: str, start: str, after: str, expected: str | None) -> None:
    found = recurring(rrule, start).following(at(after), whole=True)
    assert (found.start if found else None) == (at(expected) if expected else None)


RULES = st.sampled_from(
    ["FREQ=DAILY", "FREQ=DAILY;INTERVAL=5", "FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU",
     "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,SA", "FREQ=MONTHLY;BYMONTHDAY=31",
     "FREQ=DAILY;BYMONTH=3,10", "FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=2",
     "FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=1", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,SA;BYSETPOS=-2",
     "FREQ=WEEKLY;WKST=SU;BYDAY=SU,TH;BYSETPOS=-1", "FREQ=WEEKLY;BYWEEKNO=1,53;BYDAY=MO,FR",
     "FREQ=DAILY;INTERVAL=2;BYSETPOS=-1", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
     "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=1,15,28;BYSETPOS=2",
     "FREQ=YEARLY;BYMONTH=3,10;BYDAY=SU;BYSETPOS=2,-1"]
)  # fmt: skip


def test_a_week_that_a_rule_begins_in_the_middle_of_is_counted_as_that_alone() -> None:
    """It began on a Wednesday, so only its first week has a single day to choose from."""
    second, first = (
        recurring(f"FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS={n}", "2026-01-07T00:00", hours=24)
        for n in (2, 1)
    )
    friday, monday = "2026-11-20T12:00", "2026-11-23T12:00"
    assert ends(second, friday) == ["11-19 23:00 to 11-20 23:00"]
    assert ends(second, monday) == []
    assert ends(first, friday) == []
    assert ends(first, monday) == ["11-22 23:00 to 11-23 23:00"]
    coming = second.following(at("2026-11-19T00:00"), whole=True)
    assert coming is not None
    assert coming.start == at("2026-11-19T23:00")


@given(
    rrule=RULES,
    day=st.integers(25, 31),
    hour=st.integers(0, 5 * 366 * 24),
    hours=st.integers(1, 80),
)
def test_counting_from_a_later_start_changes_nothing(
    rrule: str, day: int, hour: int, hours: int
) -> None:
    """Against all occurrences from the first on, in a zone whose clocks never change."""
    from dateutil.rrule import rrulestr

    one = recurring(rrule, f"2024-01-{day}T10:00", hours=hours, timezone="UTC")
    first = datetime.fromisoformat(one.start)
    when, rule = first + timedelta(hours=hour), rrulestr(rrule, dtstart=first)
    starts = rule.between(when - timedelta(hours=hours), when, inc=True)
    expected = [s for s in starts if s <= when < s + timedelta(hours=hours)]
    found = one.covering(when.replace(tzinfo=UTC), whole=True)
    assert [span.start.replace(tzinfo=None) for span in found] == expected
    coming = one.following(when.replace(tzinfo=UTC), whole=True)
    assert (coming.start.replace(tzinfo=None) if coming else None) == rule.after(when)
    coming = one.following(when.replace(tzinfo=UTC), whole=True)
    assert (coming.start.replace(tzinfo=None) if coming else None) == rule.after(when)


def test_a_rule_that_can_be_used_has_nothing_wrong() -> None:
    for rrule in ("FREQ=DAILY", "FREQ=YEARLY;BYDAY=53MO", "FREQ=MONTHLY;BYDAY=1MO,-1FR",
                  "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=DAILY;UNTIL=20301231T000000",
                  "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1", "FREQ=YEARLY;BYWEEKNO=20",
                  "FREQ=WEEKLY;WKST=SU;INTERVAL=366"):  # fmt: skip
        assert list(wrong(recurring(rrule))) == [], rrule


@pytest.mark.parametrize(
    ("rrule", "message"),
    [
        ("", "the rule is not of parts NAME=VALUE"),
        ("rubbish", "the rule is not of parts NAME=VALUE"),
        ("FREQ=DAILY;FREQ=DAILY", "the rule is not of parts NAME=VALUE"),
        ("FREQ=DAILY;", "the rule is not of parts NAME=VALUE"),
        ("FREQ=DAILY\nRRULE:FREQ=DAILY", "the rule is no line of RFC 5545"),
        ("FREQ=DAILY;BYMONTH=" + ",".join(["1"] * 200), "the rule is no line of RFC 5545"),
        ("FREQ=DÄILY", "the rule is no line of RFC 5545"),
        ("FREQ=SECONDLY", "a rule can't recur SECONDLY"),
        ("FREQ=MINUTELY", "a rule can't recur MINUTELY"),
        ("FREQ=HOURLY", "a rule can't recur HOURLY"),
        ("FREQ=daily", "a rule can't recur daily"),
        ("BYDAY=MO", "a rule can't recur without FREQ"),
        ("FREQ=DAILY;COUNT=3", "a rule takes no COUNT here"),
        ("FREQ=DAILY;BYHOUR=1,2,3", "a rule takes no BYHOUR here"),
        ("FREQ=DAILY;BYSECOND=1", "a rule takes no BYSECOND here"),
        ("RRULE:FREQ=DAILY", "a rule takes no RRULE:FREQ here"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0 is no number of steps"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1 is no number of steps"),
        ("FREQ=YEARLY;INTERVAL=9999999999999", "INTERVAL=9999999999999 is no number of steps"),
        ("FREQ=DAILY;UNTIL=2030", "UNTIL=2030 is no local time"),
        ("FREQ=DAILY;UNTIL=20300101T000000Z", "UNTIL=20300101T000000Z is no local time"),
        ("FREQ=DAILY;UNTIL=20301332T000000", "the rule can't be read: "),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH=13 has no 13"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY=0 has no 0"),
        ("FREQ=DAILY;BYMONTHDAY=1,,2", "BYMONTHDAY=1,,2 has no empty value"),
        ("FREQ=DAILY;BYMONTHDAY=-32", "BYMONTHDAY=-32 has no -32"),
        ("FREQ=DAILY;BYDAY=XX", "BYDAY=XX has no XX"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO has no 1MO"),
        ("FREQ=MONTHLY;BYDAY=6MO", "BYDAY=6MO has no 6MO"),
        ("FREQ=DAILY;WKST=ZZ", "the rule can't be read: "),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "the rule never holds on any day"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "the rule never holds on any day"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "the rule never holds on any day"),
        ("FREQ=DAILY;UNTIL=20240101T000000", "the rule never holds on any day"),
    ],
)  # fmt: skip
def test_a_rule_that_can_not_be_used_is_refused_at_once(rrule: str, message: str) -> None:
    begun = time.perf_counter()
    [found] = wrong(recurring(rrule))
    assert time.perf_counter() - begun < 2
    assert found.field == "rrule"
    assert found.message.startswith(message)
    assert found.mend


@given(rrule=st.text(alphabet="FREQ=DAILYWEK;BMONTH,0123456789-SU\n ", max_size=60))
def test_rubbish_is_refused_without_a_traceback(rrule: str) -> None:
    assert all(one.mend for one in wrong(recurring(rrule)))


@pytest.mark.parametrize(
    ("changes", "field", "message", "mend"),
    [
        ({"timezone": "Europe/Berln"}, "timezone", "there is no time zone Europe/Berln",
         "did you mean Europe/Berlin?"),
        ({"timezone": "../../etc/passwd"}, "timezone", "there is no time zone", "Europe/Berlin"),
        ({"timezone": "Europe"}, "timezone", "there is no time zone Europe", "did you mean"),
        ({"start": "2026-02-30T00:00"}, "start", "2026-02-30T00:00 is on no calendar", "write"),
        ({"start": "1999-12-31T00:00"}, "start", "1999-12-31T00:00 is too far away", "2000"),
        ({"start": "2101-01-01T00:00"}, "start", "2101-01-01T00:00 is too far away", "2100"),
        ({"hours": 24 * 366 + 1}, "duration", "one occurrence would be longer", "emergency"),
    ],
)  # fmt: skip
def test_what_else_can_be_wrong(
    changes: dict[str, str], field: str, message: str, mend: str
) -> None:
    [found] = wrong(recurring(**changes))
    assert (found.field, mend in found.mend) == (field, True)
    assert found.message.startswith(message)


def test_everything_that_is_wrong_is_told() -> None:
    found = wrong(recurring("FREQ=HOURLY", hours=24 * 400, timezone="Nowhere"))
    assert [one.field for one in found] == ["timezone", "duration", "rrule"]


def test_the_longest_is_a_whole_leap_year() -> None:
    assert timedelta(days=366) == LONGEST


def test_old_windows_are_found_fast() -> None:
    one = recurring(start="2000-01-01T22:00")
    begun = time.perf_counter()
    for day in range(200):
        list(one.covering(at("2026-06-10T20:00:00") + timedelta(days=day), whole=True))
    assert time.perf_counter() - begun < 2

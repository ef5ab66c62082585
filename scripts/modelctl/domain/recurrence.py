"""Times that recur by the calendar of a place: RFC 5545 rules over wall-clock time.

A rule is counted in local time and only then turned into instants, so that a window of 22:00 to
06:00 is that on the clocks of the place, on the days on which they change as well. A time that a
change skips or repeats is read as RFC 5545 has it (3.3.5), unless the whole of it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from dateutil.rrule import rrule as Rule  # noqa: N812 - a class with a small name

LONGEST = timedelta(days=366)
"""The longest that one occurrence may take."""

_KEYS = (
    *("FREQ", "INTERVAL", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY"),
    *("BYYEARDAY", "BYWEEKNO", "BYSETPOS"),
)
_RANGES = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
_MONTHS = frozenset(map(str, range(1, 13)))
_UNTIL = re.compile(r"[0-9]{8}T[0-9]{6}")
_WEEKDAY = re.compile(r"([+-]?[1-9][0-9]?)?(?:MO|TU|WE|TH|FR|SA|SU)")
_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": None, "YEARLY": None}
_MOST_STEPS, _LONGEST_RULE, _FIRST_YEAR, _LAST_YEAR = 366, 300, 2000, 2100
_SHIFT = timedelta(hours=3)
"""More than any change of the clocks moves an occurrence."""


class Span(NamedTuple):
    """From `start` until just before `end`, both UTC."""

    start: datetime
    end: datetime


class Wrong(NamedTuple):
    """What can't be used: the field, what is wrong with it, and what to do."""

    field: str
    message: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """An RFC 5545 rule with its DTSTART and length, in the wall-clock time of a zone.

    `start` is local, as ISO 8601 without an offset; `timezone` a name of the zone database. Only
    one of which `wrong` finds nothing has occurrences.
    """

    rrule: str
    start: str
    timezone: str
    duration: timedelta

    def covering(self, at: datetime, *, whole: bool) -> Iterator[Span]:
        """The occurrences that hold at an instant (UTC).

        `whole` takes of a time that the clocks repeat or skip whatever makes the span longer.
        """
        here = self._local(at)
        rule = _forwarded(self.rrule, self.start, here - self.duration - _SHIFT)
        for local in rule.between(here - self.duration - _SHIFT, here + _SHIFT, inc=True):
            span = self._span(local, whole=whole)
            if span.start <= at < span.end:
                yield span

    def following(self, at: datetime, *, whole: bool) -> Span | None:
        """The first occurrence that begins after an instant (UTC); None after the last."""
        here = self._local(at) - _SHIFT
        rule = _forwarded(self.rrule, self.start, here)
        coming = (self._span(local, whole=whole) for local in rule.xafter(here, inc=True))
        # Of those just before, at most one a day; the clocks may leave nothing of the first ones.
        return next((s for s in islice(coming, 9) if at < s.start < s.end), None)

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(_zone(self.timezone)).replace(tzinfo=None)

    def _span(self, local: datetime, *, whole: bool) -> Span:
        zone = _zone(self.timezone)
        starts, ends = _instants(local, zone), _instants(local + self.duration, zone)
        return Span(min(starts), max(ends)) if whole else Span(starts[0], ends[0])


def wrong(recurrence: Recurrence) -> Iterator[Wrong]:
    """Everything that keeps a recurrence from being used."""
    zone = _wrong_zone(recurrence.timezone)
    start = _wrong_start(recurrence.start)
    yield from (found for found in (zone, start, _wrong_length(recurrence.duration)) if found)
    if start is None and (rule := _wrong_rule(recurrence.rrule, recurrence.start)) is not None:
        yield rule


def _wrong_zone(name: str) -> Wrong | None:
    known = _zones()
    if name in known:
        return None
    near = get_close_matches(name, sorted(known), n=1)
    mend = f"did you mean {near[0]}?" if near else "write a name such as Europe/Berlin, or UTC"
    return Wrong("timezone", f"there is no time zone {name}", mend)


@cache
def _zones() -> frozenset[str]:
    """Every name of the zone database; it is read from many files, so once is enough."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _wrong_start(text: str) -> Wrong | None:
    try:
        year = datetime.fromisoformat(text).year
    except ValueError:
        return Wrong("start", f"{text} is on no calendar", "write a local time: 2026-01-01T00:00")
    if _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    mend = f"choose a year from {_FIRST_YEAR} to {_LAST_YEAR}"
    return Wrong("start", f"{text} is too far away to count from", mend)


def _wrong_length(duration: timedelta) -> Wrong | None:
    if duration <= LONGEST:
        return None
    mend = f"write {LONGEST.days}d or less; what has no end is an emergency"
    return Wrong("duration", "one occurrence would be longer than a year", mend)


def _wrong_rule(text: str, start: str) -> Wrong | None:
    parts = _parts(text)
    objection = _wrong_form(text, parts) or _wrong_parts(parts) or _wrong_values(parts)
    if objection is not None:
        return Wrong("rrule", *objection)
    try:
        fires = _fires(_rule(text, start))
    except (ValueError, TypeError, LookupError) as error:
        message = f"the rule can't be read: {error}"
        return Wrong("rrule", message, "write it as RFC 5545 has it: FREQ=WEEKLY;BYDAY=SA,SU")
    if fires:
        return None
    return Wrong("rrule", "the rule never holds on any day", "correct its days, or its UNTIL")


def _wrong_form(text: str, parts: Mapping[str, str]) -> tuple[str, str] | None:
    written = text.split(";")
    if len(text) > _LONGEST_RULE or not text.isprintable() or not text.isascii():
        return "the rule is no line of RFC 5545", "write it in one line: FREQ=WEEKLY;BYDAY=SA,SU"
    if len(parts) != len(written) or not all(parts.values()):
        return "the rule is not of parts NAME=VALUE", "write each part once, between semicolons"
    return None


def _wrong_parts(parts: Mapping[str, str]) -> tuple[str, str] | None:
    for name in parts:
        if name not in _KEYS:
            return f"a rule takes no {name} here", f"use {', '.join(_KEYS)} alone"
    if parts.get("FREQ") not in _DAYS:
        message = f"a rule can't recur {parts.get('FREQ', 'without FREQ')}"
        return message, f"choose FREQ={'|'.join(_DAYS)}"
    interval = parts.get("INTERVAL", "1")
    if not (interval.isdecimal() and 1 <= int(interval[:9]) <= _MOST_STEPS):
        return f"INTERVAL={interval} is no number of steps", f"choose 1 to {_MOST_STEPS}"
    return None


def _wrong_values(parts: Mapping[str, str]) -> tuple[str, str] | None:
    """What dateutil would pass over, or stumble on only years later."""
    until = parts.get("UNTIL", "20300101T000000")
    if not _UNTIL.fullmatch(until):
        return f"UNTIL={until} is no local time", "write it as 20301231T235959, in the zone's time"
    for name, value in parts.items():
        for one in value.split(","):
            if (mend := _wrong_value(name, one, parts["FREQ"])) is not None:
                return f"{name}={value} has no {one or 'empty value'}", mend
    return None


def _wrong_value(name: str, value: str, frequency: str) -> str | None:
    if name in _RANGES:
        number = value.removeprefix("-")
        fits = number.isdecimal() and 1 <= int(number[:9]) <= _RANGES[name]
        return None if fits else f"choose 1 to {_RANGES[name]}, or -1 to -{_RANGES[name]}"
    if name == "BYMONTH":
        return None if value in _MONTHS else "choose 1 to 12"
    if name != "BYDAY":
        return None
    match = _WEEKDAY.fullmatch(value)
    which = abs(int(match[1] or 0)) if match else 99
    most = {"MONTHLY": 5, "YEARLY": 53}.get(frequency, 0)
    return None if which <= most else "choose MO to SU; 1MO or -1FR for one of a month or year"


def _parts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name: value for name, _, value in pairs}


def _fires(rule: Rule) -> bool:
    """Whether it has an occurrence, told in bounded time.

    A rule that never holds is looked through up to the last year that there is. The calendar
    repeats every 400 years, weekdays included, so that it may as well begin near that one.
    """
    start: datetime = rule._dtstart  # type: ignore[attr-defined]  # noqa: SLF001
    late = start.replace(year=start.year + 7600)
    holds = next(iter(rule.replace(dtstart=late, until=None)), None) is not None
    return holds and next(iter(rule), None) is not None


@cache
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


@cache
def _rule(text: str, start: str) -> Rule:
    from dateutil.rrule import rrulestr

    return cast("Rule", rrulestr(text, dtstart=datetime.fromisoformat(start)))


def _forwarded(text: str, start: str, to: datetime) -> Rule:
    """The rule, begun later where that changes nothing from `to` on: days and weeks recur in
    steps of equal length, and counting them one by one from years ago takes long.

    It begins a step before the one that `to` is in: a week that the rule begins in the middle of
    lacks its first days, so that BYSETPOS would count the others wrong.
    """
    parts, rule, begin = _parts(text), _rule(text, start), datetime.fromisoformat(start)
    days = _DAYS[parts["FREQ"]]
    if days is None or to <= begin:
        return rule
    step = timedelta(days=days * int(parts.get("INTERVAL", "1")))
    return rule.replace(dtstart=begin + max((to - begin) // step - 1, 0) * step)


def _instants(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants that a local time may mean; the first is the one that RFC 5545 chooses."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second

"""Exposure: how many requests a version answered in an environment, as signed statements say.

Each is about a period of its own, and periods add up. A newer statement replaces an older one where
it covers all of it: so a correction outweighs what it corrects, and a short statement no long one.
Time that statements share otherwise counts once, with the fewest requests and the most errors that
any of them tells of it, each spread evenly over its period.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

from modelctl.domain.evidence import CLOCK_SKEW, Need, Rejected, Signed, Statement, objection
from modelctl.domain.manifest import instant

FAILED = "whoever measured it says that it failed"
KIND = "exposure"
"""The kind of evidence: `{requests, errors, since, until}`, the times RFC 3339 with their zone."""

_AGES = timedelta(days=36500)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What was answered from `since` until just before `until` (UTC)."""

    requests: int
    errors: int
    since: datetime
    until: datetime

    def covers(self, other: Period) -> bool:
        """Whether the other one lies inside of it."""
        return self.since <= other.since and other.until <= self.until

    def part(self, count: int, ticks: int) -> Fraction:
        """How many of `count` fall into so much of its time."""
        return Fraction(count * ticks, (self.until - self.since) // _TICK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The periods that count, newest statement first, and the statements that don't.

    `failed` are those of the latter that say themselves that they failed, and that no newer one
    replaces. `requests` and `errors` are over all periods, time that some of them share once.
    """

    periods: tuple[Period, ...]
    rejected: tuple[Rejected, ...]
    failed: tuple[Period, ...] = ()
    requests: int = 0
    errors: int = 0

    @property
    def error_rate(self) -> float:
        """The share of requests that failed; 0 where there were none."""
        return min(self.errors / max(self.requests, 1), 1.0)

    def reaches(self, wanted: int) -> datetime | None:
        """When so many requests will have been answered if it goes on like this, counted from the
        end of the last period; None where there is no rate to tell it by."""
        if not self.requests:
            return None
        seen = sum((b - a for a, b, told in _stretches(self.periods) if told), timedelta())
        last = max(period.until for period in self.periods)
        seconds = seen.total_seconds() * (wanted - self.requests) / self.requests
        return last + timedelta(seconds=min(max(seconds, 0.0), _AGES.total_seconds()))


def period_from(predicate: Mapping[str, Any]) -> Period | str:
    """The period that a predicate tells of, or why it tells of none."""
    requests, errors = _count(predicate.get("requests")), _count(predicate.get("errors"))
    if requests is None or errors is None:
        return "requests and errors must be whole numbers of 0 or more"
    if errors > requests:
        return "more requests failed than were made"
    since, until = _time(predicate.get("since")), _time(predicate.get("until"))
    if since is None or until is None:
        return "since and until must be times with their zone, such as 2026-11-20T10:00:00Z"
    if since >= until:
        return "its period ends before it begins"
    return Period(requests=requests, errors=errors, since=since, until=until)


def exposure(
    signed: Iterable[Signed], environment: str, digest: str, began: datetime, now: datetime
) -> Exposure:
    """What counts for the manifest with this digest since it `began` to serve there."""
    need = Need(kind=KIND, environments=(environment,))
    told = [(s, s.statement) for s in signed if s.statement and s.statement.kind == KIND]
    taken: list[Period] = []
    failed: list[Period] = []
    rejected: list[Rejected] = []
    for one, statement in sorted(told, key=lambda t: (t[1].made_at, t[0].seq), reverse=True):
        period = objection(one, need, digest, now) or _believed(statement, began, now)
        if isinstance(period, Period) and any(new.covers(period) for new in (*taken, *failed)):
            period = "a newer statement is about the same time"
        if isinstance(period, str):
            rejected.append(Rejected(signed=one, reason=period))
        elif statement.passed is False:
            failed.append(period)
            rejected.append(Rejected(signed=one, reason=FAILED))
        else:
            taken.append(period)
    requests, errors = _counts(taken)
    return Exposure(
        periods=tuple(taken),
        rejected=tuple(rejected),
        failed=tuple(failed),
        requests=requests,
        errors=errors,
    )


def _counts(periods: Sequence[Period]) -> tuple[int, int]:
    """Requests and errors over all periods: rounded down and up."""
    requests = errors = Fraction()
    for since, until, told in _stretches(periods):
        ticks = (until - since) // _TICK
        requests += min((p.part(p.requests, ticks) for p in told), default=0)
        errors += max((p.part(p.errors, ticks) for p in told), default=0)
    return int(requests), ceil(errors)


def _stretches(
    periods: Sequence[Period],
) -> Iterator[tuple[datetime, datetime, tuple[Period, ...]]]:
    """The time from one end of a period to the next, with the periods that share it."""
    ends = sorted({end for period in periods for end in (period.since, period.until)})
    coming = sorted(periods, key=lambda period: period.since, reverse=True)
    told: list[Period] = []
    for since, until in pairwise(ends):
        told = [period for period in told if period.until > since]
        while coming and coming[-1].since <= since:
            told.append(coming.pop())
        yield since, until, tuple(told)


def _believed(statement: Statement, began: datetime, now: datetime) -> Period | str:
    """The period of a statement that may be believed, or why it may not."""
    period = period_from(statement.predicate)
    if isinstance(period, str):
        return period
    if period.since < began:
        return "its period begins before the version came to serve"
    if period.until > min(statement.made_at, now) + CLOCK_SKEW:
        return "its period ends after the statement was made"
    return period


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and value >= 0 else None


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        zoned = datetime.fromisoformat(value).tzinfo is not None
        return instant(value) if zoned else None
    except (ValueError, OverflowError):
        return None

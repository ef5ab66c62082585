"""When nothing may move: windows by the calendar, and emergencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from modelctl.domain.document import Document, Location
from modelctl.domain.manifest import instant
from modelctl.domain.recurrence import Recurrence, Span
from modelctl.domain.rules import RuleReader, Scope, parse_span
from modelctl.errors import ModelctlError

DENY, ALLOW = "deny", "allow"
_HORIZON = timedelta(days=3660)
"""How far ahead an opening is looked for: what is frozen for longer is frozen for good."""

_MOST_LINKS = 5000  # of a chain of windows that follow on each other: one a day, and some more
Scopes = Sequence[Mapping[str, str]]
"""What is asked about: the facts of a promotion that `Scope.covers` looks at, one or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time that recurs: `deny` lets nothing move inside it, `allow` only inside of it."""

    name: str
    kind: str
    recurrence: Recurrence
    reason: str
    scope: Scope
    location: Location

    def spans_at(self, at: datetime) -> tuple[Span, ...]:
        """The occurrences that hold at an instant. A time that the clocks repeat or skip counts to
        a window that denies, as a whole."""
        return tuple(self.recurrence.covering(at, whole=self.kind == DENY))

    def next_after(self, at: datetime) -> Span | None:
        """The first occurrence that begins after an instant, or None."""
        return self.recurrence.following(at, whole=self.kind == DENY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A freeze from `since` (UTC) until just before `until`, or until somebody lifts it."""

    reason: str
    scope: Scope
    since: datetime
    until: datetime | None
    location: Location

    def holds(self, at: datetime) -> bool:
        """Whether it holds at an instant."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezes:
    """What `policies/freezes.yaml` says; nothing is frozen without one."""

    windows: tuple[Window, ...] = ()
    emergencies: tuple[Emergency, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One thing that keeps everything where it is.

    `until` is when it ends by itself, None for never. `emergency` tells it from a window.
    """

    message: str
    reason: str
    until: datetime | None
    location: Location
    emergency: bool = False


def holds(freezes: Freezes, scopes: Scopes, at: datetime) -> tuple[Hold, ...]:
    """Everything that keeps a promotion from moving at an instant; nothing where it may."""
    found = [*_emergencies(freezes, scopes, at), *_denied(freezes, scopes, at)]
    # Each scope by itself: a window of the tier that a change brings opens none of the tier it had.
    outside = (_outside(freezes, facts, at) for facts in scopes)
    return (*found, *dict.fromkeys(hold for hold in outside if hold is not None))


def opens(freezes: Freezes, scopes: Scopes, at: datetime) -> datetime | None:
    """The first instant from `at` on at which nothing holds, whatever overlaps or follows on.

    None where that doesn't come by itself.
    """
    now = at
    for _ in range(_MOST_LINKS):
        ends = [hold.until for hold in holds(freezes, scopes, now)]
        if not ends:
            return now
        known = [end for end in ends if end is not None]
        if len(known) < len(ends) or max(known) - at > _HORIZON:
            return None
        now = max(known)
    return None


def concerns(scope: Scope, scopes: Scopes) -> bool:
    """Whether a scope covers what is asked about."""
    return any(scope.covers(facts) for facts in scopes)


def emergencies_at(freezes: Freezes, scopes: Scopes, at: datetime) -> tuple[Emergency, ...]:
    """The emergencies that keep a promotion from moving at an instant."""
    listed = freezes.emergencies
    return tuple(one for one in listed if one.holds(at) and concerns(one.scope, scopes))


def _emergencies(freezes: Freezes, scopes: Scopes, at: datetime) -> Iterator[Hold]:
    for one in emergencies_at(freezes, scopes, at):
        until = f" until {_utc(one.until)}" if one.until else ""
        yield Hold(
            message=f"frozen by an emergency since {_utc(one.since)}{until}",
            reason=one.reason,
            until=one.until,
            location=one.location,
            emergency=True,
        )


def _denied(freezes: Freezes, scopes: Scopes, at: datetime) -> Iterator[Hold]:
    for window in freezes.windows:
        if window.kind != DENY or not concerns(window.scope, scopes):
            continue
        ends = [span.end for span in window.spans_at(at)]
        if ends:
            yield Hold(
                message=f"frozen by the window {window.name} until {_utc(max(ends))}",
                reason=window.reason,
                until=max(ends),
                location=window.location,
            )


def _outside(freezes: Freezes, facts: Mapping[str, str], at: datetime) -> Hold | None:
    """Why it may not move where something says when it may, and that isn't now."""
    allowing = [w for w in freezes.windows if w.kind == ALLOW and w.scope.covers(facts)]
    if not allowing or any(window.spans_at(at) for window in allowing):
        return None
    coming = [(span.start, w) for w in allowing if (span := w.next_after(at))]
    opening, first = min(coming, key=lambda one: one[0], default=(None, allowing[0]))
    names = " or ".join(window.name for window in allowing)
    which = "which" if len(allowing) == 1 else first.name
    when = f"{which} opens on {_utc(opening)}" if opening else "none opens again"
    return Hold(
        message=f"outside of {names}{',' if which == 'which' and opening else ';'} {when}",
        reason=first.reason,
        until=opening,
        location=first.location,
    )


def freezes_from(document: Document, rules: RuleReader) -> Freezes:
    """What an accepted document says.

    Raises:
        ModelctlError: a time that no calendar has, with its place.
    """
    data = document.data
    return Freezes(
        windows=tuple(_window(document, name) for name in data.get("windows") or {}),
        emergencies=tuple(
            _emergency(document, index) for index in range(len(data.get("emergencies") or ()))
        ),
    )


def _window(document: Document, name: str) -> Window:
    row = document.data["windows"][name]
    return Window(
        name=name,
        kind=row["kind"],
        recurrence=Recurrence(
            rrule=row["rrule"],
            start=row["start"],
            timezone=row["timezone"],
            duration=parse_span(row["duration"]),
        ),
        reason=row["reason"],
        scope=_scope(row),
        location=document.locate(("windows", name)),
    )


def _emergency(document: Document, index: int) -> Emergency:
    row = document.data["emergencies"][index]
    return Emergency(
        reason=row["reason"],
        scope=_scope(row),
        since=_instant(document, index, "since"),
        until=_instant(document, index, "until") if "until" in row else None,
        location=document.locate(("emergencies", index)),
    )


def _instant(document: Document, index: int, name: str) -> datetime:
    path = ("emergencies", index, name)
    try:
        return instant(document.value(path))
    except ValueError:
        raise ModelctlError(
            f"{document.value(path)} is on no calendar",
            location=str(document.locate(path)),
            mend="write a time in UTC, such as 2026-11-20T10:00:00Z",
        ) from None


def _scope(row: Mapping[str, Any]) -> Scope:
    names = ("environments", "models", "tiers")
    return Scope(**{name: tuple(row[name]) for name in names if name in row})


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

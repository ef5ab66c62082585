"""What GitHub lets us ask: the rate as last told, and how long a refusal asks us to wait.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDARY_SECONDS = 60.0
"""What GitHub asks for after a secondary limit that names no time."""

_TELLING = ("api rate limit exceeded", "secondary rate limit", "abuse detection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Requests that may be sent in an hour, how many of them are left, and until when."""

    limit: int
    remaining: int
    resets_at: datetime

    def __str__(self) -> str:
        until = f"{self.resets_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.remaining:,} of {self.limit:,} requests are left until {until}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an answer is waited for, and how often a request is sent again.

    `timeout` is for one answer, `longest` for all the pauses of one request, both in seconds.
    Pauses double from `first_pause` to `longest_pause`.
    """

    timeout: float = 15.0
    attempts: int = 6
    first_pause: float = 0.5
    longest_pause: float = 20.0
    longest: float = 150.0

    def pause(self, attempt: int) -> float:
        """Seconds before the next try; `attempt` counts from 1."""
        return float(min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1)))


def rate_of(headers: Mapping[str, str]) -> Rate | None:
    """The rate that the headers of an answer tell (their names in lower case)."""
    limit, remaining, reset = (
        _number(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining", "reset")
    )
    if limit is None or remaining is None or reset is None:
        return None
    try:
        resets_at = datetime.fromtimestamp(reset, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return Rate(limit=int(limit), remaining=int(remaining), resets_at=resets_at)


def asked_to_wait(
    status: int, headers: Mapping[str, str], message: str, attempt: int
) -> float | None:
    """Seconds to wait when an answer says that we ask too much; None when it says no such thing.

    Nothing was done then, so that even a write can be sent again.
    """
    if status not in (403, 429):
        return None
    used_up = headers.get("x-ratelimit-remaining") == "0"
    limited = any(words in message.lower() for words in _TELLING)
    after = retry_after(headers)
    if status == 403 and not (used_up or limited or after is not None):
        return None
    if after is not None:
        return after
    if used_up:
        return _until_reset(headers)
    return _SECONDARY_SECONDS * 2.0 ** (attempt - 1)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a `Retry-After`; None where there is none that can be read."""
    seconds = _number(headers.get("retry-after"))
    return None if seconds is None else max(0.0, seconds)


def _until_reset(headers: Mapping[str, str]) -> float:
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is None:
        return _SECONDARY_SECONDS
    return max(0.0, reset - _their_now(headers)) + 1.0


def _their_now(headers: Mapping[str, str]) -> float:
    """The time by the server's clock, which is the one that `reset` was read from."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return time.time()


def _number(text: str | None) -> float | None:
    """A number in a header: digits, sometimes with a fraction."""
    if text is None or not text.replace(".", "", 1).isdigit():
        return None
    return float(text)


class Pace:
    """Lets a burst of writes through, and then one in a second: GitHub takes 80 in a minute.

    https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
    """

    def __init__(
        self,
        burst: int = 20,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._burst, self._clock, self._sleep = burst, clock, sleep
        self._free_at = float("-inf")

    def wait(self) -> None:
        """Wait until one more write may be sent."""
        # Each write takes a second out of a store of `burst` seconds, which time fills up again.
        now = self._clock()
        self._free_at = max(now - self._burst, self._free_at) + 1.0
        if self._free_at > now:
            self._sleep(self._free_at - now)

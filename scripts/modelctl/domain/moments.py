"""Points in time as people type them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from modelctl.domain.manifest import instant
from modelctl.errors import ModelctlError

_UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_AGO = re.compile(rf"(\d{{1,4}}) ({'|'.join(_UNITS)})s? ago")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|UTC|[+-]\d\d:\d\d))?)?")


def moment(text: str, now: datetime) -> datetime:
    """The time in UTC that `text` means: `now`, `2 days ago`, an ISO date or time.

    A time without a zone is UTC, and a date its first instant.

    Raises:
        ModelctlError: it means no time.
    """
    plain = " ".join(text.split())
    if plain == "now":
        return now
    if ago := _AGO.fullmatch(plain):
        return now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        if _ISO.fullmatch(plain):
            return instant(plain.replace("UTC", "Z").replace(" Z", "Z").replace(" +", "+"))
    except (ValueError, OverflowError):
        pass
    raise ModelctlError(
        f"{text!r} is no time that can be read",
        mend="write 2026-11-20, 2026-11-20T10:30:00Z, now, or 2 days ago",
    )

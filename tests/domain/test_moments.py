"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modelctl.domain.moments import moment
from modelctl.errors import ModelctlError

NOW = datetime(2026, 11, 20, 10, 53, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", NOW),
        (" 2  days ago", NOW - timedelta(days=2)),
        ("1 hour ago", NOW - timedelta(hours=1)),
        ("3 weeks ago", NOW - timedelta(weeks=3)),
        ("90 minutes ago", NOW - timedelta(minutes=90)),
        ("2026-11-19", datetime(2026, 11, 19, tzinfo=UTC)),
        ("2026-11-19T08:30", datetime(2026, 11, 19, 8, 30, tzinfo=UTC)),
        ("2026-11-19 08:30:15 UTC", datetime(2026, 11, 19, 8, 30, 15, tzinfo=UTC)),
        ("2026-11-19T08:30:00+02:00", datetime(2026, 11, 19, 6, 30, tzinfo=UTC)),
        ("2026-11-19 08:30:00 -02:00", datetime(2026, 11, 19, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read(text: str, meant: datetime) -> None:
    assert moment(text, NOW) == meant


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2 moons ago", "99999 days ago", "2026-02-30", "20.11.2026", "2026-W47",
     "0001-01-01T00:00+02:00", "2026-11-19T25:00"],
)  # fmt: skip
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ModelctlError, match="no time that can be read"):
        moment(text, NOW)

"""Exposure as a result file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelctl.errors import ModelctlError
from modelctl.probes.results import read_result

SOUND = {
    "requests": 1200,
    "errors": 1,
    "since": "2026-11-19T10:00:00Z",
    "until": "2026-11-20T10:00:00Z",
}


def read(format_: str | None = None, **changes: Any) -> dict[str, Any]:
    content = {k: v for k, v in {**SOUND, **changes}.items() if v is not ...}
    return read_result(json.dumps(content).encode(), "exposure.json", format_)


@pytest.mark.parametrize("format_", [None, "exposure"])
def test_exposure_is_read_as_it_is(format_: str | None) -> None:
    assert read(format_) == {**SOUND, "tool": {"name": "unknown", "version": "unknown"}}
    tool = {"name": "prometheus", "version": "2.42"}
    assert read(format_, tool=tool) == {**SOUND, "tool": tool}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"errors": ...}, "errors is missing"),
        ({"errors": 1201}, "more requests failed than were made"),
        ({"requests": "1200"}, "requests and errors must be whole numbers"),
        ({"until": "2026-11-19T10:00:00Z"}, "its period ends before it begins"),
        ({"made_at": "2026-11-20T10:00:00Z"}, "made_at is no field of it"),
    ],
)
def test_exposure_that_would_not_count_is_not_recorded(changes: Any, why: str) -> None:
    with pytest.raises(ModelctlError, match=why):
        read("exposure", **changes)

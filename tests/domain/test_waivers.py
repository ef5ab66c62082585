"""Waivers as documents: read, written, and kept by the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modelctl.adapters.documents import dump, load
from modelctl.domain.document import Location
from modelctl.domain.waivers import (
    FOLDER,
    WaiverLimits,
    records,
    stamp,
    waiver_document,
    waiver_from,
    waiver_path,
)
from modelctl.errors import ModelctlError
from support.keys import NOW
from support.waivers import FILE, REASON, rows, text, waiver


def test_what_is_written_is_what_is_read() -> None:
    one = waiver(environments=("staging", "production"))
    read = waiver_from(load(text(one).encode(), FILE))
    assert read == one
    assert waiver_document(read) == waiver_document(one)
    assert "environments" not in waiver_document(waiver())
    assert waiver_from(load(text(waiver()).encode(), FILE)).environments == ()


def test_it_knows_where_each_field_stands() -> None:
    lines = text(waiver()).splitlines()
    read = waiver_from(load(text(waiver()).encode(), FILE))
    assert lines[read.at("gate").line - 1] == "gate: fairness"
    assert read.at("environments") == Location(file=FILE)
    assert waiver().at("gate") == Location(file=FILE)


def test_times_are_utc() -> None:
    read = waiver_from(load(text(waiver(), expires="2026-12-01T00:00:00+00:00").encode(), FILE))
    assert read.expires == datetime(2026, 12, 1, tzinfo=UTC)
    assert stamp(read.expires) == "2026-12-01T00:00:00Z"
    assert waiver().length == timedelta(days=10)


@pytest.mark.parametrize("key", ["created_at", "expires"])
def test_a_day_that_no_calendar_has_is_told_with_its_line(key: str) -> None:
    document = load(text(waiver(), **{key: "2026-02-30T00:00:00Z"}).encode(), FILE)
    with pytest.raises(ModelctlError) as caught:
        waiver_from(document)
    place = document.locate((key,))
    assert caught.value.location == str(place)
    assert "2026-02-30" in caught.value.message


def test_it_is_named_after_what_it_is_for() -> None:
    assert waiver_path("churn-predictor", "1.2.0", "fairness") == (
        f"{FOLDER}/churn-predictor-1.2.0-fairness.yaml"
    )
    assert waiver().name == "tumor-classifier@1.0.0"


def test_the_history_keeps_who_until_when_and_why() -> None:
    other = waiver(file=f"{FOLDER}/a.yaml", expires=NOW)
    first, second = records([waiver(), other])
    assert (first.as_data(), second.as_data()) == (rows(other), rows(waiver()))
    assert second.reason == REASON


def test_without_a_word_about_it_waivers_last_a_month_at_most() -> None:
    assert WaiverLimits() == WaiverLimits(longest=timedelta(days=30), soon=timedelta(days=7))


def test_a_document_can_be_dumped_and_loaded() -> None:
    assert load(dump(waiver_document(waiver())).encode(), FILE).data["gate"] == "fairness"

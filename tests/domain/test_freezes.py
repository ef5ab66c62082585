"""When nothing may move: windows that deny or allow, emergencies, and when it opens again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from modelctl.adapters.documents import dump, load
from modelctl.domain.document import Document
from modelctl.domain.freeze_board import freeze_board
from modelctl.domain.freezes import Freezes, freezes_from, holds, opens
from modelctl.errors import ModelctlError

FACTS = {
    "environment": "production",
    "task": "classification",
    "tier": "standard",
    "target": "kserve",
    "model": "churn-predictor",
}


class _NoRules:
    """Freezes have no rules to compile."""

    def rule(self, document: Document, path: Any, facts: Mapping[str, str]) -> None:
        raise AssertionError


def window(rrule: str, start: str, duration: str, kind: str = "deny", **more: Any) -> Any:
    return {
        "kind": kind,
        "rrule": rrule,
        "start": start,
        "timezone": "UTC",
        "duration": duration,
        "reason": f"a {kind} window",
        **more,
    }


def freezes(emergencies: list[Any] | None = None, **windows: Any) -> Freezes:
    names = {name.replace("_", "-"): row for name, row in windows.items()}
    data = {"windows": names, "emergencies": emergencies or []}
    return freezes_from(load(dump(data).encode(), "policies/freezes.yaml"), _NoRules())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


YEAR_END = window("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20", "2025-01-01T00:00", "14d")
WEEKENDS = window("FREQ=WEEKLY;BYDAY=SA", "2025-01-01T00:00", "2d")
OFFICE = window("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2025-01-01T09:00", "8h", "allow")
EVENINGS = window("FREQ=DAILY", "2025-01-01T20:00", "1h", "allow")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-12-19T23:59:59", "2026-12-19T23:59:59"),
        ("2026-12-20T00:00:00", "2027-01-03T00:00:00"),
        ("2027-01-02T23:59:59", "2027-01-03T00:00:00"),
        ("2027-01-03T00:00:00", "2027-01-03T00:00:00"),
    ],
)
def test_a_window_that_denies_opens_at_its_end(when: str, expected: str) -> None:
    found = freezes(year_end=YEAR_END)
    assert opens(found, [FACTS], at(when)) == at(expected)
    assert bool(holds(found, [FACTS], at(when))) is (when != expected)


def test_what_holds_says_which_window_why_and_until_when() -> None:
    [hold] = holds(freezes(year_end=YEAR_END), [FACTS], at("2026-12-24T12:00"))
    assert hold.message == "frozen by the window year-end until 2027-01-03 00:00 UTC"
    assert hold.reason == "a deny window"
    assert (hold.location.line, hold.location.path) == (2, "windows.year-end")
    assert not hold.emergency


def test_windows_that_overlap_or_follow_on_each_other_are_taken_together() -> None:
    found = freezes(
        year_end=YEAR_END,  # to Sunday, 3 January, 00:00
        weekends=WEEKENDS,  # Saturday, 2 January, to Monday
        monday=window("FREQ=WEEKLY;BYDAY=MO", "2025-01-01T00:00", "12h"),
    )
    assert opens(found, [FACTS], at("2026-12-24T12:00")) == at("2027-01-04T12:00")


def test_of_several_occurrences_of_one_window_the_last_end_counts() -> None:
    found = freezes(long=window("FREQ=WEEKLY;BYDAY=MO,TU", "2025-01-01T00:00", "3d"))
    assert opens(found, [FACTS], at("2026-11-24T12:00")) == at("2026-11-27T00:00")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-20T10:00", "2026-11-20T10:00"),  # Friday, inside
        ("2026-11-20T17:00", "2026-11-20T20:00"),  # the evening opens first
        ("2026-11-20T21:00", "2026-11-21T20:00"),  # on Saturday only the evening
        ("2026-11-22T22:00", "2026-11-23T09:00"),
    ],
)
def test_things_move_only_inside_of_what_allows(when: str, expected: str) -> None:
    found = freezes(office=OFFICE, evenings=EVENINGS)
    assert opens(found, [FACTS], at(when)) == at(expected)


def test_outside_of_what_allows_the_next_opening_is_told() -> None:
    found = freezes(office=OFFICE, evenings={**EVENINGS, "reason": "People are at home"})
    [hold] = holds(found, [FACTS], at("2026-11-20T17:00"))
    assert hold.message == ("outside of office or evenings; evenings opens on 2026-11-20 20:00 UTC")
    assert (hold.reason, hold.until) == ("People are at home", at("2026-11-20T20:00"))


def test_outside_of_one_window_it_is_told_when_it_opens() -> None:
    [hold] = holds(freezes(office=OFFICE), [FACTS], at("2026-11-20T17:00"))
    assert hold.message == "outside of office, which opens on 2026-11-23 09:00 UTC"


def test_what_denies_holds_inside_of_what_allows() -> None:
    found = freezes(office=OFFICE, year_end=YEAR_END)
    assert opens(found, [FACTS], at("2026-12-24T12:00")) == at("2027-01-04T09:00")


def test_what_allows_for_the_last_time_never_opens_again() -> None:
    over = {**OFFICE, "rrule": "FREQ=DAILY;UNTIL=20251231T000000"}
    found = freezes(office=over)
    [hold] = holds(found, [FACTS], at("2026-11-20T10:00"))
    assert hold.message == "outside of office; none opens again"
    assert opens(found, [FACTS], at("2026-11-20T10:00")) is None


@pytest.mark.parametrize(
    "row",
    [
        window("FREQ=DAILY", "2025-01-01T00:00", "24h"),
        window("FREQ=DAILY;INTERVAL=100", "2025-01-01T00:00", "200d"),
    ],
)
def test_windows_without_a_gap_never_open(row: Any) -> None:
    assert opens(freezes(always=row), [FACTS], at("2026-11-20T10:00")) is None


def test_a_chain_of_very_short_links_is_given_up() -> None:
    half = window("FREQ=DAILY", "2025-01-01T00:00", "12h")
    other = window("FREQ=DAILY", "2025-01-01T12:00", "12h")
    assert opens(freezes(a=half, b=other), [FACTS], at("2026-11-20T10:00")) is None


NARROWED = [
    ({"environments": ["production"]}, True),
    ({"environments": ["staging"]}, False),
    ({"models": ["churn-*"]}, True),
    ({"models": ["fraud-*"]}, False),
    ({"tiers": ["standard"]}, True),
    ({"tiers": ["critical"]}, False),
]


@pytest.mark.parametrize(("narrow", "frozen"), NARROWED)
def test_a_window_may_be_for_some_promotions_only(narrow: Any, frozen: bool) -> None:
    found = freezes(year_end={**YEAR_END, **narrow})
    assert bool(holds(found, [FACTS], at("2026-12-24T12:00"))) is frozen
    allowing = freezes(office={**OFFICE, **narrow})
    assert bool(holds(allowing, [FACTS], at("2026-11-22T12:00"))) is frozen


def test_a_model_that_changes_its_tier_is_frozen_by_either() -> None:
    found = freezes(year_end={**YEAR_END, "tiers": ["critical"]})
    scopes = [FACTS, {**FACTS, "tier": "critical"}]
    assert holds(found, scopes, at("2026-12-24T12:00"))


def test_a_model_that_changes_its_tier_moves_only_when_either_may() -> None:
    """Else lowering the tier would open the windows of the lower one."""
    critical, low = {**FACTS, "tier": "critical"}, {**FACTS, "tier": "experimental"}
    found = freezes(
        tuesdays={**OFFICE, "rrule": "FREQ=WEEKLY;BYDAY=TU", "tiers": ["critical"]},
        always={**OFFICE, "rrule": "FREQ=DAILY", "tiers": ["experimental"]},
    )
    friday, tuesday = at("2026-11-20T12:00"), at("2026-11-24T12:00")
    assert holds(found, [low], friday) == ()
    [hold] = holds(found, [critical, low], friday)
    assert "tuesdays" in hold.message
    assert holds(found, [critical, low], tuesday) == ()
    opening = opens(found, [critical, low], friday)
    assert opening is not None
    assert opening.date() == tuesday.date()
    assert holds(found, [critical, {**FACTS, "tier": "standard"}], friday)  # one that has none
    assert len(holds(found, [critical, critical], friday)) == 1


def emergency(**more: Any) -> Any:
    return {
        "models": ["churn-predictor"],
        "since": "2026-11-20T10:00:00Z",
        "reason": "Wrong labels",
        **more,
    }


def test_an_emergency_ends_when_it_says() -> None:
    found = freezes([emergency(until="2026-11-21T10:00:00Z")])
    assert opens(found, [FACTS], at("2026-11-20T09:59:59")) == at("2026-11-20T09:59:59")
    [hold] = holds(found, [FACTS], at("2026-11-20T10:00:00"))
    assert hold.message == (
        "frozen by an emergency since 2026-11-20 10:00 UTC until 2026-11-21 10:00 UTC"
    )
    assert hold.emergency
    assert opens(found, [FACTS], at("2026-11-20T10:00:00")) == at("2026-11-21T10:00:00")


def test_an_emergency_without_an_end_lasts_until_it_is_lifted() -> None:
    found = freezes([emergency()])
    [hold] = holds(found, [FACTS], at("2099-01-01T00:00"))
    assert (hold.message, hold.until) == ("frozen by an emergency since 2026-11-20 10:00 UTC", None)
    assert opens(found, [FACTS], at("2026-12-01T00:00")) is None
    assert holds(found, [{**FACTS, "model": "fraud-detector"}], at("2026-12-01T00:00")) == ()


def test_a_window_that_opens_into_an_emergency_does_not_open() -> None:
    found = freezes([emergency(since="2026-12-31T00:00:00Z")], year_end=YEAR_END)
    assert opens(found, [FACTS], at("2026-12-24T12:00")) is None


def test_an_emergency_of_everything() -> None:
    row = {"all": True, "since": "2026-11-20T10:00:00Z", "reason": "Outage"}
    found = freezes([{**row, "environments": ["production"]}])
    assert holds(found, [FACTS], at("2026-11-20T11:00"))
    assert holds(found, [{**FACTS, "environment": "dev"}], at("2026-11-20T11:00")) == ()


def test_a_time_on_no_calendar_is_refused_at_its_place() -> None:
    with pytest.raises(ModelctlError) as caught:
        freezes([emergency(until="2026-02-30T10:00:00Z")])
    assert caught.value.message == "2026-02-30T10:00:00Z is on no calendar"
    assert (caught.value.location or "").startswith("policies/freezes.yaml:7:")


def test_an_empty_document_freezes_nothing() -> None:
    document = load(b"windows: {}\nemergencies: []\n", "policies/freezes.yaml")
    assert freezes_from(document, _NoRules()) == Freezes()
    assert opens(Freezes(), [FACTS], at("2026-11-20T10:00")) == at("2026-11-20T10:00")


# The board.


def test_the_board_of_a_model_tells_each_environment() -> None:
    found = freezes(
        [emergency()],
        year_end={**YEAR_END, "environments": ["production"]},
        elsewhere={**WEEKENDS, "models": ["fraud-*"]},
    )
    asked = [{**FACTS, "environment": name} for name in ("staging", "production")]
    board = freeze_board(found, asked, model="churn-predictor", at=at("2026-11-19T00:00"))
    assert [(p.environment, p.holds, p.opens) for p in board.places] == [
        ("staging", (), board.at),
        ("production", (), board.at),
    ]
    [shown] = board.windows
    assert (shown.window.name, shown.now) == ("year-end", None)
    assert shown.next is not None
    assert shown.next.start == at("2026-12-20T00:00")
    assert len(board.emergencies) == 1


def test_the_board_of_every_model_lists_what_is_for_some() -> None:
    found = freezes(
        [emergency(environments=["dev"])],
        weekends=WEEKENDS,
        fraud={**WEEKENDS, "models": ["fraud-*"]},
        dev={**WEEKENDS, "environments": ["dev"]},
    )
    facts = {**dict.fromkeys(FACTS, ""), "environment": "production"}
    board = freeze_board(found, [facts], model=None, at=at("2026-11-21T12:00"))
    assert [shown.window.name for shown in board.windows] == ["weekends", "fraud"]
    assert all(shown.now and shown.now.end == at("2026-11-23T00:00") for shown in board.windows)
    assert board.emergencies == ()
    [place] = board.places
    assert len(place.holds) == 1
    assert place.opens == at("2026-11-23T00:00")

"""The list of waivers, for people and for programs."""

from __future__ import annotations

import json as standard
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest

from modelctl.report import words
from modelctl.report.look import Look
from modelctl.report.waivers import Row, json, markdown, terminal


@pytest.fixture
def rows(make: SimpleNamespace) -> list[Row]:
    """One of each standing."""
    waiver, now = make.waiver, make.NOW
    return [
        Row(
            waiver=waiver(expires=now - timedelta(days=1)),
            state="expired",
            reasons=(("it expired on 2026-11-19 10:53 UTC", "have a new one approved"),),
        ),
        Row(
            waiver=waiver(gate="claims", file="policies/waivers/x.yaml"),
            state="does not count",
            reasons=(("claims can't be waived", "mend what the gate blocks"),),
        ),
        Row(waiver=waiver(expires=now + timedelta(days=3)), state="expires soon"),
        Row(waiver=waiver(environments=("staging", "production")), state="in force"),
    ]


@pytest.mark.parametrize("width", [80, 140])
def test_the_list_at_a_terminal(
    rows: list[Row],
    width: int,
    make: SimpleNamespace,
    golden: Callable[[str, str], None],
) -> None:
    golden(f"waivers-{width}.txt", terminal(rows, make.NOW, Look(width=width)))


def test_the_list_in_a_pull_request(
    rows: list[Row], make: SimpleNamespace, golden: Callable[[str, str], None]
) -> None:
    golden("waivers.md", markdown(rows, make.NOW))


def test_the_list_for_programs(
    rows: list[Row], make: SimpleNamespace, golden: Callable[[str, str], None]
) -> None:
    golden("waivers.json", json(rows, make.NOW))


def test_an_empty_list_says_so(make: SimpleNamespace) -> None:
    assert terminal([], make.NOW) == "no waiver to tell of\n"
    assert "No waiver to tell of." in markdown([], make.NOW)
    assert standard.loads(json([], make.NOW))["waivers"] == []


def test_who_waived_what_until_when(make: SimpleNamespace) -> None:
    assert words.waived(make.waiver()) == (
        "by grace until 2026-11-30 10:53 UTC: the SHAP report follows with 1.1.1 "
        "(policies/waivers/tumor-classifier-1.1.0-explainability.yaml)"
    )


def test_hostile_text_stays_in_its_cell(make: SimpleNamespace) -> None:
    evil = make.waiver(reason="x | y\n| <script>@all", approved_by="a")
    shown = markdown([Row(waiver=evil, state="in force")], make.NOW)
    assert "<script>" not in shown
    assert len(shown.splitlines()) == 7

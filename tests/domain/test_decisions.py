"""Who has the word: by default people, and of two modes the one that leaves more to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelctl.domain.decisions import of_tiers, strictest
from support.judging import STEPS


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ((), "manual"),
        (("automated",), "automated"),
        (("automated", "hybrid"), "hybrid"),
        (("hybrid", "manual", "automated"), "manual"),
    ],
)
def test_the_strictest_leaves_most_to_people(modes: tuple[str, ...], expected: str) -> None:
    assert strictest(modes) == expected


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        (("experimental",), "automated"),
        (("standard",), "hybrid"),
        (("critical",), "manual"),
        (("experimental", "critical"), "manual"),
    ],
)
def test_the_tier_may_decide_who_decides(tiers: tuple[str, ...], expected: str) -> None:
    modes = {"default": "hybrid", "experimental": "automated", "critical": "manual"}
    assert of_tiers(modes, tiers) == expected
    step = replace(STEPS[0], decision="manual", decisions=modes).for_tiers(tiers)
    assert (step.decision, dict(step.decisions)) == (expected, {})


def test_a_tier_that_nothing_names_is_left_to_people() -> None:
    assert of_tiers({"experimental": "automated"}, ["standard"]) == "manual"


def test_where_no_tier_is_named_all_are_decided_alike() -> None:
    step = replace(STEPS[0], decision="hybrid")
    assert step.for_tiers(["critical"]) is step

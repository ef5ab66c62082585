"""The verdict of an A/B test: better, worse, neither, or nothing that can be told."""

from __future__ import annotations

import numpy as np
import pytest

from modelctl.domain.experiment import (
    BETTER,
    NO_DIFFERENCE,
    UNDECIDED,
    WORSE,
    Verdict,
    mismatch,
    verdict,
)
from modelctl.domain.observations import Counts, Mean, Ratio
from modelctl.domain.strategies import FIXED, Experiment
from support.plans import counts

CLICKS = Experiment(primary="clicks", minimum_sample=1000)


def side(clicks: float, requests: float = 5000.0, **more: object) -> Counts:
    return counts(requests, own={"clicks": Ratio(hits=clicks, trials=requests)}, **more)


def said(
    canary: Counts, stable: Counts, experiment: Experiment = CLICKS, **more: object
) -> Verdict:
    return verdict(experiment, {"canary": canary, "stable": stable}, **more)


def test_more_of_what_is_good_is_better() -> None:
    found = said(side(1000), side(500))
    assert found.outcome == BETTER
    assert found.effect == pytest.approx(0.1)
    assert found.lower is not None
    assert found.upper is not None
    assert 0 < found.lower < 0.1 < found.upper
    assert found.message.startswith("the new version is better: clicks is 0.2 on the new version")
    assert "at 0.95 confidence" in found.message
    assert said(side(500), side(1000)).outcome == WORSE


def test_less_of_what_is_bad_is_better() -> None:
    fewer = Experiment(primary="error_rate", minimum_sample=1000, higher_is_better=False)
    assert said(counts(5000, 0.01), counts(5000, 0.05), fewer).outcome == BETTER
    assert said(counts(5000, 0.05), counts(5000, 0.01), fewer).outcome == WORSE


def test_what_no_test_could_tell_is_no_difference_only_at_the_end() -> None:
    same = side(500), side(505)
    assert said(*same).outcome == NO_DIFFERENCE
    assert said(*same, ended=False).outcome == UNDECIDED


def test_a_look_at_the_end_alone_can_tell_more() -> None:
    fixed = Experiment(primary="clicks", minimum_sample=1000, method=FIXED)
    near = side(580), side(500)
    assert said(*near, fixed).outcome == BETTER
    assert said(*near).outcome == NO_DIFFERENCE


def test_what_is_looked_at_once_says_nothing_before_its_end() -> None:
    fixed = Experiment(primary="clicks", minimum_sample=1000, method=FIXED)
    found = said(side(1000), side(500), fixed, ended=False)
    assert (found.outcome, found.effect) == (UNDECIDED, None)
    assert found.message.startswith("clicks is looked at once")
    assert said(side(1000), side(500), CLICKS, ended=False).outcome == BETTER
    few = said(side(90, 999), side(100, 2000), fixed, ended=False)
    assert few.message == "canary has seen 999 of 1,000 requests"


def test_there_is_no_verdict_of_too_small_a_sample() -> None:
    found = said(side(90, 999), side(100, 2000))
    assert (found.outcome, found.message) == (
        UNDECIDED,
        "canary has seen 999 of 1,000 requests",
    )
    alone = verdict(CLICKS, {"canary": side(90, 2000)})
    assert alone.message == "stable has seen 0 of 1,000 requests"


def test_what_nobody_measured_has_no_verdict() -> None:
    bare = counts(5000)
    assert said(bare, bare).message.startswith("nobody measured clicks")
    sums = counts(5000, own={"clicks": Mean(total=5.0, count=5000.0)})
    assert said(sums, sums).outcome == UNDECIDED
    assert said(side(5), bare).outcome == UNDECIDED


def test_requests_that_were_divided_otherwise_tell_nothing() -> None:
    found = said(side(1000, 5600), side(500, 4400), asked=0.5)
    assert found.outcome == UNDECIDED
    assert "had 56.00% of them instead of 50.00%" in found.message
    assert said(side(1000), side(500), asked=0.5).outcome == BETTER


def test_a_fair_divider_is_hardly_ever_suspected() -> None:
    numbers, looks = np.random.default_rng(9), np.unique(np.geomspace(100, 20_000, 40).astype(int))
    wrong = 0
    for _ in range(1000):
        hits = np.cumsum(numbers.random(int(looks[-1])) < 0.3)[looks - 1]
        wrong += any(
            mismatch(float(h), float(n - h), 0.3) is not None
            for h, n in zip(hits, looks, strict=True)
        )
    assert wrong <= 3
    assert mismatch(6000.0, 14_000.0, 0.25) == 0.3


@pytest.mark.parametrize("asked", [0.0, 1.0])
def test_a_share_of_nothing_or_of_all_is_no_test(asked: float) -> None:
    assert mismatch(10.0, 10.0, asked) is None
    assert mismatch(0.0, 0.0, 0.5) is None


def test_a_test_of_two_equal_versions_finds_no_winner() -> None:
    """At most one in twenty, however often one looks."""
    numbers, wrong = np.random.default_rng(4), 0
    for _ in range(300):
        mine = np.cumsum(numbers.binomial(500, 0.1, 20))
        theirs = np.cumsum(numbers.binomial(500, 0.1, 20))
        found = {
            said(side(float(a), 500.0 * (n + 2)), side(float(b), 500.0 * (n + 2))).outcome
            for n, (a, b) in enumerate(zip(mine[1:], theirs[1:], strict=True))
        }
        wrong += bool(found & {BETTER, WORSE})
    assert wrong / 300 <= 0.05

"""Chance that is seeded: the same numbers again, and the right ones on average."""

from __future__ import annotations

from statistics import fmean, pvariance

import pytest

from modelctl.services.chances import binomial, poisson, seeded


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again, other = seeded("a", 1), seeded("a", 1), seeded("a", 2)
    drawn = [poisson(first, 5.0) for _ in range(20)]
    assert drawn == [poisson(again, 5.0) for _ in range(20)]
    assert drawn != [poisson(other, 5.0) for _ in range(20)]


@pytest.mark.parametrize("mean", [0.3, 4.0, 11.9, 12.1, 400.0])
def test_events_come_as_often_as_expected_with_as_much_spread(mean: float) -> None:
    chance = seeded(mean)
    drawn = [poisson(chance, mean) for _ in range(4000)]
    assert fmean(drawn) == pytest.approx(mean, rel=0.06)
    assert pvariance(drawn) == pytest.approx(mean, rel=0.12)
    assert poisson(chance, 0.0) == 0


@pytest.mark.parametrize(("trials", "share"), [(30, 0.1), (400, 0.01), (900, 0.4), (60, 0.9)])
def test_so_many_are_kept_as_the_share_says_with_as_much_spread(trials: int, share: float) -> None:
    chance = seeded(trials, share)
    drawn = [binomial(chance, trials, share) for _ in range(4000)]
    assert fmean(drawn) == pytest.approx(trials * share, rel=0.03)
    assert pvariance(drawn) == pytest.approx(trials * share * (1 - share), rel=0.12)
    assert all(0 <= one <= trials for one in drawn)


def test_all_and_none_are_kept_exactly() -> None:
    chance = seeded()
    assert binomial(chance, 7.5, 1.0) == 7.5
    assert binomial(chance, 0.5, 0.9) == 0.0
    assert binomial(chance, 9.0, 0.0) == 0.0

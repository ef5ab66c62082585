"""Made-up traffic is what its words say, the same each time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from modelctl.domain.observations import CANARY, STABLE, Counts
from modelctl.errors import ModelctlError
from modelctl.services.scenarios import NAMES, Scenario, Synthetic, parse_scenario
from support.simulated import BEGAN

SHARES = {CANARY: 25, STABLE: 75}


def traffic(text: str, hours: float = 1) -> Synthetic:
    return Synthetic(scenario=parse_scenario(text), began=BEGAN, lasts=timedelta(hours=hours))


def summed(text: str, side: str, minutes: tuple[int, int]) -> Counts:
    made = traffic(text)
    found = [
        one.sides[side]
        for at in made.moments()
        if (one := made.seen(at, SHARES))
        and minutes[0] < (at - BEGAN).seconds / 60 <= minutes[1]
        and side in one.sides
    ]
    total = found[0]
    for one in found[1:]:
        total = total.plus(one)
    return total


def test_the_same_words_give_the_same_traffic() -> None:
    first, again, other = (traffic(f"healthy:seed={seed}") for seed in (3, 3, 4))
    at = BEGAN + timedelta(seconds=15)
    assert first.seen(at, SHARES) == again.seen(at, SHARES)
    assert first.seen(at, SHARES) != other.seen(at, SHARES)


def test_each_side_gets_its_share_of_the_requests() -> None:
    canary, stable = (summed("healthy:rps=200", side, (0, 60)) for side in (CANARY, STABLE))
    both = canary.requests + stable.requests
    assert canary.requests / both == pytest.approx(0.25, abs=0.01)
    assert both / 3600 == pytest.approx(200, rel=0.2)
    assert stable.errors / stable.requests == pytest.approx(0.002, abs=0.0006)


def test_errors_begin_at_their_time_and_only_with_the_new_version() -> None:
    words = "errors:at=30m,rate=0.1"
    before, after = (summed(words, CANARY, span) for span in ((0, 30), (30, 60)))
    stable = summed(words, STABLE, (30, 60))
    assert before.errors / before.requests < 0.01
    assert after.errors / after.requests == pytest.approx(0.1, abs=0.01)
    assert stable.errors / stable.requests < 0.01


def test_a_slow_version_takes_so_much_longer() -> None:
    words = "slow:at=30m,by=2"
    before, after = (summed(words, CANARY, span).latency for span in ((0, 30), (30, 60)))
    assert before is not None
    assert after is not None
    first, then = before.quantile(0.5), after.quantile(0.5)
    assert first is not None
    assert then == pytest.approx(2 * first, rel=0.05)


def test_a_silent_version_is_not_seen_any_more() -> None:
    made = traffic("silent:at=30m")
    seen = [CANARY in made.seen(at, SHARES).sides for at in made.moments()]
    assert seen == [True] * 120 + [False] * 120


def test_a_version_without_traffic_has_no_figures() -> None:
    made = traffic("healthy")
    assert list(made.seen(BEGAN, {CANARY: 100, STABLE: 0}).sides) == [CANARY]


@pytest.mark.parametrize(
    ("text", "scenario"),
    [
        ("healthy", Scenario(name="healthy")),
        (
            "errors:at=90s,rate=0.02,rps=5,seed=9",
            Scenario(name="errors", at=timedelta(seconds=90), rate=0.02, rps=5.0, seed=9),
        ),
        (
            "slow:by=3,for=2d,every=1m",
            Scenario(name="slow", by=3.0, lasts=timedelta(days=2), every=timedelta(minutes=1)),
        ),
    ],
)
def test_a_scenario_is_written_in_words(text: str, scenario: Scenario) -> None:
    assert parse_scenario(text) == scenario


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_of_a_scenario_can_be_typed_again(name: str) -> None:
    scenario = parse_scenario(f"{name}:at=45s,rate=0.25,by=2,rps=7,seed=2")
    again = parse_scenario(str(scenario))
    assert str(again) == str(scenario)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("broken", "there is no scenario broken"),
        ("errors:at=soon", "at=soon is nothing that a scenario takes"),
        ("errors:rate=much", "rate=much is nothing"),
        ("errors:rate=1e999", "rate=1e999 is nothing"),
        ("errors:colour=red", "colour=red is nothing"),
        ("errors:rate=2", "the rate 2 is no share"),
        ("healthy:rps=0", "must be more than 0"),
    ],
)
def test_what_is_no_scenario_is_told(text: str, problem: str) -> None:
    with pytest.raises(ModelctlError, match=problem):
        parse_scenario(text)

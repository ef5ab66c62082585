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
        ("silent:at=0s", Scenario(name="silent", at=timedelta())),
    ],
)
def test_a_scenario_is_written_in_words(text: str, scenario: Scenario) -> None:
    assert parse_scenario(text) == scenario


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", ["", ",for=90m,every=1m", ",for=1d"])
def test_what_is_shown_of_a_scenario_can_be_typed_again(name: str, length: str) -> None:
    own = {"healthy": "", "errors": "at=0s,rate=0.0000125,", "slow": "at=45s,by=1.2345678,"}
    words = f"{name}:{own.get(name, 'at=1m,')}rps=7"
    scenario = parse_scenario(f"{words},seed=2{length}")
    assert parse_scenario(str(scenario)) == scenario


def test_how_long_traffic_is_made_is_shown_where_it_was_said() -> None:
    said = parse_scenario("errors:every=1m,for=12h,at=2h")
    assert str(said) == "errors:at=2h,rate=0.05,for=12h,every=1m,rps=100,seed=1"
    assert str(parse_scenario("healthy:every=15s")) == "healthy:rps=100,seed=1"


def test_longer_traffic_begins_as_shorter_traffic_does() -> None:
    at = BEGAN + timedelta(seconds=15)
    assert traffic("healthy:for=1h").seen(at, SHARES) == traffic("healthy").seen(at, SHARES)


def test_a_fault_at_once_is_seen_in_the_first_stretch() -> None:
    first = traffic("silent:at=0s").seen(BEGAN + timedelta(seconds=15), SHARES)
    assert list(first.sides) == [STABLE]


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
        ("healthy:rate=0.5", "healthy takes no rate: it would change nothing"),
        ("silent:by=2", "silent takes no by"),
        ("errors:at=1h,rate=0.1,at=2h", "names at twice"),
        ("errors:seed=2.5", "seed=2.5 is nothing"),
        ("errors:for=0s", "for=0s is nothing"),
        ("errors:every=0s", "every=0s is nothing"),
        ("errors:at=2h,for=1h", "errors begins at 2h, when the traffic has ended: it lasts 1h"),
        ("errors:for=2h", "begins at 2h, when the traffic has ended"),
        ("slow:at=95s,for=100s,every=30s", "begins at 95s, when the traffic has ended"),
        ("healthy:for=10s", "ends after 10s, before a stretch of 15s"),
    ],
)
def test_what_is_no_scenario_is_told(text: str, problem: str) -> None:
    with pytest.raises(ModelctlError, match=problem) as caught:
        parse_scenario(text)
    assert caught.value.mend

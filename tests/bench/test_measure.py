"""What is made of the times that were taken."""

from __future__ import annotations

import pytest

from bench.measure import Direction, Measure, Pair, Result


def result(*pairs: tuple[float, float], limit: float = 2.0, **changes: object) -> Result:
    measure = Measure(name="x", what="a", against="b", limit=limit, take=lambda lab: (), **changes)
    return Result(
        measure=measure, pairs=tuple(Pair(ours=ours, other=other) for ours, other in pairs)
    )


def test_the_value_is_the_median_of_the_ratios_of_each_turn() -> None:
    one = result((2, 1), (30, 10), (1, 1))
    assert one.values == (1, 2, 3)
    assert one.value == 2
    assert (one.ours, one.other) == (2, 1)


def test_faster_is_how_many_times_as_long_the_other_side_takes() -> None:
    one = result((1, 10), (2, 40), (1, 30), direction=Direction.AT_LEAST, limit=20)
    assert one.values == (10, 20, 30)
    assert one.ok


@pytest.mark.parametrize(
    ("direction", "value", "ok"),
    [
        (Direction.AT_MOST, 1.99, True),
        (Direction.AT_MOST, 2.0, True),
        (Direction.AT_MOST, 2.01, False),
        (Direction.AT_LEAST, 1.99, False),
        (Direction.AT_LEAST, 2.0, True),
    ],
)
def test_a_limit_holds_on_one_side(direction: Direction, value: float, ok: bool) -> None:
    pair = (value, 1.0) if direction is Direction.AT_MOST else (1.0, value)
    assert result(pair, direction=direction).ok is ok


def test_an_amount_is_held_to_its_limit_by_itself() -> None:
    assert result((12, 300), unit="calls", limit=12).ok
    assert not result((1, 300), unit="wrong", limit=0).ok


def test_no_single_turn_may_be_worse_than_the_worst() -> None:
    turns = ((1, 0), (2, 0), (6, 0))
    assert result(*turns, unit="scrapes", limit=2, worst=6).ok
    assert not result(*turns, unit="scrapes", limit=2, worst=5.9).ok
    assert not result(*turns, unit="scrapes", limit=1, worst=6).ok
    written = result(*turns, unit="scrapes", limit=2, worst=6).as_data()
    assert (written["value"], written["highest"], written["worst"]) == (2, 6, 6)


def test_a_result_is_written_with_what_it_had_to_reach() -> None:
    assert result((1, 3), unit="×").as_data() == {
        "name": "x",
        "value": 0.333,
        "unit": "×",
        "limit": 2.0,
        "ok": True,
    }

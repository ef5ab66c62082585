"""A recording is thinned to the simulated shares; nothing in it is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.domain.observations import CANARY, STABLE, Mean, Ratio
from modelctl.errors import ModelctlError
from modelctl.services.chances import seeded
from modelctl.services.replayed import Recorded, cropped, merged, sides_missing, thin
from support.simulated import BEGAN, EVERY, counts, recording, stretch

HALF = {CANARY: 50, STABLE: 50}


def replayed(*observations: object, until: timedelta = timedelta(0), **more: object) -> Recorded:
    found = list(observations) or recording(1)
    return Recorded(observations=found, until=BEGAN + until, **more)  # type: ignore[arg-type]


def test_what_was_recorded_at_the_asked_shares_stands() -> None:
    traffic = replayed()
    assert traffic.began == BEGAN
    assert traffic.every == EVERY
    assert traffic.seen(BEGAN + EVERY, HALF) == recording(1)[0]
    assert (traffic.thinned, traffic.short) == (1.0, 0)


def test_each_side_keeps_as_many_requests_as_its_share_of_the_traffic_has() -> None:
    traffic = replayed(stretch(0, counts(20_000.0, 4000.0), counts(20_000.0)))
    seen = traffic.seen(BEGAN + EVERY, {CANARY: 5, STABLE: 95})
    assert seen is not None
    canary, stable = seen.sides[CANARY], seen.sides[STABLE]
    assert canary.requests == pytest.approx(2000, rel=0.1)
    assert canary.errors / canary.requests == pytest.approx(0.2, abs=0.04)
    assert canary.latency is not None
    assert canary.latency.total == pytest.approx(canary.requests, rel=0.1)
    assert traffic.thinned == pytest.approx(0.1)
    # 38,000 were asked for and 20,000 recorded: they stand, and it is told
    assert stable.requests == 20_000
    assert traffic.short == 1


def test_a_side_without_a_share_is_not_seen() -> None:
    seen = replayed().seen(BEGAN + EVERY, {CANARY: 100, STABLE: 0})
    assert seen is not None
    assert list(seen.sides) == [CANARY]


def test_copies_are_no_share_of_the_traffic() -> None:
    traffic = replayed(mirrored=True)
    seen = traffic.seen(BEGAN + EVERY, {CANARY: 100, STABLE: 100})
    assert seen == recording(1)[0]
    assert traffic.thinned == 1.0


def test_time_goes_on_where_nothing_was_recorded() -> None:
    first, last = recording(1)[0], replace(recording(1)[0], at=BEGAN + 4 * EVERY)
    traffic = replayed(first, last, until=6 * EVERY)
    assert list(traffic.moments()) == [BEGAN + index * EVERY for index in range(1, 7)]
    assert traffic.seen(BEGAN + 2 * EVERY, HALF) is None


def test_what_is_assumed_stands_only_where_nothing_was_read() -> None:
    read = stretch(1, counts(9.0), None, **{"canary.drift": 0.2})
    traffic = replayed(recording(1)[0], read, assumed={"canary.drift": 0.0})
    assert [
        traffic.seen(BEGAN + index * EVERY, HALF).figures["canary.drift"]  # type: ignore[union-attr]
        for index in (1, 2)
    ] == [0.0, 0.2]


def test_the_same_recording_is_thinned_alike_each_time() -> None:
    one, other = (replayed().seen(BEGAN + EVERY, {CANARY: 10, STABLE: 90}) for _ in range(2))
    assert one == other


def test_figures_of_ones_own_are_thinned_too() -> None:
    own = {"clicks": Ratio(hits=400, trials=1000), "price": Mean(total=80, count=40, squares=200)}
    bare = replace(counts(1000.0), own=own, latency=None, labelled=500, correct=400)
    found = thin(bare, 0.5, seeded(1))
    clicks, price = found.own["clicks"], found.own["price"]
    assert isinstance(clicks, Ratio)
    assert clicks.hits / clicks.trials == pytest.approx(0.4, abs=0.05)
    assert clicks.trials == pytest.approx(500, rel=0.15)
    assert price == Mean(total=40, count=20, squares=100)
    assert found.latency is None
    assert found.correct / found.labelled == pytest.approx(0.8, abs=0.06)
    unsure = replace(bare, own={"price": Mean(total=80, count=40)})
    assert thin(unsure, 0.5, seeded(1)).own["price"] == Mean(total=40, count=20)


def test_an_empty_recording_is_told() -> None:
    with pytest.raises(ModelctlError, match="nothing to replay"):
        Recorded(observations=[], until=BEGAN)


def test_recordings_are_put_together_by_their_times() -> None:
    canary = [stretch(0, counts(1.0), None, **{"canary.drift": 0.1}), stretch(1, counts(1.0), None)]
    stable = [stretch(2, None, counts(2.0)), stretch(0, None, counts(2.0))]
    found = merged([canary, stable])
    assert [one.at for one in found] == [BEGAN + index * EVERY for index in (1, 2, 3)]
    assert set(found[0].sides) == {CANARY, STABLE}
    assert found[0].figures == {"canary.drift": 0.1}
    with pytest.raises(ModelctlError, match="two recordings have figures of canary"):
        merged([canary, canary])


def test_only_whole_stretches_between_two_times_are_taken() -> None:
    found = cropped(recording(1), BEGAN + EVERY, BEGAN + 3 * EVERY)
    assert [one.at for one in found] == [BEGAN + 2 * EVERY, BEGAN + 3 * EVERY]
    assert len(cropped(recording(1), None, None)) == 4


def test_a_side_that_was_never_recorded_is_named() -> None:
    assert sides_missing(recording(1)) == ()
    assert sides_missing([stretch(0, None, counts(1.0))]) == (CANARY,)

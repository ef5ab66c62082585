"""The measures of traffic, in small: they see what they are there to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.lab import Lab
from bench.measures import traffic
from bench.repos.store import Store
from bench.serving_lab import Faults, site
from support.load import Load


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(store=Store(tmp_path, print), say=print)


def test_the_share_is_measured(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "REQUESTS", 200)
    monkeypatch.setattr(traffic, "WEIGHTS", (25,))
    monkeypatch.setattr(traffic, "_FAST", 300.0)
    [pair] = traffic._share(lab)
    assert pair.ours <= 1


def test_what_fails_while_traffic_moves_is_counted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "STEPS", (50,))
    monkeypatch.setattr(traffic, "RATE", 20.0)
    monkeypatch.setattr(traffic, "_BETWEEN", 0.3)
    [pair] = traffic._failures(lab)
    assert pair.ours == 0


def test_a_version_may_be_wrong_and_slow() -> None:
    with site({"2.0.0": Faults(failing=0.25, seconds=0.05)}) as place:
        place.shift(place.part("stable", "1.0.0", 0), place.part("canary", "2.0.0", 100))
        load = place.load(200, most=40).run()
    assert load.statuses == {200: 30, 500: 10}
    with pytest.raises(BenchError, match="10 requests failed"):
        traffic._whole(load)


def test_callers_that_fall_behind_are_no_measure() -> None:
    load = Load(url="http://127.0.0.1:1/", rate=1)
    load.statuses[200], load.times = 10, [(0.0, ""), (10.0, "")]
    with pytest.raises(BenchError, match="only 1 requests a second were made, not 200"):
        traffic._kept_up(load)


def test_load_stays_on_this_machine() -> None:
    with pytest.raises(ValueError, match="is not on this machine"):
        Load(url="http://example.com:80/", rate=1)


def test_a_server_that_is_gone_is_a_failure() -> None:
    load = Load(url="http://127.0.0.1:1/", rate=100, most=3).run()
    assert (load.made, load.failed) == (3, 3)
    assert "ConnectionRefusedError" in load.failures[0]

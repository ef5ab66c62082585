"""Looks at the router that are kept: whole, in order, bounded, whoever else writes or dies."""

from __future__ import annotations

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelctl.adapters.local.scrapes import Keep, Scrape, Scrapes
from modelctl.domain.counters import Counters

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def look(seconds: float, requests: float = 0, *, router: str = "r1") -> Scrape:
    buckets = {5.0: requests, math.inf: requests}
    counters = Counters(requests=requests, errors=0.0, buckets=buckets)
    services = {"churn-predictor-1.0.0": counters}
    return Scrape(at=START + timedelta(seconds=seconds), router=router, services=services)


def test_what_was_kept_is_read_as_it_was(tmp_path: Path) -> None:
    kept = Scrapes(tmp_path / "scrapes")
    assert kept.last() is None
    assert kept.since(START) == ()
    bare = Scrape(
        at=START,
        router="r0",
        services={"churn-predictor-1.0.0": Counters(requests=1, errors=1)},
        failing={"churn-predictor-1.0.0": 2},
    )
    for one in (bare, look(1, 3), look(2, 7)):
        kept.append(one)
    assert kept.last() == look(2, 7)
    assert kept.since(START) == (bare, look(1, 3), look(2, 7))
    assert Scrapes(tmp_path / "scrapes").since(START) == kept.since(START)


def test_the_last_look_before_is_told_as_well(tmp_path: Path) -> None:
    kept = Scrapes(tmp_path)
    for second in range(5):
        kept.append(look(second))
    assert kept.since(look(2.5).at) == (look(2), look(3), look(4))
    assert kept.since(look(9).at) == (look(4),)


def test_an_outline_has_the_looks_that_tell_what_was_counted(tmp_path: Path) -> None:
    one = timedelta(seconds=1)
    kept = Scrapes(tmp_path, Keep(file_age=10 * one, spacing=one))
    for second in range(25):
        kept.append(look(second, second, router="r1" if second < 13 else "r2"))
    told = [int((found.at - START).total_seconds()) for found in kept.outline(START)]
    assert told == [0, 9, 10, 12, 13, 19, 20, 24]
    later = [int((found.at - START).total_seconds()) for found in kept.outline(look(14.5).at)]
    assert later == [15, 19, 20, 24]
    assert kept.outline(look(25).at) == ()
    with max(tmp_path.glob("*.jsonl")).open("ab") as stream:
        stream.write(b'{"at":"2026-11-20"}\n\n{"at":"soon","router":"r2"}\n')
    assert kept.outline(START)[-1] == look(24, 24, router="r2")


def test_half_a_line_is_cut_off(tmp_path: Path) -> None:
    kept = Scrapes(tmp_path)
    kept.append(look(1))
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("ab") as stream:
        stream.write(b'{"at": "2026-')
    assert kept.last() == look(1)
    kept.append(look(2))
    assert kept.since(START) == (look(1), look(2))
    file.write_bytes(b'{"at": "half')
    kept.append(look(3))
    assert kept.since(START) == (look(3),)


def test_a_spoilt_line_says_nothing(tmp_path: Path) -> None:
    kept = Scrapes(tmp_path)
    kept.append(look(1))
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("ab") as stream:
        stream.write(b'nothing\n{"at": 1}\n[]\n{"at": "2026-11-20T10:00:01+00:00"}\n')
    kept.append(look(2))
    assert kept.since(START) == (look(1), look(2))


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    def write(offset: int) -> None:
        kept = Scrapes(tmp_path, Keep(file_bytes=2000))
        for n in range(30):
            kept.append(look(offset + 2 * n))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (0, 1)))
    assert sum(len(p.read_bytes().splitlines()) for p in tmp_path.glob("*.jsonl")) > 10
    found = [one.at for one in Scrapes(tmp_path).since(START)]
    assert found == sorted(found)
    assert found[-1] == look(59).at


def test_a_killed_writer_holds_nobody_up(tmp_path: Path) -> None:
    code = (
        "import fcntl, os, pathlib, signal, sys; f = open(sys.argv[1], 'w');"
        "fcntl.flock(f, fcntl.LOCK_EX); os.kill(os.getpid(), signal.SIGKILL)"
    )
    tmp_path.joinpath("x").mkdir()
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x" / "lock")], check=False)
    Scrapes(tmp_path / "x").append(look(1))
    assert Scrapes(tmp_path / "x").last() == look(1)


def test_a_closed_file_is_thinned_and_tells_the_same_sums(tmp_path: Path) -> None:
    kept = Scrapes(tmp_path, Keep(file_age=timedelta(minutes=10)))
    for second in range(0, 601, 5):
        router = "r1" if second < 300 else "r2"
        kept.append(look(second, second, router=router))
    found = kept.since(START)
    assert len(found) < 20
    assert found[0] == look(0, 0)
    assert found[-1] == look(600, 600, router="r2")
    # The last look at a router's process, and the first at the next one.
    assert look(295, 295) in found
    assert look(300, 300, router="r2") in found


def test_the_oldest_are_dropped(tmp_path: Path) -> None:
    day = 24 * 3600
    kept = Scrapes(tmp_path, Keep(age=timedelta(days=2)))
    for n in range(6):
        kept.append(look(n * day))
    assert [one.at for one in kept.since(START)] == [look(n * day).at for n in (3, 4, 5)]
    small = Scrapes(tmp_path / "small", Keep(total_bytes=300))
    for n in range(6):
        small.append(look(n * day))
    assert len(small.since(START)) < 4
    assert small.last() == look(5 * day)


def test_a_clock_that_was_set_back_mixes_nothing_up(tmp_path: Path) -> None:
    kept = Scrapes(tmp_path)
    for second in (7200, 3600, 10_900):
        kept.append(look(second))
    assert [one.at for one in kept.since(look(3000).at)] == [
        look(n).at for n in (3600, 7200, 10_900)
    ]


@pytest.mark.parametrize("backends", [1000])
def test_many_backends_are_read_quickly(tmp_path: Path, backends: int) -> None:
    import time

    buckets = {float(n): 1.0 for n in range(13)} | {math.inf: 2.0}
    one = Counters(requests=2.0, errors=0.0, buckets=buckets)
    scrape = Scrape(at=START, router="r", services={f"m{n}-1.0.0": one for n in range(backends)})
    kept = Scrapes(tmp_path)
    kept.append(scrape)
    began = time.perf_counter()
    assert kept.last() == scrape
    assert time.perf_counter() - began < 1

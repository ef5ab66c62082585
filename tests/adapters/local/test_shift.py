"""Traffic of some models moves, between servers that run: every strategy, and nobody else."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from modelctl.adapters.local.registry import ROUTES, Registry
from modelctl.adapters.local.router import Router
from modelctl.domain.serving import Serving
from modelctl.errors import DependencyError, ModelctlError
from support.load import Load

BROKEN = Path("nothing-here")
OTHER = "price-regression"


def part(site, name: str, version: str, weight: int, **fields: Any) -> Serving:
    return site.serving(version, weight, part=name, **fields)


def shift(site, *desired: Serving, **options: Any) -> dict[str, int]:
    """The weights by part that are in force afterwards."""
    site.said.clear()
    routes = site.target(**options).shift(desired, progress=site.said.append)
    return {f"{route.part} {route.version}": route.weight for route in routes}


def pids(site) -> dict[str, int]:
    return {f"{s.part} {s.version}": s.pid for s in site.target().status()}


def counted(site, service: str) -> int:
    """The requests that the router counted for a backend, but for those of the health check."""
    text = site.client.get(site.target().metrics_url()).text
    lines = [
        line
        for line in text.splitlines()
        if line.startswith("traefik_service_requests_total{")
        and 'method="POST"' in line
        and f'service="{service}@file"' in line
    ]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def test_a_canary_becomes_stable_without_a_restart(site) -> None:
    site.converge(site.serving("1.0.0"))
    stable = site.serving("1.0.0", 95)
    assert shift(site, stable, part(site, "canary", "2.0.0", 5)) == {
        "stable 1.0.0": 95,
        "canary 2.0.0": 5,
    }
    canary = pids(site)["canary 2.0.0"]
    promoted, previous = site.serving("2.0.0"), part(site, "previous", "1.0.0", 0)
    assert shift(site, promoted, previous) == {"previous 1.0.0": 0, "stable 2.0.0": 100}
    assert pids(site)["stable 2.0.0"] == canary
    assert site.ask() == "2.0.0"
    assert shift(site, promoted) == {"stable 2.0.0": 100}
    assert len(site.leaders()) == 2


def test_a_baseline_is_a_fresh_process_with_figures_of_its_own(site) -> None:
    site.converge(site.serving("1.0.0"))
    split = [
        site.serving("1.0.0", 50),
        part(site, "baseline", "1.0.0", 25),
        part(site, "canary", "2.0.0", 25),
    ]
    shift(site, *split)
    running = pids(site)
    assert running["baseline 1.0.0"] != running["stable 1.0.0"]
    for _ in range(20):
        site.ask()
    assert counted(site, "churn-predictor-1.0.0:baseline") == 5
    assert counted(site, "churn-predictor-1.0.0") == 10
    shift(site, site.serving("2.0.0"))
    assert list(pids(site)) == ["stable 2.0.0"]
    assert len(site.leaders()) == 2


def test_a_shadow_gets_copies_and_nobody_sees_its_answers(site) -> None:
    site.converge(site.serving("1.0.0"), part(site, "shadow", "2.0.0", 0, mirror=50))
    assert {site.ask() for _ in range(20)} == {"1.0.0"}
    deadline = time.monotonic() + 10
    while counted(site, "churn-predictor-2.0.0") < 10:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert counted(site, "churn-predictor-2.0.0") == 10
    assert counted(site, "churn-predictor-1.0.0") == 20
    status = {s.part: (s.weight, s.mirror) for s in site.target().status()}
    assert status == {"stable": (100, 0), "shadow": (0, 50)}


def test_a_header_chooses_its_version(site) -> None:
    marked = part(site, "canary", "2.0.0", 0, header=("X-Group", "b"))
    site.converge(site.serving("1.0.0"), marked)
    url = f"http://127.0.0.1:{site.port}/churn-predictor/invocations"
    groups = [site.client.post(url, json={}, headers={"X-Group": g}) for g in ("b", "a", "bb")]
    versions = [answer.headers["X-Model-Version"] for answer in groups]
    assert versions == ["2.0.0", "1.0.0", "1.0.0"]
    assert site.ask() == "1.0.0"


def test_the_other_models_are_neither_touched_nor_asked(site) -> None:
    other = site.serving("1.0.0", model=OTHER)
    site.converge(site.serving("1.0.0"), site.serving("2.0.0", 0), other)
    (hung,) = [s for s in site.target().status() if s.model == OTHER]
    os.kill(hung.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        shift(site, site.serving("2.0.0"), part(site, "previous", "1.0.0", 0))
        assert time.monotonic() - began < 1
    finally:
        os.kill(hung.pid, signal.SIGCONT)
    assert (site.ask(), site.ask(OTHER)) == ("2.0.0", "1.0.0")
    assert hung.pid in pids(site).values()


def test_between_servers_that_run_it_takes_a_moment(site) -> None:
    stable, canary = site.serving("1.0.0"), part(site, "canary", "2.0.0", 0)
    site.converge(stable, canary)
    target, took = site.target(), []
    for weight in (5, 25, 50, 75, 0):
        split = [replace(stable, weight=100 - weight), replace(canary, weight=weight)]
        began = time.perf_counter()
        target.shift(split, progress=site.said.append)
        took.append(time.perf_counter() - began)
    assert sorted(took)[2] < 0.5, took


def test_it_does_not_wait_for_a_command_that_starts_servers(site) -> None:
    site.converge(site.serving("1.0.0", 90), part(site, "canary", "2.0.0", 10))
    with Registry(site.folder).lock(1):
        began = time.monotonic()
        routes = site.target().shift([site.serving("1.0.0")], progress=print)
        assert time.monotonic() - began < 2
        assert [route.weight for route in routes] == [100]
        assert {site.ask() for _ in range(20)} == {"1.0.0"}
    assert len(site.leaders()) == 3
    site.converge(site.serving("1.0.0"))
    assert len(site.leaders()) == 2


def test_a_slower_command_does_not_undo_it(site, stand_in_command) -> None:
    """A deploy that was decided before traffic went back must not send it forward again."""
    site.converge(site.serving("1.0.0", 50), part(site, "canary", "2.0.0", 50))
    begun, moved = threading.Event(), threading.Event()

    def slow(serving, port):
        begun.set()
        assert moved.wait(20)
        return stand_in_command(serving, port)

    deploy = [
        site.serving("1.0.0", 0, part="previous"),
        site.serving("2.0.0"),
        site.serving("1.0.0", model=OTHER),
    ]
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(site.target(server_command=slow).converge, deploy, progress=print)
        assert begun.wait(20)
        site.target().shift([site.serving("1.0.0")], progress=print, retire=False)
        moved.set()
        with pytest.raises(DependencyError, match="churn-predictor was moved by another command"):
            late.result()
    assert {site.ask() for _ in range(10)} == {"1.0.0"}
    assert site.ask(OTHER) == "1.0.0"


def test_what_does_not_run_is_started_first(site) -> None:
    assert shift(site, site.serving("1.0.0")) == {"stable 1.0.0": 100}
    assert site.ask() == "1.0.0"
    assert "starting churn-predictor 1.0.0" in site.said


def test_a_version_that_does_not_start_moves_nothing(site) -> None:
    site.converge(site.serving("1.0.0"))
    broken = part(site, "canary", "2.0.0", 5, model_path=BROKEN)
    moving = site.serving("1.0.0", model=OTHER)
    with pytest.raises(DependencyError, match=r"2\.0\.0 ended before it answered"):
        shift(site, site.serving("1.0.0", 95), broken, moving)
    assert [(r.model, r.weight) for r in site.target().routes()] == [
        ("churn-predictor", 100),
        (OTHER, 100),
    ]
    assert (site.ask(), site.ask(OTHER)) == ("1.0.0", "1.0.0")
    assert len(site.leaders()) == 3


def test_a_server_that_has_died_is_started_again(site) -> None:
    site.converge(site.serving("1.0.0", 0, part="previous"), site.serving("2.0.0"))
    os.kill(pids(site)["previous 1.0.0"], signal.SIGKILL)
    assert shift(site, site.serving("1.0.0")) == {"stable 1.0.0": 100}
    assert site.ask() == "1.0.0"
    assert len(site.leaders()) == 2


def test_a_router_that_has_died_is_started_again(site) -> None:
    site.converge(site.serving("1.0.0", 90), part(site, "canary", "2.0.0", 10))
    (router,) = site.leaders() - set(pids(site).values())
    os.kill(router, signal.SIGKILL)
    shift(site, site.serving("1.0.0"))
    assert {site.ask() for _ in range(10)} == {"1.0.0"}


def test_a_router_that_dies_meanwhile_is_started_again(
    site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ran when it was looked for, and is gone when it is to take the routes."""
    site.converge(site.serving("1.0.0", 90), part(site, "canary", "2.0.0", 10))
    (router,) = site.leaders() - set(pids(site).values())
    publish = Router._publish

    def dies(self: Router, routes: Any) -> None:
        if psutil.pid_exists(router):
            os.kill(router, signal.SIGKILL)
        publish(self, routes)

    monkeypatch.setattr(Router, "_publish", dies)
    shift(site, site.serving("1.0.0"))
    assert {site.ask() for _ in range(10)} == {"1.0.0"}


def test_a_router_that_takes_nothing_leaves_things_as_they_were(site) -> None:
    site.converge(site.serving("1.0.0", 90), part(site, "canary", "2.0.0", 10))
    before = site.target().routes()
    (router,) = site.leaders() - set(pids(site).values())
    limits = replace(site.target()._limits, switch=0.3)
    os.kill(router, signal.SIGSTOP)
    try:
        with pytest.raises(DependencyError, match="did not take the new routes"):
            shift(site, site.serving("1.0.0"), limits=limits)
    finally:
        os.kill(router, signal.SIGCONT)
    assert site.target().routes() == before
    assert len(site.leaders()) == 3


def test_a_contradiction_is_refused_before_anything_is_done(site) -> None:
    with pytest.raises(ModelctlError, match="add up to 150"):
        shift(site, site.serving("1.0.0"), part(site, "canary", "2.0.0", 50))
    assert not site.folder.exists()


def test_two_at_once_end_in_one_state(site) -> None:
    site.converge(site.serving("1.0.0", 50), part(site, "canary", "2.0.0", 50))
    back = [site.serving("1.0.0"), part(site, "canary", "2.0.0", 0)]
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(site.target().shift, back, progress=print) for _ in range(4)]
        assert {run.result() for run in runs} == {site.target().routes()}
    assert {site.ask() for _ in range(10)} == {"1.0.0"}


def test_what_waits_for_the_routes_says_who_holds_them(site) -> None:
    site.converge(site.serving("1.0.0"))
    limits = replace(site.target()._limits, lock=0.2)
    with Registry(site.folder).lock(1, ROUTES), pytest.raises(ModelctlError, match="changing dev"):
        shift(site, site.serving("1.0.0"), limits=limits)


def test_no_request_fails_because_of_a_step_or_the_way_back(site) -> None:
    stable = site.serving("1.0.0")
    site.converge(stable)
    load = Load(url=f"http://127.0.0.1:{site.port}/churn-predictor/invocations", rate=60)
    with load.running():
        for weight in (5, 25, 50):
            shift(site, replace(stable, weight=100 - weight), part(site, "canary", "2.0.0", weight))
            time.sleep(0.2)
        shift(site, stable)
        back = time.monotonic()
        time.sleep(0.5)
    assert load.failed == 0, (load.failures, load.statuses)
    assert load.answered["2.0.0"] > 5
    assert {version for at, version in load.times if at > back} == {"1.0.0"}


@pytest.mark.parametrize("weight", [5, 25])
def test_the_share_is_as_asked(site, weight: int) -> None:
    shadow = part(site, "shadow", "3.0.0", 0, mirror=10)
    marked = part(site, "canary", "4.0.0", 0, header=("X-Group", "b"))
    site.converge(
        site.serving("1.0.0", 100 - weight),
        part(site, "canary", "2.0.0", weight),
        replace(shadow, part="shadow"),
        replace(marked, part="marked"),
    )
    url = f"http://127.0.0.1:{site.port}/churn-predictor/invocations"
    # Not more than this machine can answer: a server that misses a health check is sent nothing.
    load = Load(url=url, rate=200, most=400, workers=2).run()
    assert (load.made, load.failed) == (400, 0)
    assert load.answered["2.0.0"] / load.made == pytest.approx(weight / 100, abs=0.01)

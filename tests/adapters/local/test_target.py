"""What the local target does, with processes that start fast and a real router."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from modelctl.adapters.local import Limits, processes
from modelctl.adapters.local.processes import Command
from modelctl.adapters.local.registry import Registry
from modelctl.errors import ConflictError, DependencyError, ModelctlError

BROKEN = Path("nothing-here")
SHORT = Limits(lock=5, start=1, answer=0.2, switch=1, settle=0, drain=1)


def test_a_served_model_answers_at_its_url_and_says_its_version(site) -> None:
    (status,) = site.converge(site.serving("1.0.0"))
    assert site.ask() == "1.0.0"
    assert status.url == f"http://127.0.0.1:{site.port}/churn-predictor"
    assert (status.version, status.weight, status.healthy) == ("1.0.0", 100, True)
    assert status.digest == site.serving("1.0.0").digest
    assert psutil.Process(status.pid).create_time() == pytest.approx(
        status.since.timestamp(), abs=5
    )


def test_nothing_listens_beyond_this_machine(site) -> None:
    site.converge(site.serving("1.0.0"))
    found = [c for pid in site.leaders() for c in psutil.Process(pid).net_connections("tcp")]
    listening = {c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_a_second_converge_starts_nothing(site) -> None:
    first = site.converge(site.serving("1.0.0"))
    before = site.running()
    second = site.converge(site.serving("1.0.0"))
    assert second == first
    assert site.running() == before
    assert site.said == ["churn-predictor 1.0.0 runs already"]


def test_the_same_version_with_another_digest_is_another_server(site) -> None:
    (before,) = site.converge(site.serving("1.0.0"))
    (after,) = site.converge(site.serving("1.0.0", digest="f" * 64))
    assert after.pid != before.pid
    assert len(site.leaders()) == 2


def test_what_is_no_longer_desired_is_stopped_with_its_children(site) -> None:
    site.converge(site.serving("1.0.0"), site.serving("1.0.0", model="price-regression"))
    assert len(site.leaders()) == 3
    site.converge(site.serving("1.0.0"))
    assert len(site.leaders()) == 2
    assert site.ask() == "1.0.0"
    with pytest.raises(AssertionError, match="404"):
        site.ask("price-regression")


def test_a_model_whose_name_begins_like_another_gets_only_its_own_requests(site) -> None:
    site.converge(site.serving("1.0.0", model="churn-a"))
    with pytest.raises(AssertionError, match="404"):
        site.ask("churn-a-b")


def test_nothing_desired_leaves_nothing_served(site) -> None:
    site.converge(site.serving("1.0.0"))
    assert site.converge() == ()
    assert len(site.leaders()) == 1


def test_weights_split_the_traffic(site) -> None:
    stable, canary = site.serving("1.0.0", 90), site.serving("2.0.0", 10)
    statuses = site.converge(stable, canary)
    assert [(s.version, s.weight) for s in statuses] == [("1.0.0", 90), ("2.0.0", 10)]
    answers = [site.ask() for _ in range(60)]
    assert answers.count("2.0.0") == 6


def test_a_backend_without_weight_runs_but_gets_nothing(site) -> None:
    site.converge(site.serving("1.0.0"), site.serving("2.0.0", 0))
    assert {site.ask() for _ in range(20)} == {"1.0.0"}
    before = site.leaders()
    site.converge(site.serving("1.0.0", 0), site.serving("2.0.0"))
    assert {site.ask() for _ in range(20)} == {"2.0.0"}
    assert site.leaders() == before


def test_no_request_is_dropped_while_versions_are_replaced(site) -> None:
    site.converge(site.serving("1.0.0"))
    done = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        load = [pool.submit(_ask_until, site, done) for _ in range(4)]
        try:
            for version in ("2.0.0", "3.0.0"):
                site.converge(site.serving(version))
        finally:
            done.set()
        answers = [version for future in load for version in future.result()]
    assert set(answers) == {"1.0.0", "2.0.0", "3.0.0"}
    assert len(answers) > 200


def _ask_until(site, done: threading.Event) -> list[str]:
    answers = []
    while not done.is_set():
        answers.append(site.ask())
    return answers


def test_a_request_under_way_is_finished_by_the_server_that_has_it(site) -> None:
    site.converge(site.serving("1.0.0"))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(site.ask, path="invocations?seconds=3")
        time.sleep(0.3)
        site.converge(site.serving("2.0.0"))
        assert slow.result() == "1.0.0"
    assert site.ask() == "2.0.0"


def test_a_server_that_does_not_end_is_killed(site) -> None:
    site.converge(site.serving("1.0.0"))
    with ThreadPoolExecutor(1) as pool:
        endless = pool.submit(site.ask, path="invocations?seconds=60")
        time.sleep(0.3)
        site.converge(site.serving("2.0.0"), limits=SHORT)
        with pytest.raises(AssertionError, match="502"):
            endless.result()
    assert len(site.leaders()) == 2


def test_a_version_that_fails_to_start_leaves_the_old_one_serving(site) -> None:
    (old,) = site.converge(site.serving("1.0.0"))
    with pytest.raises(DependencyError) as caught:
        site.converge(site.serving("2.0.0", model_path=BROKEN))
    assert "churn-predictor 2.0.0 ended before it answered" in caught.value.message
    assert "no model in nothing-here" in caught.value.message
    assert site.target().status() == (old,)
    assert site.ask() == "1.0.0"


def test_a_failing_canary_moves_nothing_of_its_model(site) -> None:
    (old,) = site.converge(site.serving("1.0.0"))
    with pytest.raises(DependencyError, match=r"2\.0\.0"):
        site.converge(site.serving("3.0.0", 90), site.serving("2.0.0", 10, model_path=BROKEN))
    assert site.target().status() == (old,)
    assert len(site.leaders()) == 2


def test_one_broken_model_does_not_hold_up_the_others(site) -> None:
    other = site.serving("1.0.0", model="price-regression")
    site.converge(site.serving("1.0.0"), other)
    newer = site.serving("2.0.0", model="price-regression")
    with pytest.raises(DependencyError, match=r"churn-predictor 2\.0\.0"):
        site.converge(site.serving("2.0.0", model_path=BROKEN), newer)
    assert (site.ask(), site.ask("price-regression")) == ("1.0.0", "2.0.0")


def test_a_first_version_that_fails_leaves_no_route_and_no_process(site) -> None:
    with pytest.raises(DependencyError):
        site.converge(site.serving("1.0.0", model_path=BROKEN))
    assert site.target().status() == ()
    assert len(site.leaders()) == 1


def test_a_server_that_never_answers_is_given_up(site) -> None:
    def silent(serving, port):
        return Command(
            arguments=(sys.executable, "-c", "print('loading'); import time; time.sleep(60)"),
            environment={"PYTHONUNBUFFERED": "1"},
        )

    with pytest.raises(DependencyError, match=r"did not answer within 1 s.*\n.*loading"):
        site.converge(site.serving("1.0.0"), server_command=silent, limits=SHORT)
    assert len(site.leaders()) == 1


def test_how_long_a_server_is_given_and_what_it_is_asked_may_be_its_own(site) -> None:
    def picky(serving, port):
        """Answers at two addresses alone."""
        text = (
            "import http.server as s, sys\n"
            "class H(s.SimpleHTTPRequestHandler):\n"
            "    def do_GET(self):\n"
            "        self.send_response(200 if self.path in ('/ping', '/ready') else 404)\n"
            "        self.send_header('X-Model-Version', '1.0.0')\n"
            "        self.end_headers()\n"
            f"s.HTTPServer(('127.0.0.1', {port}), H).serve_forever()\n"
        )
        return Command(arguments=(sys.executable, "-c", text), environment={})

    one = replace(site.serving("1.0.0"), patience=1.5, ping="/health")
    with pytest.raises(DependencyError, match=r"did not answer within 1\.5 s"):
        site.converge(one, server_command=picky)
    started = site.converge(replace(one, patience=20.0, ping="/ready"), server_command=picky)
    assert [status.version for status in started] == ["1.0.0"]


def test_another_program_on_the_port_is_not_taken_for_the_server(site) -> None:
    """A server that is still loading must not look ready because somebody else answers."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Always(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    impostors = []

    def slow(serving, port):
        impostors.append(HTTPServer(("127.0.0.1", port), Always))
        threading.Thread(target=impostors[0].serve_forever).start()
        sleep = (sys.executable, "-c", "import time; time.sleep(60)")
        return Command(arguments=sleep, environment={})

    try:
        with pytest.raises(DependencyError, match="did not answer"):
            site.converge(site.serving("1.0.0"), server_command=slow, limits=SHORT)
    finally:
        impostors[0].shutdown()
        impostors[0].server_close()


def test_a_port_that_was_taken_meanwhile_is_chosen_anew(site, stand_in_command) -> None:
    taken: list[socket.socket] = []

    def unlucky(serving, port):
        if not taken:
            taken.append(socket.create_server(("127.0.0.1", port)))
        return stand_in_command(serving, port)

    with_retry = site.converge(site.serving("1.0.0"), server_command=unlucky)
    taken[0].close()
    assert with_retry[0].healthy
    assert site.ask() == "1.0.0"


def test_a_taken_entry_port_is_said_plainly(site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        with pytest.raises(DependencyError, match=f"port {site.port} is taken by another program"):
            site.converge(site.serving("1.0.0"))
        assert site.running() == set()
    site.converge(site.serving("1.0.0"))
    assert site.ask() == "1.0.0"


def test_a_server_that_answers_wrongly_through_the_router_is_taken_back(
    site, stand_in_command
) -> None:
    (old,) = site.converge(site.serving("1.0.0"))

    def mistaken(serving, port):
        command = stand_in_command(serving, port)
        return Command(arguments=(*command.arguments[:-1], "9.9.9"), environment={})

    with pytest.raises(DependencyError, match="churn-predictor does not answer through the router"):
        site.converge(site.serving("2.0.0"), server_command=mistaken, limits=SHORT)
    assert site.ask() == "1.0.0"
    assert site.target().status() == (old,)
    assert len(site.leaders()) == 2


def test_a_killed_server_is_seen_and_started_again(site) -> None:
    (before,) = site.converge(site.serving("1.0.0"))
    os.kill(before.pid, signal.SIGKILL)
    _await_gone(before.pid)
    (dead,) = site.target().status()
    assert (dead.healthy, dead.pid, dead.since) == (False, None, None)
    (after,) = site.converge(site.serving("1.0.0"))
    assert after.healthy
    assert after.pid != before.pid
    assert site.ask() == "1.0.0"
    assert len(site.leaders()) == 2, "the killed server's child was left behind"


def test_a_killed_router_is_seen_and_started_again(site) -> None:
    (before,) = site.converge(site.serving("1.0.0"))
    (router,) = site.leaders() - {before.pid}
    os.kill(router, signal.SIGKILL)
    _await_gone(router)
    assert not site.target().status()[0].healthy
    (after,) = site.converge(site.serving("1.0.0"))
    assert after == before
    assert site.ask() == "1.0.0"


def _await_gone(pid: int) -> None:
    """Until the kernel has ended it, which a parent may or may not have taken note of."""
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_that_hangs_is_replaced(site, stand_in_command) -> None:
    (before,) = site.converge(site.serving("1.0.0"))
    os.kill(before.pid, signal.SIGSTOP)
    (after,) = site.converge(site.serving("1.0.0"), limits=Limits(answer=0.1, settle=0, drain=0.5))
    assert after.healthy
    assert after.pid != before.pid
    assert len(site.leaders()) == 2


def test_a_record_of_another_process_with_the_same_pid_is_not_believed(site) -> None:
    """After a restart of the machine, a pid may be somebody else's."""
    site.converge(site.serving("1.0.0"))
    registry = Registry(site.folder)
    (record,) = registry.servers()
    site.target().stop()
    stranger = processes.ProcessId(pid=os.getpid(), created=record.process.created)
    registry.save(replace(record, process=stranger))
    site.target().stop()
    assert psutil.Process().is_running()
    assert registry.servers() == ()


def test_the_router_moves_to_another_port_when_told(site) -> None:
    site.converge(site.serving("1.0.0"))
    former, site.port = site.port, processes.free_port()
    site.converge(site.serving("1.0.0"))
    assert site.ask() == "1.0.0"
    assert processes.is_free(former)


def test_a_port_that_can_not_be_had_leaves_the_router_where_it_is(site) -> None:
    (before,) = site.converge(site.serving("1.0.0"))
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, pytest.raises(DependencyError, match="is taken by another program"):
        site.converge(site.serving("1.0.0"), port=taken.getsockname()[1])
    assert site.target().status() == (before,)
    assert site.ask() == "1.0.0"


def test_status_and_stop_need_not_know_the_port(site) -> None:
    found = site.converge(site.serving("1.0.0"))
    assert site.target(port=0).status() == found
    site.target(port=0).stop()
    assert site.running() == set()


def test_stop_leaves_no_process_and_no_route(site) -> None:
    site.converge(site.serving("1.0.0"), site.serving("1.0.0", model="price-regression"))
    pids = site.running()
    assert len(pids) >= 5
    site.target().stop()
    assert site.running() == set()
    assert site.target().status() == ()
    assert site.target().metrics_url() is None
    site.target().stop()


def test_stop_finds_what_nothing_was_written_down_about(site) -> None:
    site.converge(site.serving("1.0.0"))
    for file in [*site.folder.glob("processes/*"), site.folder / "router.json"]:
        file.unlink()
    site.target().stop()
    assert site.running() == set()


def test_an_interrupt_stops_what_serves_nobody_yet(site) -> None:
    (old,) = site.converge(site.serving("1.0.0"))
    other = site.serving("2.0.0", model="price-regression")

    def interrupt(message: str) -> None:
        if message == "starting price-regression 2.0.0":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        site.target().converge([site.serving("2.0.0"), other], progress=interrupt)
    assert site.target().status() == (old,)
    assert len(site.leaders()) == 2


def test_two_at_once_on_the_same_environment_is_a_conflict(site) -> None:
    with Registry(site.folder).lock(1):
        began = time.monotonic()
        with pytest.raises(ConflictError, match="another command has been changing dev"):
            site.converge(site.serving("1.0.0"), limits=Limits(lock=0.3))
        assert time.monotonic() - began < 3
    assert site.running() == set()
    site.converge(site.serving("1.0.0"))


def test_many_at_once_end_in_one_state(site) -> None:
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(site.converge, site.serving("1.0.0")) for _ in range(3)]
        pids = {run.result()[0].pid for run in runs}
    assert len(pids) == 1
    assert len(site.leaders()) == 2


def test_a_contradiction_is_refused_before_anything_is_done(site) -> None:
    with pytest.raises(ModelctlError, match="add up to 150"):
        site.converge(site.serving("1.0.0"), site.serving("2.0.0", 50))
    assert not site.folder.exists()


def test_metrics_name_model_and_version(site) -> None:
    site.converge(site.serving("1.0.0"))
    site.ask()
    url = site.target().metrics_url()
    assert url is not None
    text = site.client.get(url).text
    assert 'traefik_service_requests_total{code="200",method="POST"' in text
    assert 'service="churn-predictor-1.0.0@file"' in text


def test_secrets_of_the_caller_are_not_handed_on(site, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "do-not-tell")
    (status,) = site.converge(site.serving("1.0.0"))
    for pid in site.running():
        assert "GITHUB_TOKEN" not in psutil.Process(pid).environ()
    assert "PATH" in psutil.Process(status.pid).environ()

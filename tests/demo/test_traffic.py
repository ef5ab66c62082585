from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from demo.traffic import Caller


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status, version, asked = 200, "1.0.0", 0
    bodies: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        Handler.asked += 1
        Handler.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(Handler.status)
        self.send_header("X-Model-Version", Handler.version)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Handler.status, Handler.version, Handler.asked = 200, "1.0.0", 0
    Handler.bodies = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/invocations"
        server.shutdown()
        thread.join()


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    file = tmp_path / "sample.json"
    rows = [[float(10 * row + column) for column in range(6)] for row in range(3)]
    file.write_text(json.dumps({"dataframe_split": {"columns": list("abcdef"), "data": rows}}))
    return file


def await_requests(count: int) -> None:
    deadline = time.monotonic() + 10
    while Handler.asked < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_counts_who_answered(address: str, sample: Path) -> None:
    caller = Caller(address, sample)
    with caller.asking():
        await_requests(3)
        Handler.version = "1.1.0"
        await_requests(Handler.asked + 3)
    assert caller.failures == []
    assert caller.answered.keys() == {"1.0.0", "1.1.0"}
    assert caller.asked == Handler.asked


def test_a_dropped_request_shows(address: str, sample: Path) -> None:
    caller = Caller(address, sample)
    with caller.asking():
        await_requests(2)
        Handler.status = 502
        await_requests(Handler.asked + 2)
        Handler.status = 200
        await_requests(Handler.asked + 2)
    assert caller.failures
    assert "502" in caller.failures[0]
    assert caller.asked == Handler.asked


def test_nobody_there_is_a_failure(sample: Path) -> None:
    caller = Caller("http://127.0.0.1:9/invocations", sample)
    with caller.asking():
        time.sleep(0.2)
    assert caller.failures
    assert not caller.answered


def test_each_row_is_asked_for_in_turn(address: str, sample: Path) -> None:
    caller = Caller(address, sample, in_turn=True)
    with caller.asking():
        await_requests(6)
    assert [rows(body)[0][0] for body in Handler.bodies[:6]] == [0.0, 10.0, 20.0] * 2
    assert all(len(rows(body)) == 1 for body in Handler.bodies)


def test_one_request_in_so_many_lacks_some_values(address: str, sample: Path) -> None:
    caller = Caller(address, sample, gaps=3)
    with caller.asking():
        await_requests(6)
    lacking = [any(None in row for row in rows(body)) for body in Handler.bodies[:6]]
    assert lacking == [True, False, False] * 2
    assert rows(Handler.bodies[0])[0] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert rows(Handler.bodies[0])[1] == [10.0, 11.0, None, 13.0, 14.0, None]


def test_it_can_be_waited_for_as_many_answers_as_are_needed(address: str, sample: Path) -> None:
    caller = Caller(address, sample)
    with caller.asking():
        caller.wait(5)
        assert caller.answered.total() >= 5
        Handler.status = 500
        caller.wait(10**6, patience=0.1)


def rows(body: Any) -> list[list[float | None]]:
    return body["dataframe_split"]["data"]

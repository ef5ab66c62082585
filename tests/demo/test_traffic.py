from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from demo.traffic import Caller


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status, version, asked = 200, "1.0.0", 0

    def do_POST(self) -> None:
        Handler.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(Handler.status)
        self.send_header("X-Model-Version", Handler.version)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Handler.status, Handler.version, Handler.asked = 200, "1.0.0", 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/invocations"
        server.shutdown()
        thread.join()


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    file = tmp_path / "sample.json"
    file.write_text(json.dumps({"dataframe_split": {"columns": [], "data": []}}))
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

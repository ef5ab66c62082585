"""A real Prometheus for tests: with a history that was written beforehand, or scraping live.

Where there is none, a test that needs one is skipped with a word; under CI it fails.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).resolve().parents[2]
BIN = PROJECT / "build" / "monitoring" / "bin"
PATIENCE = 30.0
START = 1_700_000_000
"""Where written histories begin: seconds since 1970."""


def tool(name: str) -> str:
    """Where `prometheus`, `promtool` or `amtool` is."""
    found = shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        message = f"there is no {name}: run `scripts/setup-monitoring`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sample(name: str, labels: Mapping[str, str], value: float, at: float) -> str:
    """One line of OpenMetrics."""
    return f"{name}{{{_labels(labels)}}} {value} {at}"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def openmetrics(families: Mapping[str, tuple[str, Iterable[str]]]) -> str:
    """Families by name: their type, and lines."""
    rows = [
        row for name, (kind, lines) in families.items() for row in (f"# TYPE {name} {kind}", *lines)
    ]
    return "\n".join([*rows, "# EOF", ""])


@contextmanager
def backfilled(folder: Path, text: str) -> Iterator[str]:
    """The address of a Prometheus whose history is this OpenMetrics text."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "history.om"
    source.write_text(text)
    command = [
        tool("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        source,
        folder / "data",
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    with running(folder, "global: {}\n") as url:
        yield url


@contextmanager
def scraping(folder: Path, port: int, interval: str = "1s") -> Iterator[str]:
    """The address of a Prometheus that scrapes what listens on a port of this machine."""
    folder.mkdir(parents=True, exist_ok=True)
    config = (
        f"global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n"
        f"scrape_configs:\n  - job_name: live\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    )
    with running(folder, config) as url:
        yield url


@contextmanager
def running(folder: Path, config: str) -> Iterator[str]:
    """A Prometheus on a free port of this machine alone."""
    (folder / "prometheus.yml").write_text(config)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=100y",
        "--log.level=error",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _await(process, url, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"Prometheus isn't ready after {PATIENCE} s: {log.read_text()}")


@dataclass
class Page:
    """What an HTTP server of a test answers, one after the other; the last for ever. `seen` are the
    requests: path, headers and body."""

    answers: list[tuple[int, bytes]]
    slow: float = 0.0
    seen: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    port: int = 0

    def next(self) -> tuple[int, bytes]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(page: Page) -> Iterator[Page]:
    """An HTTP server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            page.seen.append((self.path, dict(self.headers.items()), body))
            time.sleep(page.slow)
            status, content = page.next()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # who asked went away, as a test of timeouts does

        do_GET = do_POST = _answer  # noqa: N815 http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    page.port = server.server_address[1]
    page.url = f"http://127.0.0.1:{page.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield page
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

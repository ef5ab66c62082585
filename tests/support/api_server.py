"""A tiny HTTP server that answers as a test tells it: for the faults of networks and of servers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PREFIX = "/api/v3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came in; the path is that below the API's address."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `drop` closes the connection instead, after what the test's function did."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    raw: bytes | None = None
    length: int | None = None


Answerer = Callable[[Asked], Reply]


class ApiServer:
    """Answers what was given for a verb and a path: in turn, and the last one from then on."""

    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}{PREFIX}"
        self.asked: list[Asked] = []
        self.unknown: list[str] = []
        self._replies: dict[tuple[str, str], list[Reply | Answerer]] = {}

    def on(self, verb: str, path: str, *replies: Reply | Answerer) -> None:
        """Say how one kind of request is answered."""
        self._replies[verb, path] = list(replies)

    def sent(self) -> list[str]:
        """Verb and path of all requests so far."""
        return [f"{one.verb} {one.path}" for one in self.asked]

    def bodies(self, verb: str, path: str) -> list[Any]:
        """What was sent to a path."""
        return [one.body for one in self.asked if (one.verb, one.path) == (verb, path)]

    def answer(self, asked: Asked) -> Reply:
        """The answer to a request."""
        self.asked.append(asked)
        replies = self._replies.get((asked.verb, asked.path))
        if not replies:
            self.unknown.append(f"{asked.verb} {asked.path}")
            return Reply(status=404, body={"message": "Not Found"})
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply if isinstance(reply, Reply) else reply(asked)


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """A server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(size)
            address = urlsplit(self.path)
            asked = Asked(
                verb=self.command,
                path=address.path.removeprefix(PREFIX),
                query=dict(parse_qsl(address.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(text) if text.strip() else None,
            )
            self._write(api.answer(asked))

        def _write(self, reply: Reply) -> None:
            time.sleep(reply.delay)
            if reply.drop:
                self.close_connection = True
                return
            empty = b"" if reply.body is None else json.dumps(reply.body).encode()
            content = reply.raw if reply.raw is not None else empty
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.length or len(content)))
            self.end_headers()
            with suppress(ConnectionError):  # who asked has given up
                self.wfile.write(content)
            self.close_connection = reply.length is not None

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    for verb in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler._answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = ApiServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

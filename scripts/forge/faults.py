"""What goes wrong on the way to a real forge, on demand: each kind by share, by place and by count.

    500, 502            the server fails, nothing was done
    slow                the answer takes `delay` seconds
    rate-limit          403 with no requests left until a moment ahead
    rate-limit-429      429 likewise
    secondary-limit     403 with Retry-After: too much at once
    cut-page            a list's page comes without the last of its rows
    cut-link            a list's first page comes without links to the others
    lost-response       it is done, and the connection closes without an answer

Which requests are hit follows from the seed and their order alone.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from forge.errors import ApiError

KINDS = (
    "500",
    "502",
    "slow",
    "rate-limit",
    "rate-limit-429",
    "secondary-limit",
    "cut-page",
    "cut-link",
    "lost-response",
)
API = "/api/v3/"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Plan:
    """Hits a share of the requests (1.0: each) whose "METHOD /path" `match` is found in, the path
    being below the API's root, `count` times at the most."""

    kinds: tuple[str, ...]
    share: float = 1.0
    match: re.Pattern[str] | None = None
    count: int | None = None
    delay: float = 1.0
    wait: int = 1  # seconds until a limit ends
    chance: random.Random = field(default_factory=random.Random)

    def choose(self, request: str) -> str | None:
        """The kind of fault for a request, None for none."""
        if self.count == 0 or (self.match is not None and not self.match.search(request)):
            return None
        if self.share < 1.0 and self.chance.random() >= self.share:
            return None
        if self.count is not None:
            self.count -= 1
        return self.chance.choice(self.kinds)


@dataclass(slots=True)
class Faults:
    """The plans in force; the first that chooses a request has it. `done` counts by kind."""

    plans: list[Plan] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        kinds: Iterable[str] = ("500", "502"),
        *,
        share: float = 1.0,
        seed: int = 0,
        match: str | None = None,
        count: int | None = None,
        delay: float = 1.0,
        wait: int = 1,
    ) -> None:
        """Switch one on. `match` is a regular expression: r"^POST .*/pulls$"."""
        chosen = tuple(kinds)
        unknown = set(chosen) - set(KINDS)
        if unknown or not chosen:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))} (of {', '.join(KINDS)})")
        plan = Plan(
            kinds=chosen,
            share=share,
            match=None if match is None else re.compile(match),
            count=count,
            delay=delay,
            wait=wait,
            chance=random.Random(seed),  # noqa: S311 no secret: the same faults each time
        )
        with self.lock:
            self.plans.append(plan)

    def clear(self) -> None:
        """Switch all off."""
        with self.lock:
            self.plans.clear()

    def choose(self, request: str) -> tuple[str, Plan] | None:
        """The fault for a request, if it is to have one."""
        with self.lock:
            for plan in self.plans:
                kind = plan.choose(request)
                if kind is not None:
                    self.done[kind] += 1
                    return kind, plan
        return None


@dataclass(frozen=True, slots=True)
class Faulty:
    """The application with faults in front of its API."""

    app: App
    faults: Faults

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer, or fail to."""
        path = scope.get("path", "")
        chosen = None
        if scope["type"] == "http" and path.startswith(API):
            chosen = self.faults.choose(f"{scope['method']} {path.removeprefix(API[:-1])}")
        if chosen is None:
            await self.app(scope, receive, send)
            return
        kind, plan = chosen
        if kind == "slow":
            await asyncio.sleep(plan.delay)
            await self.app(scope, receive, send)
        elif kind.startswith("cut-"):
            await self.app(scope, receive, _Shortened(send, kind))
        elif kind == "lost-response":
            await self.app(scope, receive, _swallow)
            # Uvicorn hands its request's cycle in by this callable; the cycle has the transport.
            receive.__self__.transport.abort()  # type: ignore[attr-defined]
        else:
            await _refuse(send, kind, plan.wait)


async def _swallow(message: Message) -> None:
    """Nobody hears the answer."""


class _Shortened:
    """Sends an answer on, less what the fault takes from it."""

    def __init__(self, send: Send, kind: str) -> None:
        self._send = send
        self._kind = kind
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        headers = list(self._start["headers"])
        body = message.get("body", b"")
        if self._kind == "cut-link":
            headers = [(name, value) for name, value in headers if name.lower() != b"link"]
        else:
            body = without_last_row(body)
        headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({**message, "body": body})


def without_last_row(body: bytes) -> bytes:
    """A list in JSON, bare or below one key of an object, less its last row; else as it is."""
    try:
        data = json.loads(body)
    except ValueError:
        return body
    if isinstance(data, list):
        return json.dumps(data[:-1]).encode()
    lists = [key for key, value in data.items() if isinstance(value, list)]
    if "total_count" in data and len(lists) == 1:
        data[lists[0]] = data[lists[0]][:-1]
        return json.dumps(data).encode()
    return body


async def _refuse(send: Send, kind: str, wait: int) -> None:
    headers: dict[str, str] = {}
    if kind.startswith("rate-limit"):
        status = 429 if kind.endswith("429") else 403
        error = ApiError(status, "API rate limit exceeded for user ID 1.")
        headers = {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-used": "5000",
            "x-ratelimit-reset": str(int(time.time()) + wait),
            "x-ratelimit-resource": "core",
        }
    elif kind == "secondary-limit":
        error = ApiError(
            403, "You have exceeded a secondary rate limit. Please wait a few minutes."
        )
        headers = {"retry-after": str(wait)}
    else:
        error = ApiError(int(kind), "Server Error")
    body = json.dumps(error.body()).encode()
    headers |= {
        "content-type": "application/json; charset=utf-8",
        "content-length": str(len(body)),
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})

"""The scoring server's wrapper: what it copies, and that it changes nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.local.scoring_app import recording
from modelctl.adapters.prediction_log import MAX_BODY, Exchange, Recorder


class Kept(Recorder):
    """What was offered, at once."""

    def __init__(self, wanted: bool = True):
        self.wanted, self.offered = wanted, list[Exchange]()

    def on(self) -> bool:
        return self.wanted

    def offer(self, exchange: Exchange) -> None:
        self.offered.append(exchange)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it got, in two pieces."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": scope.get("answer", 200), "headers": []})
    await send({"type": "http.response.body", "body": body[:3], "more_body": True})
    await send({"type": "http.response.body", "body": body[3:]})


def ask(kept: Kept, *pieces: bytes, **scope: Any) -> bytes:
    """What the caller gets."""
    request = [
        {"type": "http.request", "body": piece, "more_body": n < len(pieces) - 1}
        for n, piece in enumerate(pieces)
    ]
    got: list[Any] = []

    async def receive() -> Any:
        return request.pop(0)

    async def send(message: Any) -> None:
        got.append(message)

    given = {"type": "http", "method": "POST", "path": "/invocations", "headers": [], **scope}
    asyncio.run(recording(echo, kept)(given, receive, send))
    return b"".join(message.get("body", b"") for message in got)


def test_a_prediction_is_copied_whole() -> None:
    kept = Kept()
    assert ask(kept, b"[1, ", b"2]") == b"[1, 2]"
    [one] = kept.offered
    assert (one.body, one.answer, one.id) == (b"[1, 2]", b"[1, 2]", None)


@pytest.mark.parametrize(
    ("headers", "id_"),
    [
        ([(b"x-request-id", b"abc")], "abc"),
        ([(b"accept", b"*/*"), (b"x-request-id", b"")], None),
        ([(b"x-request-id", b"a" * 500)], "a" * 200),
    ],
)
def test_the_callers_id_is_taken(headers: Any, id_: str | None) -> None:
    kept = Kept()
    ask(kept, b"1", headers=headers)
    assert kept.offered[0].id == id_


@pytest.mark.parametrize(
    "scope", [{"method": "GET"}, {"path": "/ping"}, {"answer": 400}, {"answer": 500}]
)
def test_what_is_no_prediction_is_not_kept(scope: dict[str, Any]) -> None:
    kept = Kept()
    assert ask(kept, b"1", **scope) == b"1"
    assert kept.offered == []


def test_what_nobody_wants_passes_straight_through() -> None:
    kept = Kept(wanted=False)
    assert ask(kept, b"1") == b"1"
    assert kept.offered == []


def test_what_is_too_large_is_served_but_not_kept() -> None:
    kept = Kept()
    large = b"1" * (MAX_BODY + 1)
    assert ask(kept, large[:MAX_BODY], large[MAX_BODY:]) == large
    assert kept.offered == []


def test_a_lifespan_is_not_touched(tmp_path: Path) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(recording(app, Kept())({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]

"""A model that answers at once, for uvicorn: what is measured is how traffic moves, not MLflow.

`FAILING` is the share of the requests that are answered with 500, `SECONDS` how long each takes;
where `SINCE` names a file, only while that is there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from itertools import count
from pathlib import Path
from typing import Any, Final

Message = MutableMapping[str, Any]

FAILING: Final = "STAND_IN_FAILING"
SECONDS: Final = "STAND_IN_SECONDS"
SINCE: Final = "STAND_IN_SINCE"

_failing = float(os.environ.get(FAILING, "0"))
_seconds = float(os.environ.get(SECONDS, "0"))
_since = Path(os.environ.get(SINCE, ""))  # by default the folder itself, which is there
_number = count(1)


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer a ping with success and a prediction as it was told."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    wrong = scope["method"] == "POST" and _since.exists()
    if wrong and _seconds:
        await asyncio.sleep(_seconds)
    fails = wrong and _falls(next(_number))
    body = b'{"predictions": [0]}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    start = {"type": "http.response.start", "status": 500 if fails else 200, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _falls(number: int) -> bool:
    """Whether this request is one of the failing ones, which are spread evenly."""
    return int(number * _failing) > int((number - 1) * _failing)

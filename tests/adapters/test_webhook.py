"""Notifications: one signed POST, tried again where that helps, and silent about secrets."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from modelctl.adapters.webhook import Webhook, sign
from modelctl.domain.events import Event
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.notifying import NOTIFY_SECRET, NOTIFY_URL, notifier
from support.keys import NOW

EVENT = Event(
    id="abc", type="ml.model.promoted.v1", source="/x", subject="m@1", at=NOW, data={"model": "m"}
)


class Listener:
    """A server that answers with these codes in turn, then 200."""

    def __init__(self, *codes: int):
        self.codes = list(codes)
        self.heard: list[tuple[dict[str, str], bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(listener.codes.pop(0) if listener.codes else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=s3cret"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listen() -> Iterator[Any]:
    made: list[Listener] = []

    def start(*codes: int) -> Listener:
        made.append(Listener(*codes))
        return made[-1]

    yield start
    for one in made:
        one.server.shutdown()
        one.server.server_close()


def hook(one: Listener, secret: str | None = None) -> Webhook:
    return Webhook(url=one.url, secret=secret, clock=lambda: 1_700_000_000.0, pause=lambda _: None)


def test_it_is_a_structured_cloud_event(listen: Any) -> None:
    one = listen()
    hook(one).send(EVENT)
    [(headers, body)] = one.heard
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert json.loads(body) == EVENT.as_data()
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("secret", ["plain words", "whsec_" + b64encode(b"key").decode()])
def test_it_is_signed_as_standard_webhooks_has_it(listen: Any, secret: str) -> None:
    one = listen()
    hook(one, secret).send(EVENT)
    [(headers, body)] = one.heard
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("abc", "1700000000")
    assert headers["webhook-signature"] == sign(secret, "abc", "1700000000", body)


def test_the_signature_of_the_specification() -> None:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_passes_is_tried_again(listen: Any) -> None:
    one = listen(503, 429)
    hook(one).send(EVENT)
    assert len(one.heard) == 3


@pytest.mark.parametrize(("codes", "tries"), [((500, 500, 500), 3), ((401,), 1), ((302,), 1)])
def test_what_does_not_take_it_is_told_without_the_address(
    listen: Any, codes: tuple[int, ...], tries: int
) -> None:
    one = listen(*codes)
    with pytest.raises(DependencyError) as error:
        hook(one).send(EVENT)
    assert str(error.value).startswith("127.0.0.1 doesn't take the notification: HTTP")
    assert "s3cret" not in str(error.value) + repr(hook(one))
    assert len(one.heard) == tries


def test_nobody_listens() -> None:
    nowhere = Webhook(url="http://127.0.0.1:1/x", pause=lambda _: None)
    with pytest.raises(DependencyError, match="take the notification: Connect"):
        nowhere.send(EVENT)


@pytest.mark.parametrize("url", ["ftp://x/y", "not an address", "http://"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ModelctlError, match="none of http or https"):
        Webhook(url=url)


def test_a_secret_that_can_not_be_read() -> None:
    with pytest.raises(ModelctlError, match="the secret of notifications can't be read"):
        Webhook(url="http://x", secret="whsec_!")


def test_who_is_told_is_said_by_the_environment(listen: Any) -> None:
    assert notifier({}) is None
    one = listen()
    send = notifier({NOTIFY_URL: one.url, NOTIFY_SECRET: "s"})
    assert send is not None
    send(EVENT)
    assert "webhook-signature" in one.heard[0][0]

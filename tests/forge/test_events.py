"""Events that no request leads to, and how all of them are delivered."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from forge import events
from forge.state import State
from forge.webhooks import Webhook

if TYPE_CHECKING:
    from forge.values import Repository


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path)
    made.add_repository("acme", "models")
    made.add_user("ada")
    return made


@pytest.fixture
def repository(state: State) -> Repository:
    return state.repository("acme/models")


def test_a_review_signal_that_ended_names_the_head_that_it_ran_for(
    state: State, repository: Repository
) -> None:
    run = events.Run(
        path=".github/workflows/review-signal.yml",
        name="review-signal",
        event="pull_request_review",
        branch="topic",
        sha="a" * 40,
        full_name="eve/models",
    )
    event = events.workflow_ran(state, repository, "ada", run)
    assert event.name == "workflow_run"
    payload = event.payload
    assert payload["action"] == "completed"
    assert payload["workflow"]["path"] == ".github/workflows/review-signal.yml"
    told = payload["workflow_run"]
    assert (told["head_sha"], told["head_branch"]) == ("a" * 40, "topic")
    assert (told["event"], told["conclusion"]) == ("pull_request_review", "success")
    # The fork is not there, which is what GitHub tells of one that was deleted.
    assert told["head_repository"] is None
    assert payload["repository"]["full_name"] == "acme/models"
    assert payload["organization"]["login"] == "acme"


def test_a_dispatch_is_of_a_branch(state: State, repository: Repository) -> None:
    event = events.dispatch(
        state, repository, "ada", ".github/workflows/deploy.yml", inputs={"environment": "dev"}
    )
    assert (event.name, event.payload["ref"]) == ("workflow_dispatch", "refs/heads/main")
    assert event.payload["inputs"] == {"environment": "dev"}
    assert event.payload["sender"]["login"] == "ada"


def test_the_clock_tells_its_rule(state: State, repository: Repository) -> None:
    event = events.schedule(state, repository, "17 * * * *")
    assert (event.name, event.payload["schedule"]) == ("schedule", "17 * * * *")


def test_an_event_is_written_for_act(state: State, repository: Repository, tmp_path: Path) -> None:
    event = events.dispatch(state, repository, "ada", "x.yml")
    path = events.write(event, tmp_path / "event.json")
    assert json.loads(path.read_text()) == event.payload


class _Receiver(BaseHTTPRequestHandler):
    taken: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    status = 204

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((dict(self.headers), body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[type[_Receiver], str]]:
    handler = type("Receiver", (_Receiver,), {"taken": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


def test_events_are_delivered_in_order_and_signed(
    state: State, repository: Repository, receiver: tuple[type[_Receiver], str]
) -> None:
    handler, url = receiver
    hook = Webhook(url=url, secret="hush", names=frozenset({"workflow_dispatch"}))
    hook.connect(state)
    for name in ("a.yml", "b.yml"):
        events.dispatch(state, repository, "ada", name)
        events.schedule(state, repository, "0 0 * * *")
    hook.disconnect(state)
    assert [json.loads(body)["workflow"] for _, body in handler.taken] == ["a.yml", "b.yml"]
    headers, body = handler.taken[0]
    assert headers["X-Github-Event"] == "workflow_dispatch"
    signature = hmac.new(b"hush", body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={signature}"
    assert hook.failed == []


def test_what_nobody_took_is_kept(
    state: State, repository: Repository, receiver: tuple[type[_Receiver], str]
) -> None:
    handler, url = receiver
    handler.status = 500
    hook = Webhook(url=url, secret="hush")
    hook.connect(state)
    event = events.dispatch(state, repository, "ada", "a.yml")
    hook.disconnect(state)
    assert [failed for failed, _ in hook.failed] == [event]
    assert "hush" not in repr(hook)


@pytest.mark.parametrize(
    "url", ["http://example.com/hook", "https://127.0.0.1/hook", "http://127.0.0.1.example/hook"]
)
def test_nothing_leaves_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1 only"):
        Webhook(url=url, secret="hush")

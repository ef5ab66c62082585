"""Issues that a machine keeps: one for each matter."""

from __future__ import annotations

from typing import Any

import pytest

from modelctl.adapters.github import GitHub
from modelctl.domain.pulls import Issue
from support.api_server import ApiServer, Asked, Reply

AT, MARK = "/repos/acme/models/issues", "<!-- modelctl:drift -->"
BOT, EVE = {"id": 9, "login": "m[bot]", "type": "Bot"}, {"id": 6, "login": "eve", "type": "User"}


class Kept:
    """The issues of a repository, newest first."""

    def __init__(self, server: ApiServer):
        self.issues: list[dict[str, Any]] = []
        self._server = server
        server.on("GET", AT, lambda _: Reply(body=self.issues[::-1]))
        server.on("POST", AT, self.post)

    def add(self, body: str, *, state: str = "open", user: object = BOT, **more: Any) -> int:
        number = len(self.issues) + 1
        made = {
            "number": number,
            "title": "Drift",
            "body": body,
            "state": state,
            "user": user,
            "labels": ["drift", {"name": "bot"}],
            "html_url": f"https://github.com/acme/models/issues/{number}",
            "performed_via_github_app": {"id": 77},
            **more,
        }
        self.issues.append(made)
        self._server.on("PATCH", f"{AT}/{number}", self.patch)
        return number

    def post(self, asked: Asked) -> Reply:
        self.add(asked.body["body"], title=asked.body["title"])
        return Reply(status=201, body=self.issues[-1])

    def patch(self, asked: Asked) -> Reply:
        found = self.issues[int(asked.path.rpartition("/")[2]) - 1]
        found.update(asked.body)
        return Reply(body=found)


@pytest.fixture
def kept(server: ApiServer) -> Kept:
    return Kept(server)


def test_it_is_opened_changed_and_reopened_but_never_doubled(
    app: GitHub, server: ApiServer, kept: Kept
) -> None:
    first = app.issues.upsert(MARK, "drift", "Drift", "One")
    assert first == Issue(
        number=1,
        title="Drift",
        body=f"{MARK}\nOne",
        is_open=True,
        labels=("drift", "bot"),
        url="https://github.com/acme/models/issues/1",
    )
    assert app.issues.upsert(MARK, "drift", "Drift", f"{MARK}\nOne") == first
    assert not [one for one in server.sent() if one.startswith("PATCH")]
    assert app.issues.upsert(MARK, "drift", "Drift", "Two").body == f"{MARK}\nTwo"
    app.issues.close(1)
    assert (kept.issues[0]["state"], kept.issues[0]["state_reason"]) == ("closed", "completed")
    assert app.issues.upsert(MARK, "drift", "Drift", "Two").is_open
    assert len(kept.issues) == 1


def test_an_open_one_comes_first_and_then_the_newest(app: GitHub, kept: Kept) -> None:
    kept.add(MARK, state="closed")
    newest = kept.add(MARK, state="closed")
    found = app.issues.find(MARK, "drift")
    assert found is not None
    assert found.number == newest
    kept.issues[0]["state"] = "open"
    found = app.issues.find(MARK, "drift")
    assert found is not None
    assert found.number == 1


def test_what_is_not_ours_is_left_alone(app: GitHub, kept: Kept) -> None:
    kept.add(MARK, user=EVE)
    kept.add(MARK, performed_via_github_app=None)
    kept.add(MARK, pull_request={"url": "x"})
    kept.add(f"See {MARK}")
    assert app.issues.find(MARK, "drift") is None
    assert app.issues.upsert(MARK, "drift", "Drift", "One").number == 5


def test_one_whose_answer_was_lost_is_found(app: GitHub, server: ApiServer, kept: Kept) -> None:
    def lost(asked: Asked) -> Reply:
        kept.post(asked)
        return Reply(drop=True)

    server.on("POST", AT, lost, kept.post)
    assert app.issues.upsert(MARK, "drift", "Drift", "One").number == 1
    assert len(kept.issues) == 1


def test_a_last_word(app: GitHub, server: ApiServer, kept: Kept) -> None:
    kept.add(MARK)
    said: list[str] = []

    def say(asked: Asked) -> Reply:
        said.append(asked.body["body"])
        at = "https://api.github.com/repos/acme/models/issues/1"
        when = dict.fromkeys(("created_at", "updated_at"), "2026-11-20T10:00:00Z")
        made = {"id": 1, "html_url": at, "issue_url": at, **when}
        return Reply(status=201, body={**made, **asked.body})

    server.on("POST", f"{AT}/1/comments", say)
    app.issues.close(1, "All is in step again.")
    assert said[0].startswith("All is in step again.")
    assert kept.issues[0]["state"] == "closed"

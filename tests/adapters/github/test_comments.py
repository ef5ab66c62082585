"""Comments: ours is found by who wrote it, whoever else copies its marker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from modelctl.adapters.github import GitHub
from modelctl.domain.pulls import COMMENT_MARKER, Comment
from modelctl.domain.reviews import User
from modelctl.errors import DependencyError
from support.api_server import ApiServer, Asked, Reply

APP_ID = 77
ME, EVE = {"id": 5, "login": "ada", "type": "User"}, {"id": 6, "login": "eve", "type": "User"}
BOT = {"id": 9, "login": "modelctl[bot]", "type": "Bot"}
AT, ONE = "/repos/acme/models/issues/7/comments", "/repos/acme/models/issues/comments"
OURS = f"{COMMENT_MARKER}\nAll is well."


def comment(number: int, body: str, user: object = BOT, app: int | None = None) -> dict[str, Any]:
    return {
        "id": number,
        "user": user,
        "body": body,
        "html_url": f"https://github.com/acme/models/pull/7#issuecomment-{number}",
        "issue_url": "https://api.github.com/repos/acme/models/issues/7",
        "created_at": "2026-11-20T10:00:00Z",
        "updated_at": "2026-11-20T10:00:00Z",
        "performed_via_github_app": {"id": app} if app else None,
    }


class Kept:
    """The comments of one pull request."""

    def __init__(self, server: ApiServer):
        self.comments: list[dict[str, Any]] = []
        server.on("GET", AT, lambda _: Reply(body=self.comments))
        server.on("POST", AT, self.post)
        server.on("GET", "/user", Reply(body=ME))

    def post(self, asked: Asked) -> Reply:
        self.comments.append(comment(100, asked.body["body"], app=APP_ID))
        return Reply(status=201, body=self.comments[-1])


@pytest.fixture
def kept(server: ApiServer) -> Kept:
    return Kept(server)


def test_the_first_time_it_is_written(app: GitHub, kept: Kept) -> None:
    assert app.comments.upsert(7, "All is well.") is True
    assert [one["body"] for one in kept.comments] == [OURS]
    assert app.calls == 3  # the token, the list, the write
    assert app.comments.upsert(7, OURS) is False
    assert app.calls == 4


def test_it_is_changed_and_never_repeated(app: GitHub, server: ApiServer, kept: Kept) -> None:
    kept.comments += [comment(1, "Hello", ME), comment(2, OURS, app=APP_ID)]
    server.on("PATCH", f"{ONE}/2", Reply(body=kept.comments[1]))
    assert app.comments.upsert(7, "Blocked.") is True
    assert server.bodies("PATCH", f"{ONE}/2") == [{"body": f"{COMMENT_MARKER}\nBlocked."}]
    assert len(kept.comments) == 2


def test_one_that_is_known_is_not_looked_for(app: GitHub, server: ApiServer, kept: Kept) -> None:
    kept.comments.append(comment(2, OURS, app=APP_ID))
    server.on("PATCH", f"{ONE}/2", Reply(body=kept.comments[0]))
    assert app.comments.put(7, "Blocked.", known=2).id == 2
    assert server.sent()[1:] == [f"PATCH {ONE}/2"]


def test_one_that_is_gone_is_looked_for_after_all(
    app: GitHub, server: ApiServer, kept: Kept
) -> None:
    server.on("PATCH", f"{ONE}/2", Reply(status=404, body={"message": "Not Found"}))
    made = app.comments.put(7, "Blocked.", known=2)
    assert made.is_new
    assert [one["id"] for one in kept.comments] == [made.id]


@pytest.mark.parametrize("same", [OURS, OURS.replace("\n", "\r\n"), OURS + "\n"])
def test_what_it_says_already_is_not_written_again(app: GitHub, kept: Kept, same: str) -> None:
    kept.comments.append(comment(2, same, app=APP_ID))
    assert app.comments.upsert(7, OURS) is False


@pytest.mark.parametrize(
    "other",
    [
        comment(1, OURS, EVE),
        comment(1, OURS, BOT, app=15368),
        comment(1, OURS, EVE, app=APP_ID),  # a person who acts through the App
        comment(1, OURS, None, app=APP_ID),
        comment(1, f"Look: {OURS}", app=APP_ID),
    ],
)
def test_a_comment_that_is_not_ours_is_left_alone(
    app: GitHub, server: ApiServer, kept: Kept, other: dict[str, Any]
) -> None:
    kept.comments.append(other)
    assert app.comments.own(7) is None
    app.comments.upsert(7, "All is well.")
    assert [one["body"] for one in kept.comments] == [other["body"], OURS]
    assert not [one for one in server.sent() if one.startswith("PATCH")]


def test_with_a_token_ours_is_what_our_account_wrote(
    user: GitHub, server: ApiServer, kept: Kept
) -> None:
    kept.comments += [comment(1, OURS, EVE), comment(2, OURS, ME)]
    server.on("PATCH", f"{ONE}/2", Reply(body=kept.comments[1]))
    user.comments.upsert(7, "a")
    user.comments.upsert(7, "b")
    assert server.sent().count("GET /user") == 1
    assert server.sent().count(f"PATCH {ONE}/2") == 2


def test_reading_stops_where_ours_is_found(app: GitHub, server: ApiServer) -> None:
    full = [comment(2, OURS, app=APP_ID), *(comment(n, "x", ME) for n in range(99))]
    server.on("GET", AT, Reply(body=full, headers={"Link": '<http://x/?page=2>; rel="next"'}))
    found = app.comments.own(7)
    assert found is not None
    assert found.id == 2
    assert app.calls == 2


def test_one_comment(user: GitHub, server: ApiServer) -> None:
    server.on("GET", f"{ONE}/1", Reply(body=comment(1, "/modelctl check", None)))
    assert user.comments.get(1) == Comment(
        id=1,
        pull=7,
        author=None,
        body="/modelctl check",
        url="https://github.com/acme/models/pull/7#issuecomment-1",
        created_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
    )


def test_a_comment_that_was_changed(user: GitHub, server: ApiServer) -> None:
    changed = {**comment(1, "/modelctl check", ME), "updated_at": "2026-11-20T10:00:01Z"}
    server.on("GET", f"{ONE}/1", Reply(body=changed))
    assert user.comments.get(1).is_edited


def test_a_comment_on_nothing(user: GitHub, server: ApiServer) -> None:
    odd = {**comment(1, "x"), "issue_url": "https://api.github.com/repos/acme/models"}
    server.on("GET", f"{ONE}/1", Reply(body=odd))
    with pytest.raises(DependencyError, match="issue_url ends with no number"):
        user.comments.get(1)


def test_all_comments(user: GitHub, kept: Kept) -> None:
    kept.comments += [comment(1, "a", ME), comment(2, "b", EVE)]
    authors = [one.author for one in user.comments.of(7)]
    assert authors == [User(id=5, login="ada"), User(id=6, login="eve")]


def test_two_equal_replies_are_two_comments(app: GitHub, kept: Kept) -> None:
    first, second = app.comments.reply(7, "Done."), app.comments.reply(7, "Done.")
    assert first.body.startswith("Done.\n\n<!-- modelctl:reply:")
    assert first.body != second.body
    assert len(kept.comments) == 2


def test_a_reaction(user: GitHub, server: ApiServer) -> None:
    server.on("POST", f"{ONE}/1/reactions", Reply(status=500), Reply(body={"id": 1}))
    user.comments.react(1, "eyes")
    assert server.bodies("POST", f"{ONE}/1/reactions") == [{"content": "eyes"}] * 2

"""Requests under faults: what is sent again, what never is, and when patience ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelctl.adapters.github import Access, GitHub, Patience, Rate, connect, transport
from modelctl.adapters.github.rate import Pace, asked_to_wait, rate_of
from modelctl.errors import DependencyError, ModelctlError
from support.api_server import ApiServer, Asked, Reply

LABELS = "/repos/acme/models/labels"
COMMENTS = "/repos/acme/models/issues/7/comments"
ONE = Reply(body=[{"name": "one"}])
RATE = {
    "X-RateLimit-Limit": "5000",
    "X-RateLimit-Remaining": "4987",
    "X-RateLimit-Reset": "1790000000",
}


def names(github: GitHub) -> list[str]:
    return [label["name"] for label in github.settings.labels()]


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=500, raw=b"<html>oops</html>"),
        Reply(status=502, raw=b""),
        Reply(status=503, body={"message": "unavailable"}, headers={"Retry-After": "0"}),
        Reply(drop=True),
        Reply(body=[], delay=0.8),
        Reply(raw=b'[{"name": "on', length=200),
        Reply(raw=b'[{"name": "on'),
        Reply(raw=b'[{"name": "a", "name": "b"}]'),
        Reply(status=403, body={"message": "secondary rate limit"}, headers={"Retry-After": "0"}),
        Reply(status=429, headers={"Retry-After": "0"}),
    ],
)  # fmt: skip
def test_a_read_is_asked_again(user: GitHub, server: ApiServer, fault: Reply) -> None:
    server.on("GET", LABELS, fault, fault, ONE)
    assert names(user) == ["one"]
    assert user.calls == len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Reply(status=500), "HTTP 500"),
        (Reply(drop=True), "the connection broke"),
        (Reply(delay=0.6), "it took too long"),
        (Reply(raw=b"[1"), "its body can't be read: it is not JSON"),
    ],
)
def test_patience_ends(user: GitHub, server: ApiServer, fault: Reply, reason: str) -> None:
    server.on("GET", LABELS, fault)
    with pytest.raises(DependencyError) as caught:
        names(user)
    assert f"gave no usable answer to GET {LABELS} ({reason}" in caught.value.message
    assert "tried 4 times" in caught.value.message
    assert len(server.asked) == 4
    assert caught.value.exit_code == 3


def test_an_error_tells_what_is_left_of_the_rate(user: GitHub, server: ApiServer) -> None:
    server.on("GET", LABELS, Reply(status=500, headers=RATE))
    with pytest.raises(DependencyError, match=r"4,987 of 5,000 requests are left until 2026-09-21"):
        names(user)
    assert user.rate == Rate(
        limit=5000, remaining=4987, resets_at=datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    )


def test_nobody_there(app_key: str) -> None:
    access = Access(repository="acme/models", api_url="http://127.0.0.1:9/api/v3", token="x")
    patience = Patience(attempts=2, first_pause=0.001)
    with (
        connect(access, patience=patience) as github,
        pytest.raises(DependencyError, match=r"connection refused; tried 2 times\)"),
    ):
        github.settings.labels()


def test_a_rate_limit_that_ends_soon_is_waited_for(user: GitHub, server: ApiServer) -> None:
    """By the server's clock, which is years ahead of ours here."""
    used_up = Reply(
        status=403,
        body={"message": "API rate limit exceeded for user ID 1."},
        headers={
            "X-RateLimit-Limit": "60",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "4070908800",
            "Date": "Thu, 01 Jan 2099 00:00:00 GMT",
        },
    )
    server.on("GET", LABELS, used_up, ONE)
    began = time.monotonic()
    assert names(user) == ["one"]
    assert 0.9 < time.monotonic() - began < 2


def test_a_rate_limit_beyond_patience_is_told(user: GitHub, server: ApiServer) -> None:
    reset = datetime.now(UTC) + timedelta(minutes=40)
    headers = {
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(reset.timestamp())),
    }
    body = {"message": "API rate limit exceeded for installation ID 9."}
    server.on("GET", LABELS, Reply(status=403, body=body, headers=headers))
    with pytest.raises(DependencyError) as caught:
        names(user)
    assert f"0 of 5,000 requests are left until {reset:%Y-%m-%d %H:%M}" in caught.value.message
    assert len(server.asked) == 1


def test_a_limit_that_never_ends_ends_patience(user: GitHub, server: ApiServer) -> None:
    server.on("GET", LABELS, Reply(status=429, headers={"Retry-After": "0"}))
    with pytest.raises(DependencyError, match="rate limit refuses GET"):
        names(user)
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "headers", "message", "attempt", "seconds"),
    [
        (403, {}, "Resource not accessible by integration", 1, None),
        (404, {"retry-after": "5"}, "", 1, None),
        (403, {"retry-after": "5"}, "whatever", 1, 5.0),
        (403, {}, "You have exceeded a secondary rate limit.", 1, 60.0),
        (403, {}, "You have triggered an abuse detection mechanism.", 2, 120.0),
        (429, {}, "", 1, 60.0),
        (403, {"x-ratelimit-remaining": "0"}, "", 1, 60.0),
        (429, {"retry-after": "soon"}, "", 1, 60.0),
    ],
)
def test_how_long_a_refusal_asks_us_to_wait(
    status: int, headers: dict[str, str], message: str, attempt: int, seconds: float | None
) -> None:
    assert asked_to_wait(status, headers, message, attempt) == seconds


@pytest.mark.parametrize("reset", ["", "x", "9" * 30])
def test_a_rate_that_cannot_be_read_is_none(reset: str) -> None:
    told = {"limit": "60", "remaining": "59", "reset": reset}
    assert rate_of({f"x-ratelimit-{name}": value for name, value in told.items()}) is None


def test_writes_keep_to_githubs_pace() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    pace = Pace(3, lambda: now[0], sleep)
    for _ in range(6):
        pace.wait()
    assert slept == [1.0, 1.0, 1.0]
    now[0] += 3600
    for _ in range(4):
        pace.wait()
    assert slept == [1.0, 1.0, 1.0, 1.0]


def page(first: int, count: int, following: str | None = None, last: int | None = None) -> Reply:
    links = [f'<{following}>; rel="next"'] if following else []
    links += [f'<http://elsewhere.invalid/x?page={last}>; rel="last"'] if last else []
    body = [{"name": str(number)} for number in range(first, first + count)]
    return Reply(body=body, headers={"Link": ", ".join(links)} if links else {})


def test_a_list_is_read_to_its_last_page(user: GitHub, server: ApiServer) -> None:
    """The link says which page comes next; the server that it names is never asked."""
    second = "https://elsewhere.invalid/labels?per_page=100&page=2"
    server.on("GET", LABELS, page(0, 100, second, 2), page(100, 3))
    assert names(user) == [str(number) for number in range(103)]
    assert [one.query for one in server.asked] == [
        {"per_page": "100"},
        {"per_page": "100", "page": "2"},
    ]


def test_pages_may_be_told_by_a_cursor(user: GitHub, server: ApiServer) -> None:
    server.on("GET", LABELS, page(0, 2, "http://x/?after=Y3Vy%3D"), page(2, 1))
    assert names(user) == ["0", "1", "2"]
    assert server.asked[1].query == {"per_page": "100", "after": "Y3Vy="}


def test_a_full_page_without_a_link_is_not_believed_to_be_the_last(
    user: GitHub, server: ApiServer
) -> None:
    server.on("GET", LABELS, page(0, 100), page(100, 1))
    assert len(names(user)) == 101


def test_missing_pages_are_noticed(user: GitHub, server: ApiServer) -> None:
    server.on("GET", LABELS, page(0, 100, "http://x/?page=2", last=4), page(100, 1))
    with pytest.raises(DependencyError, match=r"labels is not whole: it ends after page 2 of 4"):
        names(user)


def test_a_list_shorter_than_its_count_is_noticed(user: GitHub, server: ApiServer) -> None:
    body = {"total_count": 2, "environments": [{"name": "dev"}]}
    server.on("GET", "/repos/acme/models/environments", Reply(body=body))
    with pytest.raises(DependencyError, match=r"it has 1 of 2 items"):
        user.settings.environments()


@pytest.mark.parametrize("body", [{"message": "x"}, None, "text"])
def test_what_is_no_list_is_not_read_as_an_empty_one(
    user: GitHub, server: ApiServer, body: object
) -> None:
    server.on("GET", LABELS, Reply(body=body))
    with pytest.raises(DependencyError, match="it is no list"):
        names(user)


def test_what_is_known_is_asked_by_its_etag(user: GitHub, server: ApiServer) -> None:
    def conditional(asked: Asked) -> Reply:
        if asked.headers.get("if-none-match") == '"v1"':
            return Reply(status=304)
        return Reply(body=[{"name": "one"}], headers={"ETag": '"v1"'})

    server.on("GET", LABELS, conditional)
    assert names(user) == names(user) == ["one"]
    assert [one.headers.get("if-none-match") for one in server.asked] == [None, '"v1"']
    server.on("GET", LABELS, Reply(body=[{"name": "two"}], headers={"ETag": '"v2"'}))
    assert names(user) == ["two"]


def test_an_etag_counts_for_its_own_page_and_filter(user: GitHub, server: ApiServer) -> None:
    at = "/repos/acme/models/pulls"
    server.on("GET", at, Reply(body=[], headers={"ETag": '"v1"'}))
    user.pulls.open(base="main")
    user.pulls.open(base="develop")
    assert [one.headers.get("if-none-match") for one in server.asked] == [None, None]


def test_only_so_many_answers_are_kept(
    user: GitHub, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_KEPT_ANSWERS", 1)
    for at in (LABELS, "/repos/acme/models/rulesets"):
        server.on("GET", at, Reply(body=[], headers={"ETag": '"v1"'}))
    names(user)
    user.settings.rulesets()
    names(user)
    assert [one.headers.get("if-none-match") for one in server.asked] == [None] * 3


def test_a_list_without_an_end(
    user: GitHub, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_MOST_PAGES", 3)
    server.on("GET", LABELS, page(0, 100))
    with pytest.raises(DependencyError, match="more than 3 pages"):
        names(user)
    assert len(server.asked) == 3


def test_writes_to_github_itself_are_paced(user: GitHub, server: ApiServer) -> None:
    slept: list[float] = []
    user._transport._pace = Pace(1, lambda: 0.0, slept.append)
    server.on("PATCH", "/repos/acme/models/pulls/7", Reply(body={}))
    for _ in range(3):
        user.pulls.close(7)
    assert slept == [1.0, 2.0]
    with connect(Access(repository="a/b", api_url="https://api.github.com", token="x")) as github:
        assert github._transport._pace is not None


def test_a_server_without_encryption_where_it_is_expected(server: ApiServer) -> None:
    url = server.url.replace("http://", "https://")
    access = Access(repository="acme/models", api_url=url, token="x")
    with (
        connect(access, patience=Patience(attempts=1)) as github,
        pytest.raises(DependencyError, match=r"\(there is no trusted encryption; tried once\)"),
    ):
        names(github)
    assert server.asked == []


def test_a_machine_without_pygithub(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "github.Requester", None)
    with pytest.raises(DependencyError, match="PyGithub is not installed") as caught:
        connect(Access(repository="acme/models", api_url=server.url, token="x"))
    assert "extra `github`" in (caught.value.mend or "")


class Made:
    """A list that grows by what is posted to it; it may answer, fail, or hang up afterwards."""

    def __init__(self, value: dict[str, Any]):
        self.items: list[dict[str, Any]] = []
        self._value = value

    def then(self, reply: Reply | None = None) -> Callable[[Asked], Reply]:
        def post(asked: Asked) -> Reply:
            self.items.append({**self._value, **asked.body, "id": len(self.items) + 1})
            return reply or Reply(status=201, body=self.items[-1])

        return post

    def listed(self, asked: Asked) -> Reply:
        del asked
        return Reply(body=self.items)


ME = {"id": 5, "login": "ada", "type": "User"}
COMMENT = {
    "id": 1,
    "user": ME,
    "body": "",
    "html_url": "http://x/1",
    "issue_url": "http://x/repos/acme/models/issues/7",
    "created_at": "2026-11-20T10:00:00Z",
    "updated_at": "2026-11-20T10:00:00Z",
}


@pytest.fixture
def made(server: ApiServer) -> Made:
    comments = Made(COMMENT)
    server.on("GET", COMMENTS, comments.listed)
    server.on("GET", "/user", Reply(body=ME))
    return comments


@pytest.mark.parametrize(
    "lost", [Reply(drop=True), Reply(status=502), Reply(raw=b"{"), Reply(delay=0.6)]
)
def test_a_write_whose_answer_was_lost_is_found_not_doubled(
    user: GitHub, server: ApiServer, made: Made, lost: Reply
) -> None:
    server.on("POST", COMMENTS, made.then(lost), made.then())
    assert user.comments.reply(7, "Done.").body.startswith("Done.")
    assert len(made.items) == 1


@pytest.mark.parametrize(
    "lost", [Reply(drop=True), Reply(status=500), Reply(status=429, headers={"Retry-After": "0"})]
)
def test_a_write_that_was_not_done_is_sent_again(
    user: GitHub, server: ApiServer, made: Made, lost: Reply
) -> None:
    server.on("POST", COMMENTS, lost, made.then())
    user.comments.reply(7, "Done.")
    assert len(made.items) == 1


def test_a_refused_write_is_sent_once(user: GitHub, server: ApiServer, made: Made) -> None:
    server.on("POST", COMMENTS, Reply(status=422, body={"message": "Validation Failed"}))
    with pytest.raises(ModelctlError, match="Validation Failed"):
        user.comments.reply(7, "Done.")
    assert len(server.bodies("POST", COMMENTS)) == 1


def refusal(status: int, body: object = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, body=body, headers=named)


@pytest.mark.parametrize(
    ("reply", "message", "mend"),
    [
        (refusal(401, {"message": "Bad credentials"}), "doesn't accept the token", "GITHUB_TOKEN"),
        (
            refusal(403, {"message": "Resource not accessible by integration"}),
            "doesn't let the token do GET /repos/acme/models/labels (403: Resource not accessible",
            "give the token the permission Issues: read",
        ),
        (
            refusal(403, {"message": "No"}, X_Accepted_GitHub_Permissions="issues=read"),
            "doesn't let",
            "the permission issues=read",
        ),
        (refusal(404, {"message": "Not Found"}), "or doesn't show it to the token", "Issues: read"),
        (refusal(404), "knows no such thing", "check the name"),
        (
            refusal(422, {"message": "Validation Failed", "errors": [
                {"resource": "Label", "field": "name", "code": "bad"}, "odd", {"message": "why"},
            ]}),
            "/acme/models/labels (422: Validation Failed; Label name bad; odd; why)",
            "see what it says",
        ),
        (refusal(409, {"message": "Conflict"}), "has a conflict", "run it again"),
        (refusal(307, None, Location="http://127.0.0.1/x"), "has moved", "--repository"),
        (refusal(400, ["odd"]), "refuses GET", "see what"),
        (Reply(status=400, raw=b"<html>"), "refuses GET", "see what"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do(
    user: GitHub, server: ApiServer, reply: Reply, message: str, mend: str
) -> None:
    server.on("GET", LABELS, reply)
    with pytest.raises(ModelctlError) as caught:
        names(user)
    assert message in caught.value.message
    assert mend in (caught.value.mend or "")
    assert len(server.asked) == 1


def test_a_redirection_to_another_host_is_not_followed(user: GitHub, server: ApiServer) -> None:
    away = Reply(status=301, headers={"Location": "http://elsewhere.invalid/labels"})
    server.on("GET", LABELS, away)
    with pytest.raises(DependencyError, match="it leads to another address"):
        names(user)


def test_names_cannot_reach_beyond_their_place(user: GitHub, server: ApiServer) -> None:
    with pytest.raises(ModelctlError):
        user.settings.update_label("../../acme/other?x=1#y", {})
    assert server.sent() == [
        "PATCH /repos/acme/models/labels/..%2F..%2Facme%2Fother%3Fx%3D1%23y",
    ]

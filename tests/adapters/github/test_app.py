"""Authentication as a GitHub App: its own word, then a token for one repository."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from modelctl.adapters.github import Access, GitHub, connect
from modelctl.errors import DependencyError, ModelctlError
from support.api_server import ApiServer, Asked, Reply

LABELS = "/repos/acme/models/labels"
TOKENS, FOUND = "/app/installations/4242/access_tokens", "/repos/acme/models/installation"


def access(server: ApiServer, key: str, installation: int | None = 4242) -> Access:
    return Access(
        repository="acme/models",
        api_url=server.url,
        app_id=77,
        app_key=key,
        installation=installation,
    )


def token(text: str, minutes: float = 60) -> Reply:
    expires = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Reply(status=201, body={"token": text, "expires_at": expires})


def claims(asked: Asked, key: str) -> dict[str, Any]:
    kind, _, text = asked.headers["authorization"].partition(" ")
    assert kind == "Bearer"
    private = serialization.load_pem_private_key(key.encode(), None)
    return jwt.decode(text, private.public_key(), algorithms=["RS256"])  # type: ignore[arg-type]


def test_the_app_signs_and_its_token_is_narrowed(
    app: GitHub, server: ApiServer, app_key: str
) -> None:
    server.on("GET", LABELS, Reply(body=[]))
    app.settings.labels()
    app.settings.labels()
    asked, first, second = server.asked
    said = claims(asked, app_key)
    assert said["iss"] == "77"
    assert said["exp"] - said["iat"] <= 600
    assert asked.body == {"repositories": ["models"]}
    assert first.headers["authorization"] == second.headers["authorization"]
    assert first.headers["authorization"] == f"token {app.git_token()}"
    assert first.headers["x-github-api-version"] == "2022-11-28"
    assert first.headers["accept"] == "application/vnd.github+json"
    assert app.calls == 3


def test_the_installation_is_looked_up(server: ApiServer, app_key: str) -> None:
    server.on("GET", FOUND, Reply(body={"id": 4242}))
    server.on("POST", TOKENS, token("ghs_x"))
    with connect(access(server, app_key, None), permissions={"contents": "read"}) as github:
        assert github.git_token() == "ghs_x"
    assert server.sent() == [f"GET {FOUND}", f"POST {TOKENS}"]
    assert server.asked[1].body == {
        "repositories": ["models"],
        "permissions": {"contents": "read"},
    }


def test_a_token_is_renewed_before_it_ends(server: ApiServer, app_key: str) -> None:
    server.on("POST", TOKENS, token("ghs_1", minutes=4), token("ghs_2"))
    server.on("GET", LABELS, Reply(body=[]))
    with connect(access(server, app_key)) as github:
        assert github.git_token() == "ghs_1"
        github.settings.labels()
        assert server.asked[-1].headers["authorization"] == "token ghs_2"
        assert github.git_token() == "ghs_2"
    assert server.sent().count(f"POST {TOKENS}") == 2


def test_the_app_asks_about_itself(app: GitHub, server: ApiServer, app_key: str) -> None:
    server.on("GET", FOUND, Reply(body={"id": 4242, "permissions": {"checks": "write"}}))
    server.on("GET", "/app", Reply(body={"slug": "gatekeeper"}))
    assert app.settings.installation()["permissions"] == {"checks": "write"}
    assert app.settings.app() == {"slug": "gatekeeper"}
    assert [claims(one, app_key)["iss"] for one in server.asked] == ["77", "77"]


def test_nobody_else_can_ask_that(user: GitHub) -> None:
    with pytest.raises(ModelctlError, match="only a GitHub App can ask for that"):
        user.settings.app()


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(status=401, body={"message": "A JSON web token could not be decoded"}),
         "doesn't accept the GitHub App"),
        (Reply(status=404, body={"message": "Not Found"}), "doesn't show it to the GitHub App"),
        (Reply(status=422, body={"message": "not accessible to the parent installation"}),
         "not accessible"),
    ],
)  # fmt: skip
def test_an_app_that_is_refused(app: GitHub, server: ApiServer, reply: Reply, message: str) -> None:
    server.on("POST", TOKENS, reply)
    with pytest.raises(ModelctlError, match=message) as caught:
        app.git_token()
    assert caught.value.mend


@pytest.mark.parametrize(
    "body", [{}, None, {"token": "ghs_odd", "expires_at": "x"}, {"token": "ghs_odd"}, ["ghs_odd"]]
)
def test_an_answer_without_a_token(app: GitHub, server: ApiServer, body: object) -> None:
    server.on("POST", TOKENS, Reply(status=201, body=body))
    with pytest.raises(DependencyError, match="it holds no token") as caught:
        app.git_token()
    assert "ghs_odd" not in str(caught.value)


def test_the_pages_of_the_repository(user: GitHub, server: ApiServer) -> None:
    assert user.web_url == server.url.replace("/api/v3", "/acme/models")
    access = Access(repository="acme/models", api_url="https://api.github.com", token="x")
    with connect(access) as github:
        assert github.web_url == "https://github.com/acme/models"

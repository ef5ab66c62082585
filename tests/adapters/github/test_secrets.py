"""No token and no key gets into an error, a traceback, a value's text, or a log."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest

from modelctl.adapters.github import Access, GitHub
from modelctl.errors import ModelctlError
from support.api_server import ApiServer, Asked, Reply

TOKEN, APP_TOKEN = "ghp_" + "u" * 36, "ghs_" + "i" * 36
TOKENS = "/app/installations/4242/access_tokens"


def echo(asked: Asked) -> Reply:
    """A proxy that quotes what it was sent."""
    return Reply(status=400, body={"message": f"odd: {asked.headers['authorization']}"})


FAULTS: list[Reply | Callable[[Asked], Reply]] = [
    Reply(status=401, body={"message": "Bad credentials"}),
    Reply(status=403, body={"message": "no"}),
    Reply(status=404),
    Reply(status=500),
    Reply(drop=True),
    Reply(raw=b"{"),
    Reply(body={"odd": 1}),
    Reply(status=301, headers={"Location": "http://elsewhere.invalid/"}),
    echo,
]


def everything(error: BaseException, *, quoted: bool = False) -> str:
    """All that a log could show of an error, from the adapter down; local variables included, as
    debuggers' reports have them, unless the server's answer itself `quoted` a secret."""
    assert error.__traceback__ is not None
    report = traceback.TracebackException(
        type(error), error, error.__traceback__.tb_next, capture_locals=not quoted
    )
    return f"{error}{error!r}{vars(error)}{''.join(report.format())}"


def leaks(text: str, key: str = "") -> list[str]:
    secrets = [TOKEN, APP_TOKEN, *(line for line in key.splitlines() if len(line) > 40)]
    return [secret for secret in secrets if secret in text]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_token_of_a_user(
    user: GitHub, server: ApiServer, caplog: pytest.LogCaptureFixture, fault: Reply
) -> None:
    caplog.set_level(logging.DEBUG)
    server.on("GET", "/repos/acme/models/pulls/7", fault)
    with pytest.raises(ModelctlError) as caught:
        user.pulls.get(7)
    text = everything(caught.value, quoted=fault is echo)
    assert leaks(text + caplog.text) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_token_of_an_app(
    app: GitHub,
    server: ApiServer,
    caplog: pytest.LogCaptureFixture,
    app_key: str,
    fault: Reply,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.on("GET", "/repos/acme/models/pulls/7", fault)
    with pytest.raises(ModelctlError) as caught:
        app.pulls.get(7)
    assert app.git_token() == APP_TOKEN
    text = everything(caught.value, quoted=fault is echo)
    assert leaks(text + caplog.text, app_key) == []


@pytest.mark.parametrize(
    "fault",
    [
        *FAULTS,
        Reply(status=201, body={"token": APP_TOKEN}),
        Reply(status=201, body={"token": APP_TOKEN, "expires_at": "never"}),
    ],
)
def test_the_key_of_an_app(
    app: GitHub,
    server: ApiServer,
    caplog: pytest.LogCaptureFixture,
    app_key: str,
    fault: Reply,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.on("POST", TOKENS, fault)
    with pytest.raises(ModelctlError) as caught:
        app.git_token()
    signed = [one.headers["authorization"].removeprefix("Bearer ") for one in server.asked]
    quoted = fault is echo or APP_TOKEN in str(getattr(fault, "body", ""))
    text = everything(caught.value, quoted=quoted) + caplog.text
    assert leaks(text, app_key) == []
    assert not [word for word in signed if word in text]


def test_the_text_of_values(user: GitHub, app: GitHub, app_key: str) -> None:
    app.git_token()
    texts = [repr(user), repr(app), str(app.access), repr(vars(user)), repr(vars(app._transport))]
    texts += [repr(vars(app._transport._doors)), repr(app._transport._doors._token)]
    assert leaks("".join(texts).replace(repr(app._transport._doors._access), ""), app_key) == []
    assert "ghx" not in repr(Access(repository="a/b", api_url="x", token="ghx"))

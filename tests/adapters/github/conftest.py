"""A server that answers as a test tells it, and the adapter in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from modelctl.adapters.github import Access, GitHub, Patience, connect
from support.api_server import ApiServer, Reply, api_server

HASTY = Patience(timeout=0.4, attempts=4, first_pause=0.001, longest_pause=0.01, longest=2.0)
TOKEN, APP_TOKEN, APP_ID, INSTALLATION = "ghp_" + "u" * 36, "ghs_" + "i" * 36, 77, 4242

Opener = Callable[[Access], GitHub]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture(scope="session")
def app_key() -> str:
    """The private key of the App, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens adapters that are closed at the end."""
    running: list[GitHub] = []

    def opener(access: Access) -> GitHub:
        running.append(connect(access, patience=HASTY))
        return running[-1]

    yield opener
    for one in running:
        one.close()


@pytest.fixture
def user(server: ApiServer, opened: Opener) -> GitHub:
    """As a user with a token."""
    return opened(Access(repository="acme/models", api_url=server.url, token=TOKEN))


@pytest.fixture
def app(server: ApiServer, opened: Opener, app_key: str) -> GitHub:
    """As an App whose installation is known."""
    expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = Reply(status=201, body={"token": APP_TOKEN, "expires_at": expires})
    server.on("POST", f"/app/installations/{INSTALLATION}/access_tokens", made)
    access = Access(
        repository="acme/models",
        api_url=server.url,
        app_id=APP_ID,
        app_key=app_key,
        installation=INSTALLATION,
    )
    return opened(access)

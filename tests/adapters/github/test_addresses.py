"""What a remote's URL says, and which addresses may have a token."""

from __future__ import annotations

import pytest

from modelctl.adapters.github.addresses import (
    Remote,
    checked_api,
    checked_repository,
    is_local,
    parse_remote,
    same_server,
    web_url,
)
from modelctl.errors import ModelctlError

LOCAL, EVIL = "http://127.0.0.1:9000", "https://evilgithub.com"
GITHUB, GHES = "https://api.github.com", "https://git.example.com/api/v3"


@pytest.mark.parametrize(
    ("url", "repository", "api", "is_github"),
    [
        ("https://github.com/acme/models.git", "acme/models", GITHUB, True),
        ("https://github.com/acme/models", "acme/models", GITHUB, True),
        ("https://ada:secret@www.github.com/acme/models/", "acme/models", GITHUB, True),
        ("git@github.com:acme/models.git", "acme/models", GITHUB, True),
        ("GitHub.com:acme/models", "acme/models", GITHUB, True),
        ("ssh://git@github.com/acme/models.git", "acme/models", GITHUB, True),
        ("ssh://git@ssh.github.com:443/acme/models.git", "acme/models", GITHUB, True),
        ("git://github.com/acme/a.b_c-d.git", "acme/a.b_c-d", GITHUB, True),
        ("http://github.com/acme/models", "acme/models", GITHUB, False),
        ("https://octo.ghe.com/acme/models", "acme/models", "https://api.octo.ghe.com", True),
        ("git@octo.ghe.com:acme/models", "acme/models", "https://api.octo.ghe.com", True),
        ("https://git.example.com/acme/models", "acme/models", GHES, False),
        ("ssh://git@git.example.com:7999/acme/models", "acme/models", GHES, False),
        ("git@git.example.com:acme/models.git", "acme/models", GHES, False),
        ("https://git.example.com:8443/a/b", "a/b", "https://git.example.com:8443/api/v3", False),
        (f"{LOCAL}/acme/models.git", "acme/models", f"{LOCAL}/api/v3", False),
        ("https://[::1]:9000/acme/models.git", "acme/models", "https://[::1]:9000/api/v3", False),
        ("git@[::1]:acme/models.git", "acme/models", "https://[::1]/api/v3", False),
        ("https://github.com.evil.example/acme/models", "acme/models",
         "https://github.com.evil.example/api/v3", False),
        (f"{EVIL}/acme/models", "acme/models", f"{EVIL}/api/v3", False),
    ],
)  # fmt: skip
def test_the_repository_and_the_api_behind_a_remote(
    url: str, repository: str, api: str, is_github: bool
) -> None:
    remote = parse_remote(url)
    assert isinstance(remote, Remote)
    assert (remote.repository, remote.api_url, remote.is_github) == (repository, api, is_github)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/acme/models.git",
        "../models.git",
        "file:///srv/git/acme/models.git",
        "C:/acme/models",
        "https://github.com/models",
        "https://github.com/acme/models/tree/main",
        "https://github.com/acme/..",
        "https://github.com:port/acme/models",
        "https:///acme/models",
        "ftp://github.com/acme/models",
        "https://github.com/acme/mo dels",
        "git@github.com:acme",
    ],
)
def test_an_address_that_names_no_repository(url: str) -> None:
    assert parse_remote(url) is None


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        (GITHUB, GITHUB),
        (GHES + "/", GHES),
        ("http://127.0.0.1:4010/api/v3", "http://127.0.0.1:4010/api/v3"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_the_address_of_an_api(url: str, checked: str) -> None:
    assert checked_api(url) == checked


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("api.github.com", "is none"),
        ("ftp://api.github.com", "is none"),
        ("https://", "is none"),
        ("https://api.github.com?x=1", "is none"),
        ("https://host:port/", "is none"),
        ("https://ada:hunter2@git.example.com/api/v3", "holds a user name or a password"),
        ("http://git.example.com/api/v3", "not sent to git.example.com without encryption"),
        ("http://127.0.0.1.example.com", "without encryption"),
    ],
)
def test_an_address_that_gets_no_token(url: str, message: str) -> None:
    with pytest.raises(ModelctlError, match=message) as caught:
        checked_api(url)
    assert caught.value.mend
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["models", "acme/", "acme/models/x", "acme/..", "-a/b", "a b/c", ""]
)
def test_a_name_that_is_no_repository(text: str) -> None:
    with pytest.raises(ModelctlError, match="names no repository"):
        checked_repository(text)


@pytest.mark.parametrize(
    ("api", "pages"),
    [
        (GITHUB, "https://github.com"),
        ("https://api.octo.ghe.com", "https://octo.ghe.com"),
        (GHES, "https://git.example.com"),
        ("http://127.0.0.1:4010/api/v3", "http://127.0.0.1:4010"),
        ("https://api.example.com/api/v3", "https://api.example.com"),
    ],
)
def test_the_pages_of_a_server(api: str, pages: str) -> None:
    assert web_url(api) == pages


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/", "https://github.com", True),
        ("https://github.com:8443/", "https://github.com", False),
        ("http://github.com/", "https://github.com", False),
        ("https://github.com.evil.example/", "https://github.com", False),
        ("http://127.0.0.1:1/", "http://localhost:2", True),
        ("http://127.0.0.1:1/", "https://github.com", False),
    ],
)
def test_two_addresses_on_one_server(one: str, other: str, same: bool) -> None:
    assert same_server(one, other) is same


def test_a_server_of_this_machine() -> None:
    assert is_local("http://127.0.0.1:4010/api/v3")
    assert not is_local("https://127.0.0.1.example.com")

"""Who asks which repository: by options, the environment, and last by the remote."""

from __future__ import annotations

import pytest

from modelctl.adapters.github import Access, access_from, connect
from modelctl.errors import ModelctlError

NAMED = {"GITHUB_REPOSITORY": "acme/models"}
TOKEN = {"GITHUB_TOKEN": "ghp_secret"}
PEM = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n"
APP = {"MODELCTL_APP_ID": "77", "MODELCTL_APP_KEY": PEM}


def test_a_workflow_needs_to_say_nothing() -> None:
    environ = {**NAMED, **TOKEN, "GITHUB_API_URL": "https://git.example.com/api/v3"}
    assert access_from(environ) == Access(
        repository="acme/models", api_url="https://git.example.com/api/v3", token="ghp_secret"
    )


def test_options_come_first_and_empty_variables_count_as_unset() -> None:
    environ = {**NAMED, "GITHUB_TOKEN": "", "GH_TOKEN": " gho_x\n", "GITHUB_API_URL": ""}
    found = access_from(environ, repository="other/models", api_url="https://a.example/api/v3/")
    assert (found.repository, found.api_url) == ("other/models", "https://a.example/api/v3")
    assert (found.owner, found.name, found.token) == ("other", "models", "gho_x")


def test_the_remote_says_what_nobody_else_does() -> None:
    found = access_from(TOKEN, remote_url="git@github.com:acme/models.git")
    assert (found.repository, found.api_url) == ("acme/models", "https://api.github.com")
    assert access_from({**NAMED, **TOKEN}, remote_url="/srv/x").api_url == "https://api.github.com"


def test_an_app_comes_before_any_token() -> None:
    found = access_from({**NAMED, **TOKEN, **APP, "MODELCTL_APP_INSTALLATION": "9"})
    assert (found.token, found.app_id, found.app_key, found.installation) == (None, 77, PEM, 9)


def test_a_key_on_one_line() -> None:
    key = PEM.strip().replace("\n", "\\n")
    assert access_from({**NAMED, **APP, "MODELCTL_APP_KEY": key}).app_key == PEM


@pytest.mark.parametrize(
    ("environ", "remote", "message", "mend"),
    [
        ({**TOKEN}, None, "which repository on GitHub", "--repository OWNER/NAME"),
        ({**TOKEN}, "/srv/models.git", "which repository on GitHub", "--repository"),
        (NAMED, None, "no credentials for GitHub", "GITHUB_TOKEN, or MODELCTL_APP_ID"),
        ({**NAMED, "GITHUB_TOKEN": "two words"}, None, "no token has", "GITHUB_TOKEN"),
        ({**NAMED, "GITHUB_TOKEN": "x\r\nX-Evil: 1"}, None, "no token has", "GITHUB_TOKEN"),
        ({**TOKEN, "GITHUB_REPOSITORY": "models"}, None, "names no repository", "OWNER/NAME"),
        ({**NAMED, "MODELCTL_APP_ID": "7"}, None, "MODELCTL_APP_KEY is not", "MODELCTL_APP_KEY"),
        ({**NAMED, "MODELCTL_APP_KEY": PEM}, None, "MODELCTL_APP_ID is not", "MODELCTL_APP_ID"),
        ({**NAMED, **APP, "MODELCTL_APP_ID": "my-app"}, None, "is no number", "settings page"),
        ({**NAMED, **APP, "MODELCTL_APP_INSTALLATION": "x"}, None, "is no number", "settings"),
        ({**NAMED, **APP, "MODELCTL_APP_KEY": "s3cr3t"}, None, "no private key", "PEM file"),
    ],
)
def test_what_is_missing_is_said(
    environ: dict[str, str], remote: str | None, message: str, mend: str
) -> None:
    with pytest.raises(ModelctlError, match=message) as caught:
        access_from(environ, remote_url=remote)
    assert mend in (caught.value.mend or "")
    assert caught.value.exit_code == 2
    assert not any(secret in str(caught.value) for secret in ("s3cr3t", "two words", "X-Evil"))


def test_no_token_goes_to_a_server_that_only_a_remote_names() -> None:
    with pytest.raises(ModelctlError, match=r"remote is at git\.example\.com") as caught:
        access_from(TOKEN, remote_url="https://git.example.com/acme/models")
    assert caught.value.mend == (
        "give --github-api https://git.example.com/api/v3, or set GITHUB_API_URL"
    )
    confirmed = {**TOKEN, "GITHUB_API_URL": "https://git.example.com/api/v3"}
    assert access_from(confirmed, remote_url="https://git.example.com/acme/models")


@pytest.mark.parametrize("body", ["abc", "", "bm90IGEga2V5"])
def test_a_key_that_cannot_be_read(body: str) -> None:
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n"
    access = access_from({**NAMED, "MODELCTL_APP_ID": "7", "MODELCTL_APP_KEY": key})
    with pytest.raises(ModelctlError, match="no RSA private key that can be read"):
        connect(access)

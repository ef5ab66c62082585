"""Which repository on which server, and as whom: taken from options and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelctl.adapters.github.addresses import (
    GITHUB_API,
    Remote,
    checked_api,
    checked_repository,
    parse_remote,
)
from modelctl.errors import ModelctlError

APP_ID, APP_KEY, INSTALLATION = "MODELCTL_APP_ID", "MODELCTL_APP_KEY", "MODELCTL_APP_INSTALLATION"
TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a repository: `repository` is OWNER/NAME, `api_url` has no slash at its end.

    Either `app_id` and `app_key` (PEM) are given, or `token`. `installation` is looked up when it
    is None.
    """

    repository: str
    api_url: str
    token: str | None = field(default=None, repr=False)
    app_id: int | None = None
    app_key: str | None = field(default=None, repr=False)
    installation: int | None = None

    @property
    def owner(self) -> str:
        """The user or organisation that the repository belongs to."""
        return self.repository.partition("/")[0]

    @property
    def name(self) -> str:
        """The repository's name, without its owner."""
        return self.repository.partition("/")[2]


def access_from(
    environ: Mapping[str, str],
    *,
    repository: str | None = None,
    api_url: str | None = None,
    remote_url: str | None = None,
) -> Access:
    """The access that options and environment variables configure; empty ones count as unset.

    Secrets come from the environment only: an App's id and key first, else a token. `remote_url`
    stands in for what isn't given, but no token goes to a host that only a remote names, unless it
    is GitHub's own: whoever wrote the remote may have meant any server.

    Raises:
        ModelctlError: something is missing or malformed; the mend says what to set.
    """
    remote = parse_remote(remote_url) if remote_url else None
    named = repository or environ.get("GITHUB_REPOSITORY") or (remote.repository if remote else "")
    if not named:
        raise ModelctlError(
            "nothing says which repository on GitHub this is",
            mend="give --repository OWNER/NAME, or set GITHUB_REPOSITORY",
        )
    where = api_url or environ.get("GITHUB_API_URL") or _of_remote(remote)
    app = _app(environ)
    token = next((environ[name] for name in TOKENS if environ.get(name)), None)
    if app is None and token is None:
        raise ModelctlError(
            "there are no credentials for GitHub",
            mend=f"set GITHUB_TOKEN, or {APP_ID} and {APP_KEY} of the GitHub App",
        )
    app_id, key, installation = app or (None, None, None)
    return Access(
        repository=checked_repository(named),
        api_url=checked_api(where),
        token=_line(token) if app is None and token is not None else None,
        app_id=app_id,
        app_key=key,
        installation=installation,
    )


def _of_remote(remote: Remote | None) -> str:
    if remote is None:
        return GITHUB_API
    if not remote.is_github:
        raise ModelctlError(
            f"the remote is at {remote.host}, and nothing says that its API may have the token",
            mend=f"give --github-api {remote.api_url}, or set GITHUB_API_URL",
        )
    return remote.api_url


def _app(environ: Mapping[str, str]) -> tuple[int, str, int | None] | None:
    """The App's id, its key and the installation; None where no App is configured."""
    app_id, key = environ.get(APP_ID), environ.get(APP_KEY)
    if not app_id and not key:
        return None
    if not app_id or not key:
        there, missing = (APP_ID, APP_KEY) if app_id else (APP_KEY, APP_ID)
        raise ModelctlError(f"{there} is set, but {missing} is not", mend=f"set {missing} too")
    key = key.replace("\\n", "\n").strip() + "\n"  # one line is all that some secret stores hold
    if "PRIVATE KEY-----" not in key:
        raise ModelctlError(
            f"{APP_KEY} holds no private key",
            mend=f'set it to the content of the PEM file: {APP_KEY}="$(cat app.pem)"',
        )
    installation = environ.get(INSTALLATION)
    return (
        _number(app_id, APP_ID),
        key,
        _number(installation, INSTALLATION) if installation else None,
    )


def _number(text: str, name: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit()):
        raise ModelctlError(f"{name} is no number", mend="take the id from the App's settings page")
    return int(text)


def _line(token: str) -> str:
    """A token that can go into a header."""
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ModelctlError(
            "the token for GitHub holds characters that no token has", mend="set GITHUB_TOKEN anew"
        )
    return token

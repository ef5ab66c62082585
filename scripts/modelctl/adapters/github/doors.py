"""PyGithub's requesters: one as the GitHub App itself, one with a token; and the App's tokens."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from modelctl.adapters.github import failures, late_package
from modelctl.adapters.github.access import Access
from modelctl.adapters.github.identity import AppIdentity, TokenIdentity
from modelctl.errors import DependencyError, ModelctlError

if TYPE_CHECKING:
    from github.Auth import Auth
    from github.Requester import Requester

_API_VERSION = "2022-11-28"
_AGENT = "modelctl"
_EARLY = timedelta(minutes=5)
"""A token is renewed so long before its end: a git push that has it may take a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """No answer: what was asked may have been done or not."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str = field(repr=False)
    expires_at: datetime | None


class Asker(Protocol):
    """What the doors need of the transport, to get a token for it."""

    def get(self, at: str, *, as_app: bool) -> Any:
        """The value at a path."""

    def send(self, verb: str, at: str, body: Any, *, as_app: bool) -> Any:
        """Send a write."""


class Doors:
    """Who we are on the server: opens requesters with fresh credentials, and knows the secrets.

    Raises:
        DependencyError: PyGithub isn't installed.
        ModelctlError: the App's key can't be used.
    """

    def __init__(self, access: Access, timeout: float, permissions: Mapping[str, str] | None):
        self._access = access
        self._permissions = permissions
        self._plain = _requester(access.api_url, timeout)
        self._token: _Token | None = None
        self._with_token: Requester | None = None
        self._as_app = _as_app(self._plain, access)
        if access.token is not None:
            self._take(_Token(text=access.token, expires_at=None))

    @property
    def graphql_url(self) -> str:
        """The address of the GraphQL API."""
        return self._plain.graphql_url

    def close(self) -> None:
        """Close all connections."""
        for requester in (self._plain, self._as_app, self._with_token):
            if requester is not None:
                requester.close()

    def requester(self, asker: Asker, *, as_app: bool) -> Requester:
        """The requester of the App itself, or of the installation's or the user's token.

        Raises:
            ModelctlError: it is the App's, and there is no App.
        """
        if as_app:
            if self._as_app is None:
                raise ModelctlError(
                    "only a GitHub App can ask for that",
                    mend="set MODELCTL_APP_ID and MODELCTL_APP_KEY",
                )
            return self._as_app
        self.token(asker)
        assert self._with_token is not None  # noqa: S101 - taken with the token
        return self._with_token

    def token(self, asker: Asker) -> str:
        """The token; an App's is fetched when there is none that stays valid for a while."""
        known = self._token
        if known is None or (known.expires_at and known.expires_at - _EARLY < datetime.now(UTC)):
            known = self._take(_new_token(asker, self._access, self._permissions))
        return known.text

    def scrub(self, text: str) -> str:
        """`text` without our secrets."""
        known = (self._access.token, self._access.app_key, self._token and self._token.text)
        for secret in known:
            text = text.replace(secret, "…") if secret else text
        return text

    def exchange(
        self,
        requester: Requester,
        what: tuple[str, str],
        params: dict[str, Any],
        headers: dict[str, str],
        body: Any,
    ) -> tuple[int, dict[str, str], str] | Lost:
        """One request and its answer: status, headers with names in lower case, body."""
        import requests

        verb, at = what
        try:
            return requester.requestJson(verb, at, params, headers, body)
        except requests.Timeout:
            return Lost(reason="it took too long")
        except requests.exceptions.SSLError:
            return Lost(reason="there is no trusted encryption")
        except requests.ConnectionError as error:
            return Lost(reason=_why(error))
        except requests.RequestException as error:
            return Lost(reason=type(error).__name__)
        except RuntimeError:
            # PyGithub's word for a redirection to another host, where our token doesn't go.
            return Lost(reason="it leads to another address")

    def _take(self, token: _Token) -> _Token:
        if self._with_token is not None:
            self._with_token.close()
        self._token = token
        self._with_token = _with(self._plain, TokenIdentity(token.text))
        return token


def _requester(api_url: str, timeout: float) -> Requester:
    try:
        late_package.prepare()
        from github.Requester import Requester
    except ImportError:
        raise DependencyError(
            "PyGithub is not installed here", mend="install modelctl with its extra `github`"
        ) from None
    # Its debug lines hold the bodies of answers, tokens among them.
    logging.getLogger("github").setLevel(logging.WARNING)
    no_auth: Auth | None = None
    return Requester(
        auth=no_auth,
        base_url=api_url,
        timeout=timeout,  # type: ignore[arg-type] # requests takes fractions of a second too
        user_agent=_AGENT,
        per_page=100,
        verify=True,
        retry=None,  # we do it ourselves: each request counts, and not each may be repeated
        pool_size=None,
        api_version=_API_VERSION,
    )


def _with(plain: Requester, identity: TokenIdentity | AppIdentity) -> Requester:
    return plain.withAuth(cast("Auth", identity))


def _as_app(plain: Requester, access: Access) -> Requester | None:
    if access.app_id is None or access.app_key is None:
        return None
    return _with(plain, AppIdentity(access.app_id, access.app_key))


def _new_token(asker: Asker, access: Access, permissions: Mapping[str, str] | None) -> _Token:
    """A token of the App for this repository alone; it is valid for an hour."""
    installation = access.installation
    if installation is None:
        found = asker.get(f"/repos/{access.repository}/installation", as_app=True)
        installation = found.get("id") if isinstance(found, dict) else None
    body: dict[str, Any] = {"repositories": [access.name]}
    if permissions is not None:
        body["permissions"] = dict(permissions)
    what = f"/app/installations/{installation}/access_tokens"
    made = asker.send("POST", what, body, as_app=True).data
    try:
        expires_at = datetime.fromisoformat(made["expires_at"]).astimezone(UTC)
        return _Token(text=str(made["token"]), expires_at=expires_at)
    except (KeyError, TypeError, ValueError):
        pass  # raised below, without what was in it
    raise failures.unreadable(f"POST {what}", "it holds no token")


def _why(error: Exception) -> str:
    """What lies at the bottom of a connection that failed, in a few words."""
    text = str(error)
    for needle, words in (
        ("Connection refused", "connection refused"),
        ("NameResolutionError", "unknown host"),
        ("getaddrinfo", "unknown host"),
        ("ProxyError", "the proxy refuses"),
    ):
        if needle in text:
            return words
    return "the connection broke"

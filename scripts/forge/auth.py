"""Who asks, and what their token may do."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from forge.errors import ApiError, forbidden_to_app, not_found
from forge.state import State
from forge.values import LEVELS, ROLES, App, Repository, Token, iso, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """`login` is None for nobody; `app` is given where an app asks for itself (by its JWT, without
    a token) or by an installation's token."""

    login: str | None = None
    app: App | None = None
    token: Token | None = None

    @property
    def is_installation(self) -> bool:
        """An installation's token, which has permissions of its own."""
        return self.token is not None and self.token.permissions is not None


def principal(state: State, header: str | None) -> Principal:
    """By the Authorization header; ApiError 401 for credentials that are not good."""
    if not header:
        return Principal()
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        return _by_token(state, _password(value))
    if scheme.lower() not in {"bearer", "token"}:
        raise _bad_credentials()
    return _by_jwt(state, value) if value.count(".") == 2 else _by_token(state, value.strip())


def _password(value: str) -> str:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _bad_credentials() from error
    # The token alone, as user, is accepted as well.
    return user if password in {"", "x-oauth-basic"} else password


def _bad_credentials() -> ApiError:
    return ApiError(401, "Bad credentials")


def _by_token(state: State, value: str) -> Principal:
    token = state.tokens.get(value)
    if token is None or (token.expires_at is not None and token.expires_at <= now()):
        raise _bad_credentials()
    return Principal(
        login=token.login,
        app=None if token.app is None else state.apps[token.app],
        token=token,
    )


def _by_jwt(state: State, value: str) -> Principal:
    """An app signs for itself with RS256, for ten minutes at the most."""
    try:
        claims = jwt.decode(value, options={"verify_signature": False})
        app = state.apps.get(int(claims.get("iss", 0)))
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ApiError(401, "A JSON web token could not be decoded") from error
    if app is None or not app.public_key:
        raise ApiError(401, "Integration not found")
    try:
        claims = jwt.decode(
            value,
            app.public_key,
            algorithms=["RS256"],
            options={"require": ["iat", "exp"], "verify_aud": False, "verify_iss": False},
            leeway=60,
        )
    except jwt.PyJWTError as error:
        raise ApiError(401, "A JSON web token could not be decoded") from error
    if claims["exp"] - claims["iat"] > 660 + 60:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    return Principal(app=app)


def issue(
    state: State,
    app: App,
    *,
    permissions: dict[str, str] | None = None,
    repositories: list[str] | None = None,
) -> Token:
    """An installation's token for an hour, with no more than the app has."""
    wanted = app.permissions if permissions is None else {"metadata": "read", **permissions}
    for name, level in wanted.items():
        if not reaches(app.permissions, name, level):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    token = Token(
        value=f"ghs_{secrets.token_hex(18)}",
        login=app.bot,
        app=app.id,
        permissions=dict(wanted),
        repositories=_narrowed(app, repositories),
        expires_at=now() + timedelta(hours=1),
    )
    with state.lock:
        state.tokens[token.value] = token
    return token


def for_workflow(state: State, app: App, repository: str, permissions: dict[str, str]) -> Token:
    """The token of a workflow's job: for one repository, with the job's own permissions."""
    token = Token(
        value=f"ghs_{secrets.token_hex(18)}",
        login=app.bot,
        app=app.id,
        permissions={"metadata": "read", **permissions},
        repositories=(repository,),
        expires_at=now() + timedelta(hours=6),
    )
    with state.lock:
        state.tokens[token.value] = token
    return token


def _narrowed(app: App, repositories: list[str] | None) -> tuple[str, ...] | None:
    if repositories is None:
        return None if app.repositories is None else tuple(app.repositories)
    if app.repositories is not None and not set(repositories) <= set(app.repositories):
        raise ApiError(
            422, "There is at least one repository that does not exist or is not accessible"
        )
    return tuple(repositories)


def reaches(permissions: dict[str, str], name: str, level: str) -> bool:
    """Whether these permissions hold that one at that level at least."""
    held = permissions.get(name)
    return held is not None and LEVELS.index(held) >= LEVELS.index(level)


def covers(token: Token, repository: Repository, app: App | None) -> bool:
    """Whether an installation's token was given for that repository."""
    if token.repositories is not None:
        return repository.full_name in token.repositories
    return app is not None and app.account == repository.owner


def allow(
    state: State, who: Principal, repository: Repository, *, needs: str, role: str, writes: bool
) -> None:
    """Refuse what may not be done. `needs` is `permission:level`, several with `|` if one is
    enough; `role` is what a person needs."""
    if who.app is not None and who.token is None:
        if needs != "metadata:read" or writes:
            raise ApiError(403, "Resource not accessible by integration")
        return
    if writes and who.login is None:
        raise ApiError(401, "Requires authentication")
    if who.token is not None and who.token.permissions is not None:
        _allow_installation(who.token, who.app, repository, needs)
        return
    held = state.role(repository, who.login)
    if held is None:
        raise not_found()
    if ROLES.index(held) < ROLES.index(role):
        if role == "admin":
            raise ApiError(403, "Must have admin rights to Repository.")
        raise ApiError(403, "You must have push access to this repository.")


def _allow_installation(token: Token, app: App | None, repository: Repository, needs: str) -> None:
    public = not repository.private
    if not covers(token, repository, app):
        if public and needs.endswith(":read"):
            return
        raise forbidden_to_app() if public else not_found()
    held = token.permissions or {}
    for need in needs.split("|"):
        name, _, level = need.partition(":")
        if reaches(held, name, level) or (public and level == "read" and name in _PUBLIC):
            return
    raise forbidden_to_app()


_PUBLIC = {"metadata", "contents", "pull_requests", "issues", "checks", "statuses", "deployments"}
"""What anyone may read of a public repository."""


def as_json(token: Token) -> dict[str, Any]:
    """How an installation's token is handed out."""
    selection = "all" if token.repositories is None else "selected"
    return {
        "token": token.value,
        "expires_at": iso(token.expires_at),
        "permissions": token.permissions,
        "repository_selection": selection,
    }

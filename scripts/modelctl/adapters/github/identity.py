"""What a request says of who sends it: a token, or an App's own signed word.

They stand in for the classes of `github.Auth`, which bring in everything else that PyGithub has.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from modelctl.adapters.github.access import APP_KEY
from modelctl.errors import ModelctlError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_EARLY, _LIFE = 60, 540
"""Seconds: clocks differ, and GitHub takes no word that is valid for more than ten minutes."""


class _Identity:
    """What PyGithub's requester asks of an authentication."""

    def __init__(self, kind: str):
        self._kind = kind

    def _text(self) -> str:
        raise NotImplementedError

    def authentication(self, headers: dict[str, Any]) -> None:
        """Add it to the headers of a request."""
        headers["Authorization"] = f"{self._kind} {self._text()}"

    def mask_authentication(self, headers: dict[str, Any]) -> None:
        """Take it out of headers that are to be shown."""
        headers["Authorization"] = f"{self._kind} (removed)"


class TokenIdentity(_Identity):
    """The token of an installation or of a user."""

    def __init__(self, token: str):
        super().__init__("token")
        self._token = token

    def _text(self) -> str:
        return self._token


class AppIdentity(_Identity):
    """A GitHub App. It signs anew for each request.

    https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app

    Raises:
        ModelctlError: the key is no RSA key in PEM.
    """

    def __init__(self, app_id: int, pem: str):
        super().__init__("Bearer")
        self._app_id = app_id
        self._key = _rsa_key(pem)

    def _text(self) -> str:
        now = int(time.time())
        claims = {"iat": now - _EARLY, "exp": now + _LIFE, "iss": str(self._app_id)}
        return _signed(claims, self._key)


def _signed(claims: dict[str, Any], key: RSAPrivateKey) -> str:
    """A JSON Web Token by RS256 (RFC 7515, A.2): a library for all kinds of them takes longer to be
    read in than everything else that a request needs."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = urlsafe_b64encode(key.sign(text, PKCS1v15(), SHA256())).rstrip(b"=")
    return f"{text.decode()}.{signature.decode()}"


def _rsa_key(pem: str) -> RSAPrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: object = None
    # What is wrong with it is told below, without what was in it.
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        # Whether its primes are primes takes longer than all the rest, and GitHub will tell.
        key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, RSAPrivateKey):
        return key
    raise ModelctlError(
        f"{APP_KEY} holds no RSA private key that can be read",
        mend="generate a new key on the App's settings page, and give the PEM file's content",
    )

"""Ed25519 keys: made, loaded, and read from `policies/keys/`.

A private key never appears in a message, a `repr` or a traceback of ours.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import (  # type: ignore[attr-defined]
    CryptoSigner,
    Signature,
    SSlibKey,
)

from modelctl.adapters.documents import dump
from modelctl.adapters.schema import validate
from modelctl.adapters.signing_payload import format_instant, parse_instant
from modelctl.domain.document import Document
from modelctl.domain.evidence import TrustedKey
from modelctl.errors import ModelctlError

_SCHEMA: Final = "../../scripts/modelctl/schemas/key.schema.json"
_FIELD = 2**255 - 19
_EIGHTH = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_WEAK = frozenset((0, 1, _FIELD - 1, _FIELD, _FIELD + 1, _EIGHTH, _FIELD - _EIGHTH))
"""The points of small order: one signature is good for one in eight messages, whatever they are."""
_NEW_KEY: Final = "modelctl evidence keygen NAME makes a pair"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A new pair: `private` is PKCS #8 in PEM, not encrypted; `public` PEM."""

    private: bytes = field(repr=False)
    public: str
    keyid: str


def generate() -> KeyPair:
    """A new Ed25519 key pair."""
    private = Ed25519PrivateKey.generate()
    return KeyPair(
        private=private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        public=_pem(private.public_key()),
        keyid=_keyid(private.public_key()),
    )


class Signer:
    """A private key that signs. It shows its key id only."""

    __slots__ = ("_signer", "public")

    def __init__(self, private: Ed25519PrivateKey):
        public = private.public_key()
        self._signer = CryptoSigner(private, SSlibKey.from_crypto(public, _keyid(public)))
        self.public = _pem(public)

    def __repr__(self) -> str:
        return f"Signer({self.keyid})"

    @classmethod
    def from_pem(cls, pem: bytes) -> Signer:
        """The signer of an unencrypted PKCS #8 key in PEM.

        Raises:
            ModelctlError: it is not one, or not Ed25519.
        """
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ModelctlError(
                "the signing key is not an unencrypted private key in PEM", mend=_NEW_KEY
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ModelctlError("the signing key is not an Ed25519 key", mend=_NEW_KEY)
        return cls(key)

    @classmethod
    def from_file(cls, path: Path) -> Signer:
        """The signer of a key file that its owner alone may read.

        Raises:
            ModelctlError: others may read it, it can't be read, or it holds no such key.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                pem = file.read()
        except OSError as error:
            raise ModelctlError(f"the signing key {path} can't be read: {error.strerror}") from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ModelctlError(f"others may read the signing key {path}", mend=f"chmod 600 {path}")
        return cls.from_pem(pem)

    @property
    def keyid(self) -> str:
        """The sha256 of the public key in DER, in hex."""
        return self._signer.public_key.keyid

    def envelope(self, payload: bytes, payload_type: str) -> Mapping[str, Any]:
        """A DSSE envelope of `payload` with one signature, as plain data."""
        envelope = Envelope(payload, payload_type, {})
        envelope.sign(self._signer)
        return envelope.to_dict()


def verifies(payload: bytes, payload_type: str, signature: bytes, key: TrustedKey) -> bool:
    """Whether `signature` is by `key`, over a DSSE envelope of `payload`."""
    claim = {key.keyid: Signature(key.keyid, signature.hex())}
    try:
        Envelope(payload, payload_type, claim).verify([_sslib(key.public, key.keyid)], 1)
    except VerificationError:
        return False
    return True


@lru_cache(maxsize=256)
def _sslib(pem: str, keyid: str) -> SSlibKey:
    return SSlibKey.from_crypto(_parse(pem), keyid)


def key_document(
    name: str,
    *,
    owner: str,
    public: str,
    valid_from: datetime,
    valid_until: datetime,
    kinds: Sequence[str],
    environments: Sequence[str],
) -> str:
    """The text of `policies/keys/<name>.yaml`."""
    data = {
        "name": name,
        "owner": owner,
        "public": public,
        "valid_from": format_instant(valid_from),
        "valid_until": format_instant(valid_until),
        "kinds": list(kinds),
        "environments": list(environments),
    }
    return dump(data, schema=_SCHEMA)


def load_keys(documents: Iterable[Document]) -> tuple[TrustedKey, ...]:
    """The keys of `policies/keys/`, in the order of the documents.

    Raises:
        ModelctlError: with its place, the first thing that is wrong: the schema, a key that is not
            Ed25519, a time that can't be, a name that is not the file's, one key in two files.
    """
    found: dict[str, TrustedKey] = {}
    for document in documents:
        key = _load(document)
        other = found.setdefault(key.keyid, key)
        if other is not key:
            place = other.location.file if other.location else other.name
            raise _error(document, "public", f"it is the same key as {place}", "remove one")
    return tuple(found.values())


def _load(document: Document) -> TrustedKey:
    for problem in validate(document, "key"):
        place = str(document.locate(problem.path))
        raise ModelctlError(problem.message, mend=problem.mend, location=place)
    data = document.data
    stem = PurePosixPath(document.file).stem
    if data["name"] != stem:
        raise _error(document, "name", f"the file is named {stem}", f"write name: {stem}")
    start, end = _time(document, "valid_from"), _time(document, "valid_until")
    if end <= start:
        raise _error(document, "valid_until", "it is not after valid_from", "choose a later date")
    return TrustedKey(
        name=stem,
        keyid=_keyid(_public(document)),
        public=data["public"],
        owner=data["owner"],
        valid_from=start,
        valid_until=end,
        kinds=tuple(data["kinds"]),
        environments=tuple(data["environments"]),
        revoked_at=_time(document, "revoked_at") if "revoked_at" in data else None,
        location=document.locate(),
    )


def _public(document: Document) -> Ed25519PublicKey:
    try:
        return _parse(document.data["public"])
    except ModelctlError as error:
        raise _error(document, "public", error.message, error.mend or _NEW_KEY) from None


def _time(document: Document, name: str) -> datetime:
    instant = parse_instant(document.data[name])
    if instant is None:
        raise _error(document, name, "there is no such time", "write it as 2026-01-31T10:00:00Z")
    return instant


def _error(document: Document, name: str, message: str, mend: str) -> ModelctlError:
    return ModelctlError(message, mend=mend, location=str(document.locate((name,))))


def _parse(pem: str) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ModelctlError("it is not a public key in PEM", mend=_NEW_KEY) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ModelctlError("it is not an Ed25519 key", mend=_NEW_KEY)
    if _y(key) in _WEAK:
        raise ModelctlError("it is a weak key, for which anybody can sign", mend=_NEW_KEY)
    return key


def _y(key: Ed25519PublicKey) -> int:
    """The number that the key is written as, without the sign in its highest bit."""
    form = serialization.PublicFormat.Raw
    raw = key.public_bytes(serialization.Encoding.Raw, form)
    return int.from_bytes(raw, "little") & (2**255 - 1)


def _pem(key: Ed25519PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def _keyid(key: Ed25519PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()

"""Signed statements: in-toto Statement v1 in a DSSE envelope, Ed25519.

Formats: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md. An envelope has exactly
the fields of the specification, in strict base64, and one signature, so that a signed statement
can't be dressed up as another envelope and counted twice: without the key there is one envelope for
it. Nothing here ever signs twice; who wants two people's word asks for two statements.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelctl.adapters.signing_keys import (
    KeyPair,
    Signer,
    generate,
    key_document,
    load_keys,
    verifies,
)
from modelctl.adapters.signing_payload import from_payload, to_payload
from modelctl.adapters.strict_json import Malformed, canonical, parse
from modelctl.domain.evidence import PAYLOAD_TYPE, Signed, Statement, TrustedKey
from modelctl.errors import ModelctlError

__all__ = ["KeyPair", "Signer", "generate", "key_document", "load_keys", "read", "sign"]

MAX_BYTES: Final = 1024 * 1024
_KEYID: Final = re.compile(r"[0-9a-f]{64}")


def sign(statement: Statement, signer: Signer) -> bytes:
    """The canonical envelope of `statement`, signed by `signer`.

    The predicate that is signed also holds `made_at` and `environment`.

    Raises:
        ModelctlError: it could not be read back: a bad name, NaN, more than 1 MiB.
    """
    try:
        data = canonical(signer.envelope(to_payload(statement), PAYLOAD_TYPE))
    except Malformed as error:
        raise ModelctlError(f"the {statement.kind} statement can't be signed: {error}") from None
    if len(data) > MAX_BYTES:
        raise ModelctlError(
            f"the {statement.kind} statement has more than 1 MiB", mend="leave details out of it"
        )
    return data


def read(envelope: bytes, keys: Sequence[TrustedKey], *, place: str, seq: int = 0) -> Signed:
    """What an envelope says, and which of `keys` truly signed it.

    Nothing in `envelope` makes it raise: what can't be believed has a `problem`. Whether a key may
    sign such a statement is for `TrustedKey.objection` to say.
    """
    try:
        opened = _open(envelope)
    except Malformed as error:
        digest = hashlib.sha256(envelope).hexdigest()
        return Signed(
            statement=None,
            envelope_digest=digest,
            keys=(),
            place=place,
            seq=seq,
            problem=f"the envelope can't be read: {error}",
        )
    signers = tuple(key for key in _known(opened, keys) if _signed_by(opened, key))
    statement, problem = _statement(opened)
    return Signed(
        statement=statement,
        envelope_digest=opened.digest,
        payload_digest=hashlib.sha256(opened.payload).hexdigest(),
        keys=signers,
        place=place,
        seq=seq,
        problem=problem if signers else _unproved(opened, keys),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """An envelope that has the right shape; nothing in it is proved yet."""

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    digest: str


def _open(data: bytes) -> _Opened:
    if len(data) > MAX_BYTES:
        raise Malformed("it has more than 1 MiB")
    value = parse(data)
    payload, listed = _fields(value)
    if len(listed) > 1:
        raise Malformed(f"it has {len(listed)} signatures, where one belongs")
    return _Opened(
        payload=_base64(payload),
        signatures=tuple(_signature(item) for item in listed),
        digest=hashlib.sha256(canonical(value)).hexdigest(),
    )


def _fields(value: Any) -> tuple[str, list[Any]]:
    """The payload and the signatures, once nothing else is in the envelope."""
    match value:
        case {"payload": str(payload), "payloadType": kind, "signatures": list(listed), **rest}:
            if kind != PAYLOAD_TYPE:
                raise Malformed(f"its payloadType is not {PAYLOAD_TYPE}")
            if rest:
                raise Malformed("it has fields that do not belong there")
            return payload, listed
    raise Malformed("it has no payload, payloadType or signatures")


def _signature(item: Any) -> tuple[str, bytes]:
    match item:
        case {"keyid": str(keyid), "sig": str(signature), **rest} if not rest:
            if _KEYID.fullmatch(keyid):
                return keyid, _base64(signature)
    raise Malformed("a signature in it is not a keyid (a sha256 in hex) and a sig")


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("it is not in base64") from None
    if base64.b64encode(data).decode() != text:
        raise Malformed("it is not in the one base64 form of its bytes")
    return data


def _known(opened: _Opened, keys: Sequence[TrustedKey]) -> list[TrustedKey]:
    """The trusted keys that it claims to be signed by, each once."""
    claimed = {keyid for keyid, _ in opened.signatures}
    return list({key.keyid: key for key in keys if key.keyid in claimed}.values())


def _signed_by(opened: _Opened, key: TrustedKey) -> bool:
    return any(
        verifies(opened.payload, PAYLOAD_TYPE, signature, key)
        for keyid, signature in opened.signatures
        if keyid == key.keyid
    )


def _statement(opened: _Opened) -> tuple[Statement | None, str | None]:
    try:
        return from_payload(opened.payload), None
    except Malformed as error:
        return None, f"the statement can't be read: {error}"


def _unproved(opened: _Opened, keys: Sequence[TrustedKey]) -> str:
    known = _known(opened, keys)
    if known:
        return f"the signature of key {known[0].name} is not good: it was altered, or forged"
    if not opened.signatures:
        return "it is not signed"
    return f"it is signed by a key that is not in policies/keys ({opened.signatures[0][0][:12]})"

"""The rules of every generated repository: the project's own policies, with keys from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from modelctl.adapters.signing_keys import Signer
from support.keys import Person, trusted
from support.world import rules


def private_key(name: str) -> bytes:
    """The private key of somebody in PEM. It is in no way secret."""
    seed = hashlib.sha256(f"modelctl benchmark: {name}".encode()).digest()
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@cache
def person(name: str) -> Person:
    """Somebody whose key the policies list."""
    signer = Signer.from_pem(private_key(name))
    return Person(signer=signer, trusted=trusted(signer, name))


@cache
def rule_files() -> Mapping[str, bytes]:
    """`policies/` and `kustomize/`, by path."""
    files = rules(person("ci"), person("deployer"))
    return {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}

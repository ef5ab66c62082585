"""Keys: made, loaded from files, and read from the policies."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from modelctl.adapters.documents import load
from modelctl.adapters.signing import Signer, generate, key_document, load_keys, read, sign
from modelctl.domain.document import Document
from modelctl.domain.evidence import TrustedKey
from modelctl.errors import ModelctlError
from support.keys import statement

PAIR, OTHER = generate(), generate()
P256 = generate_private_key(SECP256R1())
LIMITS: dict[str, Any] = {
    "owner": "platform",
    "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
    "valid_until": datetime(2027, 1, 1, tzinfo=UTC),
    "kinds": ["evaluation", "load-test"],
    "environments": ["offline"],
}


def text(name: str = "ci", public: str = PAIR.public, **changes: Any) -> str:
    return key_document(name, public=public, **{**LIMITS, **changes})


def document(content: str, name: str = "ci") -> Document:
    return load(content.encode(), f"policies/keys/{name}.yaml")


def test_a_key_id_is_the_digest_of_the_public_key() -> None:
    form = PublicFormat.SubjectPublicKeyInfo
    der = load_pem_public_key(PAIR.public.encode()).public_bytes(Encoding.DER, form)
    assert PAIR.keyid == hashlib.sha256(der).hexdigest()
    assert Signer.from_pem(PAIR.private).keyid == PAIR.keyid
    assert Signer.from_pem(PAIR.private).public == PAIR.public
    assert PAIR.keyid != OTHER.keyid


def test_a_written_key_is_read_back_and_proves_signatures() -> None:
    (key,) = load_keys([document(text())])
    assert key == TrustedKey(
        name="ci",
        keyid=PAIR.keyid,
        public=PAIR.public,
        owner="platform",
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2027, 1, 1, tzinfo=UTC),
        kinds=("evaluation", "load-test"),
        environments=("offline",),
        location=document(text()).locate(),
    )
    envelope = sign(statement(), Signer.from_pem(PAIR.private))
    assert read(envelope, [key], place="").keys == (key,)
    assert key.revoked_at is None


def test_a_revocation_is_read() -> None:
    (key,) = load_keys([document(text() + "revoked_at: 2026-06-01T12:00:00Z\n")])
    assert key.revoked_at == datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_keys_stay_in_the_order_of_their_files() -> None:
    keys = load_keys([document(text("b", OTHER.public), "b"), document(text())])
    assert [key.name for key in keys] == ["b", "ci"]


def test_a_line_of_text_before_the_key_is_refused() -> None:
    with pytest.raises(ModelctlError, match="public"):
        load_keys([document(text(public=f"my key\n{PAIR.public}"))])


def p256() -> str:
    form = PublicFormat.SubjectPublicKeyInfo
    return P256.public_key().public_bytes(Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (text(public=PAIR.public.replace("MCow", "AAAA")), 4, "not a public key"),
        (text(public=p256()), 4, "not an Ed25519 key"),
        (text(name="other"), 2, "the file is named ci"),
        (text(valid_until=LIMITS["valid_from"]), 9, "not after valid_from"),
        (text().replace("2026-01-01T", "2026-02-30T"), 8, "no such time"),
        (text().replace("2026-01-01T00:00:00Z", "2026-01-01"), 8, "valid_from"),
        (text(kinds=[]), 10, "kinds"),
        (text(kinds=["Evaluation"]), 11, "Evaluation"),
        (text() + "revoked_at: tomorrow\n", 15, "revoked_at"),
        (text() + "keyid: abc\n", 15, "keyid"),
        (text().replace("owner: platform\n", ""), 2, "owner"),
    ],
)
def test_a_bad_key_file_is_an_error_with_its_place(content: str, place: int, message: str) -> None:
    with pytest.raises(ModelctlError, match=message) as caught:
        load_keys([document(content)])
    assert caught.value.location is not None
    assert caught.value.location.startswith(f"policies/keys/ci.yaml:{place}:"), caught.value
    assert caught.value.mend


def test_one_key_in_two_files_is_an_error() -> None:
    files = [document(text()), document(text("again"), "again")]
    with pytest.raises(ModelctlError, match=r"same key as policies/keys/ci\.yaml") as caught:
        load_keys(files)
    assert str(caught.value.location).startswith("policies/keys/again.yaml:")


# Private keys


def private(path: Path, mode: int = 0o600, pem: bytes = PAIR.private) -> Path:
    path.write_bytes(pem)
    path.chmod(mode)
    return path


def test_a_private_key_is_read_from_a_file(tmp_path: Path) -> None:
    assert Signer.from_file(private(tmp_path / "key")).keyid == PAIR.keyid
    assert Signer.from_file(private(tmp_path / "key", 0o400)).keyid == PAIR.keyid


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o610])
def test_a_private_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "key", mode)
    with pytest.raises(ModelctlError, match="others may read") as caught:
        Signer.from_file(path)
    assert caught.value.mend == f"chmod 600 {path}"


def test_a_private_key_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelctlError, match="No such file"):
        Signer.from_file(tmp_path / "key")


def encrypted() -> bytes:
    key = Ed25519PrivateKey.generate()
    form = PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"s3cret"))


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (b"", "not an unencrypted private key"),
        (PAIR.public.encode(), "not an unencrypted private key"),
        (PAIR.private.replace(b"MC4C", b"AAAA"), "not an unencrypted private key"),
        (encrypted(), "not an unencrypted private key"),
        (
            P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "not an Ed25519 key",
        ),
    ],
)
def test_what_is_no_ed25519_key_is_refused_without_showing_it(pem: bytes, message: str) -> None:
    with pytest.raises(ModelctlError, match=message) as caught:
        Signer.from_pem(pem)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert not any(line and line.decode() in str(caught.value) for line in pem.splitlines()[1:-1])

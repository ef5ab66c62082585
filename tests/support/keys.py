"""Keys and statements for tests; each key is made anew, so none is ever a real one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelctl.adapters.signing import Signer, generate, sign
from modelctl.domain.evidence import OFFLINE, Statement, TrustedKey

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
DIGEST = "ab" * 32
MODEL = "tumor-classifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a key that is listed in the policies."""

    signer: Signer
    trusted: TrustedKey
    private: bytes = field(default=b"", repr=False)

    def limited(self, **changes: Any) -> TrustedKey:
        """The listed key with other limits."""
        return replace(self.trusted, **changes)

    def sign(self, **changes: Any) -> bytes:
        """The envelope of `statement(**changes)`."""
        return sign(statement(**changes), self.signer)


def person(name: str = "ci") -> Person:
    """Somebody with a new key that may sign anything for ten years around `NOW`."""
    private = generate().private
    signer = Signer.from_pem(private)
    return Person(signer=signer, trusted=trusted(signer, name), private=private)


def trusted(signer: Signer, name: str = "ci") -> TrustedKey:
    """A signer's key as the policies would list it: good for anything, ten years around `NOW`."""
    return TrustedKey(
        name=name,
        keyid=signer.keyid,
        public=signer.public,
        owner="platform",
        valid_from=NOW - timedelta(days=3650),
        valid_until=NOW + timedelta(days=3650),
        kinds=("*",),
        environments=("*",),
    )


def statement(model: str = MODEL, **changes: Any) -> Statement:
    """A passed evaluation of version 1.0.0, changed as asked for."""
    return replace(
        Statement(
            kind="evaluation",
            subject=f"models/{model}/versions/1.0.0.yaml",
            digest=DIGEST,
            made_at=NOW,
            environment=OFFLINE,
            predicate={"passed": True, "metrics": {"accuracy": 0.95}, "tool": {"name": "modelctl"}},
        ),
        **changes,
    )

"""A statement as an in-toto Statement v1 in JSON, and back.

Format: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. The predicate holds
`made_at` (RFC 3339, UTC) and `environment` beside what the kind itself says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from modelctl.adapters.strict_json import Malformed, canonical, parse
from modelctl.domain.evidence import STATEMENT_TYPE, Statement, kind_of, predicate_type

_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,255}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)", re.ASCII)
_OWN: Final = frozenset({"made_at", "environment"})


def to_payload(statement: Statement) -> bytes:
    """The bytes that are signed.

    Raises:
        Malformed: a field that `from_payload` would refuse.
        TypeError: a predicate that isn't plain data.
    """
    if statement.made_at.tzinfo is None:
        raise Malformed("its made_at has no time zone")
    own = {"made_at": format_instant(statement.made_at), "environment": statement.environment}
    body = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": statement.subject, "digest": {"sha256": statement.digest}}],
        "predicateType": predicate_type(statement.kind),
        "predicate": {**statement.predicate, **own},
    }
    try:
        payload = canonical(body)
    except ValueError:
        raise Malformed("it holds NaN, an infinity or broken text") from None
    from_payload(payload)
    return payload


def from_payload(payload: bytes) -> Statement:
    """The statement that a payload holds.

    Raises:
        Malformed: it is not one of ours; the message says why.
    """
    body = _mapping(parse(payload), "the statement")
    if body.get("_type") != STATEMENT_TYPE:
        raise Malformed(f"it is not an in-toto statement ({STATEMENT_TYPE})")
    subject, digest = _subject(body.get("subject"))
    predicate = _mapping(body.get("predicate"), "the predicate")
    return Statement(
        kind=_kind(body.get("predicateType")),
        subject=subject,
        digest=digest,
        made_at=_instant(predicate.get("made_at")),
        environment=_environment(predicate.get("environment")),
        predicate={name: value for name, value in predicate.items() if name not in _OWN},
    )


def format_instant(at: datetime) -> str:
    """An instant as RFC 3339 in UTC, ending in `Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: object) -> datetime | None:
    """The instant that an RFC 3339 text in UTC names, None for anything else."""
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # such as February 30
        return None


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object")
    return value


def _subject(value: Any) -> tuple[str, str]:
    """The name and sha256 of the one subject."""
    match value:
        case [{"name": str(name), "digest": {"sha256": str(digest)}}]:
            if not _SUBJECT.fullmatch(name) or ".." in name:
                raise Malformed("its subject is no path of the repository")
            if not _SHA256.fullmatch(digest):
                raise Malformed("the sha256 of its subject is not 64 hexadecimal digits")
            return name, digest
        case [_]:
            raise Malformed("its subject has no name or no sha256")
    raise Malformed("it does not have exactly one subject")


def _kind(value: Any) -> str:
    kind = kind_of(value) if isinstance(value, str) else None
    if kind is None or not _SLUG.fullmatch(kind):
        raise Malformed("its predicate type is not one of ours")
    return kind


def _instant(value: Any) -> datetime:
    instant = parse_instant(value)
    if instant is None:
        raise Malformed("its made_at is not a time in UTC, such as 2026-01-31T10:00:00Z")
    return instant


def _environment(value: Any) -> str:
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise Malformed("its environment is not a name")
    return value

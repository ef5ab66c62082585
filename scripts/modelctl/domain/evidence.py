"""Evidence: signed statements about one version, and which of them count.

A statement is an in-toto Statement v1 (https://in-toto.io/Statement/v1) in a DSSE envelope. Its
subject is the sha256 of the version manifest, and through it of the artifacts. Whether a statement
counts is decided here, from values alone; why one does not count is part of the answer, because
"no evidence" without a reason is what people can't act on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelctl.domain.document import Location

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_PREDICATE_PREFIX, _PREDICATE_SUFFIX = "https://modelctl.dev/statement/", "/v1"
OFFLINE = "offline"
"""The environment of a measurement that was made outside any environment, on a held-out dataset."""

_KIND = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future a statement may claim to be made before it does not count."""


def predicate_type(kind: str) -> str:
    """The predicate type URI of a kind of statement: `evaluation`, `deployment`, …"""
    return f"{_PREDICATE_PREFIX}{kind}{_PREDICATE_SUFFIX}"


def is_kind(text: str) -> bool:
    """Whether `text` can be the name of a kind of statement."""
    return _KIND.fullmatch(text) is not None


def kind_of(uri: str) -> str | None:
    """The kind that a predicate type URI names, or None for somebody else's."""
    if uri.startswith(_PREDICATE_PREFIX) and uri.endswith(_PREDICATE_SUFFIX):
        return uri[len(_PREDICATE_PREFIX) : -len(_PREDICATE_SUFFIX)] or None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One fact about one subject.

    `subject` is the manifest's path in the repository, `digest` the sha256 of its bytes in hex.
    `made_at` is UTC. `passed` is the producer's own result where it has one. `environment` is where
    it was measured, `offline` for a held-out dataset.
    """

    kind: str
    subject: str
    digest: str
    made_at: datetime
    environment: str
    predicate: Mapping[str, Any]

    @property
    def passed(self) -> bool | None:
        """The producer's own result, None where the kind has none."""
        result = self.predicate.get("passed")
        return result if isinstance(result, bool) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key that may sign statements, from `policies/keys/`.

    `public` is an Ed25519 public key in PEM, `keyid` the sha256 of its DER form in hex. `kinds` and
    `environments` bound what it may speak about; `*` means any. Times are UTC.
    """

    name: str
    keyid: str
    public: str
    owner: str
    valid_from: datetime
    valid_until: datetime
    kinds: tuple[str, ...]
    environments: tuple[str, ...]
    revoked_at: datetime | None = None
    location: Location | None = None

    @property
    def end(self) -> datetime:
        """From when on it is not good any more."""
        return min(self.valid_until, self.revoked_at or self.valid_until)

    def objection(self, statement: Statement, now: datetime) -> str | None:
        """Why this key may not sign `statement` as evidence that is judged now, or None.

        A stolen key could date its statements back, so it must be good now as well.
        """
        if self.revoked_at is not None:
            return f"key {self.name} was revoked on {self.revoked_at:%Y-%m-%d}"
        if now < self.valid_from:
            return f"key {self.name} is not valid before {self.valid_from:%Y-%m-%d}"
        if now >= self.valid_until:
            return f"key {self.name} expired on {self.valid_until:%Y-%m-%d}"
        return self.past_objection(statement)

    def past_objection(self, statement: Statement) -> str | None:
        """Why this key could not sign `statement` when it was made, or None.

        History is read by this: it stays true when its key is replaced. That a key which ended
        dates a statement back is told by the place of that one on the ledger (`outlived`).
        """
        made = statement.made_at
        if not self.valid_from <= made < self.end:
            return f"key {self.name} was not valid on {made:%Y-%m-%d}"
        if "*" not in self.kinds and statement.kind not in self.kinds:
            return f"key {self.name} may not sign {statement.kind} statements"
        if "*" not in self.environments and statement.environment not in self.environments:
            return f"key {self.name} may not speak for environment {statement.environment}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement as it lies on the ledger, with what its signatures proved.

    `envelope_digest` is the sha256 of the envelope, `payload_digest` that of what was signed: by it
    a repeated statement is told. `keys` are the trusted keys that truly signed it.
    `problem` says why nothing in it may be believed (bad signature, unknown key, broken envelope);
    `statement` is then only good for saying which one it was. `place` is its file on the ledger.
    """

    statement: Statement | None
    envelope_digest: str
    keys: tuple[TrustedKey, ...]
    place: str
    seq: int = 0
    problem: str | None = None
    payload_digest: str = ""

    @property
    def vouched_by(self) -> TrustedKey | None:
        """The key that might say so when it was made, the one that is good longest of several."""
        statement = self.statement
        if statement is None or self.problem is not None:
            return None
        good = [key for key in self.keys if key.past_objection(statement) is None]
        return max(good, key=lambda key: key.end, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A statement that does not count, and why."""

    signed: Signed
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a gate asks for: a kind of evidence, where it was measured and how old it may be."""

    kind: str
    environments: tuple[str, ...]
    max_age: timedelta | None = None

    def ageless(self) -> Need:
        """The same without a limit of age: what is served was measured before it was promoted."""
        return replace(self, max_age=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The statement that counts, if any, and those that don't, each with its reason."""

    chosen: Signed | None
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedEvidence:
    """A kind of evidence that is asked for, by which gates, and what there is of it."""

    need: Need
    gates: tuple[str, ...]
    selection: Selection


def outlived(signed: Signed, witness: Signed) -> bool:
    """Whether a witness that stands before it on the ledger shows that it came after its key's
    end, whatever it says itself: the witness is dated at or after that."""
    key, told = signed.vouched_by, witness.statement
    if key is None or told is None or witness.vouched_by is None:
        return False
    return witness.seq < signed.seq and told.made_at >= key.end


def select(candidates: Iterable[Signed], need: Need, digest: str, now: datetime) -> Selection:
    """The newest statement that counts for the version with this manifest digest.

    The newest one decides, whatever it says: a newer failed run outweighs an older pass. Between
    two made at the same instant the later entry on the ledger wins.
    """
    counting: list[Signed] = []
    rejected: list[Rejected] = []
    for signed in candidates:
        if signed.statement is not None and signed.statement.kind != need.kind:
            continue
        reason = objection(signed, need, digest, now)
        if reason is None:
            counting.append(signed)
        else:
            rejected.append(Rejected(signed=signed, reason=reason))
    counting.sort(key=_age_order)
    superseded = [Rejected(signed=old, reason="superseded by a newer one") for old in counting[:-1]]
    chosen = counting[-1] if counting else None
    return Selection(chosen=chosen, rejected=(*rejected, *superseded))


def objection(signed: Signed, need: Need, digest: str, now: datetime) -> str | None:
    """Why this statement does not count for `need`, or None. The signature is looked at first."""
    statement = signed.statement
    if signed.problem is not None or statement is None:
        return signed.problem or "it can't be read"
    if statement.digest != digest:
        return f"it is about another manifest ({statement.digest[:12]}…)"
    if statement.environment not in need.environments:
        wanted = " or ".join(need.environments)
        return f"it was measured in {statement.environment}, not in {wanted}"
    if statement.made_at > now + CLOCK_SKEW:
        return f"it claims to be made in the future ({_instant(statement.made_at)})"
    if need.max_age is not None and now - statement.made_at > need.max_age:
        return f"it is older than {human(need.max_age)} ({_instant(statement.made_at)})"
    return _key_objection(signed.keys, statement, now)


def _key_objection(keys: Sequence[TrustedKey], statement: Statement, now: datetime) -> str | None:
    objections = [key.objection(statement, now) for key in keys]
    if not objections:
        return "no trusted key signed it"
    return None if None in objections else objections[0]


def _age_order(signed: Signed) -> tuple[datetime, int]:
    made = signed.statement.made_at if signed.statement else datetime.min.replace(tzinfo=UTC)
    return made, signed.seq


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def human(span: timedelta) -> str:
    """A span of time as people say it: `24 h`, `7 d`, `90 s`."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0 and (unit != "d" or seconds >= 2 * size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"

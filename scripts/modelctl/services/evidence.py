"""Statements made by people and probes: signed, checked against the policy, put on the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelctl.adapters.ledger import LedgerEntry
from modelctl.adapters.signing import sign
from modelctl.adapters.signing_keys import Signer
from modelctl.domain.candidate import scope_of
from modelctl.domain.evidence import (
    OFFLINE,
    AskedEvidence,
    Need,
    Signed,
    Statement,
    TrustedKey,
    is_kind,
    select,
)
from modelctl.domain.history import JOB_KINDS
from modelctl.domain.policy import Gate, Transition
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model
from modelctl.services.pointers import Located, unknown_environment
from modelctl.services.session import MACHINE, Session

SIGNING_KEY = "MODELCTL_SIGNING_KEY"


def load_signer(key_file: Path | None, secret: str | None) -> Signer:
    """The signer of a key file, else of the secret that the job was given.

    Raises:
        ModelctlError: there is neither, or it is no Ed25519 key.
    """
    if key_file is not None:
        return Signer.from_file(key_file)
    if secret:
        return Signer.from_pem(secret.encode())
    raise ModelctlError(
        "there is no key to sign with",
        mend=f"give --key FILE or set {SIGNING_KEY}; `modelctl evidence keygen` makes one",
    )


def record_evidence(
    session: Session,
    located: Located,
    kind: str,
    environment: str,
    predicate: Mapping[str, Any],
    signer: Signer,
) -> LedgerEntry:
    """Signs a measurement of a version and appends it to the ledger.

    Raises:
        ModelctlError: the kind is a job's, the environment is unknown, or the key may not sign it:
            a statement that could never count isn't recorded.
    """
    known = (*session.policy.lifecycle.environments, OFFLINE)
    if environment not in known:
        raise unknown_environment(environment, known)
    if not is_kind(kind):
        mend = "kinds are of a-z, 0-9 and -, such as unit-tests"
        raise ModelctlError(f"{kind!r} is no kind of evidence", mend=mend)
    if kind in JOB_KINDS:
        raise ModelctlError(f"only the jobs record a {kind}", mend="choose a kind of evidence")
    statement = statement_of(located, kind, environment, predicate, session.now)
    objection = signer_key(session, signer).objection(statement, session.now)
    if objection is not None:
        raise ModelctlError(objection, mend="sign with a key that may, or widen it in the policy")
    envelope = sign(statement, signer)
    return session.ledger.append(located.model, [envelope], author=MACHINE, at=session.now)[0]


def statement_of(
    located: Located, kind: str, environment: str, predicate: Mapping[str, Any], now: datetime
) -> Statement:
    """A statement about a version, made now (UTC, to the millisecond)."""
    return Statement(
        kind=kind,
        subject=located.path,
        digest=located.digest,
        made_at=now.astimezone(UTC).replace(microsecond=now.microsecond // 1000 * 1000),
        environment=environment,
        predicate=predicate,
    )


def signer_key(session: Session, signer: Signer) -> TrustedKey:
    """The trusted key that `signer` signs as.

    Raises:
        ModelctlError: the policy doesn't know it, so that nothing it signs would count.
    """
    for key in session.policy.keys:
        if key.keyid == signer.keyid:
            return key
    raise ModelctlError(
        f"the policy trusts no key {signer.keyid[:16]}…",
        mend="add its public half to policies/keys/ on the default branch",
    )


def asked_evidence(
    session: Session, located: Located, transition: Transition
) -> tuple[AskedEvidence, ...]:
    """Each kind of evidence that the gates ask for on this way, and which statement counts.

    Raises:
        ModelctlError: the version's documents can't be read.
    """
    model = read_model(located.tree, located.model)
    if model is None:
        raise ModelctlError(f"{located.model} can't be read", mend="run `modelctl check --all`")
    gates = session.policy.gates_for([scope_of(model, transition.environment)])
    signed = session.signed(located.model)
    return asked_by(gates, transition, located.digest, signed, session.now)


def asked_by(
    gates: Iterable[Gate],
    transition: Transition,
    digest: str,
    signed: Sequence[Signed],
    now: datetime,
) -> tuple[AskedEvidence, ...]:
    """What these gates ask for, and which of the statements counts for a manifest."""
    names: dict[Need, list[str]] = {}
    for gate in gates:
        if gate.evidence is not None:
            names.setdefault(gate.need(transition), []).append(gate.name)
    return tuple(
        AskedEvidence(need=need, gates=tuple(asking), selection=select(signed, need, digest, now))
        for need, asking in names.items()
    )

"""The ledger as people read it: rows, and one entry whole."""

from __future__ import annotations

import json
from itertools import islice

from modelctl.adapters.ledger import LedgerEntry
from modelctl.domain.board import LedgerRow
from modelctl.domain.evidence import Statement
from modelctl.domain.facts import figures
from modelctl.domain.history import JOB_KINDS
from modelctl.errors import ModelctlError
from modelctl.services.session import Session


def ledger_rows(session: Session, model: str) -> list[LedgerRow]:
    """Every entry about a model, oldest first."""
    return [_row(entry) for entry in session.ledger.entries(model)]


def entry_at(session: Session, model: str, seq: int) -> str:
    """One entry as JSON: its place, who signed it, and the statement.

    Raises:
        ModelctlError: there is no such entry.
    """
    for entry in session.ledger.entries(model):
        if entry.seq == seq:
            return json.dumps(_whole(entry), indent=2, ensure_ascii=False)
    raise ModelctlError(
        f"the ledger of {model} has no entry {seq}", mend=f"modelctl ledger list {model}"
    )


def _whole(entry: LedgerEntry) -> dict[str, object]:
    signed, statement = entry.signed, entry.signed.statement
    whole: dict[str, object] = {
        "model": entry.model,
        "seq": entry.seq,
        "kind": entry.kind,
        "place": entry.path,
        "digest": entry.digest,
        "previous": entry.previous,
        "signed_by": [key.name for key in signed.keys],
        "problem": signed.problem,
    }
    if statement is not None:
        whole["statement"] = {
            "subject": statement.subject,
            "digest": statement.digest,
            "environment": statement.environment,
            "made_at": statement.made_at.isoformat(),
            "predicate": statement.predicate,
        }
    return whole


def _row(entry: LedgerEntry) -> LedgerRow:
    statement, keys = entry.signed.statement, entry.signed.keys
    return LedgerRow(
        model=entry.model,
        seq=entry.seq,
        kind=entry.kind,
        at=statement.made_at if statement else None,
        environment=statement.environment if statement else None,
        version=_version(statement) if statement else None,
        signer=", ".join(key.name for key in keys) or None,
        summary=_summary(statement) if statement else "",
        problem=entry.signed.problem,
    )


def _version(statement: Statement) -> str:
    """The version in `models/<name>/versions/<version>.yaml`."""
    return statement.subject.rsplit("/", 1)[-1].removesuffix(".yaml")


def _summary(statement: Statement) -> str:
    """One short line: the result, the headline figures, or who approved and why."""
    predicate = statement.predicate
    if statement.kind in JOB_KINDS:
        by = ", ".join(map(str, predicate.get("approvers", ())))
        parts = (predicate.get("strategy"), f"by {by}" if by else None, predicate.get("reason"))
        return " ".join(str(part) for part in parts if part)
    if statement.passed is False:
        return "failed"
    found = (figures(predicate.get(name)) for name in ("metrics", "tests", "checks"))
    headline = next(filter(None, found), {})
    shown = [f"{name} {value:.4g}" for name, value in islice(headline.items(), 3)]
    return ", ".join(shown) or ("passed" if statement.passed else "")

"""The ledger as people read it: rows, and one entry whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from modelctl.adapters.git import Repository
from modelctl.adapters.ledger import LedgerEntry
from modelctl.adapters.ledger_verify import unknown_commit
from modelctl.domain.board import LedgerRow
from modelctl.domain.evidence import Statement
from modelctl.domain.facts import figures
from modelctl.domain.history import JOB_KINDS
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.pointers import require_model
from modelctl.services.session import Session

_FULL = re.compile("[0-9a-f]{40}")


def require_ledger(session: Session, purpose: str) -> None:
    """Nothing, where this clone has the ledger.

    Raises:
        DependencyError: it hasn't, so there is nothing for `purpose`, such as `to prove`.
    """
    lacking = no_ledger(session.repository, session.policy.lifecycle.ledger_branch)
    if lacking is not None:
        message, mend = lacking
        raise DependencyError(f"{message}, so there is nothing {purpose}", mend=mend)


def no_ledger(repository: Repository, branch: str) -> tuple[str, str] | None:
    """That this clone has no such branch and what to do; None where it has."""
    if repository.remote_first(branch) is not None:
        return None
    remote = repository.remote or "origin"
    mend = f"git fetch {remote} '+refs/heads/*:refs/remotes/{remote}/*'"
    return f"this clone has no branch {branch}", mend


def earlier_tip(repository: Repository, text: str) -> str:
    """The commit id that somebody wrote down as a tip of the ledger, as they gave it.

    A name means whatever it points to by now, so it would prove nothing. A full id that isn't here
    is let through: that is how a rewritten history looks.

    Raises:
        ModelctlError: it is no full commit id.
    """
    if _FULL.fullmatch(text):
        return text
    mend = "give the full commit id of an earlier tip"
    try:
        repository.resolve(text)
    except ModelctlError:
        raise ModelctlError(unknown_commit(text), mend=mend) from None
    raise ModelctlError(f"{text} is no full commit id, so it may have moved since", mend=mend)


def ledger_rows(session: Session, model: str) -> list[LedgerRow]:
    """Every entry about a model, oldest first."""
    return [_row(entry) for entry in session.ledger.entries(model)]


def entry_at(session: Session, model: str, seq: int) -> str:
    """One entry as JSON: its place, who signed it, and the statement.

    Raises:
        ModelctlError: nobody knows the model, or it has no such entry.
    """
    require_model(session, model)
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
        by = ", ".join(map(str, predicate.get("approvers", ()))) or predicate.get("by")
        step = f"{predicate['event']} {predicate.get('weight')} %" if "event" in predicate else None
        said = f"by {by}" if by else None
        parts = (step, predicate.get("strategy"), said, predicate.get("reason"))
        return " ".join(str(part) for part in parts if part)
    if statement.passed is False:
        return "failed"
    found = (figures(predicate.get(name)) for name in ("metrics", "tests", "checks"))
    headline: Mapping[str, float] = next(filter(None, found), {})
    shown = [f"{name} {value:.4g}" for name, value in islice(headline.items(), 3)]
    shown += _traffic(predicate)
    return ", ".join(shown) or ("passed" if statement.passed else "")


def _traffic(predicate: Mapping[str, Any]) -> Iterator[str]:
    """What a load test reached, and what a version answered: `120 rps`, `p99 140 ms`."""
    told = figures(predicate)
    if "throughput_rps" in told:
        yield f"{told['throughput_rps']:.4g} rps"
        latency = figures(predicate.get("latency"))
        yield from (f"p99 {latency[name]:.4g} ms" for name in ("p99_ms",) if name in latency)
    yield from (f"{told[name]:,.0f} {name}" for name in ("requests", "errors") if name in told)

"""What is wrong with `policies/checklists.yaml` that its schema can't know: facts and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelctl.adapters.policy_problems import PolicyProblem, Problems, unknown
from modelctl.adapters.schema import schema
from modelctl.domain.checklists import (
    EVIDENCE,
    FACTS,
    GATE,
    LISTS,
    ROLE,
    SOURCE,
    STATEMENT,
    TARGET,
)
from modelctl.domain.document import Document, Path
from modelctl.domain.evidence import OFFLINE, is_kind
from modelctl.domain.facts import kinds
from modelctl.domain.history import JOB_KINDS
from modelctl.domain.names import choice
from modelctl.domain.policy import Policy
from modelctl.domain.provenance import PROVENANCE

Row = Mapping[str, Any]


def checklists_problems(policy: Policy, document: Document | None) -> Problems:
    """Everything that is wrong with the checklists; nothing where there are none."""
    if document is None:
        return
    for name in LISTS:
        for index, row in enumerate(document.data.get(name, ())):
            yield from _facts(policy, document, (name, index), row)
            yield from _scope(policy, document, (name, index), row)


def _facts(policy: Policy, document: Document, path: Path, row: Row) -> Problems:
    """An item that nothing ticks, or several things, or something that isn't there."""
    given = [name for name in FACTS if name in row]
    if len(given) != 1:
        said = f"it is ticked by {' and '.join(given)}" if given else "nothing ticks it"
        yield _problem(document, path, said, f"give it one of {', '.join(FACTS[:-1])}, or by: hand")
    known: Mapping[str, tuple[str, Iterable[str]]] = {
        GATE: ("gate", (*(gate.name for gate in policy.gates), PROVENANCE)),
        ROLE: ("role", policy.roles),
    }
    for key, (what, names) in known.items():
        if key in row and row[key] not in names:
            yield unknown(document, (*path, key), what, row[key], names)
    for key in (EVIDENCE, STATEMENT):
        if key in row and not is_kind(row[key]):
            mend = "kinds are of a-z, 0-9 and -, such as load-test"
            yield _problem(document, (*path, key), f"{row[key]!r} is no kind of statement", mend)
    written = _written(policy)
    if STATEMENT in row and is_kind(row[STATEMENT]) and row[STATEMENT] not in written:
        yield _problem(
            document,
            (*path, STATEMENT),
            f"nobody writes a statement of the kind {row[STATEMENT]}, so nothing ever ticks it",
            choice(row[STATEMENT], written, "the kinds are "),
        )
    for key in ("environment", "max_age"):
        if key in row and EVIDENCE not in row:
            message, mend = f"{key} is about evidence, and the item has none", f"remove {key}"
            yield _problem(document, (*path, key), message, mend)


def _written(policy: Policy) -> Iterable[str]:
    """The kinds of statements that the jobs, the probes or the policy's own keys may write."""
    asked = {gate.evidence for gate in policy.gates if gate.evidence is not None}
    signed = {kind for key in policy.keys for kind in key.kinds if is_kind(kind)}
    return sorted({*JOB_KINDS, *kinds(), *asked, *signed})


def _scope(policy: Policy, document: Document, path: Path, row: Row) -> Problems:
    """Names that nothing has: the item would never be asked for."""
    environments, model = policy.lifecycle.environments, schema("model")["properties"]
    applies = row.get("applies", {})
    known: Mapping[str, tuple[str, Iterable[str]]] = {
        "environments": ("environment", environments),
        "tasks": ("task", model["task"]["enum"]),
        "tiers": ("tier", model["tier"]["enum"]),
        "targets": ("target", model["serving"]["properties"]["target"]["enum"]),
    }
    for key, (what, names) in known.items():
        for index, name in enumerate(applies.get(key, ())):
            if name not in names:
                yield unknown(document, (*path, "applies", key, index), what, name, names)
    measured = (*environments, OFFLINE, SOURCE, TARGET)
    for index, name in enumerate(row.get("environment", ())):
        if name not in measured:
            where = (*path, "environment", index)
            yield unknown(document, where, "environment", name, measured)


def _problem(document: Document, path: Path, message: str, mend: str) -> PolicyProblem:
    return PolicyProblem(location=document.locate(path), message=message, mend=mend)

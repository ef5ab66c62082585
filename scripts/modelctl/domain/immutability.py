"""A version manifest never changes once it was merged, and a model doesn't vanish.

Only what the ledger shows to be retired may be taken away, while nothing needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modelctl.domain.flow_input import FlowInput, shown
from modelctl.domain.names import ModelFile
from modelctl.domain.structure import failure
from modelctl.domain.tree import Change, Entry
from modelctl.domain.verdict import Finding

IMMUTABILITY = "immutability"
_UNUSED = "take a version that was never used"


def immutability(proposal: FlowInput) -> Iterator[Finding]:
    """Everything that would change what a merged version is, told for both sides of a rename."""
    for change, file in proposal.known_files():
        if change.before is None:
            yield from _reused(proposal, change, file)
        elif proposal.retired(change, file):
            yield from _needed(proposal, change, file)
        elif file.kind == "version":
            what = _moved(proposal, change.before) if change.removed else "can't change any more"
            message = f"{file.model}@{file.version} was merged and {what}"
            yield _restore(proposal, change, message, " and make a new version")
        elif file.kind == "model" and change.removed:
            message = f"{change.path} is removed, but {file.model} is part of history"
            yield _restore(proposal, change, message)


def _needed(proposal: FlowInput, change: Change, file: ModelFile) -> Iterator[Finding]:
    """Why a retired version can't be taken away yet."""
    guards = proposal.guards(file.model, file.version or "")
    if guards:
        message = f"{file.model}@{file.version} is retired, but {' and '.join(guards)}"
        yield _restore(proposal, change, message, " until nothing needs it")


def _restore(proposal: FlowInput, change: Change, message: str, then: str = "") -> Finding:
    command = f"git checkout {proposal.branch} -- {change.path}"
    finding = failure(IMMUTABILITY, message, change.path, mend=f"restore it{then}")
    return replace(finding, command=command)


def _moved(proposal: FlowInput, before: Entry) -> str:
    """What happened to a file that is gone, with the place where the same bytes appear now."""
    same = (c.path for c in proposal.changes if c.after and c.after.oid == before.oid)
    path = next(same, None)
    return "can't be removed" if path is None else f"can't be moved to {shown(path)}"


def _reused(proposal: FlowInput, change: Change, file: ModelFile) -> Iterator[Finding]:
    """A version number that already stood for other bytes: in some environment, or at its end."""
    if file.version is None:
        return
    digest = proposal.digest(file.model, file.version)
    known = (d for d in proposal.history.get(file.model, ()) if d.version == file.version)
    other = next((d for d in known if d.digest != digest), None)
    if other is not None:
        yield failure(
            IMMUTABILITY,
            f"{file.model}@{file.version} was deployed to {other.environment} "
            "with another manifest",
            change.path,
            mend=_UNUSED,
        )
        return
    told = (e for e in proposal.endings if (e.model, e.version) == (file.model, file.version))
    ending = next((e for e in told if e.end is not None and e.digest != digest), None)
    if ending is not None:
        yield failure(
            IMMUTABILITY,
            f"{file.model}@{file.version} was {ending.end} with another manifest",
            change.path,
            mend=_UNUSED,
        )

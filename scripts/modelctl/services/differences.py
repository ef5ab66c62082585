"""Two versions side by side, from the branches and the ledger of this clone."""

from __future__ import annotations

from collections.abc import Iterator

from modelctl.domain.differences import Comparison, Note, compare
from modelctl.domain.evidence import Statement
from modelctl.services.candidates import read_version, versions
from modelctl.services.pointers import Located, locate
from modelctl.services.session import Session

_EVALUATION = "evaluation"


def differences(session: Session, before: str, after: str, *, ref: str | None = None) -> Comparison:
    """What differs between the versions that two pointers name.

    Raises:
        ModelctlError: a pointer names nothing, or a manifest can't be read.
    """
    one, other = (locate(session, text, ref=ref) for text in (before, after))
    measured = _evaluation(session, one), _evaluation(session, other)
    return compare(one.version, other.version, measured, tuple(_notes(session, one, other)))


def _evaluation(session: Session, located: Located) -> Statement | None:
    """The newest believed evaluation of exactly this manifest."""
    for entry in session.ledger.backwards(located.model, {_EVALUATION}):
        statement = entry.signed.statement
        if statement is None or entry.damage is not None or statement.digest != located.digest:
            continue
        if any(key.past_objection(statement) is None for key in entry.signed.keys):
            return statement
    return None


def _notes(session: Session, one: Located, other: Located) -> Iterator[Note]:
    """The changelogs of the versions after the lower one, as far as the higher one."""
    if one.model != other.model:
        return
    lower, higher = sorted((one, other), key=lambda located: located.version.version)
    trees = [other.tree, one.tree, *map(session.repository.tree, session.places())]
    between = {
        version: tree
        for tree in reversed(trees)
        for version in versions(tree, one.model)
        if lower.version.version < version <= higher.version.version
    }
    for version in sorted(between, reverse=True):
        found = read_version(between[version], one.model, version)
        if found is not None:
            yield Note(version=str(version), text=found.changelog)

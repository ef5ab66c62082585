"""Whether anything on the ledger was altered, taken out, moved, forged or cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final

from modelctl.adapters.git import Repository
from modelctl.adapters.ledger_files import (
    Damage,
    LedgerEntry,
    folder_path,
    names,
    read_entry,
    without_repeats,
)
from modelctl.adapters.ledger_late import Late
from modelctl.domain.evidence import TrustedKey
from modelctl.domain.names import MODELS, is_model_name
from modelctl.domain.tree import REGULAR, Change, Commit, Tree
from modelctl.errors import ModelctlError

WHOLE: Final = "ledger"
"""The `file` of what is wrong with all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProblem:
    """One thing that is wrong: `file` is its path on the ledger, `message` says what happened."""

    file: str
    damage: Damage
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


def verify(
    repository: Repository,
    tip: str | None,
    keys: Sequence[TrustedKey],
    known: Iterable[str],
    now: datetime,
) -> tuple[LedgerProblem, ...]:
    """Everything that is wrong with the ledger at commit `tip` (None: there is no ledger yet).

    Keys are judged at the time of the statement: one that expired or was revoked since is still
    good for what it signed before, as far as the order of the entries bears that out. `known` are
    earlier tips.
    """
    lost = tuple(_lost(repository, tip, known))
    if tip is None:
        return lost
    tree = repository.tree(tip)
    models = [name for name in tree.names(MODELS) if is_model_name(name)]
    entries = {model: _entries(tree, model, keys, now) for model in models}
    found = [problem for listed in entries.values() for problem in _model(listed)]
    return (*lost, *found, *_files(tree, entries), *_history(repository, tip))


def _entries(
    tree: Tree, model: str, keys: Sequence[TrustedKey], now: datetime
) -> tuple[LedgerEntry, ...]:
    found = (read_entry(tree, model, name, keys) for name in names(tree, model))
    listed = tuple(without_repeats(found))
    late = Late(lambda: listed, now)
    return tuple(map(late.judged, listed))


def _model(entries: Sequence[LedgerEntry]) -> Iterator[LedgerProblem]:
    """What is wrong with the statements and the chain of one model."""
    for entry in entries:
        yield from _proof(entry)
    yield from chain(entries)


def chain(entries: Sequence[LedgerEntry]) -> Iterator[LedgerProblem]:
    """Where the chain of all entries of one model breaks. Its end may be cut off unnoticed."""
    before: LedgerEntry | None = None
    for entry, after in zip_longest(entries, entries[1:]):
        if entry.seq != (expected := before.seq + 1 if before else 1):
            yield _gap(entry, expected)
        elif not _follows(before, entry):
            yield _break(before, entry, after)
        before = entry


def broken(entries: Sequence[LedgerEntry]) -> str | None:
    """The first place where the chain of all entries of one model breaks, or None."""
    return next(map(str, chain(entries)), None)


def _proof(entry: LedgerEntry) -> Iterator[LedgerProblem]:
    """Why the statement of an entry may not be believed."""
    signed = entry.signed
    if entry.damage is not None or signed.statement is None:
        damage, problem = entry.damage or Damage.UNPROVED, signed.problem or "it can't be read"
        yield _problem(entry, damage, problem)
        return
    made = signed.statement.made_at
    objections = [key.past_objection(signed.statement) for key in signed.keys]
    if None not in objections:
        revoked = any(key.revoked_at is not None and key.revoked_at <= made for key in signed.keys)
        yield _problem(entry, Damage.REVOKED if revoked else Damage.UNPROVED, objections[0] or "")


def _gap(entry: LedgerEntry, expected: int) -> LedgerProblem:
    """A number is missing before an entry, or was given twice."""
    if entry.seq < expected:
        return _problem(entry, Damage.DUPLICATE, f"there is another entry {entry.seq}")
    last = entry.seq - 1
    numbers = f"entry {last} is" if last == expected else f"entries {expected} to {last} are"
    return LedgerProblem(
        file=f"{folder_path(entry.model, expected)}/{expected:08d}-*",
        damage=Damage.MISSING,
        message=f"missing: {numbers} not there, but entry {entry.seq} is",
    )


def _follows(before: LedgerEntry | None, entry: LedgerEntry) -> bool:
    return entry.previous == (before.digest if before else None)


def _break(
    before: LedgerEntry | None, entry: LedgerEntry, after: LedgerEntry | None
) -> LedgerProblem:
    """The chain breaks between two entries: whichever does not fit its other side was altered."""
    if before is None:
        return _problem(entry, Damage.MISSING, "missing: it followed an entry that is not there")
    fits_after = after is not None and _follows(entry, after)
    altered, witness = (before, entry) if fits_after else (entry, before)
    if entry.damage is None and after is None:  # nothing vouches for the last one
        altered, witness = before, entry
    return _problem(altered, Damage.ALTERED, f"altered or replaced: it does not fit {witness.path}")


def _files(tree: Tree, entries: Mapping[str, Sequence[LedgerEntry]]) -> Iterator[LedgerProblem]:
    """Files that don't belong on a ledger."""
    known = {entry.path for listed in entries.values() for entry in listed}
    for file in tree.walk():
        if file.path not in known:
            message = "no such file belongs on a ledger"
            yield LedgerProblem(file=file.path, damage=Damage.UNKNOWN, message=message)
        elif file.mode != REGULAR:
            message = f"altered: its mode is {file.mode:o}"
            yield LedgerProblem(file=file.path, damage=Damage.ALTERED, message=message)


def _history(repository: Repository, tip: str) -> Iterator[LedgerProblem]:
    """Commits that did anything but add files to the one before."""
    for commit in repository.first_parents(tip):
        if len(commit.parents) > 1:
            message = f"rewritten by a merge: commit {commit.sha[:12]} of {commit.author_name}"
            yield LedgerProblem(file=WHOLE, damage=Damage.REWRITTEN, message=message)
        before = repository.tree(commit.parents[0] if commit.parents else None)
        for change in repository.changes(before, repository.tree(commit.tree)):
            if not change.added:
                yield _not_appended(commit, change)


def _not_appended(commit: Commit, change: Change) -> LedgerProblem:
    did, damage = ("deleted", Damage.MISSING) if change.removed else ("altered", Damage.ALTERED)
    return LedgerProblem(
        file=change.path,
        damage=damage,
        message=f"{did} by commit {commit.sha[:12]} of {commit.author_name}",
    )


def _lost(repository: Repository, tip: str | None, known: Iterable[str]) -> Iterator[LedgerProblem]:
    listed = tuple(known)
    line = {c.sha for c in repository.first_parents(tip)} if tip and listed else set()
    for sha in listed:
        if sha not in line:
            message = _gone(repository, sha)
            yield LedgerProblem(file=WHOLE, damage=Damage.REWRITTEN, message=message)


def _gone(repository: Repository, sha: str) -> str:
    try:
        repository.commit(sha)
    except ModelctlError:  # not even here any more
        return unknown_commit(sha)
    return f"rewritten: commit {sha[:12]} was its tip and is no longer in its history"


def unknown_commit(name: str) -> str:
    """What may have become of a commit that isn't here."""
    return f"{name} is no commit that this clone has: mistyped, or the history was rewritten"


def _problem(entry: LedgerEntry, damage: Damage, message: str) -> LedgerProblem:
    return LedgerProblem(file=entry.path, damage=damage, message=message)

"""How the ledger lies in git: which files, and what is in them.

    models/<model>/<NNNN>/<NNNNNNNN>-<kind>-<digest>.json

One file is one entry: the model's own number, from 1, in folders of 256; the kind of its statement;
the first 12 digits of the sha256 of its envelope, so that an envelope is found by names alone. An
entry holds the sha256 of the entry before it, so that none can be altered, taken out or moved
unnoticed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from modelctl.adapters.signing import read
from modelctl.adapters.strict_json import Malformed, canonical, parse
from modelctl.domain.evidence import Signed, TrustedKey
from modelctl.domain.names import MODELS
from modelctl.domain.tree import Tree

PER_FOLDER: Final = 256
MAX_BYTES: Final = 2 * 1024 * 1024
"""Of one entry: an envelope has 1 MiB at most."""
MOST: Final = 10**8 - 1
"""Entries of one model: a number has eight digits."""
_SCHEMA: Final = 1
_SHORT: Final = 12
_NAME = re.compile(r"([0-9]{8})-([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)-([0-9a-f]{12})\.json")


class Damage(StrEnum):
    """What is wrong with a file of the ledger."""

    MISSING = "missing"
    ALTERED = "altered"
    REORDERED = "reordered"
    DUPLICATE = "duplicate"
    UNPROVED = "unproved"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One entry of a model. `seq` counts from 1; `path` is its file on the ledger.

    `digest` is the sha256 of that file, `previous` that of the entry before it (None: the first).
    Where there is `damage`, `signed.problem` says why nothing in it may be believed.
    """

    model: str
    seq: int
    kind: str
    path: str
    digest: str
    previous: str | None
    signed: Signed
    damage: Damage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What the name of an entry's file says; `digest` is the beginning of its envelope's."""

    path: str
    seq: int
    kind: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an entry's file holds. `envelope` is canonical."""

    seq: int
    previous: str | None
    envelope: bytes


def folder_path(model: str, seq: int) -> str:
    """The folder that the entry with this number lies in."""
    return f"{MODELS}/{model}/{seq // PER_FOLDER:04d}"


def entry_path(model: str, seq: int, kind: str, digest: str) -> str:
    """Where an entry lies. `digest` is its envelope's."""
    return f"{folder_path(model, seq)}/{seq:08d}-{kind}-{digest[:_SHORT]}.json"


def names(tree: Tree, model: str) -> Iterator[Name]:
    """The entries of a model in the order of their numbers; files with other names are left out."""
    for folder in _folders(tree, model):
        yield from _names_in(tree, folder)


def names_backwards(tree: Tree, model: str, before: int | None = None) -> Iterator[Name]:
    """The entries of a model, newest first, from the one before number `before` on.

    A folder is opened when its entries are asked for.
    """
    for folder in reversed(_folders(tree, model, before)):
        for name in reversed(tree.names(folder)):
            if _is_before(name, before) and (found := _name(folder, name)):
                yield found


def last_name(tree: Tree, model: str) -> Name | None:
    """The newest entry of a model; only its newest folder is looked at."""
    return next(names_backwards(tree, model), None)


def names_with(
    tree: Tree, model: str, digests: Iterable[str], before: int | None = None
) -> Iterator[Name]:
    """The entries of a model whose envelopes may have these digests, newest first.

    No entry is read, only the names in one folder for every 256 entries.
    """
    wanted = {digest[:_SHORT] for digest in digests}
    for folder in reversed(_folders(tree, model, before)):
        for name in reversed(tree.names(folder)):
            if name[-_SHORT - 5 : -5] in wanted and _is_before(name, before):
                yield from filter(None, [_name(folder, name)])


def _folders(tree: Tree, model: str, before: int | None = None) -> list[str]:
    """The folders of a model, those that begin below number `before`."""
    parent = f"{MODELS}/{model}"
    end = f"{(before - 1) // PER_FOLDER:04d}" if before is not None else None
    return [f"{parent}/{name}" for name in tree.names(parent) if end is None or name <= end]


def _is_before(name: str, before: int | None) -> bool:
    """Whether a file's name begins with a lower number than `before`, all of them of 8 digits."""
    return before is None or name < f"{before:08d}"


def _names_in(tree: Tree, folder: str) -> Iterator[Name]:
    found = (_name(folder, name) for name in tree.names(folder))
    return (name for name in found if name is not None)


def _name(folder: str, name: str) -> Name | None:
    """What a file's name says; None where no entry would have that name in that folder."""
    match = _NAME.fullmatch(name)
    if match is None or not folder.endswith(f"/{int(match[1]) // PER_FOLDER:04d}"):
        return None
    return Name(path=f"{folder}/{name}", seq=int(match[1]), kind=match[2], digest=match[3])


def encode(content: Content) -> bytes:
    """The bytes of an entry's file."""
    return canonical(
        {
            "schema": _SCHEMA,
            "seq": content.seq,
            "previous": content.previous,
            "envelope": parse(content.envelope),
        }
    )


def decode(data: bytes) -> Content:
    """What an entry's file holds.

    Raises:
        Malformed: `encode` would not have written it so, to the byte.
    """
    value = parse(data)
    match value:
        case {"schema": 1, "seq": int(seq), "previous": previous, "envelope": envelope, **rest}:
            sound = type(seq) is int and isinstance(previous, str | None)
            sound = sound and value["schema"] is not True  # which is 1, too
            if sound and not rest and canonical(value) == data:
                return Content(seq=seq, previous=previous, envelope=canonical(envelope))
    raise Malformed("it is not an entry as the ledger writes them")


def read_entry(tree: Tree, model: str, name: Name, keys: Sequence[TrustedKey]) -> LedgerEntry:
    """The entry with this name, damaged where its content is not what its place says."""
    too_large = (tree.size(name.path) or 0) > MAX_BYTES
    data = b"" if too_large else tree.read(name.path) or b""
    content: Content | None = None
    try:
        if too_large:
            raise Malformed(f"it has more than {MAX_BYTES} bytes")
        content = decode(data)
        signed = read(content.envelope, keys, place=name.path, seq=name.seq)
    except Malformed as error:
        signed = _unreadable(name, f"the entry can't be read: {error}")
    entry = LedgerEntry(
        model=model,
        seq=name.seq,
        kind=name.kind,
        path=name.path,
        digest=hashlib.sha256(data).hexdigest(),
        previous=content.previous if content else None,
        signed=signed,
    )
    if content is not None and content.seq != name.seq:
        moved = f"it is entry {content.seq}, in the place of entry {name.seq}"
        return damaged(entry, Damage.REORDERED, moved)
    problem = signed.problem or _misplaced(entry, name)
    return damaged(entry, Damage.UNPROVED, problem) if problem else entry


def damaged(entry: LedgerEntry, damage: Damage, problem: str) -> LedgerEntry:
    """The entry, with a reason why nothing in it may be believed."""
    return replace(entry, damage=damage, signed=replace(entry.signed, problem=problem))


def without_repeats(entries: Iterable[LedgerEntry]) -> Iterator[LedgerEntry]:
    """The entries of one model; a sound statement is damage where it stands a second time."""
    seen: dict[str, LedgerEntry] = {}
    for entry in entries:
        first = entry
        if entry.damage is None:
            first = seen.setdefault(entry.signed.payload_digest, entry)
        if first is entry:
            yield entry
        else:
            yield damaged(entry, Damage.DUPLICATE, f"it repeats the statement of {first.path}")


def _misplaced(entry: LedgerEntry, name: Name) -> str | None:
    """Why a statement does not belong where it lies, or None."""
    statement = entry.signed.statement
    if statement is not None and not is_about(statement.subject, entry.model):
        return f"it is about {statement.subject}, not about {entry.model}"
    if statement is not None and statement.kind != entry.kind:
        return f"it is of kind {statement.kind}, not {entry.kind}"
    if not entry.signed.envelope_digest.startswith(name.digest):
        return "the digest in its name is not that of its statement"
    return None


def is_about(subject: str, model: str) -> bool:
    """Whether a statement's subject is a file of this model."""
    return subject.startswith(f"{MODELS}/{model}/")


def _unreadable(name: Name, problem: str) -> Signed:
    return Signed(
        statement=None,
        envelope_digest="",
        keys=(),
        place=name.path,
        seq=name.seq,
        problem=problem,
    )


Batch = Mapping[str, Sequence[bytes]]
"""Model → the envelopes to append for it."""


def summary(added: Sequence[LedgerEntry]) -> str:
    """The message of the commit that appends these."""
    models = {entry.model for entry in added}
    if len(added) == 1:
        title = f"{added[0].model}: {_what(added[0])}"
    elif len(models) == 1:
        title = f"{added[0].model}: {len(added)} statements"
    else:
        title = f"{len(added)} statements about {len(models)} models"
    body = "\n".join(f"{entry.path} {entry.digest[:12]}" for entry in added)
    return f"{title}\n\n{body}"


def _what(entry: LedgerEntry) -> str:
    """`evaluation of 1.0.0 (offline, passed)`."""
    statement = entry.signed.statement
    if statement is None:
        return entry.kind
    subject = statement.subject.rpartition("/")[2].removesuffix(".yaml")
    result = {True: ", passed", False: ", failed", None: ""}[statement.passed]
    return f"{statement.kind} of {subject} ({statement.environment}{result})"

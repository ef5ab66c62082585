"""The ledger: one signed statement for each fact, append-only, on a branch of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from modelctl.adapters.git import Author, Draft, Repository
from modelctl.adapters.ledger_files import (
    MOST,
    Batch,
    Content,
    Damage,
    LedgerEntry,
    Name,
    encode,
    entry_path,
    is_about,
    last_name,
    names,
    names_backwards,
    names_with,
    read_entry,
    summary,
    without_repeats,
)
from modelctl.adapters.ledger_history import Losses, lost
from modelctl.adapters.ledger_late import Late
from modelctl.adapters.ledger_verify import LedgerProblem, verify
from modelctl.adapters.signing import read
from modelctl.adapters.strict_json import canonical, parse
from modelctl.domain.evidence import Signed, Statement, TrustedKey
from modelctl.domain.names import MODELS, is_model_name
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError

__all__ = ["Damage", "Expected", "Ledger", "LedgerEntry", "LedgerProblem"]


class Ledger:
    """The ledger of a repository: read where the branch was last seen, appended to on the remote.

    `keys` are those whose signatures count; what one of them said that ended before `now` (the time
    of the run, UTC) has to stand on the ledger before anything that is dated later. Reading never
    fetches; appending always does.
    """

    __slots__ = ("_branch", "_keys", "_losses", "_now", "_repository")

    def __init__(
        self,
        repository: Repository,
        keys: Sequence[TrustedKey],
        *,
        branch: str = "ledger",
        now: datetime | None = None,
    ):
        self._repository = repository
        self._keys = tuple(keys)
        self._branch = branch
        self._now = now or datetime.now(UTC)
        self._losses: tuple[str | None, Losses] = (None, {})

    def fetch(self) -> None:
        """See what others appended.

        Raises:
            ModelctlError: the branch was deleted or rewritten on the remote, or somebody did
                anything to it but add files.
            DependencyError: the remote can't be reached.
        """
        self._repository.latest(self._branch, only_adds=True)

    def models(self) -> tuple[str, ...]:
        """The models that have entries, sorted."""
        return tuple(name for name in self._tree().names(MODELS) if is_model_name(name))

    def folders(self) -> Mapping[str, str]:
        """Each model that has entries, with the object id of all of them."""
        return self._tree().folders(MODELS)

    def entries(self, model: str, kinds: Collection[str] | None = None) -> tuple[LedgerEntry, ...]:
        """The entries of a model, oldest first; only those of these `kinds` are read.

        Damaged ones are among them, each with the problem that makes it not count.
        """
        tree = self._tree()
        found = (
            read_entry(tree, model, name, self._keys)
            for name in names(tree, model)
            if kinds is None or name.kind in kinds
        )
        listed = tuple(without_repeats(found))
        late = Late(lambda: listed, self._now) if kinds is None else self._late(tree, model)
        return tuple(map(late.judged, listed))

    def backwards(
        self, model: str, kinds: Collection[str] | None = None, *, before: int | None = None
    ) -> Iterator[LedgerEntry]:
        """The entries of a model, newest first, each read only when it is asked for.

        With `before` only those with a lower number; nothing that comes later is looked at.
        A repeated statement is not told from its first one here, since that one may not be read
        yet: whoever stops early must not be led astray by an older statement that comes again.
        """
        tree = self._tree()
        late = self._late(tree, model)
        for name in names_backwards(tree, model, before):
            if kinds is None or name.kind in kinds:
                yield late.judged(read_entry(tree, model, name, self._keys))

    def holding(
        self, model: str, digests: Collection[str], *, before: int | None = None
    ) -> Mapping[str, LedgerEntry]:
        """The sound entries that hold the envelopes with these digests, by digest.

        They are looked for by name, from number `before` backwards until all are found.
        """
        tree, found = self._tree(), dict[str, LedgerEntry]()
        late = self._late(tree, model)
        names = names_with(tree, model, digests, before)
        while len(found) < len(set(digests)) and (name := next(names, None)):
            entry = late.judged(read_entry(tree, model, name, self._keys))
            if entry.damage is None and entry.signed.envelope_digest in digests:
                found[entry.signed.envelope_digest] = entry
        return found

    def repeats(self, entry: LedgerEntry) -> bool:
        """Whether an older entry may hold the same envelope, told by the names of the files.

        Without its key nobody can make another envelope of a statement (`adapters/signing.py`).
        """
        digest = entry.signed.envelope_digest
        older = names_with(self._tree(), entry.model, [digest], before=entry.seq)
        return next(older, None) is not None

    def latest(self, model: str) -> LedgerEntry | None:
        """The newest entry of a model."""
        tree = self._tree()
        name = last_name(tree, model)
        return read_entry(tree, model, name, self._keys) if name else None

    def append(
        self, model: str, envelopes: Sequence[bytes], *, author: Author, at: datetime
    ) -> tuple[LedgerEntry, ...]:
        """Append envelopes to one model; see `append_all`."""
        return self.append_all({model: envelopes}, author=author, at=at)[model]

    def append_all(
        self,
        batch: Batch,
        *,
        author: Author,
        at: datetime,
        expected: Mapping[str, Expected] = MappingProxyType({}),
    ) -> Mapping[str, tuple[LedgerEntry, ...]]:
        """Append envelopes by model, all of them in one commit or none, and return their entries.

        An envelope that is there already is not appended again: its entry is returned. No entry is
        read for that but the newest of a model, whose digest the next one holds. `at` is the time
        of the commit. A model that isn't as `expected` any more is left out: it has no entries.

        Raises:
            ModelctlError: an envelope that `verify` would object to.
            ConflictError, DependencyError: it could not be published; nothing was appended.
        """
        admitted = {
            model: [self._admit(model, envelope, at) for envelope in envelopes]
            for model, envelopes in batch.items()
        }
        done: dict[str, tuple[LedgerEntry, ...]] = {}

        def build(tip: str | None) -> Draft | None:
            additions = _Additions(self._repository.tree(tip), self._keys)
            for model, listed in admitted.items():
                ours = {one.signed.envelope_digest for one in listed}
                wish = expected.get(model)
                if wish is not None and additions.passed(model, wish, ours):
                    done[model] = ()
                else:
                    done[model] = additions.add(model, listed)
            return additions.draft(author, at)

        self._repository.update_branch(self._branch, build, only_adds=True)
        return done

    def verify(self, *, known: Iterable[str] = ()) -> tuple[LedgerProblem, ...]:
        """Everything that is wrong with the ledger as last seen; empty if it is sound.

        `known` are commits that were its tip at some time: where they are still in its history,
        nothing was cut off and no history was rewritten.
        """
        tip = self._repository.remote_first(self._branch)
        return verify(self._repository, tip, self._keys, known, self._now)

    def losses(self) -> Losses:
        """What the ledger held at some time and doesn't hold any more, by model.

        This looks at every commit that led to it, merged ones too, so it takes as long as the
        history of all models is; what is found is kept.

        Raises:
            ModelctlError: the clone is too shallow to tell.
        """
        tip = self._repository.remote_first(self._branch)
        if tip is not None and self._losses[0] != tip:
            self._losses = tip, lost(self._repository, tip)
        return self._losses[1] if tip is not None else {}

    def _late(self, tree: Tree, model: str) -> Late:
        """Judges entries by those before them, which are read when that is needed."""
        return Late(
            lambda: (read_entry(tree, model, name, self._keys) for name in names(tree, model)),
            self._now,
        )

    def _tree(self) -> Tree:
        return self._repository.tree(self._repository.remote_first(self._branch))

    def _admit(self, model: str, envelope: bytes, at: datetime) -> _Admitted:
        """An envelope that `verify` will have no objection to."""
        if not is_model_name(model):
            raise ModelctlError(f"{model!r} is not the name of a model")
        signed = read(envelope, self._keys, place="")
        statement, problem = signed.statement, signed.problem
        if statement is not None and problem is None:
            objections = [key.objection(statement, at) for key in signed.keys]
            problem = None if None in objections else objections[0]
            if not is_about(statement.subject, model):
                problem = f"it is about {statement.subject}"
        if statement is None or problem is not None:
            raise ModelctlError(f"a statement can't go on the ledger of {model}: {problem}")
        return _Admitted(envelope=canonical(parse(envelope)), signed=signed, statement=statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How far the ledger of a model is expected to go: no trusted statement of these kinds about
    this environment beyond number `seq`."""

    seq: int
    environment: str
    kinds: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admitted:
    """An envelope that may be appended: its canonical bytes, and what was read from it."""

    envelope: bytes
    signed: Signed
    statement: Statement


class _Additions:
    """Entries that are being added on top of one tree of the ledger."""

    def __init__(self, tree: Tree, keys: Sequence[TrustedKey]):
        self._tree = tree
        self._keys = keys
        self._added: list[LedgerEntry] = []
        self._edits: dict[str, bytes] = {}

    def draft(self, author: Author, at: datetime) -> Draft | None:
        """The commit that adds them, None if all of them were there."""
        if not self._added:
            return None
        message = summary(self._added)
        return Draft(edits=self._edits, message=message, author=author, at=int(at.timestamp()))

    def add(self, model: str, listed: Sequence[_Admitted]) -> tuple[LedgerEntry, ...]:
        """The entries of these envelopes: those that are there, and new ones at the end."""
        known = self._known(model, {admitted.signed.envelope_digest for admitted in listed})
        seq, previous = self._end(model)
        for admitted in listed:
            if admitted.signed.envelope_digest not in known:
                entry = self._append(model, seq + 1, previous, admitted)
                seq, previous = entry.seq, entry.digest
                known[admitted.signed.envelope_digest] = entry
        return tuple(known[admitted.signed.envelope_digest] for admitted in listed)

    def passed(self, model: str, expected: Expected, ours: Collection[str]) -> bool:
        """Whether somebody else has gone beyond what is expected."""
        for name in names_backwards(self._tree, model, None):
            if name.seq <= expected.seq:
                return False
            if name.kind not in expected.kinds:
                continue
            told = self._sound(model, name)
            if told is None or told.envelope_digest in ours:
                continue
            if told.statement is not None and told.statement.environment == expected.environment:
                return True
        return False

    def _sound(self, model: str, name: Name) -> Signed | None:
        """What an entry says that somebody trusted signed, and that isn't there before it: anybody
        who may push can bring an old envelope again."""
        entry = read_entry(self._tree, model, name, self._keys)
        if entry.damage is not None or entry.signed.vouched_by is None:
            return None
        digest = entry.signed.envelope_digest
        again = next(names_with(self._tree, model, [digest], before=name.seq), None)
        return entry.signed if again is None else None

    def _known(self, model: str, digests: Collection[str]) -> dict[str, LedgerEntry]:
        """The entries that hold the envelopes with these digests, by digest."""
        names = names_with(self._tree, model, digests)
        entries = (read_entry(self._tree, model, name, self._keys) for name in names)
        sound = (entry for entry in entries if entry.damage is None)
        return {entry.signed.envelope_digest: entry for entry in sound}

    def _append(
        self, model: str, seq: int, previous: str | None, admitted: _Admitted
    ) -> LedgerEntry:
        kind, signed = admitted.statement.kind, admitted.signed
        if seq > MOST:
            mend = "see in its git log who filled it, and restore the branch from before"
            raise ModelctlError(f"the ledger has no number left for {model}", mend=mend)
        data = encode(Content(seq=seq, previous=previous, envelope=admitted.envelope))
        path = entry_path(model, seq, kind, signed.envelope_digest)
        entry = LedgerEntry(
            model=model,
            seq=seq,
            kind=kind,
            path=path,
            digest=hashlib.sha256(data).hexdigest(),
            previous=previous,
            signed=replace(signed, place=path, seq=seq),
        )
        self._added.append(entry)
        self._edits[path] = data
        return entry

    def _end(self, model: str) -> tuple[int, str | None]:
        """The number and the digest of the entry to go on from; 0 and None before the first.

        It is the newest sound one, or what was pushed right behind that. A file with a number far
        beyond is nobody's entry: what went on from there would soon have no name.
        """
        end, strange = None, dict[int, Name]()
        for name in names_backwards(self._tree, model):
            if self._sound(model, name) is not None:
                end = name
                break
            strange[name.seq] = name
        while (after := strange.get(end.seq + 1 if end else 1)) is not None:
            end = after
        if end is None:
            return 0, None
        return end.seq, hashlib.sha256(self._tree.read(end.path) or b"").hexdigest()

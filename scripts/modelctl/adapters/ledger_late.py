"""What a key said after its end: told by the place on the ledger, not by the date that it claims.

Whoever holds a key that was revoked, or that expired, can date a statement back. But nobody can put
it before what the ledger held already, so one that follows an entry dated at or after the key's end
does not count. Only entries of keys that have ended are asked about, so a ledger whose keys are all
good is read no further than without this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from modelctl.adapters.ledger_files import Damage, LedgerEntry, damaged
from modelctl.domain.evidence import outlived


class Late:
    """Judges the entries of one model. `entries` gives all of them, oldest first."""

    __slots__ = ("_entries", "_now", "_witnesses")

    def __init__(self, entries: Callable[[], Iterable[LedgerEntry]], now: datetime):
        self._entries = entries
        self._now = now
        self._witnesses: dict[datetime, LedgerEntry | None] = {}

    def judged(self, entry: LedgerEntry) -> LedgerEntry:
        """The entry, damaged where it came after the end of its key."""
        key = entry.signed.vouched_by
        if entry.damage is not None or key is None or key.end > self._now:
            return entry
        witness = self._witness(key.end)
        if witness is None or not outlived(entry.signed, witness.signed):
            return entry
        problem = (
            f"key {key.name} ended on {key.end:%Y-%m-%d}, and this came after {witness.path}, "
            "which was made later than that"
        )
        return damaged(entry, Damage.REVOKED, problem)

    def _witness(self, end: datetime) -> LedgerEntry | None:
        """The first entry that is dated at or after a key's end, and may be believed."""
        if end not in self._witnesses:
            found = (entry for entry in self._entries() if _is_dated_from(entry, end))
            self._witnesses[end] = next(found, None)
        return self._witnesses[end]


def _is_dated_from(entry: LedgerEntry, end: datetime) -> bool:
    statement = entry.signed.statement
    if statement is None or entry.damage is not None or statement.made_at < end:
        return False
    return entry.signed.vouched_by is not None

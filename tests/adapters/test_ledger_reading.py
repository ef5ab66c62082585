"""Reading the ledger from its end, and finding envelopes by the names of files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from modelctl.adapters import ledger as ledgers
from modelctl.adapters.git import Author, Repository
from modelctl.adapters.ledger import Ledger, LedgerEntry
from modelctl.adapters.ledger_files import Name
from support.keys import MODEL, NOW, person
from support.repos import RepoBuilder

JOB = Author(name="Job", email="job@example.com")
CI = person("ci")


@pytest.fixture
def ledger(repo: RepoBuilder) -> Ledger:
    """600 entries, every third of them a deployment."""
    kinds = ("deployment", "evaluation", "load-test")
    found = Ledger(Repository.discover(repo.directory), [CI.trusted])
    envelopes = [CI.sign(kind=kinds[n % 3], predicate={"n": n}) for n in range(600)]
    found.append(MODEL, envelopes, author=JOB, at=NOW)
    return found


def numbers(entries: Iterable[LedgerEntry]) -> list[int]:
    return [entry.seq for entry in entries]


def test_entries_come_newest_first_and_from_any_number_on(ledger: Ledger) -> None:
    everything = list(range(600, 0, -1))
    assert numbers(ledger.backwards(MODEL)) == everything
    assert numbers(ledger.backwards(MODEL, before=601)) == everything
    for before in (600, 513, 512, 257, 256, 2, 1, 0, -5):
        assert numbers(ledger.backwards(MODEL, before=before)) == list(range(before - 1, 0, -1))
    some = numbers(ledger.backwards(MODEL, {"deployment"}, before=10))
    assert some == [7, 4, 1]
    assert list(ledger.backwards("no-such")) == []


def test_what_lies_beyond_is_not_read(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    whole = ledgers.read_entry

    def noting(tree: object, model: object, name: Name, keys: object) -> LedgerEntry:
        read.append(name.seq)
        return whole(tree, model, name, keys)  # type: ignore[arg-type]

    monkeypatch.setattr(ledgers, "read_entry", noting)
    assert next(ledger.backwards(MODEL, {"deployment"}, before=300)).seq == 298
    assert read == [298]


def test_envelopes_are_found_by_their_digests(ledger: Ledger) -> None:
    entries = ledger.entries(MODEL)
    wanted = {entries[n].signed.envelope_digest for n in (3, 300, 599)}
    found = ledger.holding(MODEL, wanted)
    assert {digest: entry.seq for digest, entry in found.items()} == {
        entries[n].signed.envelope_digest: n + 1 for n in (3, 300, 599)
    }
    assert numbers(ledger.holding(MODEL, wanted, before=600).values()) == [301, 4]
    assert ledger.holding(MODEL, ["ab" * 32]) == {}
    assert ledger.holding(MODEL, ()) == {}


def test_a_damaged_entry_holds_nothing(ledger: Ledger, repo: RepoBuilder) -> None:
    [*_, last] = ledger.entries(MODEL)
    repo.commit({last.path: "{}\n"}, "ledger")
    assert ledger.holding(MODEL, [last.signed.envelope_digest]) == {}


def test_only_an_older_entry_makes_one_a_repeat(ledger: Ledger, repo: RepoBuilder) -> None:
    entries = ledger.entries(MODEL)
    assert not any(ledger.repeats(entries[n]) for n in (0, 300, 599))
    again = entries[3].path.replace("0000/00000004", "0002/00000601")
    repo.commit({again: repo.git("cat-file", "blob", f"ledger:{entries[3].path}")}, "ledger")
    copy = next(iter(ledger.backwards(MODEL)))
    assert copy.seq == 601
    assert not ledger.repeats(entries[3])
    assert ledger.repeats(replace(entries[3], seq=601))

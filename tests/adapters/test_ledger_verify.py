"""Tampering with the ledger is noticed, and what happened to which file is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from modelctl.adapters.git import Author, Repository
from modelctl.adapters.ledger import Damage, Ledger, LedgerProblem
from modelctl.adapters.strict_json import canonical
from modelctl.domain.evidence import TrustedKey
from modelctl.errors import ModelctlError
from support.keys import MODEL, NOW, person, statement
from support.repos import File, Files, RepoBuilder, clone, git

JOB = Author(name="Job", email="job@example.com")
CI, STRANGER = person("ci"), person("stranger")
OTHER = "churn-predictor"


class Tampered:
    """A ledger with four entries of one model and one of another, to do bad things to."""

    def __init__(self, repo: RepoBuilder):
        self.repo = repo
        self.ledger = self.with_keys(CI.trusted)
        envelopes = [CI.sign(predicate={"n": n}) for n in range(1, 5)]
        other = CI.sign(subject=statement(OTHER).subject)
        batch = {MODEL: envelopes, OTHER: [other]}
        written = self.ledger.append_all(batch, author=JOB, at=NOW)
        self.paths = [entry.path for entry in written[MODEL]]
        self.other = written[OTHER][0].path
        assert self.ledger.verify() == ()

    def with_keys(self, *keys: TrustedKey) -> Ledger:
        return Ledger(Repository.discover(self.repo.directory), keys)

    def read(self, path: str) -> bytes:
        return self.repo.git("cat-file", "blob", f"ledger:{path}").encode() + b"\n"

    def commit(self, files: Files) -> str:
        return self.repo.commit(files, "ledger", author="Mallory <m@example.com>")

    def rewrite(self, files: Files) -> None:
        """Change files and leave no trace of it in the history."""
        self.commit(files)
        tree = self.repo.git("rev-parse", "ledger^{tree}")
        sha = self.repo.git("commit-tree", tree, "-m", "Innocent")
        self.repo.git("update-ref", "refs/heads/ledger", sha)

    def entry(self, path: str, **changes: object) -> bytes:
        """An entry with other fields, in canonical form."""
        return canonical({**json.loads(self.read(path)), **changes})

    def problems(self) -> set[tuple[str, str]]:
        return {(problem.file, problem.damage.value) for problem in self.ledger.verify()}

    def told(self) -> str:
        return "\n".join(map(str, self.ledger.verify()))


@pytest.fixture
def tampered(repo: RepoBuilder) -> Tampered:
    return Tampered(repo)


# With the history rewritten, so that the tree alone has to tell


def test_an_altered_statement_is_noticed(tampered: Tampered) -> None:
    path = tampered.paths[1]
    envelope = json.loads(CI.sign(predicate={"n": 22}))
    envelope["signatures"] = json.loads(tampered.read(path))["envelope"]["signatures"]
    tampered.rewrite({path: tampered.entry(path, envelope=envelope)})
    assert tampered.problems() == {(path, "unproved"), (path, "altered")}
    assert "signature of key ci is not good" in tampered.told()
    assert f"{path}: altered or replaced: it does not fit {tampered.paths[2]}" in tampered.told()


def test_a_statement_replaced_by_one_that_is_truly_signed_is_noticed(tampered: Tampered) -> None:
    path = tampered.paths[1]
    envelope = json.loads(CI.sign(predicate={"n": 22}))
    tampered.rewrite({path: tampered.entry(path, envelope=envelope)})
    assert tampered.problems() == {(path, "unproved"), (path, "altered")}
    assert "the digest in its name" in tampered.told()


def test_an_entry_re_signed_by_a_stranger_is_noticed(tampered: Tampered) -> None:
    path = tampered.paths[3]
    envelope = json.loads(STRANGER.sign(predicate={"n": 4}))
    tampered.rewrite({path: tampered.entry(path, envelope=envelope)})
    assert tampered.problems() == {(path, "unproved")}
    assert "not in policies/keys" in tampered.told()


@pytest.mark.parametrize(("index", "first", "last"), [(0, 1, 1), (1, 2, 2), (2, 3, 3)])
def test_a_deleted_entry_is_noticed(tampered: Tampered, index: int, first: int, last: int) -> None:
    tampered.rewrite({tampered.paths[index]: None})
    assert tampered.problems() == {(f"models/{MODEL}/0000/{first:08d}-*", "missing")}
    assert f"entry {last} is not there" in tampered.told()


def test_a_gap_of_several_entries_is_named(tampered: Tampered) -> None:
    tampered.rewrite({tampered.paths[1]: None, tampered.paths[2]: None})
    assert tampered.told() == (
        f"models/{MODEL}/0000/00000002-*: missing: entries 2 to 3 are not there, but entry 4 is"
    )


def test_an_entry_that_hides_a_gap_is_noticed(tampered: Tampered) -> None:
    """Entry 3 is moved to the place of the deleted entry 2, its number changed too."""
    new = tampered.paths[2].replace("00000003", "00000002")
    files: Files = {
        tampered.paths[1]: None,
        tampered.paths[2]: None,
        tampered.paths[3]: None,
        new: tampered.entry(tampered.paths[2], seq=2),
    }
    tampered.rewrite(files)
    assert {damage for _, damage in tampered.problems()} == {"altered"}


def test_a_chain_without_its_beginning_is_noticed(tampered: Tampered) -> None:
    path = tampered.paths[3]
    new = path.replace("00000004", "00000001")
    files: Files = dict.fromkeys(tampered.paths)
    tampered.rewrite({**files, new: tampered.entry(path, seq=1)})
    assert tampered.problems() == {(new, "missing")}


def test_swapped_entries_are_noticed(tampered: Tampered) -> None:
    two, three = tampered.paths[1], tampered.paths[2]
    new_two, new_three = three.replace("00000003", "00000002"), two.replace("00000002", "00000003")
    tampered.rewrite(
        {two: None, three: None, new_two: tampered.read(three), new_three: tampered.read(two)}
    )
    found = tampered.problems()
    assert (new_two, "reordered") in found
    assert (new_three, "reordered") in found
    assert "it is entry 3, in the place of entry 2" in tampered.told()


@pytest.mark.parametrize("cut", [0, 1, 100, -2])
def test_a_truncated_file_is_noticed(tampered: Tampered, cut: int) -> None:
    path = tampered.paths[1]
    tampered.rewrite({path: tampered.read(path)[:cut]})
    assert tampered.problems() == {(path, "unproved"), (path, "altered")}
    assert "the entry can't be read" in tampered.told()


def test_another_way_to_write_the_same_entry_is_noticed(tampered: Tampered) -> None:
    path = tampered.paths[3]
    tampered.rewrite({path: json.dumps(json.loads(tampered.read(path)))})
    assert tampered.problems() == {(path, "unproved"), (path, "altered")}


@pytest.mark.parametrize("changes", [{"schema": 2}, {"seq": True}, {"previous": 7}, {"note": "x"}])
def test_an_entry_with_odd_fields_is_noticed(
    tampered: Tampered, changes: dict[str, object]
) -> None:
    path = tampered.paths[0]
    tampered.rewrite({path: tampered.entry(path, **changes)})
    assert (path, "unproved") in tampered.problems()


@pytest.mark.parametrize("index", [1, 2])
def test_a_broken_link_is_blamed_on_the_entry_that_fits_nowhere(
    tampered: Tampered, index: int
) -> None:
    path = tampered.paths[index]
    tampered.rewrite({path: tampered.entry(path, previous="ab" * 32)})
    assert {file for file, _ in tampered.problems()} == {path}


def test_a_statement_about_another_model_is_noticed(tampered: Tampered) -> None:
    stray = tampered.paths[3].replace("00000004", "00000002").replace(MODEL, OTHER)
    tampered.rewrite({stray: tampered.entry(tampered.paths[3], seq=2)})
    assert (stray, "unproved") in tampered.problems()
    assert f"it is about {statement().subject}, not about {OTHER}" in tampered.told()
    (_, entry) = tampered.ledger.entries(OTHER)
    assert entry.signed.problem


def test_a_statement_under_another_kind_is_noticed(tampered: Tampered) -> None:
    path = tampered.paths[3]
    new = path.replace("evaluation", "tests")
    tampered.rewrite({path: None, new: tampered.read(path)})
    assert tampered.problems() == {(new, "unproved")}
    assert "it is of kind evaluation, not tests" in tampered.told()


def test_a_replayed_statement_is_noticed_and_does_not_count_twice(tampered: Tampered) -> None:
    (*_, last) = tampered.ledger.entries(MODEL)
    again = tampered.paths[0].replace("00000001", "00000005")
    tampered.rewrite({again: tampered.entry(tampered.paths[0], seq=5, previous=last.digest)})
    assert tampered.problems() == {(again, "duplicate")}
    assert f"repeats the statement of {tampered.paths[0]}" in tampered.told()
    sound = [entry.signed.problem is None for entry in tampered.ledger.entries(MODEL)]
    assert sound == [True, True, True, True, False]


def test_a_damaged_entry_does_not_keep_its_statement_from_being_appended(
    tampered: Tampered,
) -> None:
    path = tampered.paths[3]
    envelope = canonical(json.loads(tampered.read(path))["envelope"])
    tampered.rewrite({path: tampered.entry(path, seq=9)})
    (entry,) = tampered.ledger.append(MODEL, [envelope], author=JOB, at=NOW)
    assert entry.seq == 5
    assert [e.seq for e in tampered.ledger.entries(MODEL) if not e.signed.problem] == [1, 2, 3, 5]


def test_two_entries_with_one_number_are_noticed(tampered: Tampered) -> None:
    stray = tampered.paths[3].replace("00000004", "00000002")
    tampered.rewrite({stray: tampered.entry(tampered.paths[3], seq=2)})
    assert "duplicate" in {damage for _, damage in tampered.problems()}


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        f"models/{MODEL}/note.txt",
        f"models/{MODEL}/0000/5-evaluation-0123456789ab.json",
        f"models/{MODEL}/0001/00000005-evaluation-0123456789ab.json",
        "models/Odd_Name/0000/00000001-evaluation-0123456789ab.json",
    ],
)
def test_a_file_that_does_not_belong_there_is_noticed(tampered: Tampered, path: str) -> None:
    tampered.commit({path: "x"})
    assert tampered.problems() == {(path, "unknown")}


def test_a_model_of_which_nothing_is_left_is_noticed(tampered: Tampered) -> None:
    path = f"models/{OTHER}/note.txt"
    tampered.rewrite({tampered.other: None, path: "x"})
    assert tampered.problems() == {(path, "unknown")}


def test_an_odd_mode_is_noticed(tampered: Tampered) -> None:
    path = tampered.paths[0]
    tampered.rewrite({path: File(mode="100755", data=tampered.read(path))})
    assert tampered.problems() == {(path, "altered")}


# With the history as it was


def test_a_commit_that_alters_or_deletes_is_named(tampered: Tampered) -> None:
    first, last = tampered.paths[0], tampered.paths[3]
    before = tampered.read(first)
    sha = tampered.commit({first: "x", last: None})
    tampered.commit({first: before})  # put back, as if nothing had been
    problems = tampered.ledger.verify()
    assert (
        LedgerProblem(
            file=last, damage=Damage.MISSING, message=f"deleted by commit {sha[:12]} of Mallory"
        )
        in problems
    )
    assert (
        LedgerProblem(
            file=first, damage=Damage.ALTERED, message=f"altered by commit {sha[:12]} of Mallory"
        )
        in problems
    )
    assert len(problems) == 3


def test_a_tail_that_was_cut_off_is_noticed_by_who_saw_it(tampered: Tampered) -> None:
    seen = tampered.repo.git("rev-parse", "ledger")
    tampered.ledger.append(MODEL, [CI.sign(predicate={"n": 5})], author=JOB, at=NOW)
    later = tampered.repo.git("rev-parse", "ledger")
    assert tampered.ledger.verify(known=[seen, later]) == ()
    tampered.repo.git("update-ref", "refs/heads/ledger", seen)
    assert tampered.ledger.verify() == ()  # nobody can tell from this clone alone
    (problem,) = tampered.ledger.verify(known=[seen, later])
    assert problem.damage is Damage.REWRITTEN
    assert later[:12] in problem.message
    (unseen,) = tampered.ledger.verify(known=["ab" * 20])
    assert unseen.damage is Damage.REWRITTEN


def test_a_deleted_ledger_is_noticed_by_who_saw_it(tampered: Tampered) -> None:
    seen = tampered.repo.git("rev-parse", "ledger")
    tampered.repo.git("update-ref", "-d", "refs/heads/ledger")
    assert [p.damage for p in tampered.ledger.verify(known=[seen])] == [Damage.REWRITTEN]


def test_a_rewritten_remote_is_noticed_when_fetching(
    clone_of_shared: RepoBuilder, shared: Path, tmp_path: Path
) -> None:
    def written(builder: RepoBuilder, n: int) -> Ledger:
        one = Ledger(Repository.discover(builder.directory), [CI.trusted])
        one.append(MODEL, [CI.sign(predicate={"n": n})], author=JOB, at=NOW)
        return one

    one = written(clone_of_shared, 1)
    git(shared, "update-ref", "-d", "refs/heads/ledger")
    written(clone(shared, tmp_path / "other"), 2)
    with pytest.raises(ModelctlError, match="deleted or rewritten on origin"):
        one.fetch()
    with pytest.raises(ModelctlError, match="deleted or rewritten on origin"):
        one.append(MODEL, [CI.sign(predicate={"n": 3})], author=JOB, at=NOW)


# Keys


@pytest.mark.parametrize(
    ("limits", "damage", "message"),
    [
        ({"valid_until": NOW + timedelta(seconds=1)}, None, ""),  # expired since: still good
        ({"valid_until": NOW}, Damage.UNPROVED, "was not valid on 2026-11-20"),
        ({"kinds": ("load-test",)}, Damage.UNPROVED, "may not sign evaluation"),
        ({"environments": ("staging",)}, Damage.UNPROVED, "may not speak for environment offline"),
        ({"revoked_at": NOW + timedelta(seconds=1)}, None, ""),  # revoked since: still good
        ({"revoked_at": NOW}, Damage.REVOKED, "was not valid on 2026-11-20"),
    ],
)
def test_keys_are_judged_at_the_time_of_the_statement(
    tampered: Tampered, limits: dict[str, object], damage: Damage | None, message: str
) -> None:
    problems = tampered.with_keys(CI.limited(**limits)).verify()
    assert {problem.damage for problem in problems} == ({damage} if damage else set())
    assert all(message in problem.message for problem in problems)
    assert len(problems) == (5 if damage else 0)


def test_without_the_key_nothing_is_proved(tampered: Tampered) -> None:
    problems = tampered.with_keys(STRANGER.trusted).verify()
    assert [problem.damage for problem in problems] == [Damage.UNPROVED] * 5


# Whatever is done to one file


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    at = data.index(b'"payload"') + 20
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def pad(data: bytes) -> bytes:
    return data + b"\n"


@pytest.mark.parametrize(
    "harm", [cut, flip, pad, lambda _: None], ids=["cut", "flip", "pad", "delete"]
)
@pytest.mark.parametrize("index", range(3))
def test_no_entry_but_the_last_can_be_touched_unnoticed(
    tampered: Tampered, harm: Callable[[bytes], bytes | None], index: int
) -> None:
    path = tampered.paths[index]
    tampered.rewrite({path: harm(tampered.read(path))})
    assert any(path[:37] in problem.file for problem in tampered.ledger.verify())

"""The ledger: what is appended is there, once, in order, and says what it says."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from modelctl.adapters.git import Author, Repository
from modelctl.adapters.ledger import Ledger, LedgerEntry
from modelctl.domain.evidence import Signed
from modelctl.errors import DependencyError, ModelctlError
from support.keys import MODEL, NOW, Person, person, statement
from support.repos import RepoBuilder, clone, git

JOB = Author(name="Job", email="job@example.com")
CI, STRANGER = person("ci"), person("stranger")
OTHER = "churn-predictor"


def ledger(builder: RepoBuilder, *keys: Person) -> Ledger:
    trusted = [one.trusted for one in keys or (CI,)]
    return Ledger(Repository.discover(builder.directory), trusted)


def append(to: Ledger, *envelopes: bytes, model: str = MODEL) -> tuple[LedgerEntry, ...]:
    return to.append(model, envelopes, author=JOB, at=NOW)


def numbered(n: int, **changes: Any) -> bytes:
    return CI.sign(predicate={"n": n}, **changes)


def files(builder: RepoBuilder) -> list[str]:
    return builder.git("ls-tree", "-r", "--name-only", "ledger").split()


def test_an_empty_ledger_has_nothing(repo: RepoBuilder) -> None:
    empty = ledger(repo)
    assert empty.models() == ()
    assert empty.entries(MODEL) == ()
    assert empty.latest(MODEL) is None
    assert empty.verify() == ()


def test_an_entry_lies_where_the_layout_says(repo: RepoBuilder) -> None:
    envelope = CI.sign()
    (entry,) = append(ledger(repo), envelope)
    short = hashlib.sha256(envelope).hexdigest()[:12]
    path = f"models/{MODEL}/0000/00000001-evaluation-{short}.json"
    assert files(repo) == [path]
    content = repo.git("cat-file", "blob", f"ledger:{path}") + "\n"
    assert json.loads(content) == {
        "schema": 1,
        "seq": 1,
        "previous": None,
        "envelope": json.loads(envelope),
    }
    assert entry == LedgerEntry(
        model=MODEL,
        seq=1,
        kind="evaluation",
        path=path,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        previous=None,
        signed=Signed(
            statement=statement(),
            envelope_digest=hashlib.sha256(envelope).hexdigest(),
            payload_digest=hashlib.sha256(
                base64.b64decode(json.loads(envelope)["payload"])
            ).hexdigest(),
            keys=(CI.trusted,),
            place=path,
            seq=1,
        ),
    )


def test_what_was_appended_is_read_back_in_order(repo: RepoBuilder) -> None:
    written = [*append(ledger(repo), numbered(1)), *append(ledger(repo), numbered(2), numbered(3))]
    assert [entry.seq for entry in written] == [1, 2, 3]
    assert [entry.previous for entry in written] == [None, written[0].digest, written[1].digest]
    fresh = ledger(repo)
    assert list(fresh.entries(MODEL)) == written
    assert fresh.latest(MODEL) == written[2]
    assert fresh.verify() == ()


def test_models_have_numbers_of_their_own(repo: RepoBuilder) -> None:
    one = ledger(repo)
    done = one.append_all(
        {
            MODEL: [numbered(1), numbered(2)],
            OTHER: [CI.sign(subject=statement(OTHER).subject)],
            "empty-list": [],
        },
        author=JOB,
        at=NOW,
    )
    assert {model: [e.seq for e in entries] for model, entries in done.items()} == {
        MODEL: [1, 2],
        OTHER: [1],
        "empty-list": [],
    }
    assert one.models() == (OTHER, MODEL)
    assert repo.git("rev-list", "--count", "ledger") == "1"
    assert one.verify() == ()


def test_only_the_kinds_asked_for_are_read(repo: RepoBuilder) -> None:
    one = ledger(repo)
    append(one, numbered(1), numbered(2, kind="load-test"), numbered(3, kind="deployment"))
    assert [e.kind for e in one.entries(MODEL, {"evaluation", "deployment"})] == [
        "evaluation",
        "deployment",
    ]
    assert one.entries(MODEL, ()) == ()


def test_entries_go_into_folders_of_256(repo: RepoBuilder) -> None:
    one = ledger(repo)
    append(one, *(numbered(n) for n in range(254)))
    append(one, numbered(254))
    last = append(one, numbered(255), numbered(256))
    assert [Path(entry.path).parts[2] for entry in last] == ["0001", "0001"]
    assert [Path(entry.path).name[:8] for entry in last] == ["00000256", "00000257"]
    assert one.latest(MODEL) == last[1]
    assert append(one, numbered(3), numbered(256))[0].seq == 4
    assert len(one.entries(MODEL)) == 257
    assert one.verify() == ()


def test_an_envelope_is_appended_once(repo: RepoBuilder) -> None:
    one = ledger(repo)
    first = append(one, numbered(1), numbered(2))
    tip = repo.git("rev-parse", "ledger")
    assert append(one, numbered(2), numbered(1)) == (first[1], first[0])
    pretty = json.dumps(json.loads(numbered(1)), indent=7).encode()
    assert append(one, pretty) == (first[0],)
    assert repo.git("rev-parse", "ledger") == tip
    mixed = append(one, numbered(2), numbered(3), numbered(3))
    assert [entry.seq for entry in mixed] == [2, 3, 3]
    assert one.verify() == ()


def test_a_message_says_what_was_recorded(repo: RepoBuilder) -> None:
    one = ledger(repo)

    def message() -> str:
        return repo.git("log", "-1", "--format=%s", "ledger")

    append(one, CI.sign())
    assert message() == "tumor-classifier: evaluation of 1.0.0 (offline, passed)"
    append(one, CI.sign(predicate={"passed": False}, kind="load-test", environment="staging"))
    assert message() == "tumor-classifier: load-test of 1.0.0 (staging, failed)"
    append(one, CI.sign(predicate={"commit": "abc"}, kind="deployment", environment="production"))
    assert message() == "tumor-classifier: deployment of 1.0.0 (production)"
    append(one, numbered(1), numbered(2))
    assert message() == "tumor-classifier: 2 statements"
    assert "00000005-evaluation" in repo.git("log", "-1", "--format=%b", "ledger")
    other = CI.sign(subject=statement(OTHER).subject)
    one.append_all({MODEL: [numbered(3)], OTHER: [other]}, author=JOB, at=NOW)
    assert message() == "2 statements about 2 models"
    assert repo.git("log", "-1", "--format=%an %ae %at", "ledger").split() == [
        *("Job", "job@example.com"),
        str(int(NOW.timestamp())),
    ]


@pytest.mark.parametrize(
    ("model", "envelope", "reason"),
    [
        (MODEL, STRANGER.sign(), "not in policies/keys"),
        (MODEL, b"{}", "can't be read"),
        (MODEL, CI.sign().replace(b"A", b"B", 1), "can't be read|altered"),
        (OTHER, CI.sign(), "it is about models/tumor-classifier/"),
        (MODEL, CI.sign(subject="models/tumor-classifier-2/versions/1.0.0.yaml"), "it is about"),
        (MODEL, CI.sign(made_at=NOW - timedelta(days=4000)), "was not valid"),
        ("Tumor", CI.sign(subject="models/Tumor/versions/1.0.0.yaml"), "not the name of a model"),
        ("..", CI.sign(), "not the name of a model"),
    ],
)
def test_what_verify_would_object_to_is_not_appended(
    repo: RepoBuilder, model: str, envelope: bytes, reason: str
) -> None:
    with pytest.raises(ModelctlError, match=reason):
        append(ledger(repo), envelope, model=model)
    assert repo.git("for-each-ref", "refs/heads/ledger") == ""


def test_one_bad_envelope_keeps_all_of_them_out(repo: RepoBuilder) -> None:
    with pytest.raises(ModelctlError, match="not in policies/keys"):
        append(ledger(repo), numbered(1), STRANGER.sign())
    assert repo.git("for-each-ref", "refs/heads/ledger") == ""


def test_a_key_that_may_not_sign_such_a_statement_appends_nothing(repo: RepoBuilder) -> None:
    limited = Ledger(
        Repository.discover(repo.directory), [CI.limited(kinds=("load-test",), valid_until=NOW)]
    )
    with pytest.raises(ModelctlError, match="expired"):
        append(limited, CI.sign(kind="load-test"))
    # An expired key can't date its statements back.
    with pytest.raises(ModelctlError, match="expired"):
        append(limited, CI.sign(kind="load-test", made_at=NOW - timedelta(days=1)))
    limited = Ledger(Repository.discover(repo.directory), [CI.limited(kinds=("load-test",))])
    with pytest.raises(ModelctlError, match="may not sign evaluation"):
        append(limited, CI.sign())
    assert append(limited, CI.sign(kind="load-test"))[0].seq == 1


def test_the_ledger_is_read_and_written_through_the_remote(
    clone_of_shared: RepoBuilder, shared: Path, tmp_path: Path
) -> None:
    here, there = ledger(clone_of_shared), ledger(clone(shared, tmp_path / "there"))
    first = append(here, numbered(1))
    assert there.entries(MODEL) == ()  # reading does not fetch
    there.fetch()
    assert there.entries(MODEL) == first
    second = append(there, numbered(2))
    third = append(here, numbered(3))
    assert [entry.seq for entry in (*first, *second, *third)] == [1, 2, 3]
    assert here.entries(MODEL) == (*first, *second, *third)
    assert git(shared, "rev-list", "--count", "ledger") == "3"


def test_a_remote_that_is_away_appends_nothing(clone_of_shared: RepoBuilder, shared: Path) -> None:
    clone_of_shared.git("remote", "set-url", "origin", "file:///nowhere")
    with pytest.raises(DependencyError, match="can't be reached"):
        append(ledger(clone_of_shared), numbered(1))
    assert ledger(clone_of_shared).entries(MODEL) == ()
    assert git(shared, "for-each-ref", "refs/heads/ledger") == ""


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=4))
def test_any_appends_keep_each_statement_once_in_order(
    repo: RepoBuilder, batches: list[list[int]]
) -> None:
    repo.git("update-ref", "-d", "refs/heads/ledger")
    one = ledger(repo)
    for batch in batches:
        append(one, *(numbered(n) for n in batch))
    expected = list(dict.fromkeys(n for batch in batches for n in batch))
    found = [e.signed.statement.predicate["n"] for e in one.entries(MODEL) if e.signed.statement]
    assert found == expected
    assert one.verify() == ()

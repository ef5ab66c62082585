"""Statements by people and probes: nothing is recorded that could never count."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelctl.adapters.signing_keys import generate
from modelctl.domain.evidence import OFFLINE
from modelctl.errors import ModelctlError
from modelctl.services.evidence import (
    asked_evidence,
    load_signer,
    record_evidence,
    signer_key,
    statement_of,
)
from modelctl.services.ledger import ledger_rows
from support.keys import NOW, person
from support.world import MODEL, TESTS, World, evaluation


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(generate().private)
    path.chmod(0o600)
    return path


def test_a_key_file_goes_before_the_secret(key: Path) -> None:
    secret = generate().private.decode()
    assert load_signer(key, secret).keyid == load_signer(key, None).keyid
    assert load_signer(None, secret).keyid != load_signer(key, None).keyid


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_key_it_says_how_to_get_one(secret: str | None) -> None:
    with pytest.raises(ModelctlError, match="there is no key to sign with") as caught:
        load_signer(None, secret)
    assert "`modelctl evidence keygen` makes one" in (caught.value.mend or "")


def test_a_statement_is_about_the_manifest_at_this_millisecond(world: World) -> None:
    located = world.locate("1.0.0", world.submit())
    now = datetime(2026, 11, 20, 10, 0, 0, 123_456, tzinfo=UTC)
    statement = statement_of(located, "unit-tests", OFFLINE, TESTS, now)
    assert statement.made_at == now.replace(microsecond=123_000)
    assert (statement.subject, statement.digest) == (located.path, located.digest)


def test_the_key_that_signs_must_be_listed(world: World) -> None:
    session = world.session()
    assert signer_key(session, world.ci.signer).name == "ci"
    with pytest.raises(ModelctlError, match="the policy trusts no key "):
        signer_key(session, person("eve").signer)


@pytest.mark.parametrize(
    ("kind", "environment", "message"),
    [
        ("quarantine", "dev", "only the jobs record a quarantine"),
        ("unit-tests", "prod", "there is no environment prod"),
        ("pen-test", OFFLINE, "key ci may not sign pen-test statements"),
        ("Unit Tests", OFFLINE, "'Unit Tests' is no kind of evidence"),
    ],
)
def test_what_could_never_count_is_not_recorded(
    world: World, kind: str, environment: str, message: str
) -> None:
    located = world.locate("1.0.0", world.submit())
    session = world.session()
    with pytest.raises(ModelctlError, match=message):
        record_evidence(session, located, kind, environment, TESTS, world.ci.signer)
    assert ledger_rows(world.session(), MODEL) == []


def test_the_same_result_twice_is_one_entry(world: World) -> None:
    located = world.locate("1.0.0", world.submit())
    args = (located, "unit-tests", OFFLINE, TESTS, world.ci.signer)
    first, second = (record_evidence(world.session(), *args) for _ in range(2))
    assert first.path == second.path


def test_what_is_asked_for_on_a_way_and_what_counts(world: World) -> None:
    head = world.submit()
    world.record("evaluation", OFFLINE, evaluation(), pointer=f"{MODEL}@1.0.0^{head}")
    session, located = world.session(), world.locate("1.0.0", head)
    asked = {
        one.need.kind: one for one in asked_evidence(session, located, world.transition("staging"))
    }
    assert set(asked) == {"evaluation", "unit-tests", "data-validation", "security-scan"}
    assert "classification-quality" in asked["evaluation"].gates
    assert asked["evaluation"].selection.chosen is not None
    assert asked["unit-tests"].selection.chosen is None


def test_rows_stand_whatever_a_producer_wrote(world: World) -> None:
    """What only looks like figures must not keep the history from being read."""
    head = world.submit()
    odd = [
        {"passed": True, "metrics": ["f1", 0.9]},
        {"passed": True, "metrics": {"f1": "0.9", "accuracy": True}},
        {"passed": True, "approvers": 5},
        {"metrics": None, "tests": {"passed": 3}},
        {},
    ]
    for number, predicate in enumerate(odd):
        world.later(seconds=number + 1)
        world.record("unit-tests", OFFLINE, predicate, pointer=f"{MODEL}@1.0.0^{head}")
    rows = ledger_rows(world.session(), MODEL)
    assert [row.summary for row in rows] == ["passed", "passed", "passed", "passed 3", ""]


def test_a_row_of_a_job_says_who_and_why(served: World) -> None:
    [row] = [r for r in ledger_rows(served.session(), MODEL) if r.kind == "deployment"]
    assert row.summary == "blue-green by ben, lena"
    assert (row.at, row.environment, row.signer) == (NOW, "dev", "deployer")

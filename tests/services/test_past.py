"""What served when: read from the end of the ledger, and never led astray by it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

import pytest

from modelctl.adapters import ledger as ledgers
from modelctl.adapters.ledger_files import decode
from modelctl.errors import ModelctlError
from modelctl.services import past
from modelctl.services.past import in_force, who_served
from support.deploys import run
from support.histories import History, version
from support.journey import bring
from support.keys import person
from support.repos import clone
from support.world import MODEL, World


@pytest.fixture
def history(world: World) -> History:
    return History(world=world)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """How often the whole history was read."""
    asked: list[str] = []
    whole = past._exactly

    def counting(*args: object) -> object:
        asked.append("whole")
        return whole(*args)

    monkeypatch.setattr(past, "_exactly", counting)
    return asked


def test_each_time_has_its_version(history: History, exact: list[str]) -> None:
    for number, minutes in enumerate((10, 20, 30)):
        history.deployed(f"1.{number}.0", "production", minutes)
    told = [history.at(minutes) for minutes in (9.99, 10, 19.99, 20, 25, 30, 99999)]
    assert told == [None, "1.0.0/1", "1.0.0/1", "1.1.0/2", "1.1.0/2", "1.2.0/3", "1.2.0/3"]
    assert exact == []


def test_each_environment_has_its_own(history: History, exact: list[str]) -> None:
    for number in range(4):
        history.deployed(f"1.{number}.0", "dev", number * 10)
        if number % 2:
            history.deployed(f"1.{number}.0", "production", number * 10 + 5)
    assert [history.at(m, "dev") for m in (0, 10, 35)] == ["1.0.0/1", "1.1.0/2", "1.3.0/5"]
    assert [history.at(m) for m in (10, 15, 34, 35)] == [None, "1.1.0/3", "1.1.0/3", "1.3.0/6"]
    assert history.at(99, "staging") is None
    assert exact == []


def test_a_model_without_a_history_served_nothing(history: History) -> None:
    assert history.at(1) is None
    history.evaluated(1, 2)
    assert history.at(1) is None


def test_going_back_serves_the_older_one_again(history: History, exact: list[str]) -> None:
    history.deployed("1.0.0", "production", 10)
    history.deployed("1.1.0", "production", 20)
    history.deployed("1.0.0", "production", 30, kind="rollback")
    history.deployed("1.2.0", "production", 40)
    assert [history.at(m) for m in (15, 25, 35, 45)] == [
        "1.0.0/1",
        "1.1.0/2",
        "1.0.0/3",
        "1.2.0/4",
    ]
    assert exact == []


@pytest.mark.parametrize("again", [0, 1, 2], ids=["the first", "the one before", "the last"])
def test_an_older_statement_that_comes_again_changes_nothing(
    history: History, exact: list[str], again: int
) -> None:
    sent = [history.envelope(f"1.{n}.0", "production", 10 * (n + 1)) for n in range(3)]
    history.add(*sent)
    history.forge(sent[again])
    assert history.at(100) == "1.2.0/3"
    assert exact == ["whole"]
    assert [history.at(m) for m in (15, 25)] == ["1.0.0/1", "1.1.0/2"]


def test_statements_that_come_again_one_by_one_change_nothing(history: History) -> None:
    sent = [history.envelope(f"1.{n}.0", "production", 10 * (n + 1)) for n in range(3)]
    history.add(*sent)
    history.forge(*sent)
    assert history.at(100) == "1.2.0/3"
    assert history.at(15) == "1.0.0/1"


def test_a_whole_run_that_comes_again_changes_nothing(history: History) -> None:
    """Within the run times follow each other as they should."""
    sent = [history.envelope(f"1.{n}.0", "production", 10 * (n + 1)) for n in range(120)]
    history.add(*sent)
    history.forge(*sent[20:110])
    assert history.at(99999) == "1.119.0/120"
    assert history.at(255) == "1.24.0/25"


def test_the_environment_s_own_branch_spares_the_names_of_far_away_entries(
    world: World, monkeypatch: pytest.MonkeyPatch, exact: list[str]
) -> None:
    times = []
    for number in range(3):
        bring(world, "dev", f"1.0.{number}")
        times.append(world.now)
        world.later(minutes=10)
    session = world.session()
    monkeypatch.setattr(ledgers.Ledger, "repeats", lambda *_: pytest.fail("names were listed"))
    for number, at in enumerate(times[:-1]):  # nothing signed tells what followed the newest
        found = in_force(session, MODEL, "dev", at)
        assert found is not None
        assert found[0].version == f"1.0.{number}"
    assert exact == []


def test_a_version_that_comes_again_although_the_branch_went_on_changes_nothing(
    world: World,
) -> None:
    bring(world, "dev")
    world.later(minutes=10)
    bring(world, "dev", "1.0.1")
    world.later(minutes=10)
    history = History(world=world)
    first, second = history.session.ledger.entries(MODEL, past.KINDS)
    data = world.builder.git("cat-file", "blob", f"origin/ledger:{first.path}") + "\n"
    history.forge(decode(data.encode()).envelope)
    found = in_force(history.session, MODEL, "dev", world.now)
    assert version(found) == f"1.0.1/{second.seq}"


def test_without_the_branch_of_the_environment_times_decide(world: World) -> None:
    bring(world, "dev")
    world.later(minutes=30)
    bring(world, "dev", "1.0.1")
    bare = clone(world.shared, world.directory.parent / "narrow", "--single-branch")
    bare.git("fetch", "-q", "origin", "ledger:refs/remotes/origin/ledger")
    narrow = World(
        builder=bare, shared=world.shared, ci=world.ci, deployer=world.deployer, now=world.now
    )
    found = in_force(narrow.session(fetch=False), MODEL, "dev", world.now)
    assert found is not None
    assert found[0].version == "1.0.1"


def test_a_damaged_entry_is_told_by_the_whole_history(history: History, exact: list[str]) -> None:
    history.deployed("1.0.0", "production", 10)
    history.deployed("1.1.0", "production", 20)
    last = history.deployed("1.2.0", "production", 30)
    history.write({last.path: b"{}\n"})
    assert history.at(100) == "1.1.0/2"
    assert exact == ["whole"]
    history.write({last.path: None})
    assert history.at(100) == "1.1.0/2"


def test_a_moved_entry_does_not_count(history: History) -> None:
    first = history.deployed("1.0.0", "production", 10)
    second = history.deployed("1.1.0", "production", 20)
    data = history.world.builder.git("cat-file", "blob", f"origin/ledger:{first.path}") + "\n"
    history.write({second.path.replace("00000002", "00000003"): data.encode()})
    assert history.at(100) == "1.1.0/2"


def test_what_a_key_may_not_say_did_not_serve(history: History, exact: list[str]) -> None:
    history.deployed("1.0.0", "production", 10)
    history.forge(history.envelope("6.6.6", "production", 20, signer=history.world.ci))
    assert history.at(100) == "1.0.0/1"
    history.forge(history.envelope("6.6.7", "production", 30, signer=person("stranger")))
    assert history.at(100) == "1.0.0/1"
    assert exact == ["whole"]


def test_a_clock_that_went_back_is_told_by_the_order_of_the_ledger(history: History) -> None:
    history.deployed("1.0.0", "production", 10)
    history.deployed("1.1.0", "production", 8)
    assert history.at(100) == "1.1.0/2"


def test_two_in_the_same_second_are_told_by_the_order_of_the_ledger(history: History) -> None:
    history.deployed("1.0.0", "production", 10)
    history.deployed("1.1.0", "production", 10)
    assert history.at(10) == "1.1.0/2"


def test_any_history_is_told_as_by_reading_all_of_it(history: History) -> None:
    """Environments in turn, jobs that record late, statements that come again."""
    dice = random.Random(7)
    sent = []
    for n in range(150):
        environment = dice.choice(["dev", "dev", "staging", "production"])
        late = dice.choice([0, 0, 0, -1.5])
        sent.append(history.envelope(f"1.{n}.0", environment, n + late))
    history.add(*sent)
    history.forge(*dice.sample(sent, 3))
    session = history.session
    for _ in range(60):
        minutes, environment = dice.uniform(-2, 155), dice.choice(["dev", "staging", "production"])
        at = history.time(minutes)
        whole = version(past._exactly(session, MODEL, environment, at))
        assert history.at(minutes, environment, session) == whole, (minutes, environment)


def test_what_it_reads_follows_the_answer_not_the_history(
    history: History, monkeypatch: pytest.MonkeyPatch, exact: list[str]
) -> None:
    history.add(*(history.envelope(f"1.{n}.0", "production", n) for n in range(700)))
    session, count = history.session, [0]
    read = ledgers.read_entry

    def counting(*args: object) -> object:
        count[0] += 1
        return read(*args)

    monkeypatch.setattr(ledgers, "read_entry", counting)
    costs = {}
    for minutes in (5000, 690, 400, 20):
        count[0] = 0
        assert (
            history.at(minutes, session=session)
            == f"1.{min(minutes, 699)}.0/{min(minutes, 699) + 1}"
        )
        costs[minutes] = count[0]
    assert costs[5000] <= 5
    assert max(costs.values()) <= 60
    assert exact == []


def test_an_auditor_gets_the_proof(world: World) -> None:
    bring(world, "dev")
    session = world.session()
    audit = who_served(session, "dev", session.now)
    [one] = audit.served
    assert (one.deployment.version, one.deployment.approvers) == ("1.0.0", ("ben", "lena"))
    located = world.locate("1.0.0", "origin/ml")
    assert (one.deployment.digest, one.blob) == (located.digest, located.blob)
    assert one.branch == "ml"
    assert one.state_commit == world.builder.git("rev-parse", "origin/env/dev")
    assert one.deployment.commit == world.builder.git("rev-parse", "origin/ml")
    assert [(e.kind, e.environment, e.passed) for e in one.evidence] == [
        ("evaluation", "offline", True),
        ("security-scan", "offline", True),
    ]
    assert [e.proof.signers for e in one.evidence if e.proof] == [("ci",), ("ci",)]
    assert one.proof.signers == ("deployer",)
    for proof in (one.proof, *(e.proof for e in one.evidence)):
        assert proof is not None
        data = world.builder.git("cat-file", "blob", f"{audit.ledger}:{proof.path}") + "\n"
        assert sha256(data.encode()).hexdigest() == proof.digest
    assert audit.nothing == ()
    before = who_served(session, "dev", session.now - timedelta(days=1))
    assert (before.served, before.nothing) == ((), (MODEL,))


def test_evidence_that_is_not_on_the_ledger_is_told(history: History) -> None:
    history.deployed("1.0.0", "production", 1, evidence=["ab" * 32], waivers=[{"gate": "soak"}, 7])
    [one] = who_served(history.session, "production", history.time(2)).served
    assert [(e.envelope, e.kind, e.proof) for e in one.evidence] == [("ab" * 32, None, None)]
    assert [w.gate for w in one.waivers] == ["soak"]


def test_what_can_not_be_asked(history: History) -> None:
    history.deployed("1.0.0", "production", 1)
    session = history.session
    with pytest.raises(ModelctlError, match="there is no environment moon"):
        who_served(session, "moon", session.now)
    with pytest.raises(ModelctlError, match="still to come"):
        who_served(session, "production", session.now + timedelta(seconds=1))
    with pytest.raises(ModelctlError, match="there is no model no-such"):
        who_served(session, "production", session.now, ["no-such"])
    assert who_served(session, "production", session.now, [MODEL]).served


def test_a_deploy_is_in_force_from_its_own_second(world: World) -> None:
    bring(world, "dev")
    assert run(world, "dev").recorded == 0
    found = in_force(world.session(), MODEL, "dev", world.now)
    assert found is not None
    assert found[0].at == world.now.replace(microsecond=0)


def test_an_altered_entry_leaves_a_doubt_only_about_its_own_time(history: History) -> None:
    history.deployed("1.0.0", "production", 10)
    altered = history.deployed("1.1.0", "production", 20)
    history.deployed("1.2.0", "production", 30)
    history.write({altered.path: b"{}\n"})
    told = {}
    for minutes in (5, 15, 25, 35):
        audit = who_served(history.session, "production", history.time(minutes))
        serving = [served.deployment.version for served in audit.served]
        told[minutes] = [doubt.seq for doubt in audit.doubts] or serving
    assert told == {5: [], 15: [2], 25: [2], 35: ["1.2.0"]}


def test_a_statement_that_only_comes_again_leaves_no_doubt(history: History) -> None:
    sent = [history.envelope(f"1.{n}.0", "production", 10 * (n + 1)) for n in range(2)]
    history.add(*sent)
    history.forge(sent[0])
    audit = who_served(history.session, "production", history.time(100))
    assert (audit.doubts, [s.deployment.version for s in audit.served]) == ((), ["1.1.0"])

"""The newest end of a history: read back no further than needed, and not led astray."""

from __future__ import annotations

import pytest

from modelctl.adapters.git import Draft
from modelctl.adapters.ledger_files import Content, encode, entry_path
from modelctl.adapters.signing import read, sign
from modelctl.adapters.strict_json import canonical, parse
from modelctl.domain.evidence import Statement
from modelctl.domain.history import DEPLOYMENT, QUARANTINE, deployments, serving_since
from modelctl.domain.names import version_path
from modelctl.services.recent import recent_history
from modelctl.services.session import MACHINE, Session
from support.world import MODEL, World

KINDS = {"commit": "c" * 40}


def append(world: World, kind: str, version: str, environment: str = "dev", **extra: str) -> bytes:
    """One more job statement; time passes before it."""
    world.later(minutes=1)
    statement = Statement(
        kind=kind,
        subject=version_path(MODEL, version),
        digest=digest(version),
        made_at=world.now,
        environment=environment,
        predicate={**KINDS, **extra},
    )
    envelope = sign(statement, world.deployer.signer)
    world.session().ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)
    return envelope


def digest(version: str) -> str:
    return version[0] * 64


def replay(session: Session, envelope: bytes) -> None:
    """The same envelope once more at the end, chained as it should be: by who may push there."""
    last = session.ledger.latest(MODEL)
    assert last is not None
    content = Content(seq=last.seq + 1, previous=last.digest, envelope=canonical(parse(envelope)))
    again = read(content.envelope, session.policy.keys, place="").envelope_digest
    path = entry_path(MODEL, content.seq, DEPLOYMENT, again)
    draft = Draft(edits={path: encode(content)}, message="again", author=MACHINE, at=1)
    session.repository.update_branch("ledger", lambda _: draft)


def since(session: Session, version: str) -> object:
    history, *_ = recent_history(session, MODEL, {"dev": digest(version)})
    found = serving_since(history, "dev")
    return found.at if found else None


def exact(session: Session) -> object:
    found = serving_since(deployments(session.signed(MODEL)), "dev")
    return found.at if found else None


def test_it_reads_back_to_where_something_else_ran(world: World) -> None:
    for version in ("1.0.0", "2.0.0", "3.0.0", "3.0.0"):
        append(world, DEPLOYMENT, version)
    session = world.session()
    history, *_ = recent_history(session, MODEL, {"dev": digest("3.0.0")})
    assert [d.version for d in history] == ["2.0.0", "3.0.0", "3.0.0"]
    assert since(session, "3.0.0") == exact(session) == history[1].at


def test_every_environment_is_read_back(world: World) -> None:
    append(world, DEPLOYMENT, "1.0.0", "staging")
    append(world, DEPLOYMENT, "2.0.0", "staging")
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        append(world, DEPLOYMENT, version, "dev")
    running = {"dev": digest("3.0.0"), "staging": digest("2.0.0")}
    history, *_ = recent_history(world.session(), MODEL, running)
    assert {(d.environment, d.version) for d in history} >= {("staging", "1.0.0"), ("dev", "2.0.0")}


def test_quarantines_since_then_are_there(world: World) -> None:
    append(world, DEPLOYMENT, "1.0.0")
    append(world, QUARANTINE, "1.0.0", reason="long ago")
    append(world, DEPLOYMENT, "2.0.0")
    append(world, DEPLOYMENT, "1.0.0")
    append(world, QUARANTINE, "1.0.0", reason="just now")
    _, held, _ = recent_history(world.session(), MODEL, {"dev": digest("1.0.0")})
    assert [q.reason for q in held] == ["just now"]


def test_an_old_statement_that_comes_again_leads_nobody_astray(world: World) -> None:
    old = append(world, DEPLOYMENT, "1.0.0")
    for version in ("2.0.0", "1.0.0", "3.0.0"):
        append(world, DEPLOYMENT, version)
    before = since(world.session(), "3.0.0")
    replay(world.session(), old)
    assert since(world.session(), "3.0.0") == exact(world.session()) == before


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_a_damaged_entry_makes_the_whole_history_be_read(world: World, version: str) -> None:
    for each in ("1.0.0", "2.0.0"):
        append(world, DEPLOYMENT, each)
    session = world.session()
    last = session.ledger.latest(MODEL)
    assert last is not None
    draft = Draft(edits={last.path: b"{}"}, message="damage", author=MACHINE, at=1)
    session.repository.update_branch("ledger", lambda _: draft)
    history, *_ = recent_history(session, MODEL, {"dev": digest(version)})
    assert [d.version for d in history] == ["1.0.0"]


def test_an_environment_that_runs_nothing_is_not_asked_about(world: World) -> None:
    append(world, DEPLOYMENT, "1.0.0")
    assert recent_history(world.session(), MODEL, {}) == ((), (), ())


def test_the_end_of_what_runs_is_told_and_taken_back(world: World) -> None:
    session = world.session()
    last = session.policy.lifecycle.last
    append(world, DEPLOYMENT, "1.0.0")
    append(world, DEPLOYMENT, "2.0.0")
    assert recent_history(world.session(), MODEL, {"dev": digest("2.0.0")})[2] == ()
    append(world, "deprecation", "2.0.0", last, by="lena", reason="old", replaced_by="3.0.0")
    [end] = recent_history(world.session(), MODEL, {"dev": digest("2.0.0")})[2]
    assert (end.version, end.by, end.replaced_by) == ("2.0.0", "lena", "3.0.0")
    append(world, DEPLOYMENT, "3.0.0")
    append(world, DEPLOYMENT, "4.0.0")
    assert recent_history(world.session(), MODEL, {"dev": digest("4.0.0")})[2] == ()

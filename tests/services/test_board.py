"""The board: where each version is, what is wrong with it there, and what it waits for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from modelctl.adapters.documents import dump
from modelctl.adapters.signing import sign
from modelctl.domain.board import Cell, FlagKind, Row
from modelctl.domain.evidence import Statement
from modelctl.errors import ModelctlError
from modelctl.services import board as boards
from modelctl.services.board import board
from modelctl.services.session import MACHINE
from support.journey import bring, publish
from support.waivers import for_version, grant
from support.world import MODEL, World, release_data, submission


def row(world: World) -> Row:
    [found] = board(world.session()).rows
    return found


def cell(world: World, environment: str) -> Cell:
    return row(world).cells[environment]


def test_a_submitted_version_waits_for_its_first_environment(world: World) -> None:
    world.submit()
    world.builder.checkout("feature/1.0.0")
    found = row(world)
    assert (found.newest, found.owner, dict(found.cells)) == ("1.0.0", "oncology", {})
    assert found.next is not None
    assert " gates: artifacts, features, claims, " in found.next


def test_a_version_with_its_evidence_is_ready(world: World) -> None:
    head = world.submit()
    world.evidence("1.0.0", "dev", head)
    world.builder.checkout("feature/1.0.0")
    assert row(world).next == "ready to be promoted"


def test_one_gate_is_no_gates(served: World) -> None:
    served.evidence("1.0.0", "staging", "origin/ml")
    bad = {"passed": True, "tests": {"failed": 1, "passed": 1}}
    served.later(minutes=1)
    served.record("unit-tests", "offline", bad, pointer=f"{MODEL}@1.0.0^origin/ml")
    assert cell(served, "dev").next == "1 gate: unit-tests"


def test_what_has_arrived_waits_for_the_next_and_then_for_nothing(served: World) -> None:
    assert row(served).next is None
    assert cell(served, "dev").next
    since = served.now
    served.later(hours=1)
    bring(served, "staging")
    assert cell(served, "dev").next is None
    staging = cell(served, "staging")
    assert (staging.stage, staging.by, staging.version) == ("Staging", ("ben",), "1.0.0")
    assert cell(served, "dev").since == since.replace(microsecond=0)


def test_a_soak_says_until_when(served: World) -> None:
    bring(served, "staging")
    assert (cell(served, "staging").next or "").endswith("soak until 2026-11-21 10:00 UTC")


def test_the_end_of_the_way_waits_for_nothing(world: World) -> None:
    for environment in ("dev", "staging", "production"):
        bring(world, environment)
        world.later(hours=30)
    assert cell(world, "production").next is None


def test_a_branch_that_asks_for_something_else_is_drift(served: World) -> None:
    publish(served, "ml", {f"models/{MODEL}/release.yaml": dump(release_data("1.1.0"))})
    [flag] = cell(served, "dev").flags
    assert (flag.kind, flag.detail) == (FlagKind.DRIFT, "ml asks for 1.1.0")


def test_a_branch_that_is_gone_is_no_drift(served: World) -> None:
    served.builder.git("push", "--quiet", "origin", ":ml")
    served.builder.git("update-ref", "-d", "refs/remotes/origin/ml")
    served.builder.git("checkout", "--quiet", "--detach", "HEAD")
    served.builder.git("branch", "--delete", "--force", "ml")
    [found] = board(served.session(fetch=False), [MODEL]).rows
    assert found.cells["dev"].flags == ()


@pytest.mark.parametrize(("reason", "detail"), [("5 % errors", "5 % errors"), ("", "rolled back")])
def test_a_quarantined_version_says_why(served: World, reason: str, detail: str) -> None:
    quarantine(served, "dev", reason)
    quarantine(served, "staging", "elsewhere")
    [flag] = cell(served, "dev").flags
    assert (flag.kind, flag.detail) == (FlagKind.QUARANTINED, detail)


def test_a_quarantine_that_a_waiver_lifts_is_no_flag_until_it_ends(served: World) -> None:
    quarantine(served, "dev", "errors")
    served.later(hours=1)
    lifted = for_version(
        served,
        "origin/ml",
        gate="quarantine",
        approved_by="pat",
        created_at=served.now - timedelta(minutes=1),
    )
    grant(served, lifted)
    assert cell(served, "dev").flags == ()
    served.later(days=30)
    assert [flag.kind for flag in cell(served, "dev").flags] == [FlagKind.QUARANTINED]


def test_a_deprecated_version_is_flagged_where_it_serves(served: World) -> None:
    session = served.session()
    told = Statement(
        kind="deprecation",
        subject=f"models/{MODEL}/versions/1.0.0.yaml",
        digest="a" * 64,
        made_at=served.now,
        environment=session.policy.lifecycle.last,
        predicate={"version": "1.0.0", "reason": "old", "by": "lena", "replaced_by": "1.2.0"},
    )
    envelope = sign(told, served.deployer.signer)
    session.ledger.append(MODEL, [envelope], author=MACHINE, at=served.now)
    for _ in ("worked out", "kept"):
        [flag] = cell(served, "dev").flags
        assert (flag.kind, flag.detail) == (FlagKind.DEPRECATED, "by lena, use 1.2.0")


def test_a_version_that_can_not_be_judged_says_why(world: World) -> None:
    files = {**submission(), f"models/{MODEL}/versions/1.0.0.yaml": "version: [\n"}
    world.commit(files, "feature/broken", "ml")
    world.builder.checkout("feature/broken")
    found = row(world)
    assert found.newest == "1.0.0"
    assert found.next
    assert "gate" not in found.next


def test_a_model_without_versions_is_shown(world: World) -> None:
    files = {path: text for path, text in submission().items() if path.endswith("model.yaml")}
    world.commit(files, "feature/bare", "ml")
    world.builder.checkout("feature/bare")
    found = row(world)
    assert (found.model, found.newest, found.next) == (MODEL, None, None)


def test_models_are_shown_as_asked_for(served: World) -> None:
    assert [r.model for r in board(served.session(), [MODEL]).rows] == [MODEL]
    with pytest.raises(ModelctlError, match="there is no model fraud-detector"):
        board(served.session(), [MODEL, "fraud-detector"])


def quarantine(world: World, environment: str, reason: str) -> None:
    """Puts 1.0.0 into quarantine, as the job that rolls back does."""
    session = world.session()
    held = Statement(
        kind="quarantine",
        subject=f"models/{MODEL}/versions/1.0.0.yaml",
        digest="a" * 64,
        made_at=world.now,
        environment=environment,
        predicate={"version": "1.0.0", "reason": reason},
    )
    envelope = sign(held, world.deployer.signer)
    session.ledger.append(MODEL, [envelope], author=MACHINE, at=world.now)


def test_the_gates_are_asked_of_a_few_models_or_on_request(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(judged: bool | None) -> str | None:
        return board(served.session(), judged=judged).rows[0].cells["dev"].next

    assert said(None)
    assert said(False) is None
    monkeypatch.setattr(boards, "JUDGED", 0)
    assert said(None) is None
    assert said(True)

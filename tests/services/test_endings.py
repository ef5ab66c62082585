"""Ending versions for real: what is needed stays, the order is kept, and gates heed it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from modelctl.adapters.documents import dump
from modelctl.adapters.signing import sign
from modelctl.domain.endings import REJECTED, Ended
from modelctl.domain.evidence import Statement
from modelctl.domain.history import (
    ARCHIVAL,
    DEPRECATION,
    REINSTATEMENT,
    REJECTION,
    RETIREMENT,
)
from modelctl.domain.verdict import Outcome
from modelctl.errors import ModelctlError
from modelctl.services.checking import check_change, check_version
from modelctl.services.destinations import transition_for
from modelctl.services.endings import Wish, end_version
from modelctl.services.session import MACHINE
from modelctl.services.whereabouts import whereabouts
from support.deploys import run
from support.journey import bring, publish
from support.keys import Person, person
from support.world import (
    FILES,
    MODEL,
    Template,
    World,
    blocking,
    findings,
    key_file,
    release_data,
    version_data,
)


@pytest.fixture(scope="session")
def _moved_template(
    _served_template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Template:
    directory = tmp_path_factory.mktemp("moved")
    world = _served_template.copy(directory)
    world.pulls = deepcopy(_served_template.world.pulls)
    for version in ("1.1.0", "1.2.0"):
        world.later(hours=1)
        bring(world, "dev", version)
    world.later(hours=1)
    return Template(directory=directory, world=world)


@pytest.fixture
def moved(_moved_template: Template, tmp_path: Path) -> World:
    """1.2.0 serves in dev, after 1.0.0 and 1.1.0: nothing needs 1.0.0 any more."""
    world = _moved_template.copy(tmp_path / "world")
    world.pulls, world.now = deepcopy(_moved_template.world.pulls), _moved_template.world.now
    return world


def end(
    world: World, kind: str, version: str = "1.0.0", *, signer: Person | None = None, **more: str
) -> Ended:
    world.later(seconds=1)
    wish = replace(Wish(kind=kind, reason="it is old", by="ada"), **more)
    located = world.locate(version, "origin/ml")
    return end_version(world.session(), located, wish, (signer or world.deployer).signer)


def state(world: World, version: str = "1.0.0") -> str | None:
    now = whereabouts(world.session(), MODEL).ending(version)
    return now.end if now else None


def test_a_life_ends_in_order(moved: World) -> None:
    early = end(moved, RETIREMENT)
    assert (early.obstacles, early.place) == (("it is not archived",), None)
    for kind, word in (
        (DEPRECATION, "deprecated"),
        (ARCHIVAL, "archived"),
        (RETIREMENT, "retired"),
    ):
        done = end(moved, kind)
        assert done.obstacles == ()
        assert done.place is not None
        assert f"-{kind}-" in done.place
        assert state(moved) == word
    assert moved.session().ledger.verify() == ()


def test_a_key_of_another_environment_takes_nothing_back(moved: World) -> None:
    """A deploy key of dev alone may sign that, but an end is of every environment."""
    dev = person("dev-job")
    publish(moved, "main", {"policies/keys/dev-job.yaml": key_file(dev, [REINSTATEMENT], ("dev",))})
    end(moved, REJECTION)
    told = Statement(
        kind=REINSTATEMENT,
        subject=f"models/{MODEL}/versions/1.0.0.yaml",
        digest=moved.locate("1.0.0", "origin/ml").digest,
        made_at=moved.now,
        environment="dev",
        predicate={"version": "1.0.0", "reason": "fine", "by": "lena", "replaced_by": None},
    )
    session = moved.session()
    session.ledger.append(MODEL, [sign(told, dev.signer)], author=MACHINE, at=moved.now)
    assert state(moved) == REJECTED
    files = {f"models/{MODEL}/release.yaml": dump(release_data("1.0.0"))}
    head = moved.commit(files, "feature/back", "ml")
    pull = moved.pull("ml", head, ["ben"])
    report = check_change(moved.session(), "ml", head, pull_request=pull)
    assert "standing" in blocking(report)


def test_a_number_that_has_ended_takes_no_other_bytes(moved: World) -> None:
    path = f"models/{MODEL}/versions/1.0.5.yaml"
    moved.merge("ml", moved.commit({path: dump(version_data("1.0.5"))}, "feature/x", "ml"), ["ben"])
    for kind in (REJECTION, RETIREMENT):
        assert end(moved, kind, "1.0.5").place
    moved.merge("ml", moved.commit({path: None}, "feature/gone", "ml"), ["ben"])
    other = dump(version_data("1.0.5", artifacts={"root": "models:/m-other", "files": FILES}))
    again = moved.commit({path: other}, "feature/again", "ml")
    report = check_change(moved.session(), "ml", again, ask_reviews=False)
    [found] = findings(report, "immutability")
    assert found.message == f"{MODEL}@1.0.5 was rejected with another manifest"


def test_a_second_time_nothing_is_left_to_do(moved: World) -> None:
    end(moved, ARCHIVAL)
    again = end(moved, ARCHIVAL)
    assert again.place is None
    assert (again.already or "").startswith("was archived on 2026-11-20 by ada: it is old")
    end(moved, REINSTATEMENT)
    assert end(moved, REINSTATEMENT).already == "hasn't ended"
    assert state(moved) is None


@pytest.mark.parametrize("kind", [REJECTION, ARCHIVAL])
def test_what_is_needed_can_not_be_ended(moved: World, kind: str) -> None:
    serves = end(moved, kind, "1.2.0")
    assert serves.obstacles == ("it serves in dev", "ml releases it")
    assert serves.mend == "release another version and deploy it, then run this again"
    target = end(moved, kind, "1.1.0")
    assert target.obstacles == ("it is the rollback target of dev",)
    assert target.mend == "wait until the environment has another version to go back to"
    assert (state(moved, "1.2.0"), state(moved, "1.1.0")) == (None, None)


def test_what_is_pinned_can_not_be_ended(moved: World) -> None:
    pins = {"rules": [], "pins": [f"{MODEL}@1.0.0"]}
    publish(moved, "main", {"policies/retention.yaml": dump(pins)})
    done = end(moved, ARCHIVAL)
    assert done.obstacles == ("it is pinned",)
    assert done.mend == "remove the pin from policies/retention.yaml first"


def test_what_nobody_can_read_keeps_everything(moved: World) -> None:
    publish(moved, "ml", {f"models/{MODEL}/release.yaml": "version: [\n"})
    assert "nobody can tell what ml releases" in end(moved, ARCHIVAL).obstacles
    publish(moved, "env/dev", {f"{MODEL}/release.json": "{}"})
    guards = whereabouts(moved.session(), MODEL).guards("1.0.0")
    assert any(one.startswith("nobody can tell what dev runs: ") for one in guards)


def test_a_waiver_that_lifts_a_quarantine_keeps_the_version(moved: World) -> None:
    """Quarantined, 1.1.0 is nobody's target; a waiver may make it one again."""
    digest = moved.locate("1.1.0", "origin/ml").digest
    session = moved.session()
    held = Statement(
        kind="quarantine",
        subject=f"models/{MODEL}/versions/1.1.0.yaml",
        digest=digest,
        made_at=moved.now,
        environment="dev",
        predicate={"version": "1.1.0", "reason": "errors"},
    )
    envelope = sign(held, moved.deployer.signer)
    session.ledger.append(MODEL, [envelope], author=MACHINE, at=moved.now)
    assert whereabouts(moved.session(), MODEL).targets("dev") == {"1.0.0"}
    waiver = {
        "model": MODEL,
        "version": "1.1.0",
        "digest": digest,
        "gate": "quarantine",
        "reason": "it was the network",
        "requested_by": "ada",
        "approved_by": "pat",
        "created_at": "2026-11-20T11:00:00Z",
        "expires": "2026-11-30T00:00:00Z",
    }
    publish(moved, "main", {"policies/waivers/back.yaml": dump(waiver)})
    assert whereabouts(moved.session(), MODEL).targets("dev") == {"1.1.0"}


def test_a_version_may_be_deprecated_while_it_serves(moved: World) -> None:
    done = end(moved, DEPRECATION, "1.2.0", replaced_by="1.1.0")
    assert (done.obstacles, done.serving) == ((), ("dev",))
    assert state(moved, "1.2.0") == "deprecated"
    run(moved, "dev")  # it goes on serving
    assert whereabouts(moved.session(), MODEL).serves("1.2.0", "dev")
    located = moved.locate("1.2.0", "origin/ml")
    session = moved.session()
    report = check_version(session, located, transition_for(session, located, "staging"))
    [found] = findings(report, "standing")
    assert found.outcome is Outcome.FAIL
    assert (found.mend or "").startswith(f"promote {MODEL}@1.1.0")


def test_a_release_of_what_has_ended_is_blocked(moved: World) -> None:
    end(moved, ARCHIVAL)
    files = {f"models/{MODEL}/release.yaml": dump(release_data("1.0.0"))}
    head = moved.commit(files, "feature/back", "ml")
    report = check_change(moved.session(), "ml", head, ask_reviews=False)
    assert {"release", "standing"} <= blocking(report)
    [found] = [f for f in findings(report, "release") if f.outcome.blocks]
    assert found.message.startswith(f"{MODEL} releases 1.0.0, which was archived on ")


def test_a_rollback_to_what_was_deprecated_passes_but_not_to_what_was_archived(
    moved: World,
) -> None:
    files = {f"models/{MODEL}/release.yaml": dump(release_data("1.1.0"))}
    head = moved.commit(files, "feature/back", "ml")
    end(moved, DEPRECATION, "1.1.0")
    report = check_change(moved.session(), "ml", head, ask_reviews=False)
    assert report.title.startswith("rollback")
    assert blocking(report) == set()


def test_a_retired_manifest_may_be_removed_by_a_pull_request(moved: World) -> None:
    files = {f"models/{MODEL}/versions/1.0.0.yaml": None}
    head = moved.commit(files, "feature/clean", "ml")
    report = check_change(moved.session(), "ml", head, ask_reviews=False)
    assert "immutability" in blocking(report)
    end(moved, ARCHIVAL)
    end(moved, RETIREMENT)
    report = check_change(moved.session(), "ml", head, ask_reviews=False)
    assert blocking(report) == set()
    moved.merge("ml", head, ["ben", "lena"])
    done = run(moved, "dev")
    assert not [d for d in done.decisions if d.blocked]
    assert state(moved) == "retired"


def test_a_merge_of_the_past_is_not_held_up_by_what_ended_since(moved: World) -> None:
    """1.3.0 was merged, then 1.4.0 in its place; it was archived before anybody deployed."""
    for version in ("1.3.0", "1.4.0"):
        head = moved.submit(version)
        moved.evidence(version, "dev", head)
        moved.merge("ml", head, ["ben", "lena"])
    assert end(moved, ARCHIVAL, "1.3.0").obstacles == ()
    [decision] = run(moved, "dev").decisions
    assert (decision.blocked, decision.wanted) == (False, "1.4.0")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"reason": " "}, "the reason is empty"),
        ({"by": "mallory"}, "mallory is in no role of the policy"),
        ({"replaced_by": "1.0.0"}, "1.0.0 can't replace itself"),
        ({"replaced_by": "9.0.0"}, "there is no version 9.0.0"),
    ],
)
def test_a_wish_that_can_not_be_meant(moved: World, more: dict[str, str], message: str) -> None:
    with pytest.raises(ModelctlError, match=message):
        end(moved, ARCHIVAL, **more)


def test_nothing_is_replaced_by_what_has_ended(moved: World) -> None:
    end(moved, ARCHIVAL)
    with pytest.raises(ModelctlError, match=r"1\.0\.0 was archived"):
        end(moved, DEPRECATION, "1.2.0", replaced_by="1.0.0")


def test_a_key_that_may_not_is_refused(moved: World) -> None:
    with pytest.raises(ModelctlError, match="key ci may not sign archival statements"):
        end(moved, ARCHIVAL, signer=moved.ci)
    assert state(moved) is None


def test_an_end_without_a_stage_can_not_be_reached(moved: World) -> None:
    lifecycle = yaml.safe_load(moved.show("origin/main", "policies/lifecycle.yaml"))
    lifecycle["ends"] = {}
    files = {"policies/lifecycle.yaml": dump(lifecycle), "policies/retention.yaml": None}
    publish(moved, "main", files)
    with pytest.raises(ModelctlError, match="no stage for versions that are archived"):
        end(moved, ARCHIVAL)


def test_without_a_signer_nothing_is_written(moved: World) -> None:
    wish = Wish(kind=ARCHIVAL, reason="it is old", by="ada")
    located = moved.locate("1.0.0", "origin/ml")
    done = end_version(moved.session(), located, wish, None)
    assert (done.obstacles, done.place) == ((), None)
    assert state(moved) is None

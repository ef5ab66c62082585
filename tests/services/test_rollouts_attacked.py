"""What must not slip through while a version is on its way: what serves fails, a breach is buried
under another merge, the branch or the gates change their mind, or the author decides alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from modelctl.adapters.documents import dump
from modelctl.domain.history import quarantines
from modelctl.domain.rollout_state import HOLD
from modelctl.errors import ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.going_back import ALREADY, Wish
from modelctl.services.guarding import Guard, Pass
from modelctl.services.rollout_people import Word, pause_it, promote_it, resume_it
from modelctl.services.rollout_ticks import tick
from modelctl.services.rollouts import Stepped
from support.deploys import run
from support.journey import bring
from support.rollouts import (
    Recording,
    counts as many,
    failing,
    healthy,
    look,
    observed,
    shares,
    start,
    told,
)
from support.ways_back import Figures, Traffic, back, counts, held, ran, sound
from support.world import MODEL, World, release_data, submission


@pytest.fixture
def twice(served: World) -> World:
    """1.1.0 serves in dev, and 1.0.0 did before."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    return served


def quarantined(world: World) -> list[str]:
    return [version for version, _, _ in held(world)]


# What serves, meanwhile


def watched(world: World, passes: int, **sides: Any) -> tuple[list[Pass], Traffic]:
    """So many passes of a guard, each a second after the one before."""
    figures, traffic = Figures(), Traffic()
    effects = traffic.effects(world, source={"dev": figures})
    guard = Guard(transitions=[world.transition("dev")], effects=effects, intact=sound)
    session, done = world.session(), []
    for _ in range(passes):
        world.later(seconds=1)
        figures.say(world.now, 0, **sides)
        done.append(guard.look(session.at(world.now)))
    return done, traffic


FINE = {"canary": counts(10, 0), "live": counts(10, 0)}


@pytest.mark.parametrize("strategy", ["shadow-week", "canary-standard"])
def test_what_serves_goes_back_although_a_rollout_is_under_way(twice: World, strategy: str) -> None:
    start(twice, "1.2.0", strategy)
    word = Word(by="ben", reason="later")
    effects = Effects(signer=twice.deployer.signer)
    pause_it(twice.session(), twice.transition("dev"), MODEL, effects, word)
    done, traffic = watched(twice, 3, stable=counts(1000, 990), **FINE)
    assert "rollback" in [change.kind for one in done for change in one.changes]
    assert traffic.where[MODEL] == [("1.0.0", 100)]
    assert quarantined(twice) == ["1.1.0"]
    assert (told(twice)[-1], ran(twice)[-1]) == ("superseded", "1.0.0")


def test_while_what_serves_is_well_its_rollout_stays(twice: World) -> None:
    start(twice, "1.2.0")
    done, _ = watched(twice, 3, stable=counts(1000, 0), **FINE)
    assert "rollback" not in [change.kind for one in done for change in one.changes]
    assert told(twice) == ["started"]


def test_beside_a_copy_of_it_what_serves_itself_is_watched(twice: World) -> None:
    start(twice, "1.2.0", "canary-standard")
    bad = {"stable": counts(10, 0), "serving": counts(1000, 990)}
    _, traffic = watched(twice, 3, **bad, **FINE)
    assert traffic.where[MODEL] == [("1.0.0", 100)]


def test_an_emergency_in_a_shadow_takes_back_what_serves(twice: World) -> None:
    start(twice, "1.2.0", "shadow-week")
    twice.later(minutes=1)
    traffic = Traffic()
    back(twice, "dev", traffic)
    assert traffic.where[MODEL] == [("1.0.0", 100)]
    assert quarantined(twice) == ["1.1.0"]
    assert told(twice)[-1] == "superseded"


def test_a_person_says_which_of_the_two_is_to_go(twice: World) -> None:
    start(twice, "1.2.0")
    twice.later(minutes=1)
    traffic = Traffic()
    with pytest.raises(ModelctlError, match="never ran"):
        back(twice, "dev", traffic, wish=Wish(of="9.9.9"))
    with pytest.raises(ModelctlError, match=r"1\.2\.0 takes over from 1\.1\.0"):
        back(twice, "dev", traffic, wish=Wish(of="1.2.0", to="1.0.0"))
    assert back(twice, "dev", traffic, wish=Wish(of="1.0.0")).outcome == ALREADY
    assert traffic.where == {}
    back(twice, "dev", traffic, wish=Wish(of="1.1.0"))
    assert traffic.where[MODEL] == [("1.0.0", 100)]
    assert quarantined(twice) == ["1.1.0"]


def test_without_a_word_the_newcomer_goes_and_the_other_way_is_told(twice: World) -> None:
    start(twice, "1.2.0")
    twice.later(minutes=1)
    done = back(twice, "dev")
    assert quarantined(twice) == ["1.2.0"]
    assert "--of 1.1.0" in (done.mend or "")


def test_both_go_where_a_person_names_what_was_before_them(twice: World) -> None:
    start(twice, "1.2.0")
    twice.later(minutes=5)
    back(twice, "dev", wish=Wish(to="1.0.0"))
    assert told(twice)[-1] == "superseded"
    assert sorted(quarantined(twice)) == ["1.1.0", "1.2.0"]
    twice.later(minutes=1)
    run(twice, "dev")
    assert shares(twice) == [("stable", "1.0.0", 100)]


# A breach on its way back


@pytest.fixture
def going_back(served: World) -> World:
    """1.1.0 broke a condition at a half of the traffic, and goes back by and by."""
    start(served)
    look(served, healthy(served, hours=2))
    look(served, healthy(served, hours=5))
    served.later(hours=1)
    worse = observed(served.now, timedelta(hours=1), canary=many(20000, errors=400))
    assert look(served, worse).events == ("going-back",)
    served.later(seconds=10)
    return served


def test_a_breach_is_remembered_from_the_first_step_back(going_back: World) -> None:
    assert quarantined(going_back) == ["1.1.0"]
    files = submission("1.1.0", release={"strategies": {"dev": "immediate"}})
    head = going_back.commit(files, "feature/again", "ml")
    going_back.merge("ml", head, ["ben", "lena"])
    assert [one.blocked for one in run(going_back, "dev").decisions] == [True]
    assert shares(going_back)[0][1] == "1.0.0"


def test_another_version_ends_it_as_rolled_back(going_back: World) -> None:
    other = [{"path": "MLmodel", "sha256": "d" * 64, "size": 1200}]
    manifest = {"artifacts": {"root": "models:/m-2", "files": other}}
    release = {"strategies": {"dev": "canary-standard"}}
    head = going_back.submit("1.2.0", manifest=manifest, release=release)
    going_back.evidence("1.2.0", "dev", head, artifacts={"MLmodel": "d" * 64})
    going_back.merge("ml", head, ["ben", "lena"])
    run(going_back, "dev")
    assert told(going_back)[-2:] == ["rolled-back", "started"]
    assert quarantined(going_back) == ["1.1.0"]


def test_at_its_end_it_is_quarantined_once(going_back: World) -> None:
    for _ in range(6):
        if told(going_back)[-1] == "rolled-back":
            break
        look(going_back, healthy(going_back, hours=1))
    assert told(going_back)[-1] == "rolled-back"
    assert len(quarantines(going_back.session().signed(MODEL))) == 1


# The branch and the gates, asked again


def through(world: World) -> list[Stepped]:
    """All the time that its plan takes, in health."""
    return [look(world, healthy(world, hours=hours)) for hours in (2, 5, 13, 25)]


def test_what_the_branch_took_back_does_not_go_on(served: World) -> None:
    start(served)
    files = {f"models/{MODEL}/release.yaml": dump(release_data("1.0.0"))}
    served.merge("ml", served.commit(files, "rollback/x", "ml"), ["ben", "lena"])
    done = through(served)
    assert {one.decision.action for one in done} == {HOLD}
    assert "wants something else" in done[-1].decision.reasons[0].message
    assert (told(served), ran(served)[-1]) == (["started"], "1.0.0")


SCAN = {"passed": False, "files": {"scanned": 1, "infected": 1},
        "vulnerabilities": {"critical": 3, "high": 0, "medium": 0, "low": 0}}  # fmt: skip


def fails_its_scan(world: World) -> None:
    world.later(minutes=1)
    world.record("security-scan", "offline", SCAN, pointer=f"{MODEL}@1.1.0^origin/ml")


def test_new_evidence_against_it_stops_it(served: World) -> None:
    start(served)
    fails_its_scan(served)
    done = through(served)
    assert {one.decision.action for one in done} == {HOLD}
    assert {reason.name for reason in done[-1].decision.reasons} == {"security-scan"}
    assert shares(served)[1][1:] == ("1.1.0", 5)
    healthy(served, hours=1)
    source = Recording(seen=[healthy(served, hours=2)])
    effects = Effects(signer=served.deployer.signer, source={"dev": source})
    dry = tick(served.session(), served.transition("dev"), effects, dry_run=True)
    assert [one.judged and one.judged.decision.action for one in dry.looked] == [HOLD]


def test_what_gates_hold_goes_back_all_the_same(served: World) -> None:
    start(served)
    fails_its_scan(served)
    assert look(served, failing(served, hours=1)).events[-1] in ("rolled-back", "going-back")


# The author


def test_nobody_alone_has_a_version_of_their_own_go_on(served: World) -> None:
    head = served.submit("1.1.0", release={"strategies": {"dev": "canary-standard"}})
    served.evidence("1.1.0", "dev", head)
    served.merge("ml", head, ["ada", "lena"], author="ben")
    run(served, "dev")
    served.later(minutes=1)
    dev, effects = (
        served.transition("dev"),
        Effects(signer=served.deployer.signer, source={"dev": Recording()}),
    )
    for author in ("ben", "Ben", "ada"):  # whose pull request it was, and who made the version
        with pytest.raises(ModelctlError, match=r"made 1\.1\.0 or brought it here"):
            promote_it(served.session(), dev, MODEL, effects, Word(by=author, reason="mine"))
    pause_it(served.session(), dev, MODEL, effects, Word(by="ben", reason="wait"))
    with pytest.raises(ModelctlError, match="no say"):
        resume_it(served.session(), dev, MODEL, effects, Word(by="ben", reason="go"))
    done = resume_it(served.session(), dev, MODEL, effects, Word(by="lena", reason="seen"))
    assert done.events == ("resumed",)


def test_who_made_it_elsewhere_made_it_here(served: World) -> None:
    """Ben's version served in dev; the pull request of its promotion is Ada's."""
    bring(served, "staging")
    served.later(days=3)
    manifest, release = (
        {"created_by": "The Oncology Team"},
        {"strategies": {"staging": "canary-standard"}},
    )
    head = served.submit("1.1.0", release=release, manifest=manifest)
    served.evidence("1.1.0", "dev", head)
    served.merge("ml", head, ["ada", "lena"], author="ben")
    run(served, "dev")
    served.later(days=8)
    head = served.promote("1.1.0", "staging")
    served.evidence("1.1.0", "staging", head)
    served.merge("develop", head, ["lena"], author="ada")
    run(served, "staging")
    served.later(minutes=1)
    seen = observed(served.now, timedelta(minutes=1), canary=many(20000))
    source = {"staging": Recording(seen=[seen])}
    staging, effects = (
        served.transition("staging"),
        Effects(signer=served.deployer.signer, source=source),
    )
    for author in ("ben", "ada"):
        with pytest.raises(ModelctlError, match=r"made 1\.1\.0 or brought it here"):
            promote_it(served.session(), staging, MODEL, effects, Word(by=author, reason="mine"))
    done = promote_it(served.session(), staging, MODEL, effects, Word(by="lena", reason="seen"))
    assert done.events == ("advanced",)

"""What people say of a rollout: heard, recorded, and never past what takes a version back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelctl.domain.history import quarantines
from modelctl.errors import DependencyError, ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.rollout_people import (
    Word,
    abort_it,
    pause_it,
    promote_it,
    require_rollout,
    resume_it,
)
from support.rollouts import (
    Recording,
    arrive,
    counts,
    failing,
    healthy,
    look,
    rollouts,
    shares,
    start,
    told,
)
from support.world import MODEL, World

WORD = Word(by="ben", reason="looking into it")


def effects(world: World, *seen: object) -> Effects:
    source = Recording(seen=list(seen))  # type: ignore[arg-type]
    return Effects(signer=world.deployer.signer, source={"dev": source})


def test_what_is_paused_stays_until_it_is_resumed(served: World) -> None:
    start(served)
    session, dev = served.session(), served.transition("dev")
    assert pause_it(session, dev, MODEL, effects(served), WORD).events == ("paused",)
    assert look(served, healthy(served, hours=30)).events == ()
    assert shares(served)[1][2] == 5
    assert resume_it(served.session(), dev, MODEL, effects(served), WORD).events == ("resumed",)
    assert look(served, healthy(served, hours=1)).events == ("advanced",)
    [one] = rollouts(served)
    assert [(e.by, e.reason) for e in one.events[1:3]] == [("ben", "looking into it")] * 2


def test_it_is_recorded_when_somebody_said_so(served: World) -> None:
    start(served)
    begun = served.now
    served.later(minutes=40)
    pause_it(served.session(), served.transition("dev"), MODEL, effects(served), WORD)
    [one] = rollouts(served)
    assert [event.at for event in one.events] == [begun, served.now]


def test_what_is_paused_goes_back_all_the_same(served: World) -> None:
    start(served)
    pause_it(served.session(), served.transition("dev"), MODEL, effects(served), WORD)
    assert look(served, failing(served, hours=1)).events == ("rolled-back",)


def test_nobody_promotes_past_a_breach(served: World) -> None:
    start(served)
    seen = failing(served, hours=1)
    with pytest.raises(ModelctlError, match=r"^1\.1\.0 has to go back: ") as caught:
        promote_it(
            served.session(), served.transition("dev"), MODEL, effects(served, seen), WORD, now=True
        )
    assert "modelctl rollout tick" in (caught.value.mend or "")
    assert (told(served), shares(served)[1][2]) == (["started"], 5)


def test_nobody_promotes_past_a_breach_that_is_over(served: World) -> None:
    start(served)
    breach, calm = failing(served, minutes=1), healthy(served, minutes=10)
    some = {side: counts(200, errors=40) for side in ("canary", "live")}
    short = replace(breach, sides={**breach.sides, **some})
    with pytest.raises(ModelctlError, match=r"^1\.1\.0 has to go back: "):
        promote_it(
            served.session(),
            served.transition("dev"),
            MODEL,
            effects(served, short, calm),
            WORD,
        )
    assert told(served) == ["started"]


def test_nobody_promotes_what_nobody_can_see(served: World) -> None:
    start(served)
    blind = Effects(signer=served.deployer.signer)
    with pytest.raises(DependencyError, match=r"^nothing says where the figures of dev come from"):
        promote_it(served.session(), served.transition("dev"), MODEL, blind, WORD)
    assert told(served) == ["started"]


def test_nobody_gives_all_traffic_to_what_was_not_heard(served: World) -> None:
    """Its plan is patient for two hours, and a person isn't asked to be less so."""
    start(served)
    dev = served.transition("dev")
    early, silence = healthy(served, hours=1), healthy(served, minutes=6)
    unasked = replace(silence, sides={"stable": counts(20000)})
    for seen in ((), (early,), (early, unasked)):
        with pytest.raises(ModelctlError, match=r"^nothing was heard of 1\.1\.0 at 5 %") as caught:
            promote_it(served.session(), dev, MODEL, effects(served, *seen), WORD, now=True)
        assert "modelctl rollout status" in (caught.value.mend or "")
    assert (told(served), shares(served)[1][2]) == (["started"], 5)
    for _ in range(3):
        promote_it(served.session(), dev, MODEL, effects(served), WORD)
    with pytest.raises(ModelctlError, match=r"^nothing was heard of 1\.1\.0 at"):
        promote_it(served.session(), dev, MODEL, effects(served), WORD)  # its last step
    seen = healthy(served, minutes=1)
    done = promote_it(served.session(), dev, MODEL, effects(served, seen), WORD)
    assert done.events == ("finished",)


def test_who_heard_of_it_needn_t_wait(served: World) -> None:
    start(served)
    seen, dev = healthy(served, minutes=1), served.transition("dev")
    served.later(minutes=4)
    done = promote_it(served.session(), dev, MODEL, effects(served, seen), WORD, now=True)
    assert done.events == ("finished",)


def test_nobody_promotes_past_a_gate(served: World) -> None:
    start(served)
    worse = {"passed": False, "vulnerabilities": {"critical": 1, "high": 0, "medium": 0, "low": 0},
             "files": {"scanned": 1, "infected": 0}}  # fmt: skip
    served.later(minutes=5)
    served.record("security-scan", "offline", worse, pointer=f"{MODEL}@1.1.0^origin/ml")
    with pytest.raises(ModelctlError, match=r"^gates speak against 1\.1\.0 by now: security"):
        promote_it(served.session(), served.transition("dev"), MODEL, effects(served), WORD)


def test_nobody_promotes_what_the_branch_wants_no_more(served: World) -> None:
    start(served)
    served.later(minutes=5)
    arrive(served, "1.2.0")
    with pytest.raises(ModelctlError, match=r"^ml wants something else than 1\.1\.0 by now"):
        promote_it(served.session(), served.transition("dev"), MODEL, effects(served), WORD)


@pytest.mark.parametrize(("at_once", "event"), [(True, "rolled-back"), (False, "going-back")])
def test_it_is_aborted(served: World, at_once: bool, event: str) -> None:
    start(served)
    dev = served.transition("dev")
    for _ in range(3):
        promote_it(served.session(), dev, MODEL, effects(served), WORD)
    done = abort_it(served.session(), dev, MODEL, effects(served), WORD, at_once=at_once)
    assert done.events == (event,)
    held = quarantines(served.session().signed(MODEL))
    assert [one.version for one in held] == ["1.1.0"]
    if held:
        assert held[0].reason == "rolled back on its way by ben: looking into it"


def test_without_a_rollout_there_is_nothing_to_say(served: World) -> None:
    with pytest.raises(ModelctlError, match=r"^no rollout of .* is under way in dev"):
        require_rollout(served.session(), served.transition("dev"), MODEL)

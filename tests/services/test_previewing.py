"""What a deploy would run, before anything is merged: each strategy at each step."""

from __future__ import annotations

import pytest

from modelctl.domain.rendering import RenderRequest
from modelctl.errors import ModelctlError
from modelctl.services.going_back import Cause, go_back
from modelctl.services.previewing import Asked, Preview, previews
from modelctl.services.rendering import render
from support.journey import bring, publish
from support.ways_back import Traffic, sound
from support.world import MODEL, World, submission


def request(
    world: World, ref: str | None = "feature/1.1.0", environment: str = "dev", **asked: object
) -> RenderRequest:
    return one(world, ref, environment, **asked).request


def one(world: World, ref: str | None = None, environment: str = "dev", **asked: object) -> Preview:
    wish = Asked(**asked)  # type: ignore[arg-type]
    [found] = previews(world.session(), world.transition(environment), ref=ref, asked=wish)
    return found


def parts(found: RenderRequest) -> list[tuple[str, int, int]]:
    return [(b.name, b.weight, b.mirror) for b in found.split]


def test_what_runs_keeps_who_brought_it_and_what_is_new_names_nobody(served: World) -> None:
    same = request(served, None)
    assert (same.approvers, same.pull_request) == (("ben", "lena"), 1)
    publish(served, "develop", submission())
    new = request(served, None, "staging")
    assert (new.approvers, new.pull_request) == ((), None)
    assert new.commit == served.builder.git("rev-parse", "origin/develop")


def test_another_ref_and_single_models_can_be_asked_for(served: World) -> None:
    head = served.submit("1.1.0")
    ahead = request(served)
    assert (ahead.version, ahead.commit) == ("1.1.0", head)
    session, dev = served.session(), served.transition("dev")
    assert previews(session, dev, []) == []
    with pytest.raises(ModelctlError, match="there is no model fraud-bot"):
        previews(session, dev, ["fraud-bot"])


@pytest.mark.parametrize("strategy", ["big-bang", None])
def test_a_strategy_that_the_policy_lacks_is_told(world: World, strategy: str | None) -> None:
    release = {"strategies": {"dev": "big-bang"}} if strategy is None else {}
    publish(world, "ml", submission(release=release))
    with pytest.raises(ModelctlError, match="strategy"):
        one(world, strategy=strategy)


def test_each_step_of_a_strategy_is_shown(served: World) -> None:
    served.submit("1.1.0")
    plain = request(served, strategy="canary-standard")
    assert parts(request(served, strategy="canary-standard", step=1)) == parts(plain)
    shares = [
        {name: weight for name, weight, _ in parts(found)}["canary"]
        for step in (1, 2, 3, 4)
        for found in [request(served, strategy="canary-standard", step=step)]
    ]
    assert shares == [5, 25, 50, 100]
    end = request(served, strategy="canary-standard", step=0)
    assert {name: weight for name, weight, _ in parts(end)}["stable"] == 100
    assert (end.split[0].version, end.version) == ("1.1.0", "1.1.0")
    with pytest.raises(ModelctlError, match="no step 5") as caught:
        request(served, strategy="canary-standard", step=5)
    assert caught.value.mend == "--step 1 to 4, or end"


def test_a_shadow_gets_copies_and_what_comes_at_once_is_brought_up_first(served: World) -> None:
    served.submit("1.1.0")
    assert ("shadow", 0, 100) in parts(request(served, strategy="shadow-week"))
    first = request(served, strategy="blue-green", step=1)
    assert parts(first) == [("stable", 100, 0), ("canary", 0, 0)]
    assert request(served, strategy="blue-green").split[0].version == "1.1.0"


def test_a_first_version_has_no_steps(world: World) -> None:
    publish(world, "ml", submission())
    assert parts(request(world, None)) == [("stable", 100, 0)]
    with pytest.raises(ModelctlError, match="nothing serves there yet"):
        one(world, step=1)


def test_what_serves_already_has_no_steps(served: World) -> None:
    with pytest.raises(ModelctlError, match="it serves there already"):
        one(served, step=1)


@pytest.mark.parametrize(
    ("strategy", "written"), [("blue-green", "blueGreen:"), ("canary-hours", "setWeight:")]
)
def test_a_controller_is_told_the_plan(world: World, strategy: str, written: str) -> None:
    argo = {"serving": {"target": "argo-rollouts"}}
    bring(world, "dev", model=argo)
    world.submit("1.1.0", model=argo)
    found = one(world, "feature/1.1.0", strategy=strategy)
    assert written in render(world.session(), [found.request])[MODEL]["manifests.yaml"]
    assert found.notes == ()
    step = one(world, "feature/1.1.0", strategy=strategy, step=1)
    assert step.request == found.request
    assert "does each step itself" in step.notes[0]
    end = one(world, "feature/1.1.0", strategy=strategy, step=0)
    assert parts(end.request) == [("stable", 100, 0)]


def test_what_is_quarantined_is_said_to_be(served: World) -> None:
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    traffic = Traffic()
    cause = Cause(trigger="errors", reason="half of it fails")
    session, dev = served.session(), served.transition("dev")
    go_back(session, dev, MODEL, cause=cause, effects=traffic.effects(served), intact=sound)
    found = one(served)
    assert found.request.version == "1.1.0"
    assert found.notes == (
        "1.1.0 is quarantined in dev, so no deploy brings it: errors: half of it fails",
    )

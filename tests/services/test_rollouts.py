"""Rollouts by the whole way: started by a deploy, stepped by what is observed, ended either way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from modelctl.adapters.documents import dump
from modelctl.adapters.signing_keys import key_document
from modelctl.domain.history import deployments, quarantines
from modelctl.domain.rollout_view import SAME
from modelctl.errors import ModelctlError
from modelctl.services.pointers import locate
from modelctl.services.rendering import render
from modelctl.services.rollout_views import explain
from support.deploys import run
from support.journey import publish
from support.rollouts import (
    STRATEGY,
    Traffic,
    counts,
    failing,
    healthy,
    look,
    observed,
    rollouts,
    running,
    shares,
    start,
    told,
    under_way,
)
from support.world import MODEL, World, release_data

HOUR = timedelta(hours=1)
POINTER = f"models/{MODEL}/release.yaml"


def versions(world: World) -> list[str]:
    """What was deployed to dev, as gates see it."""
    return [d.version for d in deployments(world.session().signed(MODEL))]


def test_a_deploy_begins_a_rollout(served: World) -> None:
    done = start(served)
    assert [(d.moves, d.blocked) for d in done.decisions] == [(True, False)]
    assert shares(served) == [("stable", "1.0.0", 95), ("canary", "1.1.0", 5)]
    assert (done.recorded, told(served), versions(served)) == (1, ["started"], ["1.0.0"])
    one = under_way(served)
    assert (one.stable.version, one.request.version) == ("1.0.0", "1.1.0")
    assert served.session().ledger.verify() == ()


def test_a_deploy_leaves_it_as_it_stands(served: World) -> None:
    first = start(served)
    served.later(minutes=10)
    again = run(served, "dev")
    assert (again.state, again.recorded, again.unaccounted) == (first.state, 0, ())
    assert told(served) == ["started"]


def test_it_steps_to_the_end(served: World) -> None:
    start(served)
    traffic = Traffic()
    for _ in range(4):
        look(served, healthy(served, hours=25), traffic=traffic)
    assert [step[1] for step in traffic.shares[:3]] == [
        ("canary", "1.1.0", 25),
        ("canary", "1.1.0", 50),
        ("canary", "1.1.0", 100),
    ]
    assert traffic.last == [("stable", "1.1.0", 100), ("previous", "1.0.0", 0)]
    assert told(served) == ["started", "advanced", "advanced", "advanced", "finished"]
    assert versions(served) == ["1.0.0", "1.1.0"]
    assert running(served).version == "1.1.0"
    assert (run(served, "dev").recorded, traffic.last) == (0, shares(served))
    assert served.session().ledger.verify() == ()


def test_a_breach_takes_it_back_and_rules_it_out(served: World) -> None:
    start(served)
    look(served, healthy(served, hours=25))
    traffic = Traffic()
    done = look(served, failing(served, hours=1), traffic=traffic)
    assert (done.events, traffic.last) == (("rolled-back",), [("stable", "1.0.0", 100)])
    assert (told(served), versions(served)) == (["started", "advanced", "rolled-back"], ["1.0.0"])
    [held] = quarantines(served.session().signed(MODEL))
    assert (held.version, held.environment) == ("1.1.0", "dev")
    assert "20.0" in held.reason or "0.2" in held.reason
    again = run(served, "dev")
    assert [(d.blocked, d.wanted) for d in again.decisions] == [(True, "1.1.0")]
    assert (again.recorded, again.unaccounted, shares(served)) == (0, (), traffic.last)
    assert served.session().ledger.verify() == ()


def test_the_way_back_may_be_gradual(served: World) -> None:
    start(served)
    for _ in range(2):
        look(served, healthy(served, hours=25))
    look(served, healthy(served, hours=25))  # all traffic
    slow = observed(served.now, HOUR, canary=counts(20000, slow=2000))
    served.later(hours=1)
    look(served, replace(slow, at=served.now))
    gone = [shares(served)[1]]
    for _ in range(2):
        served.later(minutes=1)
        look(served)
        gone.append(shares(served)[-1])
    assert gone == [("canary", "1.1.0", 50), ("canary", "1.1.0", 25), ("stable", "1.0.0", 100)]
    assert told(served)[-3:] == ["going-back", "going-back", "rolled-back"]


def test_without_figures_it_holds(served: World) -> None:
    start(served)
    served.later(minutes=90)
    done = look(served)
    assert (done.events, done.moved, shares(served)[1][2]) == ((), None, 5)
    served.later(hours=3)
    assert look(served).events == ("rolled-back",)


def test_the_branch_goes_back_to_what_serves(served: World) -> None:
    start(served)
    served.later(hours=1)
    back = served.commit({POINTER: dump(release_data("1.0.0"))}, "back", "ml")
    served.merge("ml", back, ["ben", "lena"])
    done = run(served, "dev")
    assert [(d.blocked, d.moves) for d in done.decisions] == [(False, True)]
    assert (shares(served), told(served)) == (
        [("stable", "1.0.0", 100)],
        ["started", "rolled-back"],
    )
    assert [q.version for q in quarantines(served.session().signed(MODEL))] == ["1.1.0"]
    assert (run(served, "dev").recorded, versions(served)) == (0, ["1.0.0"])


def test_another_version_takes_its_place(served: World) -> None:
    start(served)
    served.later(hours=1)
    start(served, "1.2.0")
    assert shares(served) == [("stable", "1.0.0", 95), ("canary", "1.2.0", 5)]
    assert told(served) == ["started", "superseded", "started"]
    assert [(one.version, one.is_open) for one in rollouts(served)] == [
        ("1.1.0", False),
        ("1.2.0", True),
    ]
    assert quarantines(served.session().signed(MODEL)) == ()


def test_a_blocked_version_leaves_the_rollout_alone(served: World) -> None:
    start(served)
    served.later(hours=1)
    head = served.submit("1.2.0", release={"strategies": {"dev": "canary-standard"}})
    served.merge("ml", head, ["ben", "lena"])  # nothing was measured
    done = run(served, "dev")
    assert [(d.blocked, d.wanted) for d in done.decisions] == [(True, "1.2.0")]
    assert (shares(served)[1], told(served)) == (("canary", "1.1.0", 5), ["started"])


def test_what_nobody_signed_is_put_back(served: World) -> None:
    start(served)
    one = running(served)
    more = [replace(b, weight=w) for b, w in zip(one.backends, (0, 100), strict=True)]
    forged = replace(one, backends=tuple(more))
    files = render(served.session(), [forged])[MODEL]
    publish(served, "env/dev", {f"{MODEL}/{name}": text for name, text in files.items()})
    assert shares(served)[1][2] == 100
    served.later(minutes=10)
    done = look(served)
    assert (done.events, shares(served)[1][2], told(served)) == ((), 5, ["started"])


def test_a_first_version_has_nothing_to_step_from(world: World) -> None:
    done = start(world, "1.0.0")
    assert (done.recorded, shares(world)) == (1, [("stable", "1.0.0", 100)])
    assert (told(world), versions(world)) == ([], ["1.0.0"])


def test_a_shadow_gets_copies_and_no_traffic(served: World) -> None:
    start(served, strategy="shadow-week")
    one = running(served)
    assert [(b.name, b.weight, b.mirror) for b in one.backends] == [
        ("stable", 100, 0),
        ("shadow", 0, 100),
    ]
    done = look(served, healthy(served, days=8))
    assert (done.events, done.state.phase) == (("waiting",), "waiting")


def without_the_strategy(world: World) -> None:
    """A policy that has the strategy of the rollout no more."""
    path = "policies/strategies.yaml"
    text = world.show("origin/main", path)
    assert text.count(f"  {STRATEGY}:\n") == 1
    publish(world, "main", {path: text.replace(f"  {STRATEGY}:\n", "  another:\n")})
    assert under_way(world).strategy is None


def test_whose_strategy_is_gone_goes_no_further(served: World) -> None:
    start(served)
    without_the_strategy(served)
    done = look(served, healthy(served, hours=25))
    assert [one.name for one in done.decision.reasons] == ["strategy"]
    assert (done.events, shares(served)[1][2], told(served)) == ((), 5, ["started"])


def test_whose_strategy_is_gone_goes_back_all_the_same(served: World) -> None:
    start(served)
    without_the_strategy(served)
    assert look(served, failing(served, seconds=30)).events == ("rolled-back",)
    assert shares(served) == [("stable", "1.0.0", 100)]
    found = explain(served.session(), rollouts(served)[0])
    assert [one.again for one in found.events] == [None, SAME]


def test_without_a_key_that_may_say_so_nothing_goes_on(served: World) -> None:
    start(served)
    key = served.deployer.trusted
    text = key_document(
        key.name,
        owner=key.owner,
        public=key.public,
        valid_from=key.valid_from,
        valid_until=served.now + HOUR,
        kinds=key.kinds,
        environments=key.environments,
    )
    publish(served, "main", {"policies/keys/deployer.yaml": text})
    traffic = Traffic()
    with pytest.raises(ModelctlError, match=r"^key deployer expired on "):
        look(served, healthy(served, hours=25), traffic=traffic)
    assert (traffic.shares, shares(served)[1][2]) == ([], 5)


def test_an_environment_s_name_means_what_serves(served: World) -> None:
    start(served)
    assert str(locate(served.session(), f"{MODEL}@dev").version.version) == "1.0.0"

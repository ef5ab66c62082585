"""What came onto a branch around the rules, and what was found since, while a version is on its
way or is asked for again: nobody gains by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from modelctl.adapters.documents import dump
from modelctl.errors import ModelctlError
from modelctl.services.going_back import NOWHERE, WENT_BACK, Cause, Wish
from modelctl.services.permission import require_role
from modelctl.services.rolling_back import plan_rollback
from support.deploys import run
from support.journey import bring, publish
from support.rollouts import healthy, look, running, shares, start
from support.waivers import for_version, grant
from support.ways_back import Traffic, back
from support.world import MODEL, World

ABOUT, RELEASE = f"models/{MODEL}/model.yaml", f"models/{MODEL}/release.yaml"
UNFAIR = {"size_band": {"small": {"accuracy": 0.99}, "large": {"accuracy": 0.55}}}
VULNERABLE = {
    "passed": False,
    "vulnerabilities": {"critical": 3, "high": 0, "medium": 0, "low": 0},
    "files": {"scanned": 1, "infected": 1},
}


@pytest.mark.parametrize("pushed", [False, True])
def test_a_pushed_model_yaml_lets_no_rollout_go_on(served: World, pushed: bool) -> None:
    start(served)
    served.later(minutes=10)
    served.evidence("1.1.0", "dev", "origin/ml", groups=UNFAIR)
    if pushed:
        data = yaml.safe_load(served.show("origin/ml", ABOUT))
        data["data_contract"].pop("protected_groups")
        publish(served, "ml", {ABOUT: dump(data)})
    done = look(served, healthy(served, hours=2), traffic=None)
    assert (done.events, shares(served)[1][2]) == ((), 5)
    assert "fairness" in done.decision.reasons[0].message


def test_a_pushed_owner_gives_another_team_no_say(served: World) -> None:
    bring(served, "staging")
    where = served.transition("staging")
    data = yaml.safe_load(served.show("origin/develop", ABOUT))
    publish(served, "develop", {ABOUT: dump({**data, "owner": "metabolic"})})
    with pytest.raises(ModelctlError, match="max holds no role"):
        require_role(served.session(), where, MODEL, "max")
    assert require_role(served.session(), where, MODEL, "lena") == "lena"


@pytest.mark.parametrize("planned", [False, True])
def test_a_way_back_serves_as_it_did_then(served: World, planned: bool) -> None:
    """The version that failed had brought another target: the pointer alone doesn't go back."""
    changes = {"serving": {"target": "kserve", "mode": "standard"}}
    head = served.submit("1.1.0", model=changes)
    served.evidence("1.1.0", "dev", head)
    served.merge("ml", head, ["ben", "lena"])
    run(served, "dev")
    assert running(served).target == "kserve"
    served.later(hours=2)
    back(served, "dev", Traffic())
    assert running(served).target == "gateway-api"
    served.later(days=200)  # by now its evidence would let it nowhere
    plan = plan_rollback(served.session(), MODEL, "dev", version="1.0.0", reason="too slow")
    assert set(plan.wanted.files) == {ABOUT, RELEASE}
    files = {path: data.decode() for path, data in plan.wanted.files.items()}
    kept = files if planned else {RELEASE: files[RELEASE]}
    served.merge("ml", served.commit(kept, "feature/back", "ml"), ["ben"])
    assert [d.blocked for d in run(served, "dev").decisions] == [not planned]
    assert running(served).target == "gateway-api"


# Forth again


@pytest.fixture
def waived(served: World) -> World:
    """1.1.0, which ada made, was taken back in dev, and a waiver lifts its quarantine."""
    bring(served, "dev", "1.1.0")
    served.later(hours=2)
    assert back(served, "dev").outcome == WENT_BACK
    served.later(hours=2)
    one = for_version(
        served,
        "origin/ml",
        "1.1.0",
        gate="quarantine",
        file=f"policies/waivers/{MODEL}-1.1.0-quarantine.yaml",
        requested_by="ben",
        approved_by="pat",
        created_at=served.now - timedelta(minutes=5),
    )
    grant(served, one)
    return served


def forth(world: World, by: str) -> str:
    """What becomes of it that somebody wants 1.1.0 again at once."""
    cause = Cause(trigger="a person", reason="1.0.0 is slow", by=by)
    done = back(world, "dev", Traffic(), cause=cause, wish=Wish(to="1.1.0", again=True))
    assert done.outcome in (WENT_BACK, NOWHERE)
    return done.problem or done.outcome


def test_another_one_may_go_forth_again(waived: World) -> None:
    assert forth(waived, "lena") == WENT_BACK
    assert shares(waived) == [("stable", "1.1.0", 100)]


def test_who_made_it_does_not_go_forth_with_it(waived: World) -> None:
    assert "it takes another one's word" in forth(waived, "ada")
    assert shares(waived)[0][1] == "1.0.0"


def test_what_was_found_since_keeps_it_where_it_is(waived: World) -> None:
    waived.record("security-scan", "offline", VULNERABLE, pointer=f"{MODEL}@1.1.0^origin/ml")
    waived.later(minutes=5)
    assert "gates speak against it by now: security-scan" in forth(waived, "lena")
    assert shares(waived)[0][1] == "1.0.0"

"""No version has all traffic before it took its steps: not by what its model.yaml says beside them,
nor because somebody rewrote the environment's branch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelctl.domain.policy import Transition
from modelctl.domain.tree import Tree
from modelctl.services.acting import Effects
from modelctl.services.deciding import Decision
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.session import Session
from modelctl.services.state import state_tree
from support.deploys import run
from support.journey import publish
from support.rollouts import arrive, shares, start, told
from support.ways_back import Traffic
from support.world import MODEL, World, submission

ALL_BY_WHAT_SERVED = [("stable", "1.0.0", 100)]


def blocking(decision: Decision) -> list[tuple[str, str]]:
    """What blocks a version: gate and message."""
    verdicts = [verdict for report in decision.reports for verdict in report.verdicts]
    found = [one for verdict in verdicts for one in verdict.findings]
    return [(one.gate, one.message) for one in found if one.outcome.blocks]


def test_a_field_that_the_target_does_not_read_spares_no_canary(served: World) -> None:
    arrive(served, model={"serving": {"target": "gateway-api", "gateway": False}})
    run(served, "dev")
    assert [share[1:] for share in shares(served)] == [("1.0.0", 95), ("1.1.0", 5)]
    assert told(served) == ["started"]


@pytest.mark.parametrize(
    "serving", [{"target": "kserve", "gateway": True}, {"target": "argo-rollouts", "gateway": True}]
)
def test_a_canary_at_another_address_does_not_take_over_at_once(
    served: World, serving: dict[str, Any]
) -> None:
    arrive(served, model={"serving": serving})
    [decision] = run(served, "dev").decisions
    [message] = [message for gate, message in blocking(decision) if gate == "serving"]
    assert "canary-standard would take over at once" in message
    assert shares(served) == ALL_BY_WHAT_SERVED
    assert told(served) == []


def test_it_moves_at_once_where_the_release_says_so(served: World) -> None:
    arrive(served, strategy="immediate", model={"serving": {"target": "kserve", "gateway": True}})
    run(served, "dev")
    assert shares(served) == [("stable", "1.1.0", 100)]


# The environment's branch, rewritten


def deleted(world: World) -> None:
    world.builder.git("push", "--quiet", "origin", ":env/dev")


def anew(world: World) -> None:
    """The same files, in a history of one commit."""
    git = world.builder.git
    git("fetch", "--quiet", "origin")
    commit = git("commit-tree", "origin/env/dev^{tree}", "-m", "anew")
    git("push", "--quiet", "--force", "origin", f"{commit}:refs/heads/env/dev")


def emptied(world: World) -> None:
    git = world.builder.git
    commit = git("commit-tree", git("hash-object", "-t", "tree", "-w", "/dev/null"), "-m", "x")
    git("push", "--quiet", "--force", "origin", f"{commit}:refs/heads/env/dev")


def deployed(world: World, traffic: Traffic) -> Deployed:
    effects = Effects(signer=world.deployer.signer, apply=traffic.apply)
    return deploy(world.session(), world.transition("dev"), world.merged(), effects)


def is_held(done: Deployed) -> bool:
    """Whether the model is left as it is, and people are told why and what to do."""
    [decision] = done.decisions
    told_of = [message for _, message in blocking(decision)]
    assert [message for message in told_of if "lacks the commit that the history" in message]
    mends = [f.mend for r in decision.reports for v in r.verdicts for f in v.findings]
    assert any("restore env/dev from a clone that has" in (mend or "") for mend in mends)
    return decision.lost and decision.request is None


@pytest.mark.parametrize("rewrite", [deleted, anew, emptied])
@pytest.mark.parametrize("days", [0, 200])
def test_what_nobody_can_show_is_neither_replaced_nor_taken_out(
    served: World, tmp_path: Path, rewrite: Any, days: int
) -> None:
    """Nor is it where the evidence of what serves is too old by now to judge it anew."""
    if not days:
        arrive(served)
    rewrite(served)
    served.later(days=days, minutes=5)
    fresh, traffic = served.copy_clone(tmp_path / "fresh"), Traffic()
    before = state_tree(fresh.session(), "dev").names(MODEL)
    done = deployed(fresh, traffic)
    assert is_held(done)
    assert traffic.order == []
    assert (told(fresh), done.recorded) == ([], 0)
    assert state_tree(fresh.session(), "dev").names(MODEL) == before


@pytest.mark.parametrize("rewrite", [deleted, anew, emptied])
def test_a_rollout_that_nobody_can_show_gets_no_more_traffic(
    served: World, tmp_path: Path, rewrite: Any
) -> None:
    start(served)
    served.later(minutes=5)
    rewrite(served)
    fresh, traffic = served.copy_clone(tmp_path / "fresh"), Traffic()
    assert is_held(deployed(fresh, traffic))
    assert traffic.order == []
    assert told(fresh) == ["started"]


def test_once_the_branch_is_restored_the_version_takes_its_steps(
    served: World, tmp_path: Path
) -> None:
    arrive(served)
    served.builder.git("fetch", "--quiet", "origin")
    kept = served.builder.git("rev-parse", "origin/env/dev")
    deleted(served)
    served.later(minutes=5)
    assert is_held(deployed(served.copy_clone(tmp_path / "fresh"), Traffic()))
    served.builder.git("push", "--quiet", "--force", "origin", f"{kept}:refs/heads/env/dev")
    again = served.copy_clone(tmp_path / "again")
    deployed(again, Traffic())
    assert [share[1:] for share in shares(again)] == [("1.0.0", 95), ("1.1.0", 5)]


@pytest.mark.parametrize("rewrite", [deleted, anew])
def test_the_other_models_go_on(served: World, tmp_path: Path, rewrite: Any) -> None:
    """By name: all of the state in force would end what it doesn't show."""
    files: dict[str, str | bytes | None] = {
        path.replace(MODEL, "churn-predictor"): str(text).replace(MODEL, "churn-predictor")
        for path, text in submission().items()
    }
    head = served.commit(files, "feature/churn", "ml")
    served.evidence_for("churn-predictor", head)
    served.merge("ml", head, ["ben", "lena"])
    rewrite(served)
    served.later(minutes=5)
    fresh, applied = served.copy_clone(tmp_path / "fresh"), []

    def apply(session: Session, _: Transition, tree: Tree, models: Any) -> dict[str, str]:
        applied.append(models)
        return {}

    effects = Effects(signer=fresh.deployer.signer, apply=apply)
    done = deploy(fresh.session(), fresh.transition("dev"), fresh.merged(), effects)
    blocked = {decision.model: decision.blocked for decision in done.decisions}
    assert blocked == {MODEL: True, "churn-predictor": False}
    assert applied == [["churn-predictor"]]
    assert done.recorded == 1


def test_a_model_that_the_branch_has_no_more_is_left_as_it_is_too(
    served: World, tmp_path: Path
) -> None:
    publish(served, "ml", {f"models/{MODEL}/release.yaml": None})
    anew(served)
    served.later(minutes=5)
    fresh, traffic = served.copy_clone(tmp_path / "fresh"), Traffic()
    done = deployed(fresh, traffic)
    assert "lacks the commit that the history names" in done.problems[MODEL]
    assert traffic.order == []
    assert shares(fresh) == ALL_BY_WHAT_SERVED

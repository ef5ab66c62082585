"""Rollouts that Argo Rollouts steps: what it says is asked of a cluster by kubectl itself, and is
carried out here, for the version that it is about and for no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from forge.server import Forge
from modelctl.adapters.kubectl import Kubectl
from modelctl.domain.controllers import UNTOLD
from modelctl.domain.history import deployments, quarantines
from modelctl.domain.rollout_view import RolloutView
from modelctl.errors import ModelctlError
from modelctl.services.acting import Effects
from modelctl.services.cluster import Cluster
from modelctl.services.deployed import Deployed
from modelctl.services.deploying import deploy
from modelctl.services.guarding import Guard
from modelctl.services.rollout_people import Word, abort_it, pause_it, promote_it, resume_it
from modelctl.services.rollout_ticks import Pass, tick
from modelctl.services.rollout_views import views
from support.hub import REPOSITORY, HubWorld
from support.journey import bring
from support.kube_cluster import ABORTED, Cluster as Server, kube_cluster
from support.rollouts import Recording, arrive, failing, running, shares, told
from support.world import MODEL, World

ARGO = {"model": {"serving": {"target": "argo-rollouts", "gateway": True}}}
WORD = Word(by="lena", reason="it was looked at")


@dataclass
class Case:
    """1.0.0 serves in dev by Argo Rollouts, in a cluster that plays its controller."""

    world: World
    server: Server

    def effects(self, **more: Any) -> Effects:
        cluster = Cluster(kubectl=Kubectl(context="test"))
        return Effects(
            signer=self.world.deployer.signer,
            **{"apply": cluster.apply, "controllers": cluster.controllers, **more},
        )

    def deploy(self, **more: Any) -> Deployed:
        world, effects = self.world, self.effects(**more)
        return deploy(world.session(), world.transition("dev"), world.merged(), effects)

    def arrive(self, version: str = "1.1.0", **more: Any) -> Deployed:
        arrive(self.world, version, **ARGO)
        return self.deploy(**more)

    def tick(self, **more: Any) -> Pass:
        return tick(self.world.session(), self.world.transition("dev"), self.effects(**more))

    def views(self, **more: Any) -> tuple[RolloutView, ...]:
        session, where = self.world.session(), [self.world.transition("dev")]
        return views(session, where, {}, controllers=self.effects(**more).controllers)

    @property
    def served(self) -> list[tuple[str, str]]:
        found = deployments(self.world.session().signed(MODEL))
        return [(one.version, one.environment) for one in found]

    @property
    def quarantined(self) -> list[str]:
        return [one.reason for one in quarantines(self.world.session().signed(MODEL))]

    @property
    def pods(self) -> Any:
        return self.server.one("rollouts", MODEL)["spec"]["template"]


@pytest.fixture
def case(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    bring(world, "dev", **ARGO)
    with kube_cluster(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        monkeypatch.setenv("HOME", str(tmp_path))
        one = Case(world=world, server=server)
        one.deploy()
        yield one


def test_it_serves_only_once_its_controller_says_so(case: Case) -> None:
    done = case.arrive()
    assert (done.recorded, done.left, dict(done.problems)) == (1, (), {})
    assert (told(case.world), case.served) == (["started"], [("1.0.0", "dev")])
    pods = case.pods
    weights = {"canary": {"weight": 25}, "stable": {"weight": 75}}
    case.server.steps(MODEL, currentStepIndex=3, canary={"weights": weights})
    first = case.tick()
    assert [str(one.open.controlled) for one in first.looked] == [
        "Argo Rollouts has it progressing at 25 %"
    ]
    assert (first.moved, told(case.world)) == ((), ["started"])
    case.server.finishes(MODEL)
    assert case.tick().moved == (MODEL,)
    assert told(case.world) == ["started", "finished"]
    assert case.served == [("1.0.0", "dev"), ("1.1.0", "dev")]
    assert shares(case.world) == [("stable", "1.1.0", 100)]
    assert (case.pods, case.tick().moved) == (pods, ())
    assert (case.deploy().recorded, case.world.session().ledger.verify()) == (0, ())


def test_what_it_aborts_goes_back_everywhere(case: Case) -> None:
    before = case.pods
    case.arrive()
    case.server.aborts(MODEL)
    done = case.tick()
    assert (done.moved, told(case.world)) == ((MODEL,), ["started", "rolled-back"])
    assert case.quarantined == [
        f"rolled back on its way: Argo Rollouts has it aborted at 0 %: {ABORTED}"
    ]
    # Whatever follows the environment's branch has the stable version again, and so has Argo.
    assert (running(case.world).version, case.pods) == ("1.0.0", before)
    assert case.server.one("rollouts", MODEL)["status"]["phase"] == "Healthy"
    assert case.served == [("1.0.0", "dev")]
    assert case.tick().moved == ()


def test_a_deploy_does_not_apply_again_what_was_aborted(case: Case) -> None:
    case.arrive()
    case.server.aborts(MODEL)
    done = case.deploy()
    assert told(case.world) == ["started", "rolled-back"]
    [decision] = done.decisions
    assert decision.blocked
    assert (running(case.world).version, case.served) == ("1.0.0", [("1.0.0", "dev")])


def test_the_abort_of_another_revision_is_ignored(case: Case) -> None:
    case.arrive()
    case.server.aborts(MODEL)
    nobody = {"controllers": None}
    case.arrive("1.2.0", apply=lambda *_: {}, **nobody)  # nothing has followed the branch yet
    done = case.tick(apply=lambda *_: {})
    [look] = done.looked
    assert str(look.open.controlled).endswith("the cluster's Rollout is of 1.1.0")
    assert told(case.world) == ["started", "superseded", "started"]
    case.deploy(**nobody)
    status = case.server.one("rollouts", MODEL)["status"]
    assert (status["phase"], status.get("abort")) == ("Progressing", None)
    assert [str(one.open.controlled) for one in case.tick().looked] == [
        "Argo Rollouts has it progressing at 5 %"
    ]
    assert (told(case.world)[-1], case.quarantined) == ("started", [])


def test_a_cluster_that_is_down_concludes_nothing(case: Case) -> None:
    case.arrive()
    case.server.aborts(MODEL)
    case.server.down = True
    done = case.tick(apply=lambda *_: {})
    assert "the cluster of test didn't answer" in done.left[0]
    left = case.deploy(apply=lambda *_: {}).left
    assert "the cluster of test didn't answer" in left[0]
    [view] = case.views()
    assert "the cluster of test didn't answer" in (view.problem or "")
    guard = Guard([case.world.transition("dev")], case.effects(apply=lambda *_: {}))
    assert "the cluster of test didn't answer" in guard.look(case.world.session()).problems[0]
    assert (told(case.world), case.quarantined) == (["started"], [])
    assert case.served == [("1.0.0", "dev")]


def test_without_a_cluster_it_stays_under_way(case: Case) -> None:
    nobody = {"controllers": None}
    case.arrive(**nobody)
    case.server.finishes(MODEL)
    assert (case.tick(**nobody).moved, case.deploy(**nobody).recorded) == ((), 0)
    assert (told(case.world), case.served) == (["started"], [("1.0.0", "dev")])
    [view] = case.views(**nobody)
    assert (view.problem, view.controller, view.state.weight) == (UNTOLD, UNTOLD, 0)


def test_people_see_the_share_that_its_controller_gives_it(case: Case) -> None:
    case.arrive()
    weights = {"canary": {"weight": 25}, "stable": {"weight": 75}}
    case.server.steps(
        MODEL,
        phase="Paused",
        message="CanaryPauseStep",
        currentStepIndex=4,
        pauseConditions=[{"reason": "InconclusiveAnalysisRun"}],
        canary={"weights": weights},
    )
    [view] = case.views()
    assert (view.state.weight, view.state.phase, view.until) == (25, "waiting", None)
    assert view.controller == "Argo Rollouts has it paused at 25 %: CanaryPauseStep"


def test_what_people_say_to_its_controller_they_say_by_its_tool(case: Case) -> None:
    case.arrive()
    session, where = case.world.session(), case.world.transition("dev")
    for say, verb in ((pause_it, "pause"), (resume_it, "promote"), (promote_it, "promote")):
        with pytest.raises(ModelctlError, match="Argo Rollouts steps") as raised:
            say(session, where, MODEL, case.effects(), WORD)
        assert raised.value.mend == f"kubectl argo rollouts {verb} {MODEL} --namespace models-dev"
    before = case.server.one("rollouts", MODEL)["status"]["stableRS"]
    done = abort_it(session, where, MODEL, case.effects(), WORD)
    assert (done.events, running(case.world).version) == (("rolled-back",), "1.0.0")
    status = case.server.one("rollouts", MODEL)["status"]
    assert (status["phase"], status["currentPodHash"]) == ("Healthy", before)


def test_the_triggers_of_the_rollback_policy_count_all_the_same(case: Case) -> None:
    case.arrive()
    source = Recording(seen=[failing(case.world, minutes=1), failing(case.world, minutes=1)])
    done = case.tick(source={"dev": source})
    assert (done.moved, told(case.world)) == ((MODEL,), ["started", "rolled-back"])
    assert source.asked[0].sides["canary"].service == f"{MODEL}-canary"
    assert running(case.world).version == "1.0.0"


def test_the_guard_does_the_paperwork_of_an_abort(case: Case, forge: Forge) -> None:
    case.arrive()
    case.server.aborts(MODEL)
    hub = HubWorld.create(case.world, forge)
    with hub.github() as github:
        guard = Guard([hub.world.transition("dev")], case.effects(github=github))
        first = guard.look(hub.world.session())
        hub.world.later(minutes=2)
        guard.look(hub.world.session())
    changes = [(one.kind, one.message) for one in first.changes]
    assert ("controller", f"Argo Rollouts has it aborted at 0 %: {ABORTED}") in changes
    assert told(case.world) == ["started", "rolled-back"]
    issues = hub.forge.state.repositories[REPOSITORY].issues.values()
    [pull] = [one for one in issues if getattr(one, "branch", "").startswith("rollback/")]
    assert pull.title == f"Roll {MODEL} back to 1.0.0 in dev"
    [incident] = [one for one in issues if "modelctl:incident" in one.body]
    assert incident.title == f"{MODEL}@1.1.0 was rolled back in dev"

"""A state put into force in a cluster: kubectl itself, against an API server that keeps it all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from modelctl.adapters.kubectl import Kubectl
from modelctl.adapters.kustomize import Kustomize
from modelctl.domain.policy import Transition
from modelctl.domain.rendering import RenderRequest
from modelctl.errors import DependencyError
from modelctl.services.cluster import Cluster
from modelctl.services.drifting import drift
from modelctl.services.session import Session
from support.kube_cluster import Cluster as Server, kube_cluster
from support.renders import TREE, parts, request
from support.trees import MemoryTree

OLD = request(target="gateway-api", version="1.0.0", digest="1a" * 32, storage_uri="models:/m-100")
NEW = request(target="gateway-api", version="1.1.0", digest="2b" * 32, storage_uri="models:/m-110")
ROUTE = "tumor-classifier"
V1, V2 = f"{ROUTE}-v1-0-0", f"{ROUTE}-v1-1-0"


@dataclass
class Case:
    """A cluster of an environment, and the client that is to be tested."""

    server: Server
    cluster: Cluster
    told: list[str] = field(default_factory=list)

    def apply(self, *requests: RenderRequest, models: Any = None) -> Mapping[str, str]:
        where = cast(Transition, _Where())
        return self.cluster.apply(cast(Session, None), where, state(*requests), models)

    def waiting(self, seconds: float) -> Case:
        return replace(self, cluster=replace(self.cluster, wait=timedelta(seconds=seconds)))


@dataclass(frozen=True)
class _Where:
    environment: str = "production"


def state(*requests: RenderRequest) -> MemoryTree:
    built = Kustomize.find().build(TREE, requests)
    return MemoryTree(
        {f"{m}/{name}": text.encode() for m, one in built.items() for name, text in one.items()}
    )


def at(weight: int) -> RenderRequest:
    """A canary of the new version with this share."""
    return replace(NEW, backends=parts(NEW, 100 - weight, weight))


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    with kube_cluster(tmp_path) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        monkeypatch.setenv("HOME", str(tmp_path))
        told: list[str] = []
        cluster = Cluster(kubectl=Kubectl(context="test"), progress=told.append)
        yield Case(server=server, cluster=cluster, told=told)


def test_a_first_deploy_makes_everything_and_says_which_cluster_it_is(case: Case) -> None:
    assert case.apply(OLD) == {}
    assert case.server.names("deployments") == [V1]
    assert case.server.weights(ROUTE) == {V1: 100}
    assert case.server.names("configmaps") == [f"{ROUTE}-release"]
    assert case.told[0].startswith("cluster: test, http://127.0.0.1:")


def test_a_step_moves_weights_alone_and_the_end_removes_what_is_cooled(case: Case) -> None:
    case.apply(OLD)
    case.apply(at(5))
    generation = case.server.one("deployments", V1)["metadata"]["generation"]
    template = case.server.one("deployments", V1)["spec"]["template"]
    case.apply(at(50))
    assert case.server.weights(ROUTE) == {V1: 50, V2: 50}
    assert case.server.one("deployments", V1)["spec"]["template"] == template
    assert case.server.one("deployments", V1)["metadata"]["generation"] == generation + 1
    assert case.apply(NEW) == {}
    assert case.server.weights(ROUTE) == {V2: 100}
    assert case.server.names("deployments") == [V2]
    assert f"cluster: removing Deployment {V1}" in case.told


def test_traffic_moves_after_the_version_and_before_the_old_one_goes(case: Case) -> None:
    case.apply(OLD)
    case.server.requests.clear()
    case.apply(NEW)
    order = case.server.requests
    route = order.index(f"apply httproutes {ROUTE}")
    assert order.index(f"apply deployments {V2}") < route < order.index(f"delete deployments {V1}")


def test_a_version_that_does_not_answer_gets_no_traffic(case: Case) -> None:
    case.apply(OLD)
    case.server.slow.add(V2)
    problems = case.apply(at(5))
    assert problems == {ROUTE: f"no traffic was moved, for no pod of {V2} answers yet"}
    assert case.server.weights(ROUTE) == {V1: 100}
    assert case.apply(NEW) == problems
    assert case.server.names("deployments") == [V1, V2]
    case.server.slow.clear()
    case.server.edit("deployments", V2, "kubelet", {"metadata": {"annotations": {"seen": "1"}}})
    assert case.apply(at(5)) == {}
    assert case.server.weights(ROUTE) == {V1: 95, V2: 5}


def test_a_way_back_does_not_wait_for_what_it_leaves(case: Case) -> None:
    case.apply(OLD)
    case.apply(at(50))
    case.server.slow.add(V2)
    case.server.edit("deployments", V2, "kubelet", {"metadata": {"annotations": {"seen": "1"}}})
    assert case.apply(at(25)) == {}
    assert case.server.weights(ROUTE) == {V1: 75, V2: 25}
    assert case.apply(OLD) == {}
    assert case.server.weights(ROUTE) == {V1: 100}


def test_waiting_ends_when_all_is_ready_or_time_is_up(case: Case) -> None:
    patient = case.waiting(20)
    assert patient.apply(OLD) == {}
    hasty = case.waiting(0.1)
    case.server.slow.add(ROUTE)
    problems = hasty.apply(at(5))
    assert problems == {ROUTE: f"not ready: HTTPRoute {ROUTE}: it isn't Accepted yet: of it"}


def test_what_never_gets_ready_is_told_at_once(case: Case) -> None:
    case.apply(OLD)
    case.apply(at(5))
    case.server.failing.add(V2)
    case.server.edit("deployments", V2, "kubelet", {"metadata": {"annotations": {"seen": "1"}}})
    problems = case.waiting(600).apply(at(5))
    assert problems == {ROUTE: f"not ready: Deployment {V2}: pods: ProgressDeadlineExceeded"}


def test_a_field_of_somebody_else_is_not_taken(case: Case) -> None:
    case.apply(OLD)
    case.server.edit("httproutes", ROUTE, "kubectl-edit", {"spec": {"hostnames": ["other"]}})
    problems = case.apply(at(5))
    assert problems == {
        ROUTE: "HTTPRoute tumor-classifier: .spec.hostnames belongs to kubectl-edit, who set it "
        "otherwise"
    }
    assert case.server.one("httproutes", ROUTE)["spec"]["hostnames"] == ["other"]


def test_one_model_that_is_refused_leaves_the_others(case: Case) -> None:
    other = replace(OLD, model="churn-predictor")
    case.server.refused[V1] = "admission webhook denied it"
    problems = case.apply(OLD, other)
    assert problems[ROUTE].startswith(f"Deployment {V1}: admission webhook denied it; ")
    assert case.server.weights("churn-predictor") == {"churn-predictor-v1-0-0": 100}
    assert ROUTE not in case.server.names("httproutes")


@pytest.mark.parametrize("folder", [".monitoring", "Anything"])
def test_what_lies_beside_the_models_is_never_applied(case: Case, folder: str) -> None:
    """Alerts lie there, which nobody signs, and whatever somebody pushed."""
    pushed = {name: state(NEW).read(f"{ROUTE}/{name}") or b"" for name in state(NEW).names(ROUTE)}
    both = state(OLD).edited({f"{folder}/{name}": data for name, data in pushed.items()})
    assert case.cluster.apply(cast(Session, None), cast(Transition, _Where()), both, None) == {}
    assert case.server.names("deployments") == [V1]
    assert drift(case.cluster, both) == ()


def test_only_what_modelctl_applied_is_removed(case: Case) -> None:
    other = replace(OLD, model="churn-predictor")
    case.apply(OLD, other)
    labels = dict(OLD.labels)
    meta = {"namespace": "models-production", "labels": labels}
    thing = {"apiVersion": "v1", "kind": "ConfigMap"}
    case.server.make("configmaps", {**thing, "metadata": {**meta, "name": "by-hand"}}, "kubectl")
    made = {**thing, "metadata": {**meta, "name": "made"}}
    case.server.make("configmaps", made, "modelctl", ownerReferences=[{"kind": "InferenceService"}])
    assert case.apply(OLD) == {}
    assert case.server.names("httproutes") == [ROUTE]
    assert set(case.server.names("configmaps")) == {"by-hand", "made", f"{ROUTE}-release"}


def test_models_that_did_not_move_are_left_alone(case: Case) -> None:
    other = replace(OLD, model="churn-predictor")
    case.apply(OLD, other)
    case.server.requests.clear()
    case.apply(NEW, other, models=[ROUTE])
    assert not [one for one in case.server.requests if "churn" in one]
    assert case.server.names("deployments") == ["churn-predictor-v1-0-0", V2]
    case.apply(other, models=[ROUTE])
    assert case.server.names("deployments") == ["churn-predictor-v1-0-0"]


def test_a_model_that_now_serves_on_a_machine_leaves_the_cluster(case: Case) -> None:
    case.apply(OLD)
    assert case.apply(replace(OLD, target="local")) == {}
    assert case.server.objects == {}


def test_what_is_not_removed_is_told(case: Case) -> None:
    case.apply(at(50))
    case.server.refused[V1] = "not allowed"
    problems = case.apply(NEW)
    assert problems[ROUTE].endswith("not allowed")
    assert case.server.weights(ROUTE) == {V2: 100}


def test_it_may_be_run_again_and_again(case: Case) -> None:
    case.apply(at(25))
    before = dict(case.server.objects)
    assert case.apply(at(25)) == {}
    assert sorted(before) == sorted(case.server.objects)


def test_a_cluster_that_does_not_answer_leaves_it_undecided(case: Case) -> None:
    case.server.down = True
    with pytest.raises(DependencyError, match="the cluster of test didn't answer"):
        case.apply(OLD)


def test_weights_that_a_controller_wrote_stay(case: Case) -> None:
    stepped = replace(NEW, target="argo-rollouts")
    case.apply(stepped)
    route = case.server.one("httproutes", ROUTE)
    (rule,) = route["spec"]["rules"]
    moved = [{**ref, "weight": w} for ref, w in zip(rule["backendRefs"], (80, 20), strict=True)]
    rules = [{**rule, "backendRefs": moved}]
    case.server.edit("httproutes", ROUTE, "rollouts-controller", {"spec": {"rules": rules}})
    assert case.waiting(5).apply(stepped) == {}
    assert case.server.weights(ROUTE) == {f"{ROUTE}-stable": 80, f"{ROUTE}-canary": 20}
    assert drift(case.cluster, state(stepped)) == ()


def test_kserve_is_ready_when_it_says_so(case: Case) -> None:
    case.server.slow.add(ROUTE)
    asked = replace(NEW, target="kserve", gateway=True)
    problems = case.waiting(0.1).apply(asked)
    assert problems == {ROUTE: f"not ready: InferenceService {ROUTE}: loading"}
    case.server.slow.clear()
    case.server.edit(
        "inferenceservices", ROUTE, "kserve", {"metadata": {"annotations": {"a": "b"}}}
    )
    assert case.waiting(5).apply(asked) == {}


def test_a_cluster_as_it_should_be_has_no_drift(case: Case) -> None:
    case.apply(at(25))
    assert drift(case.cluster, state(at(25))) == ()
    labels = {"metadata": {"annotations": {"team.example.com/note": "hands off"}}}
    case.server.edit("deployments", V1, "kubectl-annotate", labels)
    assert drift(case.cluster, state(at(25))) == ()


def test_drift_is_told_with_the_field_and_who_set_it(case: Case) -> None:
    case.apply(at(25))
    case.server.edit("deployments", V1, "kubectl-scale", {"spec": {"revisionHistoryLimit": 9}})
    (found,) = drift(case.cluster, state(at(25)), [ROUTE])
    assert str(found) == (
        f"Deployment {V1} `spec.revisionHistoryLimit`: 9 instead of 3, by kubectl-scale"
    )
    assert found.model == ROUTE


def test_what_is_missing_and_what_is_too_much_is_drift(case: Case) -> None:
    case.apply(at(25))
    key = next(key for key in case.server.objects if key[0] == "services" and key[2] == V2)
    del case.server.objects[key], case.server.owners[key]
    assert [str(one) for one in drift(case.cluster, state(at(25)))] == [
        f"Service {V2}: it is missing"
    ]
    case.apply(at(25))
    extra = [str(one) for one in drift(case.cluster, state(OLD))]
    assert f"Deployment {V2}: the state has no such object" in extra


def test_a_cluster_without_the_kinds_of_other_targets_is_enough(case: Case) -> None:
    case.server.absent |= {"argoproj.io/v1alpha1", "serving.kserve.io/v1beta1"}
    assert case.apply(OLD) == {}
    assert case.apply(NEW) == {}
    assert case.server.names("deployments") == [V2]

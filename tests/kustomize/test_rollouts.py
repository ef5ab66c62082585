"""Every step of every shipped strategy for every target of a cluster: what is rendered, by the CRDs
and the rules beside them; and that no step touches a pod.

`UPDATE_GOLDEN=1 pytest tests/kustomize` writes the golden files anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from modelctl.adapters.crds import validate
from modelctl.adapters.kustomize import Kustomize
from modelctl.adapters.manifests import read_objects
from modelctl.adapters.policies import load_policy
from modelctl.domain.backends import service_of, slug
from modelctl.domain.fitting import objections
from modelctl.domain.manifest import Serving
from modelctl.domain.plans import STEPPED_BY_CONTROLLER, Check, Plan, Stage, plan_of
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.rollout_split import split, warming, whole
from modelctl.domain.strategies import STEPPED, Strategy
from modelctl.errors import ModelctlError
from support.renders import ROOT, TREE, crd_folder, request
from support.trees import MemoryTree

GOLDEN = Path(__file__).parent / "golden_rollouts"
TARGETS = (
    ("gateway-api", "standard"),
    ("kserve", "standard"),
    ("kserve", "knative"),
    ("argo-rollouts", "standard"),
)
PROMETHEUS = "http://prometheus.monitoring.svc:9090"
Objects = tuple[Mapping[str, Any], ...]


def strategies() -> Mapping[str, Strategy]:
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "policies").rglob("*")
        if path.is_file()
    }
    return load_policy(MemoryTree(files), "c0" * 20).strategies


STRATEGIES = strategies()


@dataclass(frozen=True)
class Step:
    """One state of a rollout: what is asked for, and the share of the new version."""

    name: str
    request: RenderRequest
    weight: int


def asked(target: str, mode: str, version: str, digit: str) -> RenderRequest:
    return request(
        target=target,
        mode=mode,
        version=version,
        digest=digit * 64,
        storage_uri=f"models:/m-{version.replace('.', '')}",
    )


def old_and_new(target: str, mode: str) -> tuple[RenderRequest, RenderRequest]:
    return asked(target, mode, "1.0.0", "1"), asked(target, mode, "1.1.0", "2")


def steps(target: str, mode: str, strategy: Strategy) -> Iterator[Step]:
    """From what serves to the end, and back."""
    old, new = old_and_new(target, mode)
    yield Step("before", whole(old), 0)
    if target == "argo-rollouts":
        handed_over = replace(warming(old, new), plan=plan_of(strategy))
        yield Step("handed-over", handed_over, 100)
        yield Step("finished", whole(handed_over), 100)
        return
    if strategy.kind == "blue-green":
        yield Step("warming", warming(old, new), 0)
    if strategy.kind in STEPPED:
        for index, step in enumerate(strategy.steps):
            now = split(strategy, old, new, weight=step.weight)
            yield Step(f"step-{index}", now, step.weight)
        for weight in strategy.back.weights if strategy.back else ():
            yield Step(f"back-{weight}", split(strategy, old, new, weight=weight), weight)
    yield Step("kept-warm", whole(new, old), 100)
    yield Step("cooled", whole(new), 100)


def fitting(target: str, mode: str, strategy: Strategy) -> bool:
    serving = Serving(target=target, mode=mode, gateway=True, runtime="mlflow")
    return not list(objections(serving, strategy))


CASES = [
    (target, mode, name)
    for target, mode in TARGETS
    for name, strategy in STRATEGIES.items()
    if fitting(target, mode, strategy)
]
STEPPED_HERE = [case for case in CASES if case[0] not in STEPPED_BY_CONTROLLER]


def build(*requests: RenderRequest) -> list[Objects]:
    """Each request as a model of its own, all in one build."""
    named = [replace(one, model=f"tumor-{n}") for n, one in enumerate(requests)]
    built = Kustomize.find().build(TREE, named)
    return [read_objects(built[one.model]["manifests.yaml"]) for one in named]


def one(objects: Objects, kind: str) -> Mapping[str, Any]:
    (found,) = (obj for obj in objects if obj["kind"] == kind)
    return found


def shares(objects: Objects, of: RenderRequest) -> dict[str, int]:
    """The share of each Service or revision, whatever the target calls it."""
    if of.target == "kserve":
        spec = one(objects, "InferenceService")["spec"]
        if of.mode == "knative":
            return {"newest": spec["predictor"].get("canaryTrafficPercent", 100)}
        others = {c["predictor"]["name"]: c["trafficPercent"] for c in spec.get("canary", ())}
        return {spec["predictor"]["name"]: 100 - sum(others.values()), **others}
    rule = one(objects, "HTTPRoute")["spec"]["rules"][-1]
    return {
        ref["name"].partition("-v")[2] or ref["name"]: ref["weight"] for ref in rule["backendRefs"]
    }


@pytest.mark.parametrize(("target", "mode", "name"), CASES)
def test_every_step_is_what_the_crds_and_the_rules_accept(
    target: str, mode: str, name: str
) -> None:
    todo = list(steps(target, mode, STRATEGIES[name]))
    for step, objects in zip(todo, build(*(step.request for step in todo)), strict=True):
        assert validate(objects, crd_folder()) == (), step.name


@pytest.mark.parametrize(("target", "mode", "name"), STEPPED_HERE)
def test_the_shares_are_those_of_the_step_and_add_up(target: str, mode: str, name: str) -> None:
    todo = list(steps(target, mode, STRATEGIES[name]))
    for step, objects in zip(todo, build(*(step.request for step in todo)), strict=True):
        found = shares(objects, step.request)
        if mode == "knative":
            begun = any(b.name == "canary" for b in step.request.backends)
            assert found == {"newest": step.weight if begun else 100}, step.name
            continue
        assert sum(found.values()) == 100, step.name
        new = [share for service, share in found.items() if service.endswith("1-1-0")]
        assert sum(new) == step.weight, step.name


@pytest.mark.parametrize(
    ("target", "mode", "name"), [case for case in STEPPED_HERE if case[1] == "standard"]
)
def test_no_step_starts_a_pod_anew(target: str, mode: str, name: str) -> None:
    """The pods of each version are the same from the first step that has them to the last."""
    seen: dict[str, Any] = {}
    todo = list(steps(target, mode, STRATEGIES[name]))
    for n, objects in enumerate(build(*(step.request for step in todo))):
        same = json.loads(json.dumps(objects).replace(f"tumor-{n}", "tumor"))
        for version, pods in _pods(same).items():
            assert seen.setdefault(version, pods) == pods, (todo[n].name, version)
    assert {"v1-0-0", "v1-1-0"} <= {version.removeprefix("tumor-") for version in seen}


def _pods(objects: Objects) -> dict[str, Any]:
    """What makes the pods of each version, by what they are called."""
    found = {
        obj["metadata"]["name"]: (obj["spec"]["selector"], obj["spec"]["template"])
        for obj in objects
        if obj["kind"] == "Deployment"
    }
    for obj in (obj for obj in objects if obj["kind"] == "InferenceService"):
        canaries = [canary["predictor"] for canary in obj["spec"].get("canary", ())]
        for predictor in (obj["spec"]["predictor"], *canaries):
            scaling = ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget")
            pods = {key: value for key, value in predictor.items() if key not in scaling}
            found[predictor["name"]] = pods
    return found


def test_both_versions_are_there_until_the_old_one_is_cooled() -> None:
    for target, mode in (("gateway-api", "standard"), ("kserve", "standard")):
        todo = list(steps(target, mode, STRATEGIES["canary-standard"]))
        names = [step.name for step in todo]
        for step, objects in zip(todo, build(*(step.request for step in todo)), strict=True):
            count = len(_pods(objects))
            assert count == (1 if step.name in ("before", "cooled") else 2), step.name
        assert names[-2:] == ["kept-warm", "cooled"]


def test_a_shadow_gets_copies_and_no_answer_of_it_is_used() -> None:
    shadow = STRATEGIES["shadow-week"]
    for target in ("gateway-api", "kserve"):
        old, new = old_and_new(target, "standard")
        now = split(shadow, old, new, weight=0)
        (rule,) = one(build(now)[0], "HTTPRoute")["spec"]["rules"]
        refs = [(ref["name"], ref["weight"]) for ref in rule["backendRefs"]]
        renamed = replace(now, model="tumor-0")
        stable, copied = renamed.backends
        assert refs == [(service_of(renamed, stable), 100)]
        (mirror,) = (f["requestMirror"] for f in rule["filters"] if f["type"] == "RequestMirror")
        assert mirror["backendRef"]["name"] == service_of(renamed, copied)
        assert mirror["percent"] == 100


@pytest.mark.parametrize("target", ["gateway-api", "kserve"])
def test_requests_with_the_header_go_to_the_new_version_first(target: str) -> None:
    old, new = old_and_new(target, "standard")
    now = split(STRATEGIES["ab-test-fortnight"], old, new, weight=50)
    stable, canary = now.backends
    marked = replace(now, backends=(stable, replace(canary, header=("x-variant", "b"))))
    objects = build(marked)[0]
    assert validate(objects, crd_folder()) == ()
    picked, rest = one(objects, "HTTPRoute")["spec"]["rules"]
    renamed = replace(marked, model="tumor-0")
    assert picked["matches"][0]["headers"] == [{"type": "Exact", "name": "x-variant", "value": "b"}]
    asked = [(ref["name"], ref["weight"]) for ref in picked["backendRefs"]]
    assert asked == [(service_of(renamed, stable), 0), (service_of(renamed, canary), 100)]
    assert [ref["weight"] for ref in rest["backendRefs"]] == [50, 50]
    assert "headers" not in rest["matches"][0]


def test_a_baseline_has_pods_of_its_own_as_many_as_the_canary() -> None:
    old, new = old_and_new("gateway-api", "standard")
    now = split(STRATEGIES["canary-baseline"], old, new, weight=25)
    objects = build(now)[0]
    least = {
        obj["metadata"]["name"]: obj["spec"]["minReplicas"]
        for obj in objects
        if obj["kind"] == "HorizontalPodAutoscaler"
    }
    assert least == {"tumor-0-v1-0-0": 3, "tumor-0-v1-1-0": 2, "tumor-0-b1-0-0": 2}
    assert shares(objects, now) == {"1-0-0": 50, "1-1-0": 25, "tumor-0-b1-0-0": 25}


def test_kserve_gives_a_canary_fixed_replicas_no_more_than_the_stable_ones() -> None:
    old, new = old_and_new("kserve", "standard")
    spec = one(
        build(split(STRATEGIES["canary-standard"], old, new, weight=5))[0], "InferenceService"
    )["spec"]
    (canary,) = spec["canary"]
    assert not {"maxReplicas", "scaleTarget", "scaleMetric", "autoScaling"} & set(
        canary["predictor"]
    )
    assert {"maxReplicas", "scaleMetric"} <= set(spec["predictor"])
    assert canary["predictor"]["minReplicas"] <= spec["predictor"]["minReplicas"]


def test_promotion_in_kserve_names_the_stable_predictor_as_the_canary_was() -> None:
    old, new = old_and_new("kserve", "standard")
    last, end = build(split(STRATEGIES["canary-standard"], old, new, weight=100), whole(new))
    before, after = (one(objects, "InferenceService")["spec"] for objects in (last, end))
    assert after["predictor"]["name"] == before["canary"][0]["predictor"]["name"] == "v1-1-0"
    assert "canary" not in after


def test_an_environment_says_how_many_canaries_kserve_keeps() -> None:
    patch = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
        "  - target: {kind: InferenceService}\n    patch: |-\n"
        "      - {op: replace, path: /spec/canary/0/predictor/minReplicas, value: 1}\n"
    )
    tree = {**TREE, "overlays/production/kserve/canary/kustomization.yaml": patch.encode()}
    old, new = old_and_new("kserve", "standard")
    now = split(STRATEGIES["canary-standard"], old, new, weight=5)
    built = Kustomize.find().build(tree, [now])[now.model]["manifests.yaml"]
    (service,) = read_objects(built)
    assert service["spec"]["canary"][0]["predictor"]["minReplicas"] == 1
    assert service["spec"]["predictor"]["minReplicas"] == 3


PLAN = plan_of(
    STRATEGIES["canary-hours"],
    checks=(Check(name="error-rate", query="a > bool 1", because="errors", sustained=120),),
    stage_checks={1: (Check(name="drift", query="d > bool 1", because="drift", halts=True),)},
    enough={0: "r >= bool 1000"},
    prometheus=PROMETHEUS,
)


def handed_over(plan: Plan) -> Objects:
    new = old_and_new("argo-rollouts", "standard")[1]
    objects = build(replace(new, plan=plan))[0]
    assert validate(objects, crd_folder()) == ()
    return objects


def test_the_controller_gets_the_steps_and_the_analyses_of_the_plan() -> None:
    objects = handed_over(PLAN)
    canary = one(objects, "Rollout")["spec"]["strategy"]["canary"]
    assert [next(iter(step.items())) for step in canary["steps"]] == [
        ("setWeight", 5),
        ("pause", {"duration": "3600s"}),
        ("analysis", {"templates": [{"templateName": "tumor-0-requests-0"}]}),
        ("setWeight", 25),
        ("analysis", {"templates": [{"templateName": "tumor-0-checks-1"}]}),
        ("setWeight", 50),
        ("pause", {"duration": "14400s"}),
        ("pause", {}),
        ("setWeight", 100),
        ("pause", {"duration": "3600s"}),
    ]
    assert canary["analysis"] == {
        "templates": [{"templateName": "tumor-0-checks"}],
        "startingStep": 1,
    }
    assert canary["scaleDownDelaySeconds"] == 3600


def test_the_end_of_what_a_controller_steps_changes_nothing_in_the_cluster() -> None:
    """Not even where an environment has its canaries differ: that would start another rollout."""
    patch = (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
        "  - target: {kind: Rollout}\n    patch: |-\n"
        "      - {op: replace, path: /spec/template/spec/terminationGracePeriodSeconds, value: 9}\n"
    )
    path = "overlays/production/argo-rollouts/canary/kustomization.yaml"
    old, new = old_and_new("argo-rollouts", "standard")
    now = replace(warming(old, new), plan=PLAN)
    kustomize, tree = Kustomize.find(), {**TREE, path: patch.encode()}
    begun, done = (kustomize.build(tree, [step])[new.model] for step in (now, whole(now)))
    assert begun["manifests.yaml"] == done["manifests.yaml"]
    assert begun["release.json"] != done["release.json"]


def test_an_answer_that_is_empty_is_neither_success_nor_failure() -> None:
    templates = [obj for obj in handed_over(PLAN) if obj["kind"] == "AnalysisTemplate"]
    metrics = {m["name"]: m for t in templates for m in t["spec"]["metrics"]}
    rate, drift, enough = metrics["error-rate"], metrics["drift"], metrics["requests"]
    assert rate["provider"]["prometheus"] == {"address": PROMETHEUS, "query": "a > bool 1"}
    assert (rate["successCondition"], rate["failureCondition"]) == (
        "len(result) > 0 && result[0] == 0",
        "len(result) > 0 && result[0] == 1",
    )
    assert (rate["failureLimit"], rate["inconclusiveLimit"]) == (2, 30)
    assert "failureCondition" not in drift
    assert drift["count"] == 120
    assert (enough["consecutiveSuccessLimit"], enough["failureLimit"]) == (1, 30)


def test_blue_green_switches_by_itself_or_waits_for_a_person() -> None:
    check = Check(name="errors", query="a", because="b")
    plan = Plan(kind="blue-green", automatic=False, checks=(check,), prometheus=PROMETHEUS, warm=60)
    found = one(handed_over(plan), "Rollout")["spec"]["strategy"]
    assert found == {
        "blueGreen": {
            "activeService": "tumor-0-stable",
            "previewService": "tumor-0-canary",
            "autoPromotionEnabled": False,
            "scaleDownDelaySeconds": 60,
            "prePromotionAnalysis": {"templates": [{"templateName": "tumor-0-checks"}]},
        }
    }
    template = one(handed_over(plan), "AnalysisTemplate")
    assert template["spec"]["metrics"][0]["count"] == 1
    plain = one(handed_over(Plan(kind="blue-green")), "Rollout")["spec"]["strategy"]["blueGreen"]
    assert sorted(plain) == ["activeService", "autoPromotionEnabled", "previewService"]


def test_an_ab_test_is_an_experiment_with_two_equal_halves_and_a_person_at_its_end() -> None:
    check = Check(name="errors", query="a", because="b")
    stage = Stage(weight=50, seconds=600, checks=(check,))
    plan = Plan(
        kind="ab-test", automatic=False, stages=(stage,), checks=(check,), prometheus=PROMETHEUS
    )
    experiment, pause = one(handed_over(plan), "Rollout")["spec"]["strategy"]["canary"]["steps"]
    halves = experiment["experiment"]["templates"]
    assert [(half["specRef"], half["weight"]) for half in halves] == [
        ("stable", 50),
        ("canary", 50),
    ]
    names = [one["templateName"] for one in experiment["experiment"]["analyses"]]
    assert names == ["tumor-0-checks", "tumor-0-checks-0"]
    assert pause == {"pause": {}}
    bare = Plan(kind="ab-test", stages=(Stage(weight=20, seconds=60),))
    (step,) = one(handed_over(bare), "Rollout")["spec"]["strategy"]["canary"]["steps"]
    assert "analyses" not in step["experiment"]
    assert {half["weight"] for half in step["experiment"]["templates"]} == {20}


def test_without_steps_all_traffic_moves_at_once() -> None:
    canary = one(handed_over(Plan(kind="immediate")), "Rollout")["spec"]["strategy"]["canary"]
    assert "steps" not in canary
    assert "analysis" not in canary


@pytest.mark.parametrize(
    ("target", "mode", "changes", "message"),
    [
        ("argo-rollouts", "standard", {"mirror": 100}, "plugin only moves shares"),
        ("argo-rollouts", "standard", {"header": ("a", "b")}, "plugin only moves shares"),
        ("kserve", "knative", {"mirror": 100}, "Knative mode can't split"),
        ("kserve", "knative", {"header": ("a", "b")}, "Knative mode can't split"),
        ("kserve", "knative", {"name": "shadow"}, "into stable, shadow"),
    ],
)
def test_what_a_target_would_ignore_is_refused(
    target: str, mode: str, changes: Any, message: str
) -> None:
    old, new = old_and_new(target, mode)
    stable, canary = warming(old, new).backends
    with pytest.raises(ModelctlError, match=message):
        build(replace(new, backends=(stable, replace(canary, **changes))))


def test_kserve_without_the_gateway_api_gets_no_canary() -> None:
    old, new = old_and_new("kserve", "standard")
    with pytest.raises(ModelctlError, match="nothing splits KServe's traffic"):
        build(replace(warming(old, new), gateway=False))


GOLDENS = [
    ("gateway-api", "standard", "canary-standard", "step-1"),
    ("gateway-api", "standard", "shadow-week", "step-0"),
    ("kserve", "standard", "canary-standard", "step-1"),
    ("kserve", "standard", "shadow-week", "step-0"),
    ("kserve", "knative", "canary-standard", "step-1"),
    ("argo-rollouts", "standard", "canary-hours", "handed-over"),
]


@pytest.mark.parametrize(("target", "mode", "name", "step"), GOLDENS)
def test_the_output_is_golden(target: str, mode: str, name: str, step: str) -> None:
    (chosen,) = (s for s in steps(target, mode, STRATEGIES[name]) if s.name == step)
    now = chosen.request if target != "argo-rollouts" else replace(chosen.request, plan=PLAN)
    folder = GOLDEN / f"{target}-{mode}-{name}"
    for file, text in Kustomize.find().build(TREE, [now])[now.model].items():
        if os.environ.get("UPDATE_GOLDEN"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(text.encode())
        assert text.encode() == (folder / file).read_bytes(), f"{folder / file} differs"


def test_a_version_whose_number_does_not_fit_is_named_by_a_hash() -> None:
    asked = old_and_new("gateway-api", "standard")[0]
    backend = asked.split[0]
    assert slug(asked, backend) == "v1-0-0"
    long = slug(asked, replace(backend, version="1.0.0-rc.1+build.7"))
    assert len(long) == 17
    assert long.startswith("v")
    assert "-" not in long
    assert slug(asked, replace(backend, name="baseline")) == "b1-0-0"

"""The `argo-rollouts` target: the controller steps by a plan, and asks Prometheus itself.

A check gives 1 where its condition holds and 0 where it doesn't: so an answer that is empty is
neither a success nor a failure, but inconclusive, and then the controller pauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from modelctl.domain.overlay_routes import path_of, workload
from modelctl.domain.patching import Operation, Patch, Patches, add, rename
from modelctl.domain.plans import AB_TEST, BLUE_GREEN, Check, Plan, Stage
from modelctl.domain.rendering import RenderRequest
from modelctl.domain.serving import WHOLE
from modelctl.errors import ModelctlError

_STRATEGY: Final = "/spec/strategy"
_CANARY: Final = f"{_STRATEGY}/canary"
_PLUGIN: Final = f"{_CANARY}/trafficRouting/plugins/argoproj-labs~1gatewayAPI"
_REFS: Final = "/spec/rules/0/backendRefs"

_HOLDS: Final = "len(result) > 0 && result[0] == 1"
_DOES_NOT: Final = "len(result) > 0 && result[0] == 0"


def argo_rollouts(request: RenderRequest) -> Patches:
    """The Rollout with its steps, its analyses, and the route that the controller moves.

    Raises:
        ModelctlError: parts that the controller has no place for.
    """
    for backend in request.backends:
        if backend.mirror or backend.header:
            raise ModelctlError(
                f"Argo Rollouts can't copy or pick the requests of {request.model}: its Gateway "
                "API plugin only moves shares",
                mend="choose a canary, an A/B test by shares, or another target",
            )
    route = [
        *rename(f"{_REFS}/0/name", f"{request.name}-stable", placeholder="model-stable"),
        *rename(f"{_REFS}/1/name", f"{request.name}-canary", placeholder="model-canary"),
        *path_of(request),
    ]
    return {
        **workload(request, _incoming(request), "Rollout", request.name),
        "references.json": Patch(select={"kind": "Rollout"}, content=list(_references(request))),
        "http-route.json": Patch(select={"kind": "HTTPRoute"}, content=route),
        **_analyses(request),
    }


def _incoming(request: RenderRequest) -> Any:
    """The version of the pods: the controller keeps those of the one before by itself."""
    return next(one for one in request.split if one.digest == request.digest)


def _references(request: RenderRequest) -> Iterator[Operation]:
    name, plan = request.name, request.plan
    for service in ("stable", "canary"):
        path = f"{_CANARY}/{service}Service"
        yield from rename(path, f"{name}-{service}", placeholder=f"model-{service}")
    yield from rename(f"{_PLUGIN}/httpRoute", name)
    if plan is None:
        return
    if plan.kind == BLUE_GREEN:
        yield add(f"{_STRATEGY}/blueGreen", _blue_green(request, plan))
        yield {"op": "remove", "path": _CANARY}
        return
    if plan.warm:
        yield add(f"{_CANARY}/scaleDownDelaySeconds", plan.warm)
    steps = list(_steps(request, plan))
    if steps:
        yield add(f"{_CANARY}/steps", steps)
    if plan.checks and plan.kind != AB_TEST:
        yield add(
            f"{_CANARY}/analysis", {"templates": _named(request, "checks"), "startingStep": 1}
        )


def _blue_green(request: RenderRequest, plan: Plan) -> Mapping[str, Any]:
    judged = {"prePromotionAnalysis": {"templates": _named(request, "checks")}}
    return {
        "activeService": f"{request.name}-stable",
        "previewService": f"{request.name}-canary",
        "autoPromotionEnabled": plan.automatic,
        **({"scaleDownDelaySeconds": plan.warm} if plan.warm else {}),
        **(judged if plan.checks else {}),
    }


def _steps(request: RenderRequest, plan: Plan) -> Iterator[Mapping[str, Any]]:
    for index, stage in enumerate(plan.stages):
        if plan.kind == AB_TEST:
            yield _experiment(request, stage, index, judged=bool(plan.checks))
        else:
            yield {"setWeight": stage.weight}
            yield _hold(request, stage, index)
        if stage.enough:
            yield {"analysis": {"templates": _named(request, f"requests-{index}")}}
        if stage.pause:
            yield {"pause": {}}
    if plan.stages and not plan.automatic:
        yield {"pause": {}}


def _hold(request: RenderRequest, stage: Stage, index: int) -> Mapping[str, Any]:
    """An analysis lasts as long as its measurements, so it stands in for the pause."""
    if stage.checks:
        return {"analysis": {"templates": _named(request, f"checks-{index}")}}
    return {"pause": {"duration": f"{stage.seconds}s"}}


def _experiment(
    request: RenderRequest, stage: Stage, index: int, *, judged: bool
) -> Mapping[str, Any]:
    """Both halves as pods of their own that begin at the same time, each with the same share: so
    neither has the warmer caches. What they don't get stays with the version that serves."""
    share = min(stage.weight, WHOLE // 2)
    halves = [
        {"name": name, "specRef": spec, "weight": share}
        for name, spec in (("baseline", "stable"), ("candidate", "canary"))
    ]
    names = [*(["checks"] if judged else []), *([f"checks-{index}"] if stage.checks else [])]
    analyses = [{"name": name, "templateName": f"{request.name}-{name}"} for name in names]
    experiment = {"duration": f"{stage.seconds}s", "templates": halves}
    return {"experiment": {**experiment, **({"analyses": analyses} if analyses else {})}}


def _named(request: RenderRequest, name: str) -> list[Mapping[str, str]]:
    return [{"templateName": f"{request.name}-{name}"}]


def _analyses(request: RenderRequest) -> Patches:
    """The AnalysisTemplates that the steps name."""
    plan = request.plan
    if plan is None:
        return {}
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    if plan.checks:
        once = {"count": 1} if plan.kind == BLUE_GREEN else {}
        found["checks"] = [{**metric, **once} for metric in _metrics(plan, plan.checks)]
    for index, stage in enumerate(plan.stages):
        if stage.checks:
            count = max(1, stage.seconds // plan.every)
            metrics = _metrics(plan, stage.checks)
            found[f"checks-{index}"] = [{**metric, "count": count} for metric in metrics]
        if stage.enough:
            found[f"requests-{index}"] = [_enough(plan, stage.enough)]
    return {
        f"analysis-{name}.json": Patch(select={}, content=_template(request, name, metrics))
        for name, metrics in found.items()
    }


def _template(
    request: RenderRequest, name: str, metrics: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": f"{request.name}-{name}"},
        "spec": {"metrics": list(metrics)},
    }


def _metrics(plan: Plan, checks: Iterable[Check]) -> Iterator[Mapping[str, Any]]:
    """What must last fails only when it was measured so often in a row. A check that halts is
    inconclusive where it holds, which pauses; one that nobody can tell may stay so for as long as
    the plan is patient."""
    for check in checks:
        metric = {
            "name": check.name,
            "interval": f"{plan.every}s",
            "successCondition": _DOES_NOT,
            "inconclusiveLimit": max(1, plan.patience // plan.every),
            **_asking(plan, check.query),
        }
        if check.halts:
            yield {**metric, "inconclusiveLimit": check.sustained // plan.every}
        else:
            yield {
                **metric,
                "failureCondition": _HOLDS,
                "failureLimit": check.sustained // plan.every,
            }


def _enough(plan: Plan, query: str) -> Mapping[str, Any]:
    """Ends with the first success, and fails when patience ends: until then the step holds."""
    return {
        "name": "requests",
        "interval": f"{plan.every}s",
        "successCondition": _HOLDS,
        "failureCondition": f"!({_HOLDS})",
        "consecutiveSuccessLimit": 1,
        "failureLimit": max(1, plan.patience // plan.every),
        **_asking(plan, query),
    }


def _asking(plan: Plan, query: str) -> Mapping[str, Any]:
    return {"provider": {"prometheus": {"address": plan.prometheus, "query": query}}}

"""The alerts, routes and dashboard of an environment, by the policies and what runs there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelctl.adapters.condition_tree import condition_tree
from modelctl.adapters.documents import dump
from modelctl.adapters.git import Draft
from modelctl.adapters.github.addresses import parse_remote
from modelctl.domain.alert_routes import config_fragment, config_object
from modelctl.domain.alert_rules import FOLDER, AlertProblem, model_rules
from modelctl.domain.dashboards import dashboard_object
from modelctl.domain.figure_queries import Asked
from modelctl.domain.manifest import Model
from modelctl.domain.metric_sources import PrometheusAt
from modelctl.domain.observations import BASELINE, CANARY, LIVE_SIDE, STABLE, Endpoint, Watched
from modelctl.domain.policy import Transition
from modelctl.domain.recorded_figures import Watch, backend_side, selector
from modelctl.domain.rendering import RenderRequest, to_json
from modelctl.domain.rollout_split import incoming_of, part, serving_of
from modelctl.domain.tree import Tree
from modelctl.errors import ModelctlError
from modelctl.services.candidates import read_model
from modelctl.services.lying import lying
from modelctl.services.rollouts import endpoint_of, namespace_of
from modelctl.services.session import MACHINE, Session
from modelctl.services.state import models_of, readable_record, state_tree
from modelctl.services.writing import edits_for

ENVIRONMENT_FILE = f"{FOLDER}/_environment.json"
"""No model can have this name."""
_GUIDE = "docs/operating.md"
_SECTION = "alerts-and-dashboards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What an environment serves of one model, and the namespace of its objects."""

    request: RenderRequest
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """The objects of an environment by the file that they belong in, and every condition of the
    policies that couldn't become an alert."""

    files: Mapping[str, Sequence[Mapping[str, Any]]]
    problems: tuple[AlertProblem, ...] = ()

    @property
    def objects(self) -> list[Mapping[str, Any]]:
        """All of them, by file."""
        return [one for path in sorted(self.files) for one in self.files[path]]

    @property
    def groups(self) -> list[Mapping[str, Any]]:
        """The groups of rules of all models, as a plain Prometheus reads them."""
        found = (one["spec"]["groups"] for one in self.objects if one["kind"] == "PrometheusRule")
        return [group for groups in found for group in groups]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The commit of the environment's branch, and what of the policies couldn't become an alert."""

    commit: str | None
    problems: tuple[AlertProblem, ...] = ()


def monitored(
    session: Session, transition: Transition, served: Sequence[Served] | None = None
) -> Monitored:
    """The objects for what an environment serves, by default by its branch.

    Raises:
        ModelctlError: no Prometheus knows of the environment, so that no rule would be evaluated.
    """
    environment, policy = transition.environment, session.policy
    source = policy.metrics.at(environment)
    if source is None:
        raise ModelctlError(
            f"{environment} is measured by the router of this machine, which evaluates no alerts",
            mend=f"name a Prometheus for {environment} in sources of policies/metrics.yaml; the "
            "guard needs none",
        )
    running = served_now(session, environment) if served is None else served
    runbook = _runbook(session)
    files: dict[str, Sequence[Mapping[str, Any]]] = {}
    problems: list[AlertProblem] = []
    for one in sorted(running, key=lambda one: one.request.model):
        watch = _watch(session, one, source, runbook)
        found = model_rules(watch, policy.monitoring, policy.rollback, condition_tree)
        files[f"{FOLDER}/{one.request.model}.json"] = [found.object]
        problems.extend(found.problems)
    namespaces = sorted({one.namespace for one in running})
    if namespaces:
        channels = policy.monitoring.channels
        files[ENVIRONMENT_FILE] = [
            *(config_object(environment, namespace, channels) for namespace in namespaces),
            dashboard_object(environment, namespaces[0]),
        ]
    return Monitored(files=files, problems=tuple(dict.fromkeys(problems)))


def monitoring_files(
    session: Session, transition: Transition, served: Sequence[Served] | None = None
) -> Mapping[str, str]:
    """The files below `FOLDER` that the environment's branch must have, and no others; none where
    no Prometheus knows of the environment."""
    if session.policy.metrics.at(transition.environment) is None:
        return {}
    return files_of(monitored(session, transition, served))


def files_of(found: Monitored) -> Mapping[str, str]:
    """Each file as JSON, for programs."""
    return {
        path: to_json({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        for path, objects in sorted(found.files.items())
    }


def as_yaml(found: Monitored) -> Mapping[str, str]:
    """Each file as YAML, for people."""
    return {
        path.replace(".json", ".yaml"): "---\n".join(dump(one) for one in objects)
        for path, objects in sorted(found.files.items())
    }


def routes(session: Session, environments: Sequence[str]) -> str:
    """`route` and `receivers` of an alertmanager.yml, for those without the operator."""
    return dump(config_fragment(environments, session.policy.monitoring.channels))


def write_monitoring(
    session: Session, transition: Transition, models: Collection[str] | None = None
) -> Kept:
    """Makes `FOLDER` of the environment's branch what watches all that the branch runs, and nothing
    else; where models are named, their files alone.

    It is paperwork: traffic has moved before, and what has moved meanwhile is seen, for the very
    tree is read that is written on. Run again, it writes nothing.
    """
    branch = session.policy.lifecycle.state_of(transition.environment)
    source = session.policy.metrics.at(transition.environment)
    problems: tuple[AlertProblem, ...] = ()
    if source is None and not state_tree(session, transition.environment).names(FOLDER):
        return Kept(commit=None)

    def build(tip: str | None) -> Draft | None:
        nonlocal problems
        here, files = session.repository.tree(tip), dict[str, str]()
        if source is not None:
            running = served_in(here, transition.environment, models)
            found = monitored(session, transition, running)
            files, problems = dict(files_of(found)), found.problems
        wanted = {path: text.encode() for path, text in files.items() if _meant(path, models)}
        there = [entry for entry in lying(here, FOLDER) if _meant(entry.path, models)]
        edits = dict(edits_for(here, there, wanted))
        if not edits:
            return None
        message = f"Watch {transition.environment} by the rules of {session.policy.commit[:12]}\n"
        return Draft(edits=edits, message=message, author=MACHINE, at=int(session.now.timestamp()))

    commit = session.repository.update_branch(branch, build)
    return Kept(commit=commit, problems=problems)


def followed(session: Session, transition: Transition, models: Collection[str]) -> tuple[str, ...]:
    """Has the alerts of models that moved follow them; what is left to do, as sentences. What the
    rules say that can't be an alert is told by a deploy, for nothing that moves changes that."""
    try:
        if models:
            write_monitoring(session, transition, models)
    except ModelctlError as error:
        return (f"alerts of {transition.environment}: {error}",)
    return ()


def served_now(session: Session, environment: str) -> tuple[Served, ...]:
    """Every model that the environment's branch says it runs."""
    return served_in(state_tree(session, environment), environment)


def served_in(
    tree: Tree, environment: str, models: Collection[str] | None = None
) -> tuple[Served, ...]:
    """Every model that a state of an environment says it runs, or these alone."""
    names = models_of(tree) if models is None else sorted(models)
    found = ((name, readable_record(tree, name)) for name in names)
    return tuple(
        Served(request=one, namespace=namespace_of(tree, name) or environment)
        for name, one in found
        if one is not None
    )


def _watch(session: Session, one: Served, source: PrometheusAt, runbook: str | None) -> Watch:
    request, metrics = one.request, session.policy.metrics
    sides = sides_of(request)
    asked = Asked(
        watched=Watched(
            model=request.model,
            environment=request.environment,
            namespace=one.namespace,
            since=session.now,
            sides=sides,
        ),
        mesh=metrics.meshes[source.mesh],
        own=metrics.own,
        interval=source.scrape_interval,
        fresh=source.fresh,
        reference=session.policy.monitoring.reference,
        traffic=traffic_of(request),
    )
    return Watch(
        model=_model(session, request),
        request=request,
        namespace=one.namespace,
        query=asked.query,
        sides=frozenset(sides),
        interval=source.scrape_interval,
        runbook=runbook,
    )


def _meant(path: str, models: Collection[str] | None) -> bool:
    """Whether a file is to be looked at."""
    return models is None or path in {f"{FOLDER}/{model}.json" for model in models}


def sides_of(request: RenderRequest) -> Mapping[str, Endpoint]:
    """Who stands for each side of a condition, and each backend for itself."""
    serves, coming = serving_of(request), incoming_of(request)
    sides = {STABLE: part(request, BASELINE) or serves, BASELINE: serves, LIVE_SIDE: serves}
    if coming is not None:
        sides |= {CANARY: coming, LIVE_SIDE: coming}
    sides |= {backend_side(backend): backend for backend in request.split}
    return {side: endpoint_of(request, backend) for side, backend in sides.items()}


def traffic_of(request: RenderRequest) -> str:
    """All requests a second to the model, as they are recorded, whatever version answers them."""
    labels = {"environment": request.environment, "model": request.model}
    return selector("modelctl:backend_throughput_rps", labels)


def _model(session: Session, request: RenderRequest) -> Model:
    """The model as the commit has it that its version was deployed from."""
    model = read_model(session.repository.tree(request.commit), request.model)
    if model is None:
        raise ModelctlError(
            f"commit {request.commit[:12]} has no readable model.yaml of {request.model}",
            mend="run `modelctl check --all` on the branch of its environment",
        )
    return model


def _runbook(session: Session) -> str | None:
    """Where people read what to do, where the repository has that page and is on GitHub."""
    repository, commit = session.repository, session.policy.commit
    remote = parse_remote(repository.remote_url or "")
    if remote is None or repository.tree(commit).entry(_GUIDE) is None:
        return None
    branch = session.policy.lifecycle.default_branch
    return f"https://{remote.host}/{remote.repository}/blob/{branch}/{_GUIDE}#{_SECTION}"

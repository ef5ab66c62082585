"""Puts the state of an environment into force in a cluster.

Traffic moves late: first the versions are applied; once a pod of each that is to get more requests
answers, the route sends them there; what the state has no more goes at the end. Each step looks at
what is there, so it may be killed anywhere and run again, and by two at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from modelctl.adapters.kubectl import Kubectl
from modelctl.adapters.manifests import read_objects
from modelctl.domain.controllers import Controlled, controlled
from modelctl.domain.objects import Key, key_of
from modelctl.domain.plans import STEPPED_BY_CONTROLLER
from modelctl.domain.policy import Transition
from modelctl.domain.problems import Object
from modelctl.domain.readiness import Readiness, readiness
from modelctl.domain.rendering import MANIFESTS, RELEASE, RenderRequest
from modelctl.domain.traffic import ROUTE, as_stepped, silent
from modelctl.domain.tree import Tree
from modelctl.services.open_rollouts import namespace_of
from modelctl.services.session import Session
from modelctl.services.state import models_of, readable_record, record

TYPES: Final = (
    "analysistemplates.argoproj.io",
    "configmaps",
    "deployments.apps",
    "horizontalpodautoscalers.autoscaling",
    "httproutes.gateway.networking.k8s.io",
    "inferenceservices.serving.kserve.io",
    "networkpolicies.networking.k8s.io",
    "poddisruptionbudgets.policy",
    "rollouts.argoproj.io",
    "services",
)
"""What is looked through for things that the state has no more."""

LOCAL: Final = "local"
_EVERY: Final = 1.0
_ROLLOUT: Final = "Rollout"
Live = Mapping[Key, Object]
Problems = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The objects of one model. The routes come apart, because traffic moves late. `stepped` says
    that a controller writes the weights."""

    versions: tuple[Object, ...] = ()
    routes: tuple[Object, ...] = ()
    stepped: bool = False

    @property
    def objects(self) -> tuple[Object, ...]:
        """All of them, in the order in which they are applied."""
        return (*self.versions, *self.routes)

    def routes_over(self, live: Live) -> tuple[Object, ...]:
        """The routes to apply over those of the cluster."""
        if not self.stepped:
            return self.routes
        return tuple(as_stepped(route, live.get(key_of(route))) for route in self.routes)


def wanted(tree: Tree, model: str) -> Wanted:
    """What a state has of one model for a cluster: nothing where it serves on a machine, so that
    what it had in the cluster goes."""
    one = record(tree, model)
    if one is None or one.target == LOCAL:
        return Wanted()
    path = f"{model}/{MANIFESTS}"
    objects = read_objects((tree.read(path) or b"").decode(), file=path)
    release = json.loads(tree.read(f"{model}/{RELEASE}") or b"{}")
    return Wanted(
        versions=(*(obj for obj in objects if obj["kind"] != ROUTE), release),
        routes=tuple(obj for obj in objects if obj["kind"] == ROUTE),
        stepped=one.target in STEPPED_BY_CONTROLLER,
    )


def namespaces(tree: Tree, models: Collection[str] | None = None) -> tuple[str, ...]:
    """Where the models of a state live, or these alone, sorted. What isn't what a deploy writes
    says nothing."""
    names = models_of(tree) if models is None else models
    found = {namespace_of(tree, m) for m in names if readable_record(tree, m) is not None}
    return tuple(sorted(one for one in found if one))


def stream(objects: Iterable[Object]) -> str:
    """Objects as kubectl reads them."""
    return "---\n".join(f"{json.dumps(obj)}\n" for obj in objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster. `wait` is how long it may take until everything is ready; without it nothing is
    waited for, and a version that doesn't answer yet gets no traffic until the next run."""

    kubectl: Kubectl
    wait: timedelta | None = None
    progress: Callable[[str], None] = field(default=lambda _: None)

    def apply(
        self, session: Session, transition: Transition, tree: Tree, models: Collection[str] | None
    ) -> Mapping[str, str]:
        """Puts these models into force as the tree has them; None means all of it, and nothing
        else. Returns what isn't in force, a sentence by model.

        Raises:
            DependencyError: the cluster doesn't answer.
        """
        there = set(models_of(tree))
        chosen = sorted(there if models is None else there & set(models))
        asked = {model: wanted(tree, model) for model in chosen}
        self.progress(f"cluster: {self.kubectl.where()}: {transition.environment}")
        end = time.monotonic() + (self.wait or timedelta()).total_seconds()
        problems = self._applied({m: one.versions for m, one in asked.items()})
        problems |= self._mute(_without(asked, problems), end)
        problems |= self._routed(_without(asked, problems))
        problems |= self._unready(_without(asked, problems), end)
        gone = None if models is None else set(models) - there
        return problems | self._prune(_without(asked, problems), tree, gone)

    def controllers(
        self, asked: Mapping[str, tuple[RenderRequest, Tree]]
    ) -> Mapping[str, Controlled]:
        """See `acting.Controllers`: one question for all of them.

        Raises:
            DependencyError: the cluster doesn't answer.
        """
        names = {
            model: key_of(obj)
            for model, (_, tree) in asked.items()
            for obj in wanted(tree, model).versions
            if obj["kind"] == _ROLLOUT
        }
        found = self.kubectl.rollouts({namespace for _, namespace, _ in names.values()})
        live = {key_of(one): one for one in found}
        return {
            model: controlled(
                live.get(names[model]) if model in names else None,
                version=one.version,
                digest=one.digest,
            )
            for model, (one, _) in asked.items()
        }

    def live(self, objects: Iterable[Object]) -> Live:
        """The same objects as the cluster has them, as far as it has them."""
        asked = list(objects)
        return {key_of(one): one for one in self.kubectl.live(stream(asked))} if asked else {}

    def _applied(self, asked: Mapping[str, Sequence[Object]]) -> Problems:
        """All at once; where that fails, one after the other, for kubectl doesn't say of which
        object a conflict is."""
        together = [obj for objects in asked.values() for obj in objects]
        if not together or not self.kubectl.apply(stream(together)):
            return {}
        found = {
            model: [
                f"{obj['kind']} {obj['metadata']['name']}: {why}"
                for obj in objects
                for why in self.kubectl.apply(stream([obj]))
            ]
            for model, objects in asked.items()
        }
        return {model: "; ".join(refused) for model, refused in found.items() if refused}

    def _mute(self, asked: Mapping[str, Wanted], end: float) -> Problems:
        """What would send requests to a version that doesn't answer yet."""
        left = {m: one for m, one in asked.items() if one.routes}
        while left:
            live = self.live(obj for one in left.values() for obj in one.objects)
            names = {m: silent(one.versions, one.routes, live) for m, one in left.items()}
            left = {m: one for m, one in left.items() if names[m]}
            if time.monotonic() >= end:
                return {m: _no_traffic(names[m]) for m in left}
            if left:
                time.sleep(_EVERY)
        return {}

    def _routed(self, asked: Mapping[str, Wanted]) -> Problems:
        stepped = [obj for one in asked.values() if one.stepped for obj in one.routes]
        live = self.live(stepped)
        return self._applied({m: one.routes_over(live) for m, one in asked.items()})

    def _unready(self, asked: Mapping[str, Wanted], end: float) -> Problems:
        """What isn't ready when time is up, or never will be."""
        left = dict(asked) if self.wait else {}
        problems: Problems = {}
        while left:
            live = self.live(obj for one in left.values() for obj in one.objects)
            told = {m: list(_states(one, live)) for m, one in left.items()}
            over = time.monotonic() >= end
            for model, states in told.items():
                missing = [state for state in states if not state.ready]
                if missing and (over or any(state.failed for state in missing)):
                    problems[model] = f"not ready: {'; '.join(one.because for one in missing)}"
            left = {
                m: one
                for m, one in left.items()
                if m not in problems and not all(state.ready for state in told[m])
            }
            if left:
                time.sleep(_EVERY)
        return problems

    def _prune(
        self, asked: Mapping[str, Wanted], tree: Tree, gone: Collection[str] | None
    ) -> Problems:
        """Removes what modelctl applied and the state has no more, of models that are in force."""
        kept = {key_of(obj) for one in asked.values() for obj in one.objects}
        left_alone = set(models_of(tree)) - set(asked)
        problems: Problems = {}
        for namespace in namespaces(tree, None if gone is None or gone else set(asked)):
            models = None if gone is None else {*asked, *gone}
            found = self.kubectl.owned(namespace, TYPES, models)
            extra = [o for o in found if o.key not in kept and o.model not in left_alone]
            for one in extra:
                self.progress(f"cluster: removing {one.key[0]} {one.key[2]}")
            for why in self.kubectl.delete(extra) if extra else ():
                problems[extra[0].model] = f"not removed: {why}"
        return problems


def _without(asked: Mapping[str, Wanted], problems: Collection[str]) -> dict[str, Wanted]:
    return {model: one for model, one in asked.items() if model not in problems}


def _no_traffic(names: Sequence[str]) -> str:
    return f"no traffic was moved, for no pod of {', '.join(names)} answers yet"


def _states(one: Wanted, live: Live) -> Iterator[Readiness]:
    for obj in one.objects:
        kind, _, name = key_of(obj)
        there = live.get(key_of(obj))
        found = readiness(there) if there else Readiness(ready=False, because="it isn't there")
        because = f"{kind} {name}: {found.because}"
        yield Readiness(ready=found.ready, because=because, failed=found.failed)
